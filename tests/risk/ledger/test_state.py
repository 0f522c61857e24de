"""A snapshot is the ledger: over random histories, through real JSON text, and beside the fold of the same rows."""

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.builders import TICKER, amend, order
from tests.kalshi.writes import WRITES
from tests.risk.kit import (
    NOT_SENT,
    NOW,
    PLACE,
    REJECTED,
    UNKNOWN,
    Rows,
    accepted,
    facts_of,
    judged,
    live_order,
    state,
    through_text,
    totals,
)

from pretrade.gateway.way.records import approval_of
from pretrade.journal.events import EventKind
from pretrade.model.facts import Place
from pretrade.model.instance import Mode, TradingState
from pretrade.model.orders import AmendOrder, CancelAll, CreateBatch, CreateOrder, Side, Write, orders_of
from pretrade.model.outcomes import Outcome
from pretrade.model.units import Count, Money, Price
from pretrade.risk.ledger.book import Held
from pretrade.risk.ledger.changes import (
    AmendAbsent,
    BaselineRead,
    Change,
    GroupsRead,
    MoneyRead,
    OrderAbsent,
    OrderRead,
    OrphanExplained,
    OrphanOrder,
    PlaceLearned,
    PositionAdopted,
    PositionSeen,
    Silent,
    WriteResolved,
)
from pretrade.risk.ledger.dry_run import order_id
from pretrade.risk.ledger.learning import learn
from pretrade.risk.ledger.ledger import Ledger

