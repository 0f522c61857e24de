"""A reader of drop copies against the practice exchange in this process, on virtual time, and what is really true.

Rule of this file: `RecordUpstream` stands for our client by interface. A fault of the practice exchange is carried out
as its server would: the bytes are the fault's own, and our own parser of answers reads them.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.simulation.loop import VirtualLoop, run

from pretrade.gateway.account.drop_copy import DropCopyReader
from pretrade.gateway.account.own_reads import ReadLimits
from pretrade.gateway.machine.clock import Clock
from pretrade.kalshi.client import Answer, Lane, Unknown
from pretrade.kalshi.connection import _AnswerReader
from pretrade.kalshi.keys import generate_private_key, public_pem_of
from pretrade.kalshi.signing import SignedRequest, Signer
from pretrade.model.drop_copy import DropCopy
from pretrade.practice.api.call import Reply
from pretrade.practice.api.dispatch import HttpRequest
from pretrade.practice.core.records import Order, OrderStatus
from pretrade.practice.faults.kinds import FaultKind
from pretrade.practice.faults.plan import Fault
from pretrade.practice.faults.sending import End, Sending, json_bytes
from pretrade.practice.faults.spoil import Asked, spoilt
from pretrade.practice.faults.swap import about_another
from pretrade.practice.play import actions
from pretrade.practice.play.faulty import condition
from pretrade.practice.simulation import Simulation
from pretrade.practice.worldfile import read_world

API = "/trade-api/v2"
KEY = generate_private_key("ed25519")
TICKER, OTHER = "KXS-E-A", "KXS-E-B"
QUIET = f"""version: 1
maker: {{kind: none}}
series:
  - {{ticker: KXS, title: S}}
events:
  - {{ticker: KXS-E, series: KXS, title: E}}
accounts:
  main:
    cash: $100000
    purses:
      - {{subaccount: 1, cash: $10000}}
      - {{subaccount: 3, cash: $10000}}
  crowd: {{cash: $100000}}
keys:
  - key_id: live
    account: main
    public_key: KEY
markets:
  - {{ticker: {TICKER}, event: KXS-E, yes_sub_title: A, closes: +400d, mid: $0.50}}
  - {{ticker: {OTHER}, event: KXS-E, yes_sub_title: B, closes: +400d, mid: $0.30}}
