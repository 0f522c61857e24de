"""The dry-run book: what each write would have become at an exchange where nobody trades with us."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.builders import TICKER, amend, order

from pretrade.model.orders import (
    AmendOrder,
    CancelAll,
    CancelBatch,
    CancelOrder,
    CreateBatch,
    CreateOrder,
    DecreaseOrder,
    NewOrder,
    Side,
    TimeInForce,
    Withdraw,
    Write,
)
from pretrade.model.units import Count, format_count, parse_count
from pretrade.risk.ledger.dry_run import DryRunBook, DryRunLeg, Result, order_id

NOW = 1_795_226_000_000
LATER = NOW // 1000 + 60
ID = order_id("d-1", 0)


def book(*orders: NewOrder, client: str = "bot") -> DryRunBook:
    """A book in which decision `d-1` created these orders."""
    made = DryRunBook()
    made.apply("d-1", client, CreateBatch(orders), NOW)
    return made


def apply(made: DryRunBook, write: Write, client: str = "bot", now_ms: int = NOW) -> DryRunLeg:
    """The one leg of a write's answer."""
    (leg,) = made.apply("d-2", client, write, now_ms)
    return leg


@pytest.mark.parametrize(
    ("time_in_force", "result", "remaining"),
    [
        (TimeInForce.GOOD_TILL_CANCELED, Result.RESTING, "10.00"),
        (TimeInForce.IMMEDIATE_OR_CANCEL, Result.CANCELED, "0.00"),
        (TimeInForce.FILL_OR_KILL, Result.NOT_FILLED, "0.00"),
    ],
)
def test_an_order_ends_by_its_time_in_force(time_in_force: TimeInForce, result: Result, remaining: str) -> None:
    """Catches a dry-run order that fills, and one that rests though it may not."""
    made = DryRunBook()
    leg = apply(made, CreateOrder(order(time_in_force=time_in_force, client_order_id="c-1")))
    left = Count(0) if remaining == "0.00" else parse_count(remaining)
    assert leg == DryRunLeg(result, order_id("d-2", 0), "c-1", left)
    assert [one.remaining for one in made.resting(NOW)] == ([left] if left else [])


def test_an_id_is_the_same_every_time_and_plainly_not_the_exchanges() -> None:
    """Catches ids made by chance: after a restart the client's own would name nothing."""
    assert ID == "dry-72761a95-4999-57e6-b6e5-c0277fc481f0"
    assert len({order_id(name, leg) for name in ("d-1", "d-2") for leg in range(20)}) == 40


def test_a_client_order_id_is_taken_once_across_clients() -> None:
    """The exchange refuses an id that its account used before. Catches a second order under the same id."""
    made = book(order(client_order_id="c-1"))
    assert apply(made, CreateOrder(order(client_order_id="c-1")), "other").result is Result.DUPLICATE
    apply(made, CancelOrder(ID))
    assert apply(made, CreateOrder(order(client_order_id="c-1"))).result is Result.DUPLICATE
    assert made.resting(NOW) == ()


def test_a_fill_or_kill_that_came_to_nothing_leaves_its_id_free() -> None:
    """The exchange made no order, so the same id may come again."""
    made = DryRunBook()
    killed = order(client_order_id="c-1", time_in_force=TimeInForce.FILL_OR_KILL)
    assert apply(made, CreateOrder(killed)).result is Result.NOT_FILLED
    assert apply(made, CreateOrder(order(client_order_id="c-1"))).result is Result.RESTING


AMENDED = "5.00", "0.3000"


