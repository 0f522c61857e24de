import asyncio
import contextlib
import datetime as dt
import os
import signal
import ssl
import stat

import pytest
from cryptography import x509
from tests.practice.rawclient import API, Client
from tests.practice.support import BTC, start_practice
from tests.practice.worlds.kit import QUIET, world

from pretrade.model.orders import Side
from pretrade.practice.api.keys import KeyFileError
from pretrade.practice.certs import ensure_certificates
from pretrade.practice.keeping.store import Store
from pretrade.practice.server import Config, serve, start

NOW = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)


async def test_the_folder_holds_what_it_should_and_nobody_else_reads_it(practice):
    folder = practice.ca_file.parent
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert set(modes) == {"ca.crt", "server.pem", "keys.yaml", "control.token", "address"}
    assert (modes["server.pem"], modes["control.token"], modes["keys.yaml"]) == (0o600, 0o600, 0o600)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert b"PRIVATE" not in practice.ca_file.read_bytes()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_the_certificate_is_good_for_loopback_under_its_ca_only(practice, host):
    trusting = ssl.create_default_context(cafile=str(practice.ca_file))
    _, writer = await asyncio.open_connection("127.0.0.1", practice.port, ssl=trusting, server_hostname=host)
    writer.close()
    await writer.wait_closed()
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.open_connection(
            "127.0.0.1", practice.port, ssl=ssl.create_default_context(), server_hostname=host
        )
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.open_connection("127.0.0.1", practice.port, ssl=trusting, server_hostname="api.kalshi.com")


def test_certificates_are_kept_until_they_end(tmp_path):
    ca, server = ensure_certificates(tmp_path, NOW)
    first = (ca.read_bytes(), server.read_bytes())
    ensure_certificates(tmp_path, NOW + dt.timedelta(days=300))
    assert (ca.read_bytes(), server.read_bytes()) == first
    ensure_certificates(tmp_path, NOW + dt.timedelta(days=360))
    assert server.read_bytes() != first[1]
    leaf, issuer = (x509.load_pem_x509_certificate(p.read_bytes()) for p in (server, ca))
    leaf.verify_directly_issued_by(issuer)


