"""The deadline of each request on a kept connection, which one timer holds for all of them."""

import asyncio
import socket
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from pretrade.kalshi.connection import Answer, Connection, Unknown

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Wire(asyncio.Transport):
    """A transport that keeps what is written and is closed at once."""

    def __init__(self, end: socket.socket) -> None:
        super().__init__({"socket": end})
        self.written: list[bytes] = []
        self.is_over = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return self.is_over

    def abort(self) -> None:
        self.is_over = True


@dataclass
class Desk:
    """A connection that is open, and the event loop's time, which stands still until a test moves it."""

    wire: Wire
    now: float = 1000.0
    lost: list[Connection] = field(default_factory=list)
    connection: Connection = field(init=False)

    def open(self) -> None:
        self.connection = Connection(1000, self.lost.append)
        self.connection.connection_made(self.wire)

    def ask(self, within: float) -> asyncio.Future[Answer]:
        return self.connection.ask(b"a request", self.now + within)

    async def asked_and_answered(self, within: float) -> None:
        answer = self.ask(within)
        self.connection.data_received(OK)
        assert (await answer).status == 200

    async def at(self, now: float) -> None:
        """Be it so late, and let the loop do what is due by then."""
        self.now = now
        for _ in range(3):
            await asyncio.sleep(0)


def assert_given_up(answer: asyncio.Future[Answer]) -> None:
    assert answer.done(), "nobody keeps its deadline"
    assert isinstance(answer.exception(), Unknown)


@pytest.fixture
async def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with socket.socket() as end:
        made = Desk(Wire(end))
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: made.now)
        made.open()
        yield made
        monkeypatch.undo()


async def test_a_request_has_its_own_deadline_and_not_an_earlier_ones(desk: Desk) -> None:
    """Catches an order that is given up as unknown when the time of an earlier one is over, and one whose deadline
    nobody keeps because that timer ran already."""
    await desk.asked_and_answered(within=8)
    await desk.at(1007)
    answer = desk.ask(within=8)
    await desk.at(1008.5)
    assert not answer.done()
    await desk.at(1015.5)
    assert_given_up(answer)
    assert desk.wire.is_over


async def test_a_deadline_before_an_earlier_requests_is_kept(desk: Desk) -> None:
    """As of a request that had to wait for the connection. Catches a timer that is left standing though it is late."""
    await desk.asked_and_answered(within=8)
    answer = desk.ask(within=2)
    await desk.at(1002.5)
    assert_given_up(answer)


async def test_a_timer_that_runs_between_two_requests_ends_nothing(desk: Desk) -> None:
    """Catches a kept connection that is closed, or left without a timer, when nothing was asked on it for a while."""
    await desk.asked_and_answered(within=8)
    await desk.at(1009)
    assert desk.connection.is_kept
    answer = desk.ask(within=8)
    await desk.at(1017.5)
    assert_given_up(answer)


async def test_a_connection_that_is_lost_is_not_kept_by_its_timer(desk: Desk) -> None:
    """Catches connections that stay in memory, each with its buffers, until the time of their last request is over."""
    await desk.asked_and_answered(within=8)
    desk.connection.connection_lost(None)
    gone = weakref.ref(desk.connection)
    desk.lost.clear()
    del desk.connection
    assert gone() is None