@pytest.mark.parametrize(
    ("write", "result", "remaining", "reduced_by"),
    [
        (amend(*AMENDED, order_id=ID), Result.RESTING, "5.00", "0.00"),
        (amend(*AMENDED, order_id="dry-none"), Result.NOT_FOUND, "0.00", "0.00"),
        (amend(*AMENDED, order_id=ID, ticker=TICKER + "0.00"), Result.TICKER_MISMATCH, "0.00", "0.00"),
        (amend(*AMENDED, order_id=ID, side=Side.ASK), Result.SIDE_MISMATCH, "0.00", "0.00"),
        (DecreaseOrder(ID, reduce_by=parse_count("4")), Result.RESTING, "6.00", "4.00"),
        (DecreaseOrder(ID, reduce_by=parse_count("10")), Result.CANCELED, "0.00", "10.00"),
        (DecreaseOrder(ID, reduce_by=parse_count("11")), Result.CANCELED, "0.00", "10.00"),
        (DecreaseOrder(ID, reduce_to=parse_count("4")), Result.RESTING, "4.00", "6.00"),
        (DecreaseOrder(ID, reduce_to=Count(0)), Result.CANCELED, "0.00", "10.00"),
        (DecreaseOrder(ID, reduce_to=parse_count("11")), Result.RESTING, "10.00", "0.00"),
        (DecreaseOrder("dry-none", reduce_to=Count(0)), Result.NOT_FOUND, "0.00", "0.00"),
        (CancelOrder(ID), Result.CANCELED, "0.00", "10.00"),
        (CancelOrder("dry-none"), Result.NOT_FOUND, "0.00", "0.00"),
        (Withdraw("/trade-api/v2/communications/quotes/{quote_id}", ("quote-1",)), Result.NOT_FOUND, "0.00", "0.00"),
    ],
)
def test_a_resting_order_is_changed(write: Write, result: Result, remaining: str, reduced_by: str) -> None:
    """Catches a decrease that enlarges, a remainder below zero, and an amend across markets or sides."""
    made = book(order("10", client_order_id="c-1"))
    leg = apply(made, write)
    assert (leg.result, format_count(leg.remaining), format_count(leg.reduced_by)) == (result, remaining, reduced_by)
    untouched = result not in {Result.RESTING, Result.CANCELED}
    assert leg.client_order_id == (None if untouched else "c-1")
    resting = [format_count(one.remaining) for one in made.resting(NOW)]
    assert resting == (["10.00"] if untouched else [remaining] if result is Result.RESTING else [])


def test_an_amend_changes_terms_and_keeps_what_it_does_not_name() -> None:
    """`count` is the new total; expiration 0 clears, an absent one keeps (orders.md 4)."""
    made = book(order("10", client_order_id="c-1", expiration_time=LATER))
    apply(made, amend("7", "0.3000", order_id=ID, updated_client_order_id="c-2"))
    (kept,) = made.resting(NOW)
    assert (kept.terms.client_order_id, kept.terms.expiration_time) == ("c-2", LATER)
    assert (kept.terms.price, kept.terms.count, kept.remaining) == (3_000, 700, 700)
    apply(made, amend("7", "0.3000", order_id=ID, expiration_time=0))
    (cleared,) = made.resting(NOW)
    assert cleared.terms.expiration_time is None


@pytest.mark.parametrize("write", [amend(order_id=ID), DecreaseOrder(ID, reduce_by=Count(1)), CancelOrder(ID)])
def test_an_order_that_has_ended_is_not_found(write: Write) -> None:
    """Catches an order that comes back to life: canceled or expired is the end."""
    canceled = book(order())
    apply(canceled, CancelOrder(ID))
    assert apply(canceled, write).result is Result.NOT_FOUND
    expiring = book(order(expiration_time=LATER))
    assert len(expiring.resting(LATER * 1000 - 1)) == 1
    assert expiring.resting(LATER * 1000) == ()
    assert apply(expiring, write, now_ms=LATER * 1000).result is Result.NOT_FOUND


def test_cancel_all_ends_the_clients_own_orders_alone() -> None:
    """Catches a cancel-all that reaches another client's orders."""
    made = book(order(), order(time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL), order())
    made.apply("d-9", "other", CreateOrder(order()), NOW)
    legs = made.apply("d-2", "bot", CancelAll(0), NOW)
    assert [leg.result for leg in legs] == [Result.CANCELED, Result.CANCELED]
    assert [one.client for one in made.resting(NOW)] == ["other"]


def test_a_batch_is_answered_leg_by_leg() -> None:
    """Catches legs out of order, and one bad leg that stops the others."""
    made = book(order(), order())
    ids = [ID, "dry-none", order_id("d-1", 1), ID]
    legs = made.apply("d-2", "bot", CancelBatch(tuple(CancelOrder(name) for name in ids)), NOW)
    assert [leg.order_id for leg in legs] == ids
    assert [leg.result for leg in legs] == [Result.CANCELED, Result.NOT_FOUND, Result.CANCELED, Result.NOT_FOUND]


def test_owned_names_the_clients_own_orders_ended_ones_too() -> None:
    """Catches a client that reaches another's order by its id. A cancel of one that has ended passes to its 404."""
    made = book(order(), order(time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL))
    ids = (ID, order_id("d-1", 1), "dry-none")
    assert made.owned("bot", ids) == ids[:2]
    assert made.owned("other", ids) == ()


CLIENTS = st.sampled_from(["bot", "other"])
COUNTS = st.integers(1, 2_000).map(Count)
OWN_IDS = st.none() | st.sampled_from([f"c-{n}" for n in range(6)])


