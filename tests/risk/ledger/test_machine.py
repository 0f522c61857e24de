"""The ledger under everything that can happen to orders, answers, reads, processes and clocks, beside the truth.

Rule of this file: what must hold after every step, whatever happened (design, invariant 4). What is true is gone
through move by move (`worst`), never reckoned by a formula of the product's.
"""

from collections.abc import Callable
from fractions import Fraction
from math import ceil
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.risk.kit import REJECTED
from tests.risk.machine import CLIENTS, PLACES, POLICIES, Message, Reading, World, new_order
from tests.risk.planted import ELSEWHERE, FAST, PLANTED
from tests.risk.tiny_exchange import Resting, Where, leg
from tests.risk.worst import most_paid, worst

from pretrade.model.decisions import Approved
from pretrade.model.facts import Facts
from pretrade.model.orders import (
    AmendOrder,
    CancelAll,
    CancelOrder,
    CreateBatch,
    CreateOrder,
    DecreaseOrder,
    Side,
    Write,
)
from pretrade.model.units import Count, Price
from pretrade.policy.combine import bounds_for
from pretrade.risk.ledger.account import scopes
from pretrade.risk.ledger.worst_case import fee as fee_bound

SIDES = st.sampled_from(Side)
TICKERS = st.sampled_from(sorted(PLACES))
NAMES = st.sampled_from(sorted(CLIENTS))
PRICES = st.sampled_from([1_000, 3_000, 5_000, 7_000, 9_000])
WHOLE = st.sampled_from([1, 1, 1, 2, 3])
FATES = st.sampled_from(
    ["held", "on disk", "sent", "arrived", "answered", "answered", "answered", "answered falsely", "unknown", "lost"]
)
CHANGES = FATES | st.sampled_from(["answered", "answered falsely"])
"""How far a write gets before something else happens."""
SKEWS = st.sampled_from([None] * 6 + [0, 4_500, -4_500, 3_600_000, -3_600_000])
BOOKS: tuple[Where, ...] = tuple((subaccount, ticker) for subaccount in CLIENTS.values() for ticker in PLACES)


def positions_of(where: Where) -> list[Any]:
    """The figures that count the position of a book."""
    return [("position", owner, where[1]) for owner in (None, where[0])]


def exposures_of(where: Where) -> list[Any]:
    """The figures that count the exposure of a book."""
    places = [(owner, scope) for owner in (None, where[0]) for scope in scopes(owner, PLACES[where[1]])]
    return [("exposure", owner, scope[1:]) for owner, scope in places]


