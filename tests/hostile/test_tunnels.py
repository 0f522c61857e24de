"""Addresses and the order of bytes at the running proxy: every mix of CONNECT, TLS name, Host and target; what else
than TLS comes inside a tunnel; split, slow, pipelined, cut-off and half-closed requests.
"""

import asyncio
import contextlib
import itertools
import ssl
import time

import pytest
from tests.e2e.harness import World
from tests.gateway.doorkit import HOST, PATIENCE_S, Counter, Opened, Response, Wire, get
from tests.gateway.gatekit import ORDERS, order, request
from tests.hostile.corpus import MARK
from tests.hostile.exchange import Record

OTHER = "demo-api.kalshi.co"
"""Another name that the practice exchange answers to."""
CONNECTS = (f"{HOST}:443", f"{OTHER}:443", f"{HOST}:8443", "evil.example:443", "127.0.0.1:443", "[::1]:443")
NAMES = (HOST, OTHER, "evil.example", f"x.{HOST}", HOST.upper(), None)
HOSTS = (HOST, f"{HOST}:443", OTHER, "evil.example", f"{HOST}:8443", None)
STARTS = ("", f"https://{HOST}", f"https://{OTHER}", "https://evil.example", f"http://{HOST}", f"https://{HOST}:8443")


def spaced() -> None:
    """No two signatures of one millisecond, of which only two are taken."""
    time.sleep(0.0011)


async def in_one_tunnel(way: Opened, connect: str, name: str | None) -> list[tuple[str, str | None, str, int]]:
    """What is answered with 200 or 201 in a tunnel that was opened for `connect` and whose TLS says `name`."""
    passed: list[tuple[str, str | None, str, int]] = []
    try:
        wire = await way.tunnel(connect, name)
    except (ConnectionError, ssl.SSLError):
        return passed
    for host, start in itertools.product(HOSTS, STARTS):
        spaced()
        answer = await wire.ask(request(host=host, line=f"POST {start}{ORDERS} HTTP/1.1"))
        assert answer.status in {201, 400, 403}, (connect, name, host, start)
        if answer.status == 201:
            passed.append((connect, host, start, answer.status))
    await wire.close()
    return passed


async def test_every_mix_of_addresses(world: World, way: Opened, record: Record) -> None:
    """Catches a door that believes one of the four addresses and not the others. 6 x 6 x 6 x 6 mixes, of which those of
    one and the same name pass, in origin form alone. Seen red with each of the four comparisons taken out."""
    record.new_writes()
    passed = [mix for connect in CONNECTS for name in NAMES for mix in await in_one_tunnel(way, connect, name)]
    assert passed == [
        (f"{HOST}:443", HOST, "", 201), (f"{HOST}:443", f"{HOST}:443", "", 201), (f"{OTHER}:443", OTHER, "", 201),
    ]  # fmt: skip
    assert record.new_writes() == 3


