"""One trader's world for the state machine: clients, the ledger with its rows, the way to the exchange, and the truth.

Rule of this file: what can happen, and nothing that checks it (`test_machine`). Whatever is written goes through the
gate's own rows and their text; whatever is read goes through the real reconciliation.
"""

from dataclasses import dataclass, field, replace
from itertools import count as numbers
from typing import Any

from tests.builders import EXCHANGE, markets_for, policy
from tests.risk.kit import NOT_SENT, REJECTED, UNKNOWN, Rows, accepted, state, totals
from tests.risk.tiny_exchange import Resting, TinyExchange, Where
from tests.risk.worst import May

from pretrade.gateway.account.record_wants import FIRST_SINCE_MS, SINCE_MS
from pretrade.gateway.way.records import Judged, approval_of
from pretrade.journal.events import EventKind
from pretrade.model.decisions import Approved, Decision
from pretrade.model.drop_copy import DropCopy, ExchangeOrder, OrderStatus
from pretrade.model.facts import Facts, Place
from pretrade.model.instance import Mode, Role, TradingState
from pretrade.model.orders import (
    AmendOrder,
    CancelAll,
    CancelOrder,
    DecreaseOrder,
    NewOrder,
    SelfTradePrevention,
    Side,
    TimeInForce,
    Write,
    orders_of,
)
from pretrade.model.outcomes import LegOutcome, Outcome, OutcomeState
from pretrade.model.units import Count, Price
from pretrade.policy.schema import Policy
from pretrade.risk.checks.engine import decide
from pretrade.risk.checks.standing_checks import named_orders
from pretrade.risk.ledger.ledger import Ledger
from pretrade.risk.ledger.live_order import OrderState
from pretrade.risk.ledger.preview import Asked, preview
from pretrade.risk.reconciling.reconciliation import reconcile, take_in_some
from pretrade.risk.reconciling.reconciliation_round import BookKey, Findings, Round, Suspect
from pretrade.risk.reconciling.screening import Screening

START_MS = 1_795_226_000_000
SIGNATURE_MS = 60_000
"""The longest that the exchange takes a signature (auth.md 1: production less than 60 s)."""
HIDDEN_MS = 67_000
"""How long a fill of ours that no read has shown yet may be taken to explain what somebody else did to a position."""
PLACES = {
    "KXBTC-A1": Place("KXBTC-A1", "A", "KXBTC", 10_000),
    "KXBTC-A2": Place("KXBTC-A2", "A", "KXBTC", 10_000),
    "KXBTC-B1": Place("KXBTC-B1", "B", "KXBTC", 10_000),
}
CLIENTS = {"momentum-bot": 0, "spread-bot": 1}
"""Each with its subaccount; the second has limits of its own."""
_ENTRY = """  spread-bot:
    key_id: spread-bot-key
    public_key: keys/momentum-bot.pub.pem
    subaccount: 1
    limits:
      market: {max_position: "3", max_exposure: "$2"}
      account: {max_exposure: "$3", max_open_orders: 3}
      day: {max_orders: 12, max_notional: "$8"}

# How much may be asked for"""


def limits(market: tuple[int, int], event: int, series: int, account: tuple[int, int], day: tuple[int, int]) -> Policy:
    """The default policy with these limits; money in dollars."""
    return policy(
        ("\n# How much may be asked for", _ENTRY),
        ("max_orders: 25", f"max_orders: {day[0]}"),
        ('max_notional: "$200"', f'max_notional: "${day[1]}"'),
        ('max_position: "100"', f'max_position: "{market[0]}"'),
        ('max_exposure: "$200"', f'max_exposure: "${market[1]}"'),
        ('max_exposure: "$400"', f'max_exposure: "${event}"'),
        ('max_exposure: "$600"', f'max_exposure: "${series}"'),
        ('max_exposure: "$1000"', f'max_exposure: "${account[0]}"'),
        ("max_open_orders: 50", f"max_open_orders: {account[1]}"),
        ("mode: dry_run", "mode: live"),
    )


POLICIES = (
    limits((6, 4), 6, 9, (10, 9), (40, 30)),
    limits((3, 2), 3, 4, (4, 4), (20, 12)),
    limits((7, 6), 9, 12, (14, 12), (60, 40)),
)
"""As it begins, tighter, looser."""


DONE = May(Side.BID, 0, (1, 0))
"""What may still fill of an order that has ended."""


