"""A wire-tap between proxy and practice exchange: TLS on both sides, every byte of the proxy's kept. A program.

It is how a test sees exactly what the exchange received: the exchange itself keeps only digests of signatures.
Arguments: port, the exchange's port, its server certificate, its CA, the file for the record. One JSON line a chunk.
"""

import asyncio
import base64
import json
import ssl
import sys
import time
from itertools import count
from pathlib import Path
from typing import IO


async def main(port: str, exchange_port: str, server_pem: str, ca: str, out: IO[str]) -> None:
    accept = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    accept.load_cert_chain(server_pem)
    dial = ssl.create_default_context(cafile=ca)
    numbers = count()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = next(numbers)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", int(exchange_port), ssl=dial)

        def keep(chunk: bytes) -> None:
            data = base64.b64encode(chunk).decode()
            out.write(json.dumps({"connection": number, "at_ns": time.time_ns(), "data": data}) + "\n")

        await asyncio.gather(_pump(reader, far_writer, keep), _pump(far_reader, writer, lambda _: None))

    server = await asyncio.start_server(serve, "127.0.0.1", int(port), ssl=accept)
    print("ready", flush=True)
    await server.serve_forever()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, keep) -> None:
    try:
        while chunk := await reader.read(65536):
            keep(chunk)
            writer.write(chunk)
            await writer.drain()
    except OSError:
        pass
    writer.close()


if __name__ == "__main__":
    with Path(sys.argv[5]).open("a", buffering=1) as file:
        asyncio.run(main(*sys.argv[1:5], file))
