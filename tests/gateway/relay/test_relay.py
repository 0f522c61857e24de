"""The stream by both doors, over real sockets and TLS: what goes up, what comes down, what is recorded, how it ends."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.gateway.fakes import CLIENTS, Disk, until
from tests.gateway.relaykit import DOORS, SUBSCRIBE, Running, closed_with, running
from tests.kalshi.stream_server import FakeExchange, exchange
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from pretrade.gateway.relay import pumps
from pretrade.journal.events import EventKind
from pretrade.kalshi.signing import SIGNATURE_HEADERS
from pretrade.model.instance import TradingState


@pytest.fixture
async def venue(tmp_path: Path) -> AsyncIterator[FakeExchange]:
    (tmp_path / "exchange").mkdir()
    async with exchange(tmp_path / "exchange") as fake:
        yield fake


@pytest.fixture
async def proxy(tmp_path: Path, leaf: Path, venue: FakeExchange) -> AsyncIterator[Running]:
    async with running(tmp_path, leaf, venue.port, venue.ca_file) as started:
        yield started


@pytest.mark.parametrize("door", DOORS)
async def test_a_stream_goes_both_ways(proxy: Running, venue: FakeExchange, door: str) -> None:
    """Catches messages that are changed, lost or reordered, and a command that goes up in the client's own spelling."""

    async def talk(side: ServerConnection) -> None:
        for message in ('{"type":"ticker", "msg": {"a":1.50}}', b"\x00\xff", "\u00e9" * 70_000):
            await side.send(message)
        await side.wait_closed()

    venue.on_open = talk
    async with proxy.connect(door) as client:
        await client.send('{ "cmd":"subscribe" ,"id": 1, "params":{"channels": ["ticker"]}}')
        got = [await client.recv() for _ in range(3)]
        await until(lambda: venue.frames != [])
    assert got == ['{"type":"ticker", "msg": {"a":1.50}}', b"\x00\xff", "\u00e9" * 70_000]
    assert venue.frames == [SUBSCRIBE]
    await proxy.over()
    asked, opened, closed = await proxy.states()
    assert (asked["state"], opened["state"], closed["state"]) == ("asked", "opened", "closed")
    assert (closed["by"], closed["code"], closed["commands"], closed["messages"]) == ("client", 1000, 1, 3)
    assert (closed["client"], closed["door"]) == ("bot", door)
    await until(lambda: venue.closed == [1000])


@pytest.mark.parametrize("door", DOORS)
async def test_the_handshake_is_ours(proxy: Running, venue: FakeExchange, door: str) -> None:
    """Catches the client's worthless key, its cookies, its extensions or our token at the exchange."""
    headers = proxy.headers() | {"Cookie": "a=b", "X-Forwarded-For": "x"}
    async with proxy.connect(door, additional_headers=headers, compression="deflate"):
        pass
    (request,) = venue.handshakes
    names = {name.lower() for name, _ in request.headers.raw_items()}
    signature = {name.lower() for name in SIGNATURE_HEADERS}
    assert names == signature | {
        "host", "upgrade", "connection", "sec-websocket-key", "sec-websocket-version", "user-agent",
    }  # fmt: skip
    assert request.headers["KALSHI-ACCESS-KEY"] == "live-key"
    assert request.headers["KALSHI-ACCESS-SIGNATURE"] != headers["KALSHI-ACCESS-SIGNATURE"]
    assert request.path == "/trade-api/ws/v2"


async def test_the_row_is_on_disk_before_the_signature(proxy: Running, venue: FakeExchange) -> None:
    """Catches a live handshake that no row foretells: while the disk is slow, the exchange hears nothing."""
    disk = Disk(proxy.world)
    disk.hold()
    connecting = asyncio.create_task(proxy.connect().__aenter__())
    await until(disk.reached.is_set)
    await asyncio.sleep(0.1)  # the time in which nothing may happen
    assert venue.handshakes == []
    disk.go_on.set()
    client = await connecting
    assert len(venue.handshakes) == 1
    assert disk.kinds()[0] is EventKind.STREAM
    await client.close()


