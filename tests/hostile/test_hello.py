"""The first bytes inside a tunnel: a TLS hello of any size, in any records and pieces, costs the others nothing."""

import asyncio
import contextlib
import random
import ssl
import struct
import time
from pathlib import Path

import pytest
from tests.gateway.doorkit import HOST, FakeGate, Opened, Wire, get, opened, until

from pretrade.gateway.front.bounded import MAX_HELLO

NAME = f"{HOST}:443"


def record(body: bytes) -> bytes:
    return b"\x16\x03\x01" + struct.pack("!H", len(body)) + body


def unending_hello(size: int, step: int) -> bytes:
    """A hello that says it has `size` bytes and lacks the last, in records of `step`."""
    body = b"\x01" + size.to_bytes(3, "big") + bytes(size - 1)
    return b"".join(record(body[start : start + step]) for start in range(0, len(body), step))


async def in_tunnel(way: Opened) -> Wire:
    wire = await way.proxy()
    assert (await wire.ask(f"CONNECT {NAME} HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode())).status == 200
    return wire


async def send_slowly(wire: Wire, data: bytes, piece: int) -> None:
    for start in range(0, len(data), piece):
        await wire.send(data[start : start + piece])
        if wire.writer.is_closing():
            return
        await asyncio.sleep(0)


BOMBS = {
    "one byte a record": (unending_hello(200_000, 1), 4_000),
    "whole records": (unending_hello(0xFFFFFF, 16_000), 65_536),
    "one byte a piece": (unending_hello(15_000, 16_000), 1),
    "one byte a record and a piece": (unending_hello(2_000, 1), 1),
}


@pytest.mark.parametrize("name", BOMBS)
async def test_a_long_hello_is_cut_off(leaf: Path, name: str) -> None:
    """Catches a hello that is looked through anew with every piece: 2 MB in records of one byte held the event loop for
    13 s, and every other client with it. Seen red with mitmproxy's own layer (all four)."""
    data, piece = BOMBS[name]
    async with opened(FakeGate(), leaf, 2, stalled_s=30) as way:
        wire = await in_tunnel(way)
        pushing = asyncio.create_task(send_slowly(wire, data, piece))
        began = time.process_time()
        good = await way.try_tunnel(get(), NAME)
        took = time.process_time() - began  # ours alone, whatever else the machine does
        with contextlib.suppress(ConnectionError):
            assert (await wire.answer()).status == 0
        pushing.cancel()
        await wire.close()
    assert good.code == "FROM_GATE"
    assert took < 1


def real_hello() -> bytes:
    """What OpenSSL says first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname=HOST).do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("cut", [1, 2, 5, 11, 100, 300])
async def test_a_hello_in_two_pieces_is_read(leaf: Path, cut: int) -> None:
    """Catches a first record that is taken for something else because TCP cut it: what comes back is TLS."""
    async with opened(FakeGate(), leaf, 2) as way:
        wire = await in_tunnel(way)
        hello = real_hello()
        assert len(hello) < MAX_HELLO
        await wire.send(hello[:cut])
        await asyncio.sleep(0.02)
        await wire.send(hello[cut:])
        answer = await asyncio.wait_for(wire.reader.readexactly(5), 5)
        await wire.close()
    assert answer[:2] == b"\x16\x03"


async def test_a_spoilt_hello_is_hung_up_on(leaf: Path) -> None:
    """Catches a hello that crashes the parser and leaves its connection open for ever, or a way past TLS."""
    rng = random.Random(4)
    gate = FakeGate()
    async with opened(gate, leaf, 2, stalled_s=0.5) as way:
        for _ in range(60):
            data = bytearray(real_hello())
            for _ in range(rng.randint(1, 6)):
                data[rng.randrange(5, len(data))] = rng.randrange(256)
            wire = await in_tunnel(way)
            await wire.send(bytes(data[: rng.randint(1, len(data))]))
            await wire.close()
        await until(lambda: not way.doors._proxyserver.connections)
        assert (await way.try_tunnel(get(), NAME)).code == "FROM_GATE"
    assert len(gate.handled) == 1