@dataclass
class Message:
    """An approved write on its way: unsigned until it is sent, then good for as long as its signature."""

    decision_id: str
    write: Write
    signed_ms: int | None = None


@dataclass
class Reading:
    """A reading of the record that is under way: its orders first, its positions later."""

    as_of_ms: int
    started_ms: int
    since_ms: int
    news_ms: int
    orders: tuple[ExchangeOrder, ...]
    began: int
    copy: DropCopy | None = None
    screening: Screening = field(default_factory=Screening)

    def has_news_of(self, order: ExchangeOrder) -> bool:
        """Whether an order in it is no older story: one that had ended before what it goes back to is in the positions
        alone, for a process that has just begun does not know it."""
        return order.status is OrderStatus.RESTING or order.created_ms >= self.news_ms


@dataclass
class Dark:
    """Where somebody traded past us. An order is shown by the next reading; a position alone, or with an order that had
    ended before what the reading goes back to, by two that are far enough apart for no fill of ours to explain it."""

    where: Where
    event: int
    order_id: str | None
    first_ms: int | None = None
    is_over: bool = False

    def show(self, reading: Reading) -> None:
        """A reading was taken in."""
        if reading.began < self.event:
            return
        is_shown = any(order.order_id == self.order_id and reading.has_news_of(order) for order in reading.orders)
        self.is_over = is_shown or (self.first_ms is not None and reading.as_of_ms - self.first_ms >= HIDDEN_MS)
        self.first_ms = self.first_ms or reading.as_of_ms


@dataclass
class Run:
    """What one process knows beside the ledger: what it waits for, and its readings. A crash forgets it."""

    waiting: dict[str, Outcome | None] = field(default_factory=dict)
    suspects: dict[BookKey, Suspect] = field(default_factory=dict)
    as_of_ms: int | None = None
    read_ms: int | None = None