def test_certificates_are_made_anew_for_an_address_that_they_do_not_name(tmp_path):
    """Catches an exchange on a host of its own whose certificate its sidecars cannot verify."""
    first = ensure_certificates(tmp_path, NOW)[1].read_bytes()
    server = ensure_certificates(tmp_path, NOW, "10.77.0.9")[1]
    names = x509.load_pem_x509_certificate(server.read_bytes()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert [str(one) for one in names.value.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1", "10.77.0.9"]
    kept = server.read_bytes()
    assert kept != first
    assert ensure_certificates(tmp_path, NOW, "10.77.0.9")[1].read_bytes() == kept
    assert ensure_certificates(tmp_path, NOW)[1].read_bytes() == kept, "loopback is always named"


async def test_two_starts_with_one_seed_make_the_same_world(tmp_path):
    books = []
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        running = await start_practice(tmp_path / name, seed=seed)
        async with Client(running) as client:
            books.append((await client.call("GET", f"{API}/markets/{BTC}/orderbook", key=None))[1])
        await running.stop()
    assert books[0] == books[1] != books[2]


async def test_a_bad_key_file_or_a_taken_port_is_told_at_the_start(tmp_path, practice):
    with pytest.raises(OSError, match="something listens on"):
        await start(Config(folder=tmp_path / "other", port=practice.port))
    (tmp_path / "keys.yaml").write_text("- 1\n")
    with pytest.raises(KeyFileError):
        await start(Config(folder=tmp_path, port=0))


async def test_a_start_that_fails_leaves_the_folder_to_the_exchange_that_runs_there(tmp_path):
    """Catches a token written too early: the running exchange then takes no command any more."""
    running = await start_practice(tmp_path / "one")
    try:
        folder = running.ca_file.parent
        before = [(folder / name).read_bytes() for name in ("control.token", "address")]
        with pytest.raises(OSError, match="something listens"):
            await start(Config(folder=folder, port=running.port))
        assert [(folder / name).read_bytes() for name in ("control.token", "address")] == before
    finally:
        await running.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_serve_says_when_it_is_ready_and_ends_on_a_signal(tmp_path, number):
    ready = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(Config(folder=tmp_path, port=0), ready.set_result))
    running = await asyncio.wait_for(ready, 10)
    async with Client(running) as client:
        assert (await client.call("GET", API + "/exchange/status", key=None))[0] == 200
    os.kill(os.getpid(), number)
    await asyncio.wait_for(serving, 10)
    with contextlib.suppress(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", running.port)
        pytest.fail("the port is still open")


async def test_serve_ends_with_the_fault_that_ended_the_clock(tmp_path):
    """Catches an exchange that answers on although nothing is done by its clock any more, and says so at its end."""

    def fail():
        raise RuntimeError("a market could not close")

    def schedule(running):
        running.exchange.schedule(running.exchange.clock(), fail)

    with pytest.raises(RuntimeError, match="a market could not close"):
        await asyncio.wait_for(serve(Config(folder=tmp_path, port=0), schedule), 30)


async def test_a_client_that_hangs_up_in_its_body_or_sends_garbage_disturbs_nobody(practice, capfd, caplog):
    trusting = ssl.create_default_context(cafile=str(practice.ca_file))
    head = f"POST {API}/portfolio/events/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc"
    for text in (head, "\x16\x03 what", ""):
        _, writer = await asyncio.open_connection("127.0.0.1", practice.port, ssl=trusting)
        writer.write(text.encode())
        await writer.drain()
        if text == head:
            async with asyncio.timeout(10):
                while practice.log.count() == 0:
                    await asyncio.sleep(0.005)
        writer.transport.abort()
    _, plain = await asyncio.open_connection("127.0.0.1", practice.port)
    plain.write(b"GET / HTTP/1.1\r\n\r\n")
    await plain.drain()
    plain.close()
    async with Client(practice) as client:
        assert (await client.create())[0] == 201
    assert capfd.readouterr() == ("", "")
    assert [record.getMessage() for record in caplog.records] == []


async def test_the_rate_limit_answers_429_in_its_own_words(tmp_path):
    running = await start_practice(tmp_path / "practice", tier="basic")
    async with Client(running) as client:
        answers = [await client.create() for _ in range(12)]
        batch = {"orders": [{"order_id": "x"}] * 60}
        too_many = await client.call("DELETE", API + "/portfolio/events/orders/batched", batch)
    await running.stop()
    assert answers[0][0] == 201
    assert too_many == (429, {"error": "too many requests"})


async def test_the_market_maker_quotes_anew_after_a_fill_and_moves_a_tick(practice):
    async with Client(practice) as client:
        taken = await client.create(count="5", price="0.5600", time_in_force="immediate_or_cancel")
        assert taken[1]["fill_count"] == "5.00"
        _, body = await client.call("GET", f"{API}/markets/{BTC}/orderbook", key=None)
    book = body["orderbook_fp"]
    assert (book["yes_dollars"][-1][0], book["no_dollars"][-1][0]) == ("0.5500", "0.4300")
    assert (len(book["yes_dollars"]), len(book["no_dollars"])) == (5, 5)


async def test_the_market_maker_never_fills_a_resting_order_of_ours(practice):
    """Catches quotes placed across a client's order: nobody could tell what fills when."""
    async with Client(practice) as client:
        _, mine = await client.create(price="0.5500", count="1")
        for _ in range(4):  # others sell to the maker below our bid, so its middle falls past it
            theirs = next(o for o in practice.exchange.accounts["maker"].resting[0, BTC].values() if o.side is Side.BID)
            assert (await client.control("POST", "fill", {"order_id": theirs.order_id}))[0] == 200
        _, got = await client.call("GET", f"{API}/portfolio/orders/{mine['order_id']}")
        _, book = await client.call("GET", f"{API}/markets/{BTC}/orderbook", key=None)
    assert (got["order"]["status"], got["order"]["fill_count_fp"]) == ("resting", "0.00")
    assert book["orderbook_fp"]["yes_dollars"][-1] == ["0.5500", "1.00"]
    assert book["orderbook_fp"]["no_dollars"][-1][0] == "0.4400"


async def test_no_answer_says_what_program_gave_it(practice):
    """Catches a Server header, by which the exchange could be told apart from the real one."""
    trusting = ssl.create_default_context(cafile=str(practice.ca_file))
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", practice.port, ssl=trusting, server_hostname="localhost"
    )
    for path in ("/trade-api/v2/exchange/status", "/trade-api/v2/nothing"):
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert b"server:" not in head
        assert b"aiohttp" not in head
        length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
    writer.close()
    await writer.wait_closed()


async def test_an_exchange_with_a_state_file_goes_on_where_it_stopped(tmp_path):
    """Catches orders, cash or ids that a restart of the program forgets."""
    first = await start_practice(tmp_path / "practice", state=tmp_path / "state.db")
    async with Client(first) as client:
        _, mine = await client.create(price="0.0300", count="7", client_order_id="kept")
        _, before = await client.call("GET", API + "/portfolio/balance")
    await first.stop()
    second = await start_practice(tmp_path / "practice", state=tmp_path / "state.db")
    async with Client(second) as client:
        _, order = await client.call("GET", f"{API}/portfolio/orders/{mine['order_id']}")
        _, after = await client.call("GET", API + "/portfolio/balance")
        again = await client.create(price="0.0300", count="7", client_order_id="kept")
    await second.stop()
    assert (order["order"]["status"], order["order"]["client_order_id"]) == ("resting", "kept")
    assert after["balance"] == before["balance"]
    assert again[0] == 409


async def test_a_state_file_is_let_go_when_the_server_cannot_start(tmp_path, practice):
    """Catches a lock that stays behind after a failed start."""
    config = Config(folder=tmp_path / "other", port=practice.port, state=tmp_path / "state.db")
    with pytest.raises(OSError, match="something listens on"):
        await start(config)
    Store(tmp_path / "state.db").close()


async def test_a_world_is_served_and_its_script_runs_although_nobody_asks(tmp_path):
    """Catches a script that waits for the next request."""
    text = QUIET + "script:\n  - {at: 100ms, do: pause, what: trading}\n"
    running = await start_practice(tmp_path / "practice", scenario=world(text))
    async with asyncio.timeout(10):
        while running.exchange.trading_active:
            await asyncio.sleep(0.005)
    async with Client(running) as client:
        _, body = await client.call("GET", f"{API}/markets?limit=10", key=None)
    await running.stop()
    assert [market["ticker"] for market in body["markets"]] == ["KXS-E-A"]
