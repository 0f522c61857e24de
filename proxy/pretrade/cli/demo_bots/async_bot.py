"""A bot on `kalshi-python-async`. It comes in by the proxy door through its environment alone: HTTPS_PROXY,
SSL_CERT_FILE.

One JSON line in is one call of the SDK, one JSON line out is what the SDK's user sees. Arguments: key id, key file.
"""

import asyncio
import json
import sys
from pathlib import Path

import kalshi_python_async


async def main(key_id: str, key_pem: str) -> None:
    """Make the calls that standard input asks for."""
    configuration = kalshi_python_async.Configuration()
    configuration.api_key_id = key_id
    configuration.private_key_pem = key_pem
    async with kalshi_python_async.KalshiClient(configuration) as client:
        while line := await asyncio.to_thread(sys.stdin.readline):
            request = json.loads(line)
            try:
                result = await getattr(client, request["call"])(**request["arguments"])
            except kalshi_python_async.ApiException as e:
                answer = {"ok": False, "status": e.status, "body": e.body, "text": str(e)}
            else:
                answer = {"ok": True, "result": None if result is None else result.model_dump(mode="json")}
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]).read_text(encoding="utf-8")))