@dataclass
class World:
    """Everything. `real_ms` is the exchange's clock, `skew_ms` how far ours is ahead of it; `durable` the rows that a
    crash leaves; `dark` where somebody traded past us, until the reads that must show it have come in."""

    exchange: TinyExchange = field(default_factory=TinyExchange)
    ledger: Ledger = field(default_factory=Ledger)
    rows: Rows = field(default_factory=Rows)
    run: Run = field(default_factory=Run)
    policy: Policy = POLICIES[0]
    real_ms: int = START_MS
    skew_ms: int = 0
    day: int = 1
    durable: int = 0
    way: list[Message] = field(default_factory=list)
    dark: list["Dark"] = field(default_factory=list)
    shown: list[tuple[int, Where]] = field(default_factory=list)
    events: int = 0
    names: numbers = field(default_factory=lambda: numbers(1))  # type: ignore[type-arg]

    @property
    def now_ms(self) -> int:
        """Our clock."""
        return self.real_ms + self.skew_ms

    @property
    def today(self) -> str:
        """The day by our clock."""
        return f"2026-11-{self.day:02d}"

    # What a client asks for

    def judge(self, client: str, write: Write) -> tuple[str, Decision, Facts]:
        """Decide on a write and, where it is approved, count it and hand its row in: one step, as in the gate."""
        facts = self.facts(client, write)
        decision = decide(write, facts, self.policy)
        decision_id = f"d-{next(self.names)}"
        if isinstance(decision, Approved):
            one = Judged(decision, facts, (), "policy", self.policy.fees.multiplier_ceiling)
            self.ledger.approve(approval_of(one, decision_id))
            self.rows.approved(decision_id, one)
            self.run.waiting[decision_id] = None
            self.way.append(Message(decision_id, write))
        return decision_id, decision, facts

    def facts(self, client: str, write: Write) -> Facts:
        """What the gate would gather."""
        subaccount, ledger, day = CLIENTS[client], self.ledger, self.ledger.day_of(self.today)
        tickers = {new.ticker for new in orders_of(write)} | (
            {write.ticker} if isinstance(write, AmendOrder) else set()
        )
        places = tuple(PLACES[ticker] for ticker in sorted(tickers))
        is_bounded = self.policy.clients[client].limits is not None
        asked = Asked(write, subaccount, day, self.policy.fees.multiplier_ceiling, places, is_bounded)
        seen = preview(ledger.live, asked)
        names = dict.fromkeys(name for _, name in named_orders(write))
        return Facts(
            now_ms=self.now_ms,
            role=Role.W,
            mode=Mode.LIVE,
            trading_state=TradingState.ACTIVE,
            client=client,
            subaccount=subaccount,
            day=day,
            reconciled_ms=None if self.run.read_ms is None else self.real_ms - self.run.read_ms,
            usages=seen.usages,
            reduces=seen.reduces,
            places=places,
            orders=tuple(ledger.named(name, client, subaccount, shares=False) for name in names),
            markets=markets_for(write, self.now_ms),
            exchange=EXCHANGE,
        )

    # The way there and back

    def commit(self) -> None:
        """Everything handed in so far is on disk."""
        self.durable = len(self.rows.events)

    def is_durable(self, decision_id: str) -> bool:
        """Whether the row of a decision is on disk."""
        return any(event.decision_id == decision_id for event in self.rows.events[: self.durable])

    def send(self, message: Message) -> None:
        """Sign and send what is on disk."""
        if message.signed_ms is None and self.is_durable(message.decision_id):
            message.signed_ms = self.now_ms
            self.ledger.sending(message.decision_id)

    def arrive(self, message: Message, fill: int = 0, *, is_lie: bool = False) -> None:
        """A message reaches the exchange, which carries it out and answers; or says so of a change and does nothing."""
        if message.signed_ms is None:
            return
        self.way.remove(message)
        in_time = -5_000 <= self.real_ms - message.signed_ms <= SIGNATURE_MS
        outcome = Outcome(OutcomeState.REJECTED, 401)
        if in_time and is_lie and not orders_of(message.write):
            outcome = Outcome(OutcomeState.ACCEPTED, 200)
        elif in_time:
            outcome = self._carry_out(message, fill)
        if message.decision_id in self.run.waiting:
            self.run.waiting[message.decision_id] = outcome

    def _carry_out(self, message: Message, fill: int) -> Outcome:
        write = message.write
        if orders_of(write):
            legs = tuple(self._create(message.decision_id, new, fill) for new in orders_of(write))
            all_bad = all(leg.state is OutcomeState.REJECTED for leg in legs)
            is_batch = len(legs) > 1
            return REJECTED if all_bad and not is_batch else Outcome(OutcomeState.ACCEPTED, 201, legs)
        return self._change(write, fill)

    def _create(self, decision_id: str, new: NewOrder, fill: int) -> LegOutcome:
        order = self.exchange.create(new, self.real_ms, decision_id)
        if order is None:
            return LegOutcome(OutcomeState.REJECTED, code="order_already_exists")
        self.exchange.trade(order, fill, better=500)
        if new.time_in_force is TimeInForce.IMMEDIATE_OR_CANCEL:
            self.exchange.cancel(order)
        return accepted((order.order_id, order.filled, order.left)).legs[0]

    def _change(self, write: Write, fill: int) -> Outcome:
        if isinstance(write, CancelAll):
            for order in self.exchange.orders.values():
                if order.where[0] == write.subaccount and order.left:
                    self.exchange.cancel(order)
            return Outcome(OutcomeState.ACCEPTED, 204)
        if not isinstance(write, AmendOrder | CancelOrder | DecreaseOrder):
            raise TypeError(write)
        order: Resting | None = self.exchange.orders[write.order_id]
        if isinstance(write, AmendOrder):
            order = self.exchange.amend(write)
        elif order is not None and order.left:
            self.exchange.cancel(order, write.reduce_to or 0 if isinstance(write, DecreaseOrder) else 0)
        else:
            order = None
        if order is None:
            return Outcome(OutcomeState.REJECTED, 404)
        if isinstance(write, AmendOrder):
            self.exchange.trade(order, fill)
        return accepted((order.order_id, order.filled, order.left))

    def answer(self, decision_id: str) -> None:
        """The answer that is there comes in."""
        outcome = self.run.waiting.pop(decision_id)
        if outcome is None:
            raise ValueError(f"nobody has answered {decision_id}")
        self.settle(decision_id, outcome)

    def settle(self, decision_id: str, outcome: Outcome) -> None:
        """Note an end, in the ledger and in the rows."""
        self.ledger.settle(decision_id, outcome, self.now_ms)
        self.rows.ended(decision_id, outcome, self.now_ms)

    def give_up(self, decision_id: str, *, forget: bool) -> None:
        """Nobody answered in time; the answer may still come in unless it is forgotten."""
        self.settle(decision_id, UNKNOWN)
        if forget:
            del self.run.waiting[decision_id]

    def keep_back(self, message: Message) -> None:
        """It was never sent, and never will be."""
        self.way.remove(message)
        self.run.waiting.pop(message.decision_id, None)
        self.settle(message.decision_id, NOT_SENT)

    # Reading the record

    def begin_reading(self, lag_ms: int) -> Reading | None:
        """Ask for the orders; None where our clock is too far behind for what comes back to be believed."""
        if -self.skew_ms > 5_000:
            return None
        news_ms = self.now_ms - FIRST_SINCE_MS if self.run.as_of_ms is None else self.run.as_of_ms - SINCE_MS
        pending = self.ledger.pending.values()
        since_ms = min([news_ms, *(one.sent_ms - SINCE_MS for one in pending if one.state is OrderState.UNKNOWN)])
        asked = frozenset(o.order_id for o in self.ledger.live.orders.values() if o.order_id is not None)
        shown = self.exchange.shown_orders(since_ms, asked)
        return Reading(self.real_ms - lag_ms, self.now_ms, since_ms, news_ms, shown, self.events)

    def read_positions(self, reading: Reading) -> None:
        """Ask for the positions, which ends the reading; it may be taken in later, and is screened before."""
        reading.screening.look(self.ledger, reading.orders)
        reading.copy = DropCopy(
            as_of_ms=reading.as_of_ms,
            started_ms=reading.started_ms,
            positions=self.exchange.shown_positions(),
            orders=reading.orders,
            gone=frozenset(),
            fills=(),
            balances=(),
            groups=(),
            subaccounts=tuple(sorted(CLIENTS.values())),
        )

    def take_in(self, reading: Reading) -> Findings:
        """Hold the ledger against a whole reading, and hand its row in."""
        if reading.copy is None:
            raise ValueError("a part of a reading is not a reading")
        round_ = Round(
            copy=reading.copy,
            since_ms=reading.since_ms,
            news_ms=reading.news_ms,
            before_ms=self.run.as_of_ms,
            places=PLACES,
            settled=frozenset(),
            suspects=self.run.suspects,
            multiplier=self.policy.fees.multiplier_ceiling,
            screening=reading.screening,
        )
        telling = reading.screening.others(self.ledger, reading.copy.orders)
        for order in telling[:-2]:  # as of many orders the first ones are: ahead of the rest, in rows of their own
            self.rows.read(*take_in_some(self.ledger, round_, (order,)).changes)
        found = reconcile(self.ledger, round_)
        self.rows.read(*found.changes)
        self.run.suspects, self.run.as_of_ms = found.suspects, reading.as_of_ms
        self.run.read_ms = self.real_ms
        for one in self.dark:
            one.show(reading)
        self.shown += [(len(self.rows.events), one.where) for one in self.dark if one.is_over]
        self.dark = [one for one in self.dark if not one.is_over]
        return found

    # Others, and accidents

    def darken(self, where: Where, order_id: str | None = None) -> None:
        """Somebody traded past us: what is true there need not be known until the reads that must show it are in."""
        self.events += 1
        self.dark.append(Dark(where, self.events, order_id))

    def crash(self, *, from_snapshot: bool) -> None:
        """The process dies; the next one begins with what is on disk. A reading whose row is lost showed nothing, and
        how long a position has differed is forgotten: what a fill of ours may explain has its time from the start."""
        for one in self.dark:
            one.first_ms = None
        for where in [where for row, where in self.shown if row > self.durable]:
            self.darken(where)
        self.shown = [one for one in self.shown if one[0] <= self.durable]
        del self.rows.events[self.durable :]
        on_disk = {event.decision_id for event in self.rows.events}
        self.way = [one for one in self.way if one.decision_id in on_disk and one.signed_ms is not None]
        self.ledger = self.restored(from_snapshot=from_snapshot)
        self.ledger.lose_sight(self.now_ms)
        self.run = Run()

    def losable(self) -> list[int]:
        """The rows, by their place, that a power cut may take and leave later ones: answers, for whose rows nobody
        waits, behind the last snapshot."""
        kinds = [event.kind for event in self.rows.events[: self.durable]]
        last = max((place for place, kind in enumerate(kinds) if kind is EventKind.SNAPSHOT), default=-1)
        return [place for place, kind in enumerate(kinds) if kind is EventKind.OUTCOME and place > last]

    def lose(self, place: int) -> None:
        """A row is not on the disk, and those behind it are."""
        del self.rows.events[place]
        self.durable -= 1
        self.shown = [(row - (row > place), where) for row, where in self.shown]

    def restored(self, *, from_snapshot: bool) -> Ledger:
        """The ledger that a start makes of the rows."""
        last = 0
        for number, event in enumerate(self.rows.events, 1):
            last = number if event.kind is EventKind.SNAPSHOT else last
        if not from_snapshot or not last:
            return self.rows.fold()
        return self.rows.fold(last, self.rows.snapshot(last))

    def snapshot(self) -> None:
        """A row with the whole ledger in it."""
        self.rows.take_snapshot(self.ledger)

    # What is true

    def used(self, decision_id: str) -> list[tuple[Resting | None, May, int]]:
        """The orders of a decision that were taken in or may be: the order, what may fill, and what was paid."""
        there = [one for one in self.exchange.orders.values() if one.origin == decision_id]
        coming = [
            May(new.side, 0, (new.price, new.count))
            for message in self.way
            if message.decision_id == decision_id and self.can_arrive(message)
            for new in orders_of(message.write)
            if new.client_order_id not in self.exchange.taken
        ]
        return [(one, self.may(one) if one.left else DONE, one.paid) for one in there] + [(None, m, 0) for m in coming]

    def may_fill(self, where: Where) -> tuple[May, ...]:
        """Every order that may still fill in a market: at the exchange, and on the way there."""
        at_exchange = [self.may(order) for order in self.exchange.open_orders(where)]
        on_the_way = [
            May(new.side, 0, (new.price, new.count))
            for message in self.way
            if self.can_arrive(message)
            for new in orders_of(message.write)
            if (new.subaccount or 0, new.ticker) == where and new.client_order_id not in self.exchange.taken
        ]
        return tuple(sorted((*at_exchange, *on_the_way), key=repr))

    def may(self, order: Resting) -> May:
        """An order at the exchange with every amend that may still reach it."""
        coming = tuple(
            (one.write.price, one.write.count)
            for one in self.way
            if isinstance(one.write, AmendOrder) and one.write.order_id == order.order_id and self.can_arrive(one)
        )
        return May(order.side, order.filled, (order.price, order.total), coming)

    def can_arrive(self, message: Message) -> bool:
        """Whether the exchange may still carry a message out."""
        return message.signed_ms is None or self.real_ms - message.signed_ms <= SIGNATURE_MS

    def same_ledger(self, other: Ledger) -> bool:
        """Whether another ledger is this one, but for what a process alone knows (what it is sending now)."""
        return _plain(self.ledger) == _plain(other)