"""
_NO_ANSWER = frozenset([FaultKind.CLOSE_BEFORE_READ, FaultKind.CLOSE_DURING_READ])
ANSWER_S = 8.0


def quiet(tier: str = "prestige") -> Simulation:
    """An exchange on which nothing happens by itself; subaccounts 0, 1 and 3 have cash."""
    pem = public_pem_of(KEY.public_key()).decode()
    public = "".join(pem.strip().splitlines()[1:-1])
    return Simulation(read_world(QUIET.replace("KEY", public), source="w.yaml", folder=Path("/nowhere")), tier=tier)


@dataclass
class RecordUpstream:
    """Our client by interface. Each request takes `latency_s` there and as much back; `before` is called when it
    arrives, to change what is read. What was asked stands in `asked`."""

    simulation: Simulation
    now_us: Callable[[], int]
    latency_s: float = 0.02
    before: Callable[[], object] = lambda: None
    asked: list[tuple[float, str]] = field(default_factory=list)
    lanes: set[Lane] = field(default_factory=set)
    at_once: int = 0
    most_at_once: int = 0

    async def send(
        self,
        request: SignedRequest,
        *,
        lane: Lane,
        last_look: Callable[[], None] | None = None,
        reader: str | None = None,
    ) -> Answer:
        self.asked.append((asyncio.get_running_loop().time(), request.target))
        self.lanes.add(lane)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._answered(request)
        except TimeoutError as e:
            raise Unknown("no whole answer came before the deadline") from e
        finally:
            self.at_once -= 1

    async def _answered(self, request: SignedRequest) -> Answer:
        await asyncio.sleep(self.latency_s)
        self._catch_up()
        self.before()
        answer = await self._meet(request)
        await asyncio.sleep(self.latency_s)
        return answer

    async def _meet(self, request: SignedRequest) -> Answer:
        path, _, query = request.target.partition("?")
        http = HttpRequest(request.method, path, query, dict(request.headers), request.body)
        fault = self.simulation.practice.faults.take(http.method, http.path, "live")
        if fault is None:
            return self._plain(self.simulation.practice.dispatcher.answer(http))
        if fault.kind in _NO_ANSWER:
            raise Unknown("the connection ended before an answer")
        if fault.kind in {FaultKind.HOLD, FaultKind.LATE_EXECUTION}:
            await asyncio.sleep(fault.seconds)
            self._catch_up()
        return await self._spoilt(fault, http)

    async def _spoilt(self, fault: Fault, http: HttpRequest) -> Answer:
        practice = self.simulation.practice
        if (found := condition(fault)) is not None:
            actions.perform(practice, *found)
        reply = practice.dispatcher.answer(http) if fault.executes() else None
        if fault.kind is FaultKind.OTHER_ORDER and reply is not None:
            reply = about_another(reply, practice.exchange.orders, practice.faults.rng)
        sending = spoilt(fault, Asked(http.path, self.simulation.now_us), reply)
        if isinstance(sending, Reply):
            return self._plain(sending)
        await asyncio.sleep(sending.pause_s * len(sending.pieces))
        return _parsed(sending)

    @staticmethod
    def _plain(reply: Reply) -> Answer:
        return Answer(reply.status, "application/json", b"" if reply.body is None else json_bytes(reply.body))

    def _catch_up(self) -> None:
        """Let the exchange's clock be the loop's."""
        self.simulation.advance_to(max(self.simulation.now_us, self.now_us()))


def _parsed(sending: Sending) -> Answer:
    reader = _AnswerReader()
    for piece in sending.pieces:
        reader.feed(piece)
        if reader.fault:
            raise Unknown(reader.fault)
    if reader.answer is None:
        raise Unknown("the connection ended within the answer" if sending.end is not End.KEEP else "no end came")
    return reader.answer


@dataclass
class Desk:
    """A reader and the exchange that it reads, on one virtual loop."""

    simulation: Simulation
    upstream: RecordUpstream
    reader: DropCopyReader


FAST = ReadLimits(tokens_per_second=1_000_000)


def on_desk[T](
    simulation: Simulation, main: Callable[[Desk], Coroutine[Any, Any, T]], limits: ReadLimits = FAST, seed: object = 1
) -> T:
    """Run a test on virtual time; the exchange's clock and ours are the loop's."""
    loop, began_us = VirtualLoop(seed), simulation.now_us

    def now_us() -> int:
        return began_us + round(loop.time() * 1_000_000)

    def now_ns() -> int:
        return now_us() * 1_000

    async def go() -> T:
        upstream = RecordUpstream(simulation, now_us)
        reader = DropCopyReader(Signer(KEY, "live"), upstream, Clock(now_ns, now_ns), limits)  # type: ignore[arg-type]
        return await main(Desk(simulation, upstream, reader))

    return run(loop, go())


def place(
    simulation: Simulation, side: str = "bid", price: str = "0.4000", count: str = "1", who: str = "main", **more: Any
) -> str:
    """Place an order and return its id."""
    body = {
        "ticker": TICKER,
        "side": side,
        "price": price,
        "count": count,
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
    } | more
    reply = simulation.request_as(simulation.key_of(who), "POST", f"{API}/portfolio/events/orders", body)
    assert reply.status == 201, reply.body
    assert reply.body is not None
    return str(reply.body["order_id"])


def cancel(simulation: Simulation, order_id: str, subaccount: int = 0) -> int:
    """Cancel an order; the status of the answer."""
    target = f"{API}/portfolio/events/orders/{order_id}?subaccount={subaccount}"
    return simulation.request("DELETE", target).status


def order_state(order: Order) -> tuple[object, ...]:
    """What of an order changes, as the exchange has it."""
    cost, fees = order.taker_cost + order.maker_cost, order.taker_fees + order.maker_fees
    return (str(order.status), order.filled, order.remaining, order.price, cost, fees, order.updated_us // 1000)


def resting(simulation: Simulation) -> set[str]:
    """The ids of the orders that rest."""
    orders = simulation.account().orders.values()
    return {order.order_id for order in orders if order.status is OrderStatus.RESTING}


def check_whole(copy: DropCopy, simulation: Simulation) -> None:
    """A copy of an exchange that stands still holds exactly what is there."""
    account = simulation.account()
    assert {order.order_id for order in copy.orders} >= resting(simulation)
    for order in copy.orders:
        real = account.orders[order.order_id]
        counts = (str(order.status), order.filled, order.remaining, order.price, order.cost, order.fees)
        state = (*counts, order.updated_ms)
        assert state == order_state(real)
        who = (order.subaccount, order.ticker, order.side, order.client_order_id or "", order.order_group_id)
        assert who == (real.subaccount, real.ticker, real.side, real.client_order_id, real.order_group_id)
    held = {(p.subaccount, p.ticker): (p.count, p.cost, p.realized, p.fees) for p in copy.positions}
    assert held == {
        key: (p.count, p.cost, p.realized, p.fees)
        for key, p in account.positions.items()
        if key[0] in copy.subaccounts and p.settled_us is None
    }
    for balance in copy.balances:
        free = sum(purse.available for (number, _), purse in account.purses.items() if number == balance.subaccount)
        assert balance.cash == free // 100 * 100
    assert [balance.subaccount for balance in copy.balances] == list(copy.subaccounts)