async def test_without_a_journal_there_is_no_stream(proxy: Running, venue: FakeExchange) -> None:
    """Catches a stream that nobody will know of."""
    Disk(proxy.world).error = OSError("no space left on device")
    status, body = await proxy.refused()
    assert (status, json.loads(body)["code"]) == (503, "JOURNAL_UNAVAILABLE")
    assert venue.handshakes == []
    assert proxy.world.instance.streams.count == 0


@pytest.mark.parametrize(("code", "told"), [(4001, 4001), (1000, 1000), (1008, 1008), (1012, 1012), (1013, 1013)])
async def test_the_exchange_s_close_code_reaches_the_client(
    proxy: Running, venue: FakeExchange, code: int, told: int
) -> None:
    """Catches a code that clients act on (4001: do not come again) replaced by one of ours."""

    async def leave(side: ServerConnection) -> None:
        await side.close(code, "because")

    venue.on_open = leave
    async with proxy.connect() as client:
        assert await closed_with(client) == (told, "because")
    await proxy.over()
    closed = (await proxy.states())[-1]
    assert (closed["by"], closed["code"], closed["reason"]) == ("exchange", code, "because")


async def test_an_exchange_that_dies_is_told_as_one_to_come_back_to(proxy: Running, venue: FakeExchange) -> None:
    """Catches a client left on a stream that will never speak again, and a seat that stays taken."""

    async def die(side: ServerConnection) -> None:
        await side.send("last words")
        side.transport.abort()

    venue.on_open = die
    async with proxy.connect() as client:
        assert await client.recv() == "last words"
        assert await closed_with(client) == (1012, "pretrade: the exchange is gone; retryable=true")
    await proxy.over()
    assert (await proxy.states())[-1]["code"] == 1006


async def test_an_exchange_that_breaks_the_protocol(proxy: Running, venue: FakeExchange) -> None:
    """Catches a message over the limit kept in memory, or passed on cut."""

    async def shout(side: ServerConnection) -> None:
        await side.send("x" * (2 * 1024 * 1024))

    venue.on_open = shout
    async with proxy.connect() as client:
        assert (await closed_with(client))[0] == 1011


async def test_a_client_that_vanishes_takes_the_exchange_s_side_along(proxy: Running, venue: FakeExchange) -> None:
    """Catches a live stream that goes on for nobody."""
    client = await proxy.connect().__aenter__()
    await client.send(SUBSCRIBE)
    await until(lambda: venue.frames != [])
    client.transport.abort()
    await proxy.over()
    await until(lambda: venue.closed == [1000])
    closed = (await proxy.states())[-1]
    assert (closed["by"], closed["code"]) == ("client", 1006)


async def test_a_client_that_vanishes_while_we_dial(proxy: Running, venue: FakeExchange) -> None:
    """Catches an exchange's side that was opened for a client already gone, and is kept for ever."""
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(side: ServerConnection, request: object) -> None:
        asked.set()
        await go_on.wait()

    venue.on_request = slowly
    wire = await proxy.way.base_url()
    await wire.send(proxy.handshake())
    await asked.wait()
    wire.writer.transport.abort()
    await until(lambda: not proxy.relay._legs)
    go_on.set()
    await proxy.over()
    await until(lambda: venue.closed == [1000])
    assert [row["state"] for row in await proxy.states()] == ["asked", "opened", "closed"]


