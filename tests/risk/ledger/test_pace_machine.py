"""Every limit on pace at once, beside an oracle that keeps everything for ever: any order of orders, amends, answers,
restarts, snapshots and set clocks.

Rule of this file: the oracle knows what the limits promise, in lists; it shares no reckoning with the product.
"""

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.builders import amend, order
from tests.gateway.way.test_pace import Hands
from tests.risk.kit import NOW, REJECTED, UNKNOWN, state, through_text
from tests.risk.pacekit import Desk, pace_policy

from pretrade.gateway.way.pace import PaceClock
from pretrade.model.orders import AmendOrder, CreateBatch, CreateOrder, NewOrder, Side, Write, orders_of
from pretrade.model.outcomes import Outcome
from pretrade.risk.ledger.changes import Change, OrderAbsent, WriteResolved
from pretrade.risk.ledger.learning import learn
from pretrade.risk.ledger.ledger import order_key

BURST, RATE, MAX_SAME, SAME_MS, WALK_MS, WALK = 4, 2, 2, 3_000, 5_000, 1_500
"""Orders, orders a second, the same orders, and how far a price may walk in $0.0001."""
_SECOND = "  spread-bot: {key_id: k2, public_key: keys/2.pem, subaccount: 1}\n"
POLICY = pace_policy(
    ("\n# How much may be asked for", _SECOND + "\n# How much may be asked for"),
    ("place: 10/s", f"place: {RATE}/s"),
    ("amend: 10/s", f"amend: {RATE}/s"),
    ("burst: 20", f"burst: {BURST}"),
    ("max_same_order: 3", f"max_same_order: {MAX_SAME}"),
    ("within: 10s", "within: 3s"),
    ("within: 60s", "within: 5s"),
)
CLIENTS = st.sampled_from(["momentum-bot", "spread-bot"])
LEGS = st.builds(
    lambda ticker, side, price: order("1.00", f"0.{price}000", ticker=ticker, side=side),
    st.sampled_from(["KXBTC-1", "KXBTC-2"]),
    st.sampled_from(Side),
    st.sampled_from([3, 4, 5, 6]),
)
type Key = tuple[str, Side, int]


def key_of(one: NewOrder) -> Key:
    """What makes an order here the same as another: everything else is equal."""
    return one.ticker, one.side, one.price


@dataclass
class Oracle:
    """Everything that was approved: (moment, kind) of each item, (moment, client, key) of each order, (moment, client,
    market, side, price) of each price; and the orders without an answer as (client, decision, leg) to their keys."""

    items: list[tuple[int, str]] = field(default_factory=list)
    orders: list[tuple[int, str, Key]] = field(default_factory=list)
    prices: list[tuple[int, str, str, Side, int]] = field(default_factory=list)
    open: dict[tuple[str, str, int], Key] = field(default_factory=dict)

    def codes(self, now_ms: int, client: str, write: Write, reduces: tuple[bool, ...]) -> set[str]:
        """Every reason against a write."""
        legs: tuple[NewOrder | AmendOrder, ...] = (write,) if isinstance(write, AmendOrder) else orders_of(write)
        opening = [one for number, one in enumerate(legs) if not (number < len(reduces) and reduces[number])]
        kind = "amend" if isinstance(write, AmendOrder) else "place"
        found = set()
        starts = {at_ms for at_ms, was in self.items if was == kind} | {now_ms}
        for start in starts if opening else ():
            in_window = sum(was == kind and at_ms >= start for at_ms, was in self.items) + len(opening)
            if 1_000 * (in_window - BURST) > RATE * (now_ms - start):
                found.add(f"{kind.upper()}_RATE_EXCEEDS_MAXIMUM")
        for number, one in enumerate(opening):
            found |= self._order_codes(now_ms, client, one, opening[:number])
        return found

    def _order_codes(
        self, now_ms: int, client: str, one: NewOrder | AmendOrder, before: list[NewOrder | AmendOrder]
    ) -> set[str]:
        found = set()
        if isinstance(one, NewOrder):
            lately = sum(
                (who, key) == (client, key_of(one)) and at_ms >= now_ms - SAME_MS for at_ms, who, key in self.orders
            )
            if lately + sum(isinstance(two, NewOrder) and key_of(two) == key_of(one) for two in before) >= MAX_SAME:
                found.add("ORDER_REPEATED")
            if any(who == client and key == key_of(one) for (who, _, _), key in self.open.items()):
                found.add("DUPLICATE_IN_FLIGHT")
        sign = 1 if one.side is Side.BID else -1
        known = [
            price
            for at_ms, who, ticker, side, price in self.prices
            if (who, ticker, side) == (client, one.ticker, one.side) and at_ms >= now_ms - WALK_MS
        ] + [two.price for two in before if (two.ticker, two.side) == (one.ticker, one.side)]
        if any(sign * (one.price - price) > WALK for price in known):
            found.add("PRICE_WALK_EXCEEDS_MAXIMUM")
        return found

    def approved(self, now_ms: int, client: str, write: Write, reduces: tuple[bool, ...], name: str) -> None:
        """Keep what was approved; what only reduces counts in nothing but as an order without an answer."""
        legs: tuple[NewOrder | AmendOrder, ...] = (write,) if isinstance(write, AmendOrder) else orders_of(write)
        for number, one in enumerate(legs):
            if isinstance(one, NewOrder):
                self.open[client, name, number] = key_of(one)
            if number < len(reduces) and reduces[number]:
                continue
            self.items.append((now_ms, "place" if isinstance(one, NewOrder) else "amend"))
            self.prices.append((now_ms, client, one.ticker, one.side, one.price))
            if isinstance(one, NewOrder):
                self.orders.append((now_ms, client, key_of(one)))

    def answered(self, name: str) -> None:
        """Nothing about a decision is open any more."""
        self.open = {one: key for one, key in self.open.items() if one[1] != name}