DAYS = st.integers(1, 9).map(lambda number: f"2026-11-{number:02d}")
OWN_IDS = st.sampled_from([None, "c-1", "c-2"])
OURS = st.builds(
    lambda own_id, side, expires: CreateOrder(
        order(client_order_id=own_id, side=side, expiration_time=NOW // 1000 + 60 if expires else None)
    ),
    OWN_IDS,
    st.sampled_from(Side),
    st.booleans(),
)
SOME_WRITES: st.SearchStrategy[Write] = (
    OURS | st.sampled_from([CreateBatch((order(), order())), CancelAll(0)]) | WRITES
).filter(lambda write: not isinstance(write, AmendOrder))
COUNTS = st.integers(0, 1_500).map(Count)
HELD = st.builds(Held, st.integers(-900, 900).map(Count), st.integers(0, 10**7).map(Money))
PLACES = st.builds(Place, st.sampled_from([TICKER, "OTHER"]), st.sampled_from("EF"), st.sampled_from("ST"))


class HistoryMachine(RuleBasedStateMachine):
    """Any history at all: what it leaves is the same in memory, in the rows, and in a snapshot with the rest."""

    @initialize()
    def begin(self) -> None:
        self.ledger, self.rows = Ledger(), Rows()
        self.taken: tuple[int, Ledger] | None = None
        self.now_ms = NOW
        self.approve(Mode.LIVE, "2026-11-01", CreateOrder(order()), "momentum-bot", 0)

    def next_id(self) -> str:
        return f"d-{len(self.rows.events)}"

    @rule(
        mode=st.sampled_from(Mode), day=DAYS, write=SOME_WRITES, client=st.sampled_from("ab"), later=st.integers(0, 40)
    )
    def approve(self, mode: Mode, day: str, write: Write, client: str, later: int) -> None:
        self.now_ms += later * 1_000
        on = facts_of(mode=mode, day=self.ledger.day_of(day), client=client, now_ms=self.now_ms, places=(PLACE,))
        name, one = self.next_id(), judged(write, on)
        self.ledger.approve(approval_of(one, name))
        self.rows.approved(name, one)

    @precondition(lambda self: any(one.order_id for one in self.ledger.live.orders.values()))
    @rule(data=st.data(), day=DAYS, price=st.integers(1, 9_999), count=st.integers(1, 2_000))
    def amend_live(self, data: st.DataObject, day: str, price: int, count: int) -> None:
        named = [one for one in self.ledger.live.orders.values() if one.order_id]
        one = data.draw(st.sampled_from(named), label="order")
        write = amend(order_id=one.order_id, side=one.side, ticker=one.ticker)
        self.approve(Mode.LIVE, day, replace(write, price=Price(price), count=Count(count)), "a", 1)

    @rule(number=st.integers(0, 9), price=st.integers(1, 9_999), expiry=st.sampled_from([None, 0, NOW // 1000 + 30]))
    def amend_dry(self, number: int, price: int, expiry: int | None) -> None:
        write = amend(order_id=order_id(f"d-{number}", 0), expiration_time=expiry)
        self.approve(Mode.DRY_RUN, "2026-11-01", replace(write, price=Price(price)), "a", 1)

    @precondition(lambda self: self.ledger.pending)
    @rule(data=st.data(), end=st.sampled_from([REJECTED, NOT_SENT, UNKNOWN, None, None]), filled=COUNTS, left=COUNTS)
    def settle(self, data: st.DataObject, end: Outcome | None, filled: int, left: int) -> None:
        name = data.draw(st.sampled_from([*self.ledger.pending]), label="decision")
        legs = len(orders_of(self.ledger.pending[name].write))
        told = end or accepted(*((f"x-{name}-{leg}", filled, left) for leg in range(legs)))
        self.ledger.settle(name, told, self.now_ms)
        self.rows.ended(name, told, self.now_ms)

    @rule(data=st.data())
    def read(self, data: st.DataObject) -> None:
        change = data.draw(self.changes(), label="change")
        learn(self.ledger, change)
        self.rows.read(change)

    def changes(self) -> st.SearchStrategy[Change]:
        """Any change, about what is there and what is not."""
        keys, names = (
            st.sampled_from([*self.ledger.live.orders, "gone/0"]),
            st.sampled_from([*self.ledger.pending, "d-0"]),
        )
        number = len(self.rows.events)
        orphan = live_order(f"exchange/y-{number}", client=None, order_id=f"y-{number}", approved_ms=self.now_ms)
        at_ms, prices = st.just(self.now_ms), st.integers(1, 9_999).map(Price)
        books = {"subaccount": st.integers(0, 1), "ticker": st.sampled_from([TICKER, "OTHER"])}
        return (
            st.builds(
                OrderRead,
                keys,
                st.just(f"z-{number}"),
                COUNTS,
                COUNTS,
                prices,
                st.booleans(),
                at_ms,
                names.map(lambda n: (n,)),
            )
            | st.builds(OrderAbsent, keys, at_ms)
            | st.builds(OrphanOrder, st.just(orphan), st.booleans(), at_ms)
            | st.builds(AmendAbsent, keys, names, at_ms)
            | st.builds(Silent, names, keys | st.just(""))
            | st.builds(WriteResolved, names)
            | st.builds(PositionSeen, **books, held=st.none() | HELD)
            | st.builds(PositionAdopted, **books, held=HELD)
            | st.builds(PlaceLearned, PLACES)
            | st.builds(MoneyRead, st.integers(0, 2), *[st.integers(-9, 9).map(Money)] * 3)
            | st.builds(
                GroupsRead,
                st.sampled_from([(), (("g-1", 0),), (("g-2", 1), ("g-1", 0))]),
                st.sampled_from([(), (("g-1", 500),)]),
            )
            | st.builds(OrphanExplained, st.sampled_from([*self.ledger.orphans, "y-0"]))
            | st.builds(BaselineRead, at_ms)
        )

    @rule(to=st.sampled_from(TradingState), client=st.sampled_from(["", "a", "b"]), is_old=st.booleans())
    def stop(self, to: TradingState, client: str, is_old: bool) -> None:
        """A row of before clients had states of their own names none."""
        self.ledger.set_state("" if is_old else client, to)
        self.rows.add(EventKind.TRADING_STATE, {"state": str(to)} | ({} if is_old else {"client": client}))

    @rule()
    def take_a_snapshot(self) -> None:
        self.taken = (len(self.rows.events), through_text(self.ledger))

    @invariant()
    def a_snapshot_is_the_ledger(self) -> None:
        again = through_text(self.ledger)
        assert state(again) == state(self.ledger)
        assert totals(again) == totals(self.ledger)

    def teardown(self) -> None:
        """The rows, and a snapshot with the rows after it, give the same ledger."""
        if not hasattr(self, "rows"):
            return
        ledgers = [self.rows.fold()] + ([self.rows.fold(*self.taken)] if self.taken else [])
        for again in ledgers:
            assert state(again) == state(self.ledger)
            assert totals(again) == totals(self.ledger)
            assert again.dry_run.resting(0) == self.ledger.dry_run.resting(0)


TestHistory = HistoryMachine.TestCase
TestHistory.settings = settings(max_examples=settings.default.max_examples // 2, stateful_step_count=20)
