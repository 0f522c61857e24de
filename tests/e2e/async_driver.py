"""Drives `kalshi-python-async` for the tests: one JSON line in is one call, one JSON line out is what its user sees.

It knows nothing of a proxy. Arguments: key id, key file.
"""

import asyncio
import json
import sys
from pathlib import Path

import kalshi_python_async


async def main(key_id: str, private_key_pem: str) -> None:
    configuration = kalshi_python_async.Configuration()
    configuration.api_key_id = key_id
    configuration.private_key_pem = private_key_pem
    async with kalshi_python_async.KalshiClient(configuration) as client:
        while line := await asyncio.to_thread(sys.stdin.readline):
            request = json.loads(line)
            try:
                result = await getattr(client, request["call"])(**request["arguments"])
            except kalshi_python_async.ApiException as e:
                kind = type(e).__name__
                answer = {"ok": False, "kind": kind, "status": e.status, "text": str(e), "body": e.body}
            else:
                answer = {"ok": True, "result": None if result is None else result.model_dump(mode="json")}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]).read_text()))