async def test_a_slow_client_is_closed_and_others_go_on(
    proxy: Running, venue: FakeExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Catches a client that reads nothing and has us keep the market's messages for it without end."""
    monkeypatch.setattr(pumps, "SLOW_S", 0.3)

    async def flood(side: ServerConnection) -> None:
        if len(venue.sides) > 1:
            await side.wait_closed()
        while True:
            await side.send("x" * 500_000)

    venue.on_open = flood
    wire = await proxy.way.base_url()
    await wire.send(proxy.handshake())
    assert b"101" in await wire.reader.readuntil(b"\r\n\r\n")
    async with proxy.connect() as other:
        await until(lambda: len(venue.closed) == 1, 20)
        closed = [row for row in await proxy.states() if row["state"] == "closed"]
        assert [(row["by"], row["code"]) for row in closed] == [("proxy", 1008)]
        assert closed[0]["messages"] * 500_000 < 64 * 1024 * 1024
        await other.send(SUBSCRIBE)
        await until(lambda: venue.frames != [])
    await wire.close()


async def test_pings_are_answered_on_either_side(proxy: Running, venue: FakeExchange) -> None:
    """Catches a heartbeat that nobody answers: the exchange would hang up after ten seconds."""
    async with proxy.connect() as client:
        await asyncio.wait_for(await client.ping(), 5)
        await until(lambda: venue.sides != [])
        await asyncio.wait_for(await venue.sides[0].ping("heartbeat"), 5)
    assert venue.frames == []


@pytest.mark.parametrize("door", DOORS)
async def test_a_silent_stream_is_not_stalled(tmp_path: Path, leaf: Path, venue: FakeExchange, door: str) -> None:
    """Catches the timers for half a request, or for waiting ones, at work on a stream."""
    async with (
        running(tmp_path, leaf, venue.port, venue.ca_file, stalled_s=0.5) as proxy,
        proxy.connect(door) as client,
    ):
        await asyncio.sleep(1.0)  # the time that must not matter
        await client.send(SUBSCRIBE)
        await until(lambda: venue.frames != [])
        assert proxy.way.doors.enforcer.in_flight == set()
        assert not proxy.way.doors.enforcer._stalls._timers


async def test_private_channels_are_for_whom_the_policy_says(proxy: Running, venue: FakeExchange) -> None:
    """Catches one client that sees the orders and fills of all; the stream stays, and public channels work."""
    instance = proxy.world.instance
    instance.clients = CLIENTS | {"rsa-key": replace(CLIENTS["rsa-key"], sees_private=True)}
    private = '{"id":7,"cmd":"subscribe","params":{"channels":["ticker","fill"]}}'
    async with proxy.connect() as shut, proxy.connect(key_id="rsa-key") as open_to:
        await shut.send(private)
        error = json.loads(await shut.recv())
        assert (error["type"], error["id"], error["msg"]["code"]) == ("error", 7, 9)
        assert error["msg"]["msg"].startswith("CHANNEL_NOT_ALLOWED: channel fill")
        assert error["msg"]["retryable"] is False
        assert venue.frames == []
        await open_to.send(private)
        await until(lambda: venue.frames == [private])
        await shut.send(SUBSCRIBE)
        await until(lambda: venue.frames == [private, SUBSCRIBE])
    (row,) = await proxy.world.rows(EventKind.REFUSAL)
    assert row.decision_id in error["msg"]["msg"]
    assert json.loads(row.body)["client"] == "bot"


@pytest.mark.parametrize("changes", [(), (("role: W", "role: R"),)])
async def test_reading_goes_on_where_no_order_may(
    tmp_path: Path, leaf: Path, venue: FakeExchange, changes: tuple[tuple[str, str], ...]
) -> None:
    """Catches a halt, or a read-only role, that blinds the client as well."""
    async with running(tmp_path, leaf, venue.port, venue.ca_file, *changes) as proxy:
        proxy.world.instance.trading.stop(TradingState.HALTED, cause="operator", actor="", reason="test")
        async with proxy.connect() as client:
            await client.send(SUBSCRIBE)
            await until(lambda: venue.frames != [])


async def test_a_stop_says_goodbye_to_readers_and_cuts_the_rest(
    proxy: Running, venue: FakeExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Catches a stop that hangs on a client that does not read, or on an exchange that does not answer."""
    asked = asyncio.Event()

    async def as_numbered(side: ServerConnection, request: object) -> None:
        if len(venue.handshakes) == 3:
            asked.set()
            await side.wait_closed()

    async def flood(side: ServerConnection) -> None:
        while len(venue.sides) == 1:
            await side.send("x" * 500_000)

    venue.on_request, venue.on_open = as_numbered, flood
    silent = await proxy.way.base_url()
    await silent.send(proxy.handshake())
    await silent.reader.readuntil(b"\r\n\r\n")
    reading = await proxy.connect().__aenter__()
    dialling = asyncio.create_task(proxy.refused())
    await asked.wait()
    async with asyncio.timeout(5):
        await proxy.relay.close()
    assert await closed_with(reading) == (1001, "pretrade: the proxy is stopping; retryable=true")
    status, body = await dialling
    assert (status, json.loads(body)["code"]) == (503, "SHUTTING_DOWN")
    assert proxy.world.instance.streams.count == 0
    with pytest.raises(ConnectionClosed):
        await reading.send(SUBSCRIBE)
    await silent.close()
