"""The ledger: what approvals and ends add up to, and that the journal's rows add up to the same."""

import json

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.builders import order
from tests.kalshi.writes import WRITES

from pretrade.gateway.restore import fold
from pretrade.journal.events import Event, EventKind
from pretrade.kalshi.wire import describe
from pretrade.model.instance import Mode, TradingState
from pretrade.model.orders import CancelAll, CreateBatch, CreateOrder, Write, orders_of
from pretrade.model.outcomes import OutcomeState
from pretrade.risk.ledger import Ledger, Pending

NOW = 1_795_226_000_000
TODAY, TOMORROW = "2026-11-21", "2026-11-22"


def approve(ledger: Ledger, decision_id: str, write: Write, mode: Mode = Mode.LIVE, day: str = TODAY) -> None:
    ledger.approve(decision_id, "bot", mode, day, write, NOW)


def test_batch_legs_count_one_by_one_and_modes_and_days_apart() -> None:
    """Catches a batch that counts as one, and a dry run that uses up the live day."""
    ledger = Ledger()
    approve(ledger, "d-1", CreateBatch((order(), order(), order())))
    approve(ledger, "d-2", CreateOrder(order()), Mode.DRY_RUN)
    approve(ledger, "d-3", CancelAll(0))
    assert [ledger.day_orders(mode, TODAY) for mode in (Mode.LIVE, Mode.DRY_RUN)] == [3, 1]
    approve(ledger, "d-4", CreateOrder(order()), day=TOMORROW)
    assert [ledger.day_orders(Mode.LIVE, day) for day in (TODAY, TOMORROW)] == [3, 1]


def test_the_day_never_goes_back() -> None:
    """Catches a clock set back over midnight, which would give yesterday's unused orders to today."""
    ledger = Ledger()
    assert ledger.day_of(TODAY) == TODAY
    approve(ledger, "d-1", CreateOrder(order()), day=TOMORROW)
    assert ledger.day_of(TODAY) == TOMORROW
    approve(ledger, "d-2", CreateOrder(order()), day=TODAY)
    assert ledger.day_of(TODAY) == TOMORROW


def test_asking_for_the_day_does_not_move_it() -> None:
    """Catches a denied order, or a look at the status, under a clock that is wrong for a moment: it would use up the
    day that nothing was counted on."""
    ledger = Ledger()
    ledger.day_of("2999-01-01")
    assert ledger.day_of(TODAY) == TODAY


def test_unknown_stays_pending_and_every_other_end_does_not() -> None:
    """Unknown is not failed. Catches a hold that is let go because nobody answered."""
    for state in OutcomeState:
        ledger = Ledger()
        approve(ledger, "d-1", CreateOrder(order()))
        ledger.settle("d-1", state)
        assert ("d-1" in ledger.pending) is (state is OutcomeState.UNKNOWN)


def test_an_end_gives_no_order_of_the_day_back() -> None:
    """Catches a day limit that a rejected or unsent order loosens: what was approved was counted."""
    ledger = Ledger()
    approve(ledger, "d-1", CreateOrder(order()))
    ledger.settle("d-1", OutcomeState.REJECTED)
    ledger.settle("d-0", OutcomeState.NOT_SENT)
    assert ledger.day_orders(Mode.LIVE, TODAY) == 1


def test_a_dry_run_is_never_pending() -> None:
    """Nothing was sent, so nothing is open."""
    ledger = Ledger()
    approve(ledger, "d-1", CreateOrder(order()), Mode.DRY_RUN)
    assert ledger.pending == {}
    assert len(ledger.dry_run.resting(NOW)) == 1


MODES = st.sampled_from(Mode)
DAYS = st.integers(1, 9).map(lambda number: f"2026-11-{number:02d}")


EXPIRING = CreateOrder(order(expiration_time=NOW // 1000 + 5_000_000))
SOME_WRITES = st.sampled_from([CreateOrder(order()), CreateBatch((order(), order())), EXPIRING, CancelAll(0)]) | WRITES


class LedgerMachine(RuleBasedStateMachine):
    """Any approvals, ends and halts: the ledger beside plain sums, and beside the fold of the rows written for it."""

    @initialize()
    def begin(self) -> None:
        self.ledger = Ledger()
        self.rows: list[Event] = []
        self.counted: dict[tuple[Mode, str], int] = {}
        self.open: dict[str, Pending] = {}
        self.latest = ""

    def note(self, kind: EventKind, body: dict[str, object], decision_id: str | None = None) -> None:
        """A row as the journal would give it back: through text."""
        number = len(self.rows) + 1
        self.rows.append(Event(number, "", 0, "boot-1", kind, decision_id, json.dumps(body), "", ""))

    @rule(
        mode=MODES, day=DAYS, write=SOME_WRITES, client=st.sampled_from(["bot", "other"]), late_s=st.integers(0, 10**7)
    )
    def approve(self, mode: Mode, day: str, write: Write, client: str, late_s: int) -> None:
        decision_id, counted_on, now_ms = f"d-{len(self.rows)}", self.ledger.day_of(day), NOW + late_s * 1000
        assert counted_on == max(day, self.latest)
        self.ledger.approve(decision_id, client, mode, counted_on, write, now_ms)
        facts = {"day": counted_on, "now_ms": now_ms}
        body = {"verdict": "approved", "client": client, "mode": str(mode), "facts": facts, "request": describe(write)}
        self.note(EventKind.DECISION, body, decision_id)
        self.latest = counted_on
        self.counted[mode, counted_on] = self.counted.get((mode, counted_on), 0) + len(orders_of(write))
        if mode is Mode.LIVE:
            self.open[decision_id] = Pending(decision_id, client, write)

    @rule(mode=MODES, day=DAYS, write=SOME_WRITES)
    def deny(self, mode: Mode, day: str, write: Write) -> None:
        body = {"verdict": "denied", "client": "bot", "mode": str(mode), "facts": {"day": day, "now_ms": NOW}}
        self.note(EventKind.DECISION, {**body, "request": describe(write)}, f"d-{len(self.rows)}")

    @precondition(lambda self: self.open)
    @rule(data=st.data(), state=st.sampled_from(OutcomeState))
    def settle(self, data: st.DataObject, state: OutcomeState) -> None:
        decision_id = data.draw(st.sampled_from([*self.open]), label="decision")
        self.ledger.settle(decision_id, state)
        self.note(EventKind.OUTCOME, {"state": str(state)}, decision_id)
        if state is not OutcomeState.UNKNOWN:
            self.open.pop(decision_id, None)

    @rule(state=st.sampled_from(TradingState))
    def change_state(self, state: TradingState) -> None:
        self.ledger.trading_state = state
        self.note(EventKind.TRADING_STATE, {"state": str(state)})

    @invariant()
    def adds_up(self) -> None:
        assert self.ledger.pending == self.open
        assert self.ledger.day_of("") == self.latest
        assert all(self.ledger.day_orders(*key) == count for key, count in self.counted.items())
        assert all(one.remaining > 0 for one in self.ledger.dry_run.resting(NOW))

    def teardown(self) -> None:
        """A restart gives the same figures again."""
        if not self.rows:
            return
        again = fold(self.rows)
        assert again.trading_state is self.ledger.trading_state
        assert again.pending == self.ledger.pending
        assert again.day_of("") == self.latest
        assert all(again.day_orders(*key) == count for key, count in self.counted.items())
        assert again.dry_run.resting(0) == self.ledger.dry_run.resting(0)
        assert again.dry_run.resting(NOW) == self.ledger.dry_run.resting(NOW)


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(stateful_step_count=20)
