"""Mutated frames on open streams. The invariant:

Whatever a client sends once its stream is open, in whatever frames and pieces: what the exchange gets are text
messages, each one of the four commands in its documented form, no private channel among them; every stream
ends in order or stays; nothing raises; and no seat is lost.
"""

import asyncio
import json
import os
import random
from pathlib import Path

import pytest
from tests.gateway.fakes import until
from tests.gateway.relaykit import Running, running
from tests.kalshi.stream_server import FakeExchange, exchange
from websockets.frames import Frame, Opcode

from pretrade.gateway.relay.streams import StreamLimits
from pretrade.kalshi.stream_commands import Upward, read_command

SEED = int(os.environ.get("PRETRADE_SEED", "1"))
QUICK, LONG = 80, 1_500
"""Streams of a run, each with frames until it ends, eight at most."""

SAID = [
    '{"id":1,"cmd":"subscribe","params":{"channels":["ticker"],"market_tickers":["A-1"]}}',
    '{"id":2,"cmd":"unsubscribe","params":{"sids":[1]}}',
    '{"id":3,"cmd":"update_subscription","params":{"sids":[1],"action":"add_markets","market_tickers":["A-1"]}}',
    '{"id":4,"cmd":"list_subscriptions"}',
    '{"id":5,"cmd":"subscribe","params":{"channels":["fill"]}}',
    '{"id":6,"cmd":"create_order","params":{"ticker":"A-1","side":"bid","count":"1.00","price":"0.5000"}}',
]
PARTS = [b'"cmd":"create_order"', b'"channels":["fill"]', b'"id":9', b"{", b"}", b'"', b",", b"\\u0063", b"\xff", b"\0"]


def edited(data: bytes, dice: random.Random) -> bytes:
    """The bytes with one small thing about them changed."""
    at, end = sorted(dice.randrange(len(data) + 1) for _ in range(2))
    return dice.choice(
        [
            data[:at] + dice.choice(PARTS) + data[at:],
            data[:at] + data[end:],
            data[:at] + dice.choice(PARTS) + data[end:],
            data[:end] + data[at:],
            data[:at] + bytes([dice.randrange(256)]) + data[at + 1 :],
        ]
    )


def frames(dice: random.Random) -> bytes:
    """One message as a client would send it, or nearly: whole or in pieces, sometimes with its framing spoilt."""
    data = dice.choice(SAID[:4] * 5 + SAID).encode()
    while dice.random() < 0.3:
        data = edited(data, dice)
    cuts = sorted(dice.randrange(len(data) + 1) for _ in range(dice.choice([0, 0, 0, 1, 3])))
    pieces = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    first = dice.choice([Opcode.TEXT] * 30 + [Opcode.BINARY, Opcode.CONT])
    wire = b""
    for number, piece in enumerate(pieces):
        opcode = first if number == 0 else dice.choice([Opcode.CONT] * 30 + [Opcode.TEXT])
        fin = number == len(pieces) - 1 or dice.random() < 0.02
        wire += Frame(opcode, piece, fin=fin).serialize(mask=dice.random() > 0.03)
        if dice.random() < 0.1:
            wire += Frame(dice.choice([Opcode.PING, Opcode.PONG]), b"x").serialize(mask=True)
    return edited(wire, dice) if dice.random() < 0.1 else wire


async def one_stream(proxy: Running, dice: random.Random) -> None:
    wire = await proxy.way.base_url()
    await wire.send(proxy.handshake())
    assert b"101 " in await wire.reader.readuntil(b"\r\n\r\n")
    reading = asyncio.create_task(wire.reader.read())
    for _ in range(8):
        sent = frames(dice)
        cut = dice.randrange(len(sent) + 1) if dice.random() < 0.3 else 0
        await wire.send(sent[:cut])
        await wire.send(sent[cut:])
        await asyncio.sleep(0)
        if reading.done():
            break
    await wire.send(Frame(Opcode.CLOSE, (1000).to_bytes(2)).serialize(mask=True))
    if wire.writer.can_write_eof():
        wire.writer.write_eof()
    await asyncio.wait_for(reading, 10)
    await wire.close()


async def fuzz(tmp_path: Path, leaf: Path, streams: int) -> FakeExchange:
    dice = random.Random(SEED)
    (tmp_path / "exchange").mkdir()
    async with (
        exchange(tmp_path / "exchange") as venue,
        running(tmp_path, leaf, venue.port, venue.ca_file) as proxy,
    ):
        counts = proxy.world.instance.streams
        counts.limits = StreamLimits(a_minute=streams)
        for _ in range(streams):
            await one_stream(proxy, dice)
            await until(lambda: counts.count == 0)
        await until(lambda: len(venue.closed) == streams)
        states = [row["state"] for row in await proxy.states()]
        assert states == ["asked", "opened", "closed"] * streams
    return venue


def check(venue: FakeExchange) -> None:
    """Hold what the exchange got to the invariant."""
    for frame in venue.frames:
        assert isinstance(frame, str)
        assert read_command(frame, sees_private=False) == Upward(frame)
        assert json.loads(frame)["cmd"] in {"subscribe", "unsubscribe", "update_subscription", "list_subscriptions"}


async def test_only_commands_get_through(tmp_path: Path, leaf: Path) -> None:
    """Catches a frame, whole, in pieces or spoilt, by which anything but a documented command goes up."""
    venue = await fuzz(tmp_path, leaf, QUICK)
    check(venue)
    assert len(venue.frames) > QUICK, "most streams must get something through, or nothing is tested"


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_only_commands_get_through_for_long(tmp_path: Path, leaf: Path) -> None:
    """The same with a new seed each time; PRETRADE_SEED brings one back."""
    check(await fuzz(tmp_path, leaf, LONG))
