"""The client goes away, at every moment of an order's way, by either door.

MOMENTS has a row for each: how many orders reach the exchange, and how many there are once the client has come again
with the same order, without an id and newly signed, as one SDK does by itself.
"""

import json
import socket
import ssl
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

import pysqlite3 as sqlite
import pytest
from tests.e2e.clients import HOST, ORDERS, RawClient
from tests.e2e.harness import World, order
from tests.e2e.programs import eventually
from tests.failing.machine import Machine

CONNECT = f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n".encode()
NEVER, ONCE, MAYBE, TWICE = {0}, {1}, {0, 1}, {2}


class Client:
    """One connection of one client that wants to place one order, and will not stay."""

    def __init__(self, world: World, raw: RawClient, count: str) -> None:
        self.world, self.raw = world, raw
        self.body = json.dumps(order(count=count)).encode()
        self.socket: socket.socket = socket.create_connection(("127.0.0.1", world.base_url_port), timeout=10)

    def request(self, host: str) -> bytes:
        headers = self.raw.signed("POST", ORDERS) | {
            "Host": host,
            "Content-Type": "application/json",
            "Content-Length": str(len(self.body)),
        }
        lines = [f"POST {ORDERS} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + self.body

    @property
    def whole(self) -> bytes:
        return self.request(f"127.0.0.1:{self.world.base_url_port}")

    def to_proxy(self, *, opened: bool = True) -> None:
        """Start anew at the proxy door."""
        self.socket.close()
        self.socket = socket.create_connection(("127.0.0.1", self.world.proxy_port), timeout=10)
        if opened:
            self.socket.sendall(CONNECT)
            assert self.socket.recv(4096).startswith(b"HTTP/1.1 200")

    def to_tls(self) -> None:
        self.to_proxy()
        context = ssl.create_default_context(cafile=str(self.world.folder / "certs" / "ca.crt"))
        self.socket = context.wrap_socket(self.socket, server_hostname=HOST)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """Gone without a word: the other side's next packet meets a RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def answer(self) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data or not data.endswith(b"}"):
            piece = self.socket.recv(4096)
            assert piece, data
            data += piece
        return data


def _hello() -> bytes:
    """The first message of a TLS handshake."""
    out = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname=HOST)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return out.read()


def _half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _connects(c: Client) -> None:
    c.to_proxy(opened=False)


def _half_a_connect(c: Client) -> None:
    c.to_proxy(opened=False)
    c.send(_half(CONNECT))


def _unread_tunnel(c: Client) -> None:
    c.to_proxy(opened=False)
    c.send(CONNECT)


def _half_a_hello(c: Client) -> None:
    c.to_proxy()
    c.send(_half(_hello()))


def _half_a_body_in_tls(c: Client) -> None:
    c.to_tls()
    c.send(c.request(HOST)[:-20])


def _whole(c: Client) -> None:
    c.send(c.whole)


def _whole_in_tls(c: Client) -> None:
    c.to_tls()
    c.send(c.request(HOST))


def _whole_then_reset(c: Client) -> None:
    c.send(c.whole)
    c.reset()


def _whole_in_tls_then_reset(c: Client) -> None:
    _whole_in_tls(c)
    c.reset()


def _half_closed(c: Client) -> None:
    c.send(c.whole)
    c.socket.shutdown(socket.SHUT_WR)
    assert c.answer().startswith(b"HTTP/1.1 201")


def _while_the_row_waits(c: Client) -> None:
    rows = len(c.world.events())
    with closing(sqlite.connect(c.world.journal, isolation_level=None)) as other:
        other.execute("begin immediate")
        c.send(c.whole)
        eventually("it is judged", lambda: c.world.operate("status")["in_flight"], 0.2)
        c.close()
        assert len(c.world.events()) == rows


def _at_the_exchange(c: Client) -> None:
    c.world.fault("hold", seconds=0.4)
    before = len(c.world.exchange_requests())
    c.send(c.whole if c.socket.getpeername()[1] == c.world.base_url_port else c.request(HOST))
    eventually("the order is at the exchange", lambda: len(c.world.exchange_requests()) > before)


def _at_the_exchange_by_tls(c: Client) -> None:
    c.to_tls()
    _at_the_exchange(c)
    c.reset()


def _first_byte(c: Client) -> None:
    c.send(c.whole)
    assert c.socket.recv(1) == b"H"
    c.reset()


def _answered(c: Client) -> None:
    c.send(c.whole)
    assert c.answer().startswith(b"HTTP/1.1 201")


def _kept_connection(c: Client) -> None:
    _send_read(c)
    c.send(_half(c.whole))


def _send_read(c: Client) -> None:
    target = "/trade-api/v2/portfolio/balance"
    headers = c.raw.signed("GET", target) | {"Host": f"127.0.0.1:{c.world.base_url_port}"}
    lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    c.send("\r\n".join([*lines, "", ""]).encode())
    assert c.answer().startswith(b"HTTP/1.1 200")


def _in_line(c: Client) -> None:
    whole = c.whole
    c.send(whole + whole)


@dataclass(frozen=True, slots=True)
class Moment:
    act: Callable[[Client], None]
    sent: set[int]
    in_all: set[int]
    why: str


MOMENTS = {
    "connected": Moment(lambda c: None, NEVER, ONCE, "nothing was asked"),
    "connected to the proxy door": Moment(_connects, NEVER, ONCE, "nothing was asked"),
    "half of the CONNECT": Moment(_half_a_connect, NEVER, ONCE, "nothing was asked"),
    "before the tunnel's answer": Moment(_unread_tunnel, NEVER, ONCE, "a tunnel is no order"),
    "in the tunnel": Moment(lambda c: c.to_proxy(), NEVER, ONCE, "a tunnel is no order"),
    "half of the TLS hello": Moment(_half_a_hello, NEVER, ONCE, "a tunnel is no order"),
    "after the handshake": Moment(lambda c: c.to_tls(), NEVER, ONCE, "a tunnel is no order"),
    "half of the request line": Moment(lambda c: c.send(c.whole[:20]), NEVER, ONCE, "half a request is none"),
    "half of the headers": Moment(lambda c: c.send(c.whole[:150]), NEVER, ONCE, "half a request is none"),
    "before the body": Moment(lambda c: c.send(c.whole[: -len(c.body)]), NEVER, ONCE, "half a request is none"),
    "half of the body": Moment(lambda c: c.send(c.whole[:-20]), NEVER, ONCE, "half a request is none"),
    "half of the body in TLS": Moment(_half_a_body_in_tls, NEVER, ONCE, "half a request is none"),
    "whole request, closed": Moment(_whole, MAYBE, ONCE, "it may be read before the end is"),
    "whole request in TLS, closed": Moment(_whole_in_tls, MAYBE, ONCE, "it may be read before the end is"),
    "whole request, reset": Moment(_whole_then_reset, MAYBE, ONCE, "a reset may overtake what came before it"),
    "whole request in TLS, reset": Moment(_whole_in_tls_then_reset, MAYBE, ONCE, "the same"),
    "half closed": Moment(_half_closed, ONCE, ONCE, "it is answered, but who knows whether anybody reads it"),
    "while its row waits for the disk": Moment(_while_the_row_waits, ONCE, ONCE, "what was judged goes on"),
    "while the exchange works on it": Moment(_at_the_exchange, ONCE, ONCE, "what was sent goes on"),
    "in TLS, while the exchange works on it": Moment(_at_the_exchange_by_tls, ONCE, ONCE, "what was sent goes on"),
    "after the answer's first byte": Moment(
        _first_byte, ONCE, TWICE, "the answer had gone out: the next is a new order"
    ),
    "after the answer": Moment(_answered, ONCE, TWICE, "the answer was read: the next is a new order"),
    "in a second request": Moment(_kept_connection, NEVER, ONCE, "half a request is none"),
    "with the same order twice in line": Moment(_in_line, MAYBE, ONCE, "the same bytes are the same request"),
}


@pytest.mark.parametrize("name", MOMENTS)
def test_a_client_that_goes_leaves_one_order_or_none(plain: Machine, name: str) -> None:
    """Catches: an order sent from half a request; a hang-up that stops an order on its way and loses its end; an order
    sent without a row; the same order sent again because nobody heard how the first one ended."""
    moment, count = MOMENTS[name], f"{60 + list(MOMENTS).index(name)}.00"
    client = Client(plain, plain.raw(), count)
    moment.act(client)
    client.close()
    eventually("nothing is under way", lambda: not plain.operate("status")["in_flight"])
    _settles(plain)
    sent = _sent(plain, count)
    assert len(sent) in moment.sent, moment.why
    again = plain.raw().send("POST", ORDERS, order(count=count))
    assert again.status == 201
    assert len(_sent(plain, count)) in moment.in_all, moment.why
    rows = [row for row in plain.events("decision") if row.body["request"]["orders"][0]["count"] == count]
    assert [row.body["request"]["orders"][0]["client_order_id"] for row in rows] == _sent(plain, count)
    assert [plain.outcome(str(row.decision_id))["state"] for row in rows] == ["accepted"] * len(rows)


def _settles(world: World) -> None:
    """Until what the kernel still had of the client has been read: a read behind it has come back by each door."""
    with ThreadPoolExecutor() as pool:
        doors = ("base_url", "proxy")
        reads = [pool.submit(world.raw().send, "GET", "/trade-api/v2/portfolio/balance", door=door) for door in doors]
        assert [read.result().status for read in reads] == [200, 200]
    eventually("nothing is under way", lambda: not world.operate("status")["in_flight"])


def _sent(world: World, count: str) -> list[str]:
    wanted = f'"count":"{count}"'  # as the proxy writes it; what a fault cut off is another test's
    bodies = [request["body"] or "" for request in world.exchange_requests()]
    return [json.loads(body)["client_order_id"] for body in bodies if wanted in body and body.endswith("}")]