def _plain(ledger: Ledger) -> dict[str, Any]:
    """Everything in a ledger that rows must bring back, read from the ledger itself and not from a state of it."""
    whole, live = state(ledger), ledger.live
    under_way = (OrderState.HELD, OrderState.SENDING, OrderState.UNKNOWN)
    orders = (replace(o, state=OrderState.HELD) if o.state in under_way else o for o in live.orders.values())
    return {
        "orders": {order.key: order for order in orders},
        "books": {key: (book.state(), book.worst_position(), book.exposure()) for key, book in live.books()},
        "days": live.days.items(),
        "pending": {name: (one.client, one.write, one.silent) for name, one in ledger.pending.items()},
        "totals": totals(ledger),
        "rest": (
            whole.trading_state,
            whole.client_states,
            whole.ended,
            whole.orphans,
            whole.money,
            whole.live.groups,
            whole.live.pace,
            whole.baseline_ms,
        ),
    }


def new_order(ticker: str, side: Side, price: int, whole: int, client: str, name: str, *, rests: bool) -> NewOrder:
    """One order as the gate has written it out."""
    return NewOrder(
        ticker=ticker,
        side=side,
        count=Count(whole * 100),
        price=Price(price),
        time_in_force=TimeInForce.GOOD_TILL_CANCELED if rests else TimeInForce.IMMEDIATE_OR_CANCEL,
        self_trade_prevention_type=SelfTradePrevention.TAKER_AT_CROSS,
        client_order_id=name,
        subaccount=CLIENTS[client],
    )