class LedgerMachine(RuleBasedStateMachine):
    """The world, one happening after another."""

    @initialize(held=st.lists(st.tuples(st.sampled_from(BOOKS), SIDES, PRICES, WHOLE), max_size=2))
    def begin(self, held: list[tuple[Where, Side, int, int]]) -> None:
        world = World()
        for where, side, price, whole in held:
            world.exchange.move(where, side, price, whole * 100)
        self.begin_with(world, tainted=bool(held))

    def begin_with(self, world: World, *, tainted: bool = False) -> None:
        """Read the record for the first time."""
        self.world = world
        self.readings: list[Reading] = []
        self.late: list[tuple[str, Any]] = []
        self.tainted = tainted
        self.names: list[str] = []
        self.days: dict[str, str] = {}
        self.amends: dict[str, set[str]] = {}
        self.past_by_exits: set[Any] = set()
        self.read_whole(0)
        self.world.commit()

    # What clients do

    @rule(client=NAMES, ticker=TICKERS, side=SIDES, price=PRICES, whole=WHOLE, fate=FATES, more=st.integers(0, 9))
    def any_order(self, client: str, ticker: str, side: Side, price: int, whole: int, fate: str, more: int) -> None:
        self.order(client, ticker, side, price, whole, fate, more)

    def order(self, client: str, ticker: str, side: Side, price: int, whole: int, fate: str, more: int) -> None:
        name = self.names[-1] if more == 9 and self.names else f"c-{len(self.names)}"
        new = new_order(ticker, side, price, whole, client, name, rests=more != 8)
        self.names.append(name)
        self.write(client, CreateOrder(new), fate, fill=100 * (more % 3))

    @rule(client=NAMES, ticker=TICKERS, side=SIDES, price=PRICES, whole=WHOLE)
    def order_that_rests(self, client: str, ticker: str, side: Side, price: int, whole: int) -> None:
        self.order(client, ticker, side, price, whole, "answered", 0)

    @rule(client=NAMES, data=st.data(), fate=FATES)
    def batch(self, client: str, data: st.DataObject, fate: str) -> None:
        legs = data.draw(st.lists(st.tuples(TICKERS, SIDES, PRICES, WHOLE), min_size=2, max_size=3), label="legs")
        orders = []
        again = data.draw(st.integers(0, 4), label="a name again") == 4
        for ticker, side, price, whole in legs:
            is_copy = again and self.names and not orders
            self.names.append(self.names[-1] if is_copy else f"c-{len(self.names)}")
            orders.append(new_order(ticker, side, price, whole, client, self.names[-1], rests=True))
        self.write(client, CreateBatch(tuple(orders)), fate)

    @rule(
        client=NAMES,
        ticker=TICKERS,
        side=SIDES,
        prices=st.tuples(PRICES, PRICES),
        whole=st.integers(1, 3),
        days=st.integers(0, 1),
        fate=CHANGES,
        then=st.sampled_from(["", "snapshot", "fill"]),
    )
    def order_and_amend(
        self, client: str, ticker: str, side: Side, prices: tuple[int, int], whole: int, days: int, fate: str, then: str
    ) -> None:
        """An order rests and is amended, at once or on the next day; then it fills, or a snapshot is taken."""
        self.order(client, ticker, side, prices[0], 1, "answered", 0)
        order = next(reversed(self.world.exchange.orders.values()), None)
        if order is None or not order.left or order.client_order_id != self.names[-1]:
            return
        self.world.day = min(20, self.world.day + days)
        write = AmendOrder(order.order_id, ticker, side, Price(prices[1]), Count(whole * 100))
        self.write(client, write, fate)
        if then == "snapshot":
            self.world.snapshot()
        elif then == "fill":
            self.world.exchange.trade(order, 100)

    @rule(where=st.sampled_from(BOOKS), side=SIDES, price=PRICES, snapshot=st.booleans())
    def a_position_is_seen(self, where: Where, side: Side, price: int, snapshot: bool) -> None:
        """Somebody moves a position while nothing of ours does, and two reads show it."""
        self.world.real_ms += 8_000
        self.trade_past_us(where, side, price, 3, -1)
        self.read_whole(0)
        self.read_whole(0, 1_000)
        if snapshot:
            self.world.snapshot()

    @precondition(lambda self: self.known())
    @rule(data=st.data(), price=PRICES, whole=st.integers(1, 4), fate=CHANGES, fill=st.integers(0, 1))
    def amend(self, data: st.DataObject, price: int, whole: int, fate: str, fill: int) -> None:
        client, order = data.draw(st.sampled_from(self.known()), label="order")
        write = AmendOrder(order.order_id, order.where[1], order.side, Price(price), Count(whole * 100))
        self.write(client, write, fate, fill=100 * fill)

    @precondition(lambda self: self.known())
    @rule(data=st.data(), kind=st.sampled_from(["cancel", "cancel", "all", "to 0", "to 1", "to 2"]), fate=CHANGES)
    def leave(self, data: st.DataObject, kind: str, fate: str) -> None:
        client, order = data.draw(st.sampled_from(self.known()), label="order")
        place = {"market_ticker": order.where[1], "subaccount": order.where[0]}
        write: Write = CancelAll(order.where[0]) if kind == "all" else CancelOrder(order.order_id, **place)
        if kind.startswith("to"):
            write = DecreaseOrder(order.order_id, reduce_to=Count(int(kind[-1]) * 100), **place)
        decision = self.write(client, write, fate)
        assert isinstance(decision, Approved), "an exit was trapped"

    def known(self) -> list[tuple[str, Resting]]:
        """The orders that a client can name, open or not: the ledger knows their ids."""
        by_subaccount = {number: name for name, number in CLIENTS.items()}
        world = self.world
        ours = {one.order_id for one in world.ledger.live.orders.values()} | set(world.ledger.ended)
        known = [(by_subaccount[one.where[0]], one) for one in world.exchange.orders.values() if one.order_id in ours]
        return [one for one in known if one[1].left] + [one for one in known if not one[1].left][-1:]

    def write(self, client: str, write: Write, fate: str, fill: int = 0) -> object:
        """Ask for a write and see it on its way; check what its approval raises."""
        world, before = self.world, self.counted()
        could_spend = self.still_counted(write)
        decision_id, decision, facts = world.judge(client, write)
        if not isinstance(decision, Approved):
            assert self.counted() == before
            return decision
        self.holds_back(client, facts, before)
        assert facts.day >= max(self.days.values(), default=""), "a day that had passed is counted on again"
        message = world.way[-1]
        self.days[decision_id] = facts.day
        if isinstance(write, AmendOrder):
            self.amends.setdefault(write.order_id, set()).add(facts.day)
            spent = self.counted()["notional", None, ""] - before["notional", None, ""]
            assert spent >= self.most_paid(write) - could_spend, "an amend that the day does not count"
        self.go(message, fate, fill)
        return decision

    def most_paid(self, write: Write) -> int:
        """The most that may still be paid for the order that an amend names."""
        order = self.world.exchange.orders[write.order_id] if isinstance(write, AmendOrder) else None
        return most_paid(self.world.may(order)) if order is not None and order.left else 0

    def still_counted(self, write: Write) -> int:
        """What the day counts already for what may still fill of the order that an amend names. More than its most is
        no fault: an amend to which the exchange said yes and did nothing counts until a read shows it, and another one
        within its terms adds nothing."""
        known = self.world.ledger.live.by_order_id(write.order_id) if isinstance(write, AmendOrder) else None
        return max(self.most_paid(write), 0 if known is None else known.worst_cost - known.spent)

    def go(self, message: Message, fate: str, fill: int) -> None:
        world = self.world
        if fate == "held":
            return
        world.commit()
        if fate == "on disk":
            return
        world.send(message)
        if fate in ("arrived", "answered", "answered falsely", "unknown"):
            world.arrive(message, fill, is_lie=fate == "answered falsely")
        if fate.startswith("answered"):
            world.answer(message.decision_id)
        elif fate in ("unknown", "lost"):
            world.give_up(message.decision_id, forget=True)

    def holds_back(self, client: str, facts: Facts, before: dict[Any, int]) -> None:
        """Nothing that raises a figure past its limit is approved."""
        after = self.counted()
        only_reduces = bool(facts.reduces) and all(facts.reduces)
        for key, limit in self.limits(client).items():
            rises = after.get(key, 0) > before.get(key, 0)
            if only_reduces and key[0] in ("exposure", "position"):
                assert not rises, (key, "rose by what only reduces")
            elif rises and only_reduces and after[key] > limit:
                self.past_by_exits.add(key)
            elif rises:
                assert after[key] <= limit, (key, before.get(key), after[key], limit)

    # What happens on the way

    @precondition(lambda self: self.world.way)
    @rule(data=st.data(), fill=st.integers(0, 2), fate=FATES)
    def move_on(self, data: st.DataObject, fill: int, fate: str) -> None:
        message = data.draw(st.sampled_from(self.world.way), label="message")
        if fate == "held" and message.signed_ms is None:
            self.world.keep_back(message)
        elif message.decision_id in self.world.run.waiting:
            self.go(message, fate, 100 * fill)
        elif fate != "sent":  # nobody waits for it any more, and it arrives all the same
            self.world.arrive(message, 100 * fill)

    @precondition(lambda self: self.waiting())
    @rule(data=st.data(), give_up=st.sampled_from(["no", "no", "and forget", "but listen"]))
    def hear(self, data: st.DataObject, give_up: str) -> None:
        decision_id = data.draw(st.sampled_from(self.waiting()), label="decision")
        if give_up == "no":
            self.world.answer(decision_id)
        else:
            self.world.give_up(decision_id, forget=give_up == "and forget")

    def waiting(self) -> list[str]:
        """The decisions whose answers are there."""
        return [name for name, outcome in self.world.run.waiting.items() if outcome is not None]

    # What the exchange and others do

    @precondition(lambda self: self.open())
    @rule(data=st.data(), whole=st.integers(0, 3), better=st.sampled_from([0, 0, 500]))
    def trade(self, data: st.DataObject, whole: int, better: int) -> None:
        """Somebody trades with an order, or the exchange ends it."""
        order = data.draw(st.sampled_from(self.open()), label="order")
        if whole:
            self.world.exchange.trade(order, whole * 100, better)
        else:
            self.world.exchange.cancel(order)

    def open(self) -> list[Resting]:
        return [order for order in self.world.exchange.orders.values() if order.left]

    @rule(where=st.sampled_from(BOOKS), side=SIDES, price=PRICES, whole=WHOLE, fill=st.integers(-3, 3))
    def trade_past_us(self, where: Where, side: Side, price: int, whole: int, fill: int) -> None:
        """Somebody has an order past us, filled or not, or moves a position without one."""
        self.tainted = True
        if fill < 0:
            self.world.darken(where)
            self.world.exchange.move(where, side, price, whole * 100)
            return
        client = next(name for name, number in CLIENTS.items() if number == where[0])
        new = new_order(where[1], side, price, whole, client, f"past-us-{len(self.world.exchange.orders)}", rests=True)
        order = self.world.exchange.create(new, self.world.real_ms)
        assert order is not None
        self.world.darken(where, order.order_id)
        self.world.exchange.trade(order, fill * 100)

    # Reads

    @rule(lag_ms=st.sampled_from([0, 400, 1_500]), later_ms=st.sampled_from([0, 0, 400, 8_000, 40_000]))
    def read_whole(self, lag_ms: int, later_ms: int = 0) -> None:
        self.world.real_ms += later_ms
        reading = self.world.begin_reading(lag_ms)
        if reading is not None:
            self.world.read_positions(reading)
            self.take_in(reading)

    @rule(lag_ms=st.sampled_from([0, 400]), at_once=st.booleans())
    def read_on(self, lag_ms: int, at_once: bool) -> None:
        """The next part of a reading that other things come between: its orders, its positions, its taking in."""
        if not self.readings:
            reading = self.world.begin_reading(lag_ms)
            self.readings += [reading] if reading else []
            if reading is not None and at_once:
                self.world.read_positions(reading)
        elif self.readings[0].copy is None:
            self.world.read_positions(self.readings[0])
        else:
            self.take_in(self.readings.pop())

    def take_in(self, reading: Reading) -> None:
        """A read raises nothing that nobody else moved, but where an earlier one differed, too: then both count, also
        what an order has filled whose answer is not there yet. One of before the last is refused, as the gate does."""
        last_ms = self.world.run.as_of_ms
        if last_ms is not None and reading.as_of_ms < last_ms:
            return
        before, differed = self.counted(), tuple(self.world.run.suspects)
        self.world.take_in(reading)
        if self.tainted:
            return
        may_rise = {key for where in differed for key in (*positions_of(where), *exposures_of(where))}
        after = {key: value for key, value in self.counted().items() if key not in may_rise}
        raised = {key: (before.get(key, 0), value) for key, value in after.items() if value > before.get(key, 0)}
        assert not raised, ("a read raised what nobody else moved", raised)

    # Processes, policies and clocks

    @rule(kind=st.sampled_from(["commit", "snapshot", "snapshot", "crash", "crash", "crash from snapshot"]))
    def process(self, kind: str) -> None:
        if kind == "commit":
            self.world.commit()
        elif kind == "snapshot":
            self.world.snapshot()
        else:
            self.readings.clear()
            self.world.crash(from_snapshot=kind == "crash from snapshot")
            kept = {event.decision_id for event in self.world.rows.events}
            self.days = {name: day for name, day in self.days.items() if name in kept}

    @precondition(lambda self: self.world.losable())
    @rule(data=st.data())
    def power_cut(self, data: st.DataObject) -> None:
        """A crash takes the row of an answer and leaves later ones: what had been freed by it is held again, whatever
        took its place, and an amend may name an order that nothing else tells of."""
        self.tainted = True
        self.world.lose(data.draw(st.sampled_from(self.world.losable()), label="row"))
        self.process("crash")

    @rule(number=st.integers(0, 2))
    def reload(self, number: int) -> None:
        self.world.policy = POLICIES[number]
        self.tainted = self.tainted or number != 2

    @rule(ms=st.sampled_from([100, 1_000, 8_000, 60_000]), skew_ms=SKEWS, days=st.sampled_from([0, 0, 1, 1, -1]))
    def wait(self, ms: int, skew_ms: int | None, days: int) -> None:
        """Time passes; now and then our clock jumps, or the day begins or is said to be yesterday again."""
        self.world.real_ms += ms
        self.world.skew_ms = self.world.skew_ms if skew_ms is None else skew_ms
        self.world.day = max(1, min(20, self.world.day + days))

    # What must hold

    def counted(self) -> dict[Any, int]:
        """Every figure that is limited: (kind, owner, name)."""
        live = self.world.ledger.live
        day = self.world.ledger.day_of(self.world.today)
        figures: dict[Any, int] = {}
        for owner in (None, *CLIENTS.values()):
            for ticker, place in PLACES.items():
                figures["position", owner, ticker] = live.worst_position(owner, ticker)
                for scope in scopes(owner, place):
                    figures["exposure", owner, scope[1:]] = live.exposure(scope)
            figures["open", owner, ""] = live.open_orders(owner)
            figures["orders", owner, ""] = live.days.orders(day, (owner, ""))
            figures["notional", owner, ""] = live.days.notional(day, (owner, ""))
        return figures

    def limits(self, client: str) -> dict[Any, int]:
        """The limits on those figures, for all and for this client."""
        limits: dict[Any, int] = {}
        for ticker, place in PLACES.items():
            bounds = bounds_for(self.world.policy, client, ticker)
            of = {
                "max_position": ("position", ticker),
                "market_exposure": ("exposure", ("market", ticker)),
                "event_exposure": ("exposure", ("event", place.event)),
                "series_exposure": ("exposure", ("series", place.series)),
                "account_exposure": ("exposure", ("account", "")),
                "open_orders": ("open", ""),
                "day_orders": ("orders", ""),
                "day_notional": ("notional", ""),
            }
            for name, (kind, about) in of.items():
                for bound in getattr(bounds, name):
                    owner = CLIENTS[client] if bound.scope_is_client else None
                    limits[kind, owner, about] = bound.limit
        return limits

    @invariant()
    def holds(self) -> None:
        """All of it, after every step."""
        self.what_is_true_is_counted()
        self.no_limit_is_passed_by_us()
        self.every_order_has_an_earlier_row()
        self.the_day_counts_what_it_used()
        self.the_rows_add_up_to_the_ledger()

    def what_is_true_is_counted(self) -> None:
        """True exposure and worst position are at most what is counted, in every book and in every sum of them."""
        world, counted = self.world, self.counted()
        sums: dict[Any, Fraction] = {}
        dark = {one.where for one in world.dark}
        for where in BOOKS:
            if where in dark:
                continue
            truth = worst(world.exchange.position(where), world.may_fill(where))
            for key in positions_of(where):
                sums[key] = sums.get(key, Fraction(0)) + truth.position
            for key in exposures_of(where):
                sums[key] = sums.get(key, Fraction(0)) + truth.exposure
        for key, true in sums.items():
            assert true <= counted[key], (key, f"true {true}, counted {counted[key]}")

    def no_limit_is_passed_by_us(self) -> None:
        """While nobody trades past us and no limit is tightened, every figure is within its limit; but where a position
        counts beside the exchange's own, and for what orders that only reduce have made of the counters."""
        counted = self.counted()
        limits = {key: limit for client in CLIENTS for key, limit in self.limits(client).items()}
        self.past_by_exits = {key for key in self.past_by_exits if counted[key] > limits[key]}
        seen = [where for where, book in self.world.ledger.live.books() if book.has_seen]
        doubled = {key for where in seen for key in (*positions_of(where), *exposures_of(where))}
        if not self.tainted:
            for key in set(limits) - self.past_by_exits - doubled:
                assert counted[key] <= limits[key], (key, counted[key], limits[key])

    def every_order_has_an_earlier_row(self) -> None:
        """Whatever the exchange has from us stands in a row that is on disk."""
        on_disk = " ".join(event.body for event in self.world.rows.events[: self.world.durable])
        for order in self.world.exchange.orders.values():
            name = order.client_order_id or ""
            assert name.startswith("past-us") or f'"{name}"' in on_disk, name

    def the_day_counts_what_it_used(self) -> None:
        """Orders and notional of a day are at least what was sent, what it cost and what may still fill of it."""
        world, counted = self.world, self.world.ledger.live.days
        orders: dict[str, int] = {}
        notional: dict[str, int] = {}
        for decision_id, day in self.days.items():
            for order, may, paid in world.used(decision_id):
                orders[day] = orders.get(day, 0) + 1
                if order is None or self.amends.get(order.order_id, {day}) == {day}:  # else it counts on several days
                    notional[day] = notional.get(day, 0) + paid + most_paid(may)
        for day in [day for day, _ in counted.items()]:
            assert orders.get(day, 0) <= counted.orders(day, (None, "")), day
            assert notional.get(day, 0) <= counted.notional(day, (None, "")), day

    def the_rows_add_up_to_the_ledger(self) -> None:
        """A restart now, from the first row or from the last snapshot, would give the same ledger."""
        assert self.world.same_ledger(self.world.restored(from_snapshot=False))
        assert self.world.same_ledger(self.world.restored(from_snapshot=True))

    def teardown(self) -> None:
        """When faults stop and time passes, every unknown resolves, and what is counted is what is true."""
        if not hasattr(self, "world"):
            return
        world = self.world
        world.skew_ms = 0
        world.commit()
        for message in tuple(world.way):
            if message.signed_ms is None:
                world.keep_back(message)
            else:
                world.arrive(message)
        for decision_id, outcome in tuple(world.run.waiting.items()):
            world.settle(decision_id, outcome or REJECTED)
        for _ in range(6):
            world.real_ms += 7_200_000
            reading = world.begin_reading(0)
            assert reading is not None
            world.read_positions(reading)
            found = world.take_in(reading)
        assert found.changes == [] and not found.soon
        assert world.ledger.pending == {}
        self.everything_is_as_it_is()

    def everything_is_as_it_is(self) -> None:
        """Positions, orders and exposure are the exchange's own."""
        world, live = self.world, self.world.ledger.live
        resting = {one.order_id: (one.price, one.left) for one in world.exchange.orders.values() if one.left}
        assert {one.order_id: (one.price, one.remaining) for one in live.orders.values()} == resting
        for where in BOOKS:
            held = world.exchange.position(where)
            assert live.book(*where).position == held.count
            assert live.book(*where).exposure() == self.exposure_by_basis(where), where

    def exposure_by_basis(self, where: Where) -> int:
        """The worst of both sides, from the exchange's own basis, with the bound of the fees where anything opens."""
        world, held = self.world, self.world.exchange.position(where)
        multiplier = world.policy.fees.multiplier_ceiling
        lot = ceil(Fraction(ceil(held.cost), abs(held.count))) * abs(held.count) if held.count else 0
        most = 0
        for side in Side:
            orders = [one for one in world.exchange.open_orders(where) if one.side is side]
            own = held.count if side is Side.BID else -held.count
            most = max(most, _one_side(own, lot, orders, multiplier))
        return most