class DryRunMachine(RuleBasedStateMachine):
    """Any writes in any order beside a plain model: what rests of each order, and nothing else."""

    @initialize()
    def begin(self) -> None:
        self.book, self.again = DryRunBook(), DryRunBook()
        self.left: dict[str, int] = {}
        self.ends: dict[str, int | None] = {}
        self.decisions = 0
        self.now_ms = NOW

    def apply(self, client: str, write: Write) -> tuple[DryRunLeg, ...]:
        self.decisions += 1
        legs = self.book.apply(f"d-{self.decisions}", client, write, self.now_ms)
        assert legs == self.again.apply(f"d-{self.decisions}", client, write, self.now_ms)
        return legs

    def rests(self, name: str) -> bool:
        end = self.ends.get(name)
        return bool(self.left.get(name)) and (end is None or end * 1000 > self.now_ms)

    def shrink(self, leg: DryRunLeg) -> None:
        assert leg.reduced_by == self.left[leg.order_id] - leg.remaining >= 0
        self.left[leg.order_id] = leg.remaining

    @rule(
        client=CLIENTS,
        count=COUNTS,
        kind=st.sampled_from(TimeInForce),
        own_id=OWN_IDS,
        age=st.none() | st.integers(1, 9),
    )
    def create(self, client: str, count: Count, kind: TimeInForce, own_id: str | None, age: int | None) -> None:
        end = None if age is None or kind is not TimeInForce.GOOD_TILL_CANCELED else self.now_ms // 1000 + age
        terms = order(time_in_force=kind, client_order_id=own_id, expiration_time=end)
        (leg,) = self.apply(client, CreateOrder(NewOrder(**{**_fields(terms), "count": count})))
        assert leg.remaining == (count if leg.result is Result.RESTING else 0)
        if leg.result is Result.RESTING:
            self.left[leg.order_id], self.ends[leg.order_id] = count, end

    @rule(client=CLIENTS, data=st.data(), count=COUNTS)
    def amend(self, client: str, data: st.DataObject, count: Count) -> None:
        name = self.some(data)
        (leg,) = self.apply(client, AmendOrder(name, TICKER, Side.BID, order().price, count))
        assert leg.result is (Result.RESTING if self.rests(name) else Result.NOT_FOUND)
        if leg.result is Result.RESTING:
            self.left[name] = count

    @rule(client=CLIENTS, data=st.data(), count=COUNTS, to=st.booleans())
    def decrease(self, client: str, data: st.DataObject, count: Count, to: bool) -> None:
        name = self.some(data)
        write = DecreaseOrder(name, reduce_to=count) if to else DecreaseOrder(name, reduce_by=count)
        (leg,) = self.apply(client, write)
        assert (leg.result is Result.NOT_FOUND) is not self.rests(name)
        if leg.result is not Result.NOT_FOUND:
            self.shrink(leg)

    @rule(client=CLIENTS, data=st.data())
    def cancel(self, client: str, data: st.DataObject) -> None:
        name = self.some(data)
        (leg,) = self.apply(client, CancelOrder(name))
        assert leg.result is (Result.CANCELED if self.rests(name) else Result.NOT_FOUND)
        if leg.result is Result.CANCELED:
            self.shrink(leg)

    @rule(client=CLIENTS)
    def cancel_all(self, client: str) -> None:
        for leg in self.apply(client, CancelAll(0)):
            assert leg.result is Result.CANCELED
            self.shrink(leg)
        assert all(one.client != client for one in self.book.resting(self.now_ms))

    @rule(seconds=st.integers(1, 5))
    def wait(self, seconds: int) -> None:
        self.now_ms += seconds * 1000

    def some(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from([*self.left, "dry-none"]), label="order")

    @invariant()
    def rests_what_was_never_taken_away(self) -> None:
        """Nothing ever fills: what rests is what was asked for, less what was canceled, decreased or expired."""
        resting = {one.order_id: one.remaining for one in self.book.resting(self.now_ms)}
        assert resting == {name: left for name, left in self.left.items() if self.rests(name)}
        assert all(left > 0 for left in resting.values())
        assert self.book.resting(self.now_ms) == self.again.resting(self.now_ms)


def _fields(terms: NewOrder) -> dict[str, object]:
    return {name: getattr(terms, name) for name in NewOrder.__slots__}


TestDryRunBook = DryRunMachine.TestCase
TestDryRunBook.settings = settings(stateful_step_count=30)
