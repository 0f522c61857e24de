"""An exchange that lies, in the practice exchange's place. A program; arguments: port, certificate.

Rule of this file: what it answers is chosen by words in the request's query or body, so that each test says itself
which lie it wants: `size-N` for a body of N bytes, `stuck-N` for one of which only a half ever comes, `echo` for one
that repeats all that was sent, `type-HEX` for a Content-Type of these bytes; else `{}`. It is honest about what a proxy
asks before it starts.
"""

import asyncio
import email.utils
import re
import ssl
import sys

HONEST = {
    b"/trade-api/v2/api_keys": b'{"api_keys": [{"api_key_id": "practice-live-key", "scopes": '
    b'["read", "write::trade"]}]}',
    b"/trade-api/v2/exchange/status": b'{"exchange_active": true, "trading_active": true}',
    b"/trade-api/v2/portfolio/balance?subaccount=0": b'{"balance_dollars": "1000.0000"}',
    b"/trade-api/v2/portfolio/balance?subaccount=1": b'{"balance_dollars": "1000.0000"}',
}


def answer(head: bytes, body: bytes) -> bytes:
    told = head + body
    made, kind = HONEST.get(head.split(b" ", 2)[1], b"{}"), b"application/json"
    if size := re.search(rb"(?:size|stuck)-([0-9]+)", told):
        made = b"{}".ljust(int(size[1]))
    if b"echo" in told:
        made = told
    if lie := re.search(rb"type-([0-9a-f]+)", told):
        kind = bytes.fromhex(lie[1].decode())
    status = b"201 Created" if head.startswith(b"POST") else b"200 OK"
    now = email.utils.formatdate(usegmt=True).encode()
    told_first = b"HTTP/1.1 %s\r\nDate: %s\r\nContent-Type: %s\r\n" % (status, now, kind)
    return told_first + b"Content-Length: %d\r\n\r\n%s" % (len(made), made)


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"Content-Length: ([0-9]+)", head)
            body = await reader.readexactly(int(length[1])) if length else b""
            said = answer(head, body)
            is_stuck = b"stuck-" in head
            writer.write(said[: len(said) // 2] if is_stuck else said)
            await writer.drain()
            if is_stuck:
                await reader.read(1)
    except (asyncio.IncompleteReadError, OSError):
        writer.close()


async def main(port: str, server_pem: str) -> None:
    accept = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    accept.load_cert_chain(server_pem)
    server = await asyncio.start_server(serve, "127.0.0.1", int(port), ssl=accept)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
