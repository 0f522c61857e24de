"""A bot on `kalshi-python-sync`, which ignores proxy variables: it comes in by the base-URL door instead.

One JSON line in is one call of the SDK, one JSON line out is what the SDK's user sees. Arguments: key id, key file,
base URLs; `at` in a line says which of them is called, the first one where it is not there.
"""

import json
import sys
from pathlib import Path

import kalshi_python_sync


def client_of(key_id: str, key_pem: str, base_url: str) -> kalshi_python_sync.KalshiClient:
    """The SDK's client, given an address as its user would."""
    configuration = kalshi_python_sync.Configuration(host=base_url)
    configuration.api_key_id = key_id
    configuration.private_key_pem = key_pem
    return kalshi_python_sync.KalshiClient(configuration)


def main(key_id: str, key_file: str, *base_urls: str) -> None:
    """Make the calls that standard input asks for."""
    key_pem = Path(key_file).read_text(encoding="utf-8")
    clients = [client_of(key_id, key_pem, base_url) for base_url in base_urls]
    for line in sys.stdin:
        request = json.loads(line)
        client = clients[request.get("at", 0)]
        try:
            result = getattr(client, request["call"])(**request["arguments"])
        except kalshi_python_sync.ApiException as e:
            answer = {"ok": False, "status": e.status, "body": e.body, "text": str(e)}
        else:
            answer = {"ok": True, "result": None if result is None else result.model_dump(mode="json")}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