def _one_side(own: int, lot: int, orders: list[Resting], multiplier: int) -> int:
    closing = max(0, -own)
    basis = lot if own > 0 else 0
    for order in sorted(orders, key=lambda one: leg(one.side, one.price)):
        closed = min(closing, order.left)
        closing -= closed
        basis += leg(order.side, order.price) * (order.left - closed)
    opens = sum(order.left for order in orders) > max(0, -own)
    fees = sum(fee_bound(one.side, Price(one.price), Count(one.left), multiplier) for one in orders)
    return basis + (fees if opens else 0)


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(stateful_step_count=30)
TestLedger.pytestmark = [pytest.mark.timeout(900)]


def test_a_position_is_adopted_although_its_book_was_moved_as_it_differed_first() -> None:
    """Somebody's order and somebody's trade show in one read. Catches a suspicion that begins with the read that also
    moves the book, and so never proves anything."""
    world, where = World(), ("KXBTC-A1", Side.BID, 1_000, 1)
    machine = LedgerMachine.__new__(LedgerMachine)
    machine.begin_with(world)
    assert world.exchange.create(new_order(*where, "momentum-bot", "past-us", rests=True), world.real_ms)
    world.exchange.move((0, "KXBTC-A1"), Side.BID, 1_000, 100)
    machine.teardown()
    assert world.ledger.live.book(0, "KXBTC-A1").position == 100