async def tunnel(way: Opened) -> Wire:
    wire = await way.proxy()
    assert (await wire.ask(f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n".encode())).status == 200
    return wire


RAW = {
    "an order in the clear": request,
    "PO, then the rest": request,
    "half a TLS record": lambda: b"\x16\x03\x01\x02\x00\x01\x00",
    "another TLS record first": lambda: b"\x17\x03\x03\x00\x05" + MARK.encode(),
    "an alert": lambda: b"\x15\x03\x01\x00\x02\x02\x28",
    "SSLv2": lambda: b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(40),
    "a hello without an end, then an order": lambda: b"\x16\x03\x01\x00\x01\x01" + request(),
    "SSH": lambda: b"SSH-2.0-" + MARK.encode() + b"\r\n",
    "FIX": lambda: b"8=FIXT.1.1\x0135=D\x01" + MARK.encode(),
    "digits": lambda: b"1234 / HTTP/1.1\r\n\r\n",
    "nothing": lambda: b"",
    "a second CONNECT": lambda: b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
}


async def raw_in_a_tunnel(way: Opened, data: bytes) -> int:
    wire = await tunnel(way)
    await wire.send(data[:2])
    await asyncio.sleep(0.02)
    await wire.send(data[2:])
    answer = await wire.answer()
    await wire.close()
    return answer.status


async def test_raw_bytes_inside_a_tunnel(world: World, way: Opened, record: Record) -> None:
    """Catches a tunnel in which something else than TLS is copied on (the bypass of threats 0.4)."""
    record.new_writes()
    seen = await asyncio.gather(*(raw_in_a_tunnel(way, made()) for made in RAW.values()))
    assert {name: status for name, status in zip(RAW, seen, strict=True) if status not in {0, 400, 403}} == {}
    assert record.new_writes() == 0
    assert MARK not in str(record.writes())


async def test_bytes_together_with_the_connect(world: World, way: Opened, record: Record) -> None:
    """Catches what rides in the CONNECT's own packet, or in its body, taken for something that was checked."""
    record.new_writes()
    head = f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n"
    fields = (b"", b"Content-Length: 5\r\n\r\nhello", b"Transfer-Encoding: chunked\r\n")
    riders = [field + b"\r\n" + request() for field in fields]
    for rider in riders:
        wire = await way.proxy()
        await wire.send(head.encode() + rider)
        answers = [await wire.answer(), await wire.answer()]
        await wire.close()
        assert all(answer.status in {0, 200, 400, 403} for answer in answers), answers
    assert record.new_writes() == 0


@pytest.mark.parametrize("cut", [1, 2, 3, 4, 10, 60, 200, -200, -2, -1])
async def test_a_split_request_is_one_request(world: World, way: Opened, record: Record, cut: int) -> None:
    """Catches a verdict that hangs on where TLS or TCP cut. One order is sent, wherever."""
    record.new_writes()
    wire, data = await way.tunnel(), request()
    await wire.send(data[:cut])
    await asyncio.sleep(0.02)
    answer = await wire.ask(data[cut:])
    await wire.close()
    assert (answer.status, record.new_writes()) == (201, 1)


@pytest.mark.parametrize("count", [2, 8])
async def test_pipelined_orders_are_one_decision_each(world: World, way: Opened, record: Record, count: int) -> None:
    """Catches an order that is swallowed, sent twice or answered with another's answer; n in, n answers, n sent."""
    record.new_writes()
    ids = [f"pipe-{count}-{number}-{time.time_ns()}" for number in range(count)]
    data = b""
    for name in ids:
        spaced()
        data += request(body=order(client_order_id=name))
    wire = await way.tunnel()
    await wire.send(data)
    answers = [await wire.answer() for _ in ids]
    await wire.close()
    assert [answer.status for answer in answers] == [201] * count
    assert [name for name, answer in zip(ids, answers, strict=True) if name.encode() in answer.body] == ids
    assert record.new_writes() == count


async def test_nothing_is_read_behind_a_refused_frame(world: World, way: Opened, record: Record) -> None:
    """Catches a connection that goes on after bytes whose end nobody can be sure of."""
    record.new_writes()
    for door, host in ((way.tunnel, HOST), (way.base_url, f"127.0.0.1:{way.base_url_port}")):
        wire = await door()
        chunked = request(host=host, framing=("Transfer-Encoding: chunked",), body=b"0\r\n\r\n")
        first, second = await wire.ask(chunked + request(host=host)), await wire.answer()
        await wire.close()
        assert (first.code, second.status) == ("REQUEST_MALFORMED", 0)
    assert record.new_writes() == 0


async def slow(way: Opened, data: bytes, drip: bytes) -> tuple[int, float]:
    """Status and seconds for a client that sends this and then a drip every half second."""
    wire, began = await way.base_url(), time.monotonic()
    await wire.send(data)

    async def trickle() -> None:
        while True:
            await asyncio.sleep(0.5)
            await wire.send(drip)

    trickling = asyncio.create_task(trickle())
    answer = await wire.answer()
    trickling.cancel()
    await wire.close()
    return answer.status, time.monotonic() - began


async def test_slow_requests_are_hung_up_on(world: World, way: Opened, record: Record) -> None:
    """Catches a connection that may wait for ever: a byte every half second does not keep it. Nothing is sent."""
    record.new_writes()
    whole = request(host=f"127.0.0.1:{way.base_url_port}")
    cases = [
        (b"", b""), (b"P", b""), (b"POST ", b"/"), (whole[:100], b""), (whole[:100], b"a"), (whole[:-100], b""),
        (whole[:-60], b" "), (whole[:-1], b""),
    ]  # fmt: skip
    seen = await asyncio.gather(*(slow(way, data, drip) for data, drip in cases))
    assert {status for status, _ in seen} <= {0, 400}
    assert max(took for _, took in seen) < PATIENCE_S
    assert record.new_writes() == 0


async def half_closed(way: Opened, data: bytes) -> Response:
    wire = await way.base_url()
    await wire.send(data)
    wire.writer.write_eof()
    answer = await wire.answer()
    await wire.close()
    return answer


async def test_half_a_connection_is_answered_or_closed(world: World, way: Opened, record: Record) -> None:
    """Catches a hang, a cut-off order that is sent, and a whole one that is sent without an answer."""
    record.new_writes()
    host = f"127.0.0.1:{way.base_url_port}"
    whole = await half_closed(way, request(host=host))
    cut = [await half_closed(way, request(host=host)[:-end]) for end in (1, 50, 300)]
    sent = record.new_writes()
    assert whole.status in {0, 201}
    assert [answer.status for answer in cut] == [0, 0, 0]
    assert sent <= 1
    if whole.status == 201:
        assert sent == 1


async def test_nobody_is_dialled(world: World, way: Opened) -> None:
    """Catches a proxy that opens a connection for an address of a client's: not one reaches a listener on loopback."""
    async with Counter() as elsewhere:
        target = f"127.0.0.1:{elsewhere.port}"
        lines = [f"GET http://{target}/ HTTP/1.1", f"GET https://{target}/ HTTP/1.1", f"CONNECT {target} HTTP/1.1"]
        lines += [
            f"CONNECT localhost:{elsewhere.port} HTTP/1.1",
            f"CONNECT [::ffff:127.0.0.1]:{elsewhere.port} HTTP/1.1",
        ]
        for line in lines:
            for join in (way.proxy, way.base_url):
                wire = await join()
                answer = await wire.ask(f"{line}\r\nHost: {target}\r\n\r\n".encode())
                await wire.close()
                assert answer.status in {400, 403}, line
        await way.try_tunnel(request(host=target), f"{HOST}:443")
        with contextlib.suppress(ConnectionError):
            await way.try_tunnel(get(host=target), f"{OTHER}:443")
    assert elsewhere.connections == 0


@pytest.mark.parametrize("offer", [["h2"], ["h2", "http/1.1"], ["h2c", "h2", "h3"], ["http/1.1", "h2"], None])
async def test_http_2_is_never_chosen(world: World, way: Opened, offer: list[str] | None) -> None:
    """Catches HTTP/2 towards clients: whatever is offered, HTTP/1.1 or nothing is chosen."""
    wire = await way.tunnel(alpn=offer)
    chosen: ssl.SSLObject = wire.writer.get_extra_info("ssl_object")
    assert chosen.selected_alpn_protocol() == ("http/1.1" if offer and "http/1.1" in offer else None)
    answer = await wire.ask(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
    await wire.close()
    assert answer.code == "REQUEST_MALFORMED"