class PaceMachine(RuleBasedStateMachine):
    """Two clients at one desk. The proxy's clocks are hands that somebody moves."""

    @initialize()
    def begin(self) -> None:
        self.desk, self.oracle, self.hands = Desk(POLICY), Oracle(), Hands(NOW, 50_000)
        self.names, self.snapshot, self.rows_before = 0, through_text(self.desk.ledger), 0
        self.clock = PaceClock(self.hands.clock, 0)
        self.base_ms = NOW - 50_000

    @property
    def now_ms(self) -> int:
        """The oracle's own pace clock."""
        return self.base_ms + self.hands.monotonic_ms

    def ask(self, client: str, write: Write, reduces: tuple[bool, ...]) -> None:
        """The product and the oracle say the same."""
        self.desk.now_ms = self.clock.now_ms()
        expected = self.oracle.codes(self.now_ms, client, write, reduces)
        assert set(self.desk.ask(write, client, reduces)) == expected
        if not expected:
            self.oracle.approved(self.now_ms, client, write, reduces, self.desk.last)

    @rule(client=CLIENTS, legs=st.lists(LEGS, min_size=1, max_size=5), reduces=st.lists(st.booleans(), max_size=2))
    def write(self, client: str, legs: list[NewOrder], reduces: list[bool]) -> None:
        write = CreateOrder(legs[0]) if len(legs) == 1 else CreateBatch(tuple(legs))
        self.ask(client, write, tuple(reduces) if reduces and all(reduces[:1]) else ())

    @rule(client=CLIENTS, leg=LEGS, times=st.integers(2, 4))
    def again_and_again(self, client: str, leg: NewOrder, times: int) -> None:
        for _ in range(times):
            self.ask(client, CreateOrder(leg), ())
            if self.desk.ledger.pending:
                self.end(next(reversed(self.desk.ledger.pending)), None)

    @precondition(lambda self: any(one.order_id for one in self.desk.ledger.live.orders.values()))
    @rule(client=CLIENTS, price=st.integers(3, 6), data=st.data(), reduces=st.booleans())
    def amend(self, client: str, price: int, data: st.DataObject, reduces: bool) -> None:
        named = [one for one in self.desk.ledger.live.orders.values() if one.order_id]
        one = data.draw(st.sampled_from(named), label="order")
        changed = amend("1.00", f"0.{price}000", order_id=one.order_id, ticker=one.ticker, side=one.side)
        self.ask(client, changed, (reduces,))

    def end(self, name: str, outcome: Outcome | None) -> None:
        """An answer comes in; an unknown end is none."""
        self.desk.end(name, outcome)
        if outcome is not UNKNOWN:
            self.oracle.answered(name)

    @precondition(lambda self: self.desk.ledger.pending)
    @rule(data=st.data(), outcome=st.sampled_from([None, None, None, REJECTED, UNKNOWN]))
    def answer(self, data: st.DataObject, outcome: Outcome | None) -> None:
        self.end(data.draw(st.sampled_from([*self.desk.ledger.pending]), label="decision"), outcome)

    @precondition(lambda self: self.desk.ledger.pending)
    @rule(data=st.data())
    def find_out(self, data: st.DataObject) -> None:
        """The exchange's record shows that a write never came."""
        name = data.draw(st.sampled_from([*self.desk.ledger.pending]), label="decision")
        legs = range(len(orders_of(self.desk.ledger.pending[name].write)))
        absent: list[Change] = [OrderAbsent(order_key(name, leg), NOW) for leg in legs]
        for change in (*absent, WriteResolved(name)):
            learn(self.desk.ledger, change)
        self.desk.rows.read(*absent, WriteResolved(name))
        self.oracle.answered(name)

    @rule(later=st.sampled_from([0, 1, 499, 500, 501, 1_000, 2_999, 3_000, 3_001, 5_000, 5_001]))
    def time_passes(self, later: int) -> None:
        self.hands.monotonic_ms += later
        self.hands.wall_ms += later

    @rule(jump=st.sampled_from([-3_600_000, -2_000, 2_000, 3_600_000]))
    def somebody_sets_the_clock(self, jump: int) -> None:
        self.hands.wall_ms += jump

    @rule()
    def take_a_snapshot(self) -> None:
        self.snapshot, self.rows_before = through_text(self.desk.ledger), len(self.desk.rows.events)

    @rule(down=st.sampled_from([0, 400, 4_000]), from_snapshot=st.booleans())
    def restart(self, down: int, from_snapshot: bool) -> None:
        """The machine is started anew as well, so that its monotonic clock begins again."""
        self.hands.wall_ms += down
        self.hands.monotonic_ms = 1_000
        rows = self.desk.rows
        ledger = rows.fold(self.rows_before, through_text(self.snapshot)) if from_snapshot else rows.fold()
        ledger.lose_sight(NOW)
        self.desk.ledger = ledger
        self.clock = PaceClock(self.hands.clock, ledger.live.pace.latest_ms)
        latest_ms = max((at_ms for at_ms, _ in self.oracle.items), default=0)
        self.base_ms = max(self.hands.wall_ms, latest_ms) - 1_000

    @invariant()
    def the_rows_say_the_same(self) -> None:
        assert state(self.desk.rows.fold()).live.pace == state(self.desk.ledger).live.pace


TestPaceMachine = PaceMachine.TestCase
TestPaceMachine.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