@pytest.mark.parametrize("arrives", ["before the cut", "after the cut", "after a read", "never"])
@pytest.mark.parametrize("fill", [0, 1])
def test_an_amend_counts_whose_orders_answer_a_power_cut_took(arrives: str, fill: int) -> None:
    """An order rests, its answer's row is lost, the amend's row is not. Catches (each was planted) an amend that no
    order is found for and that counts nothing, one that is dropped when a read finds the order that it stands for, and
    an order that counts twice for ever."""
    world, where = World(), ("KXBTC-A1", Side.BID)
    machine = LedgerMachine.__new__(LedgerMachine)
    machine.begin_with(world)
    machine.order("momentum-bot", *where, 3_000, 2, "answered", fill)
    world.commit()
    (order,), (row,) = world.exchange.orders.values(), world.losable()
    machine.write("momentum-bot", AmendOrder(order.order_id, *where, Price(7_000), Count(300)), "sent")
    (message,) = world.way
    if arrives == "before the cut":
        world.arrive(message)
    machine.tainted = True
    world.lose(row)
    machine.process("crash")
    machine.holds()
    if arrives == "after a read":
        machine.read_whole(0, 1_000)
        machine.holds()
    if arrives.startswith("after"):
        world.arrive(message)
    elif arrives == "never":
        world.way.clear()
    for _ in range(3):
        machine.holds()
        machine.read_whole(0, 1_000)
    machine.holds()
    machine.teardown()


def finds(planted: Callable[[pytest.MonkeyPatch], None], patch: pytest.MonkeyPatch, examples: int) -> bool:
    """Whether the machine goes red with a bug planted."""
    planted(patch)
    search = settings(
        max_examples=examples,
        stateful_step_count=30,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        report_multiple_bugs=False,
    )
    try:
        run_state_machine_as_test(LedgerMachine, settings=search)
    except (AssertionError, ValueError, KeyError, StopIteration):
        return True
    return False


@pytest.mark.parametrize("name", FAST)
def test_the_machine_finds_a_bug(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches a machine that has stopped looking."""
    assert finds(PLANTED[name], monkeypatch, 100)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", sorted(set(PLANTED) - set(FAST) - set(ELSEWHERE)))
def test_the_machine_finds_every_bug(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As above, for the bugs that take longer to find."""
    assert finds(PLANTED[name], monkeypatch, 1_500)
