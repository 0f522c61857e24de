"""Trying, from a host, to get somewhere in many ways at once.

A way is (how, where, port): `how` is tcp, udp or ping (ICMP); or the URL of a proxy, which is asked to CONNECT there.
Rule of this file: a way that has not led anywhere within three seconds leads nowhere. A proxy is one that answers, and
is waited for as long as it takes a busy machine to answer all that it is asked at once.
"""

import asyncio
import os
import socket
import struct
from collections.abc import Sequence
from urllib.parse import urlsplit

type Way = tuple[str, str, int]

_WAIT_S, _PROXY_S = 3.0, 15.0
REACHED = "reached"


async def try_all(ways: Sequence[Way]) -> dict[Way, str]:
    """What came of each way: `reached`, or why not."""
    return dict(zip(ways, await asyncio.gather(*(_told(*way) for way in ways)), strict=True))


async def _told(how: str, where: str, port: int) -> str:
    ways = {"tcp": _tcp, "udp": _udp, "ping": _ping}
    try:
        async with asyncio.timeout(_WAIT_S if how in ways else _PROXY_S):
            if how in ways:
                await ways[how](where, port)
                return REACHED
            return await _by_proxy(how, where, port)
    except TimeoutError:
        return "no answer"
    except OSError as e:
        return os.strerror(e.errno).lower() if e.errno else str(e)


async def _tcp(where: str, port: int) -> None:
    _, writer = await asyncio.open_connection(where, port)
    writer.close()


async def _udp(where: str, port: int) -> None:
    await _datagram(socket.SOCK_DGRAM, 0, where, port, b"?" * 16)


async def _ping(where: str, _port: int) -> None:
    echo = struct.pack("!BBHHH", 8, 0, 0xF7FE, 0, 1)  # an echo request with its checksum
    await _datagram(socket.SOCK_RAW, socket.IPPROTO_ICMP, where, 0, echo)


async def _datagram(kind: int, protocol: int, where: str, port: int, sent: bytes) -> None:
    family = socket.AF_INET6 if ":" in where else socket.AF_INET
    with socket.socket(family, kind, protocol) as own:
        own.setblocking(False)  # noqa: FBT003 - positional only
        loop = asyncio.get_running_loop()
        own.connect((where, port))  # so that a refusal comes back to us
        await loop.sock_sendall(own, sent)
        await loop.sock_recv(own, 512)


async def _by_proxy(url: str, where: str, port: int) -> str:
    door = urlsplit(url)
    reader, writer = await asyncio.open_connection(door.hostname, door.port)
    try:
        writer.write(f"CONNECT {where}:{port} HTTP/1.1\r\nHost: {where}:{port}\r\n\r\n".encode())
        status = (await reader.readline()).split()
        body = await reader.read() if status[1:2] != [b"200"] else b""
    finally:
        writer.close()
    code = body[body.find(b'"code":') + 7 :].split(b'"')[1:2]
    return REACHED if status[1:2] == [b"200"] else " ".join(part.decode() for part in (*status[1:2], *code))
