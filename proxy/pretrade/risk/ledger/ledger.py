"""The ledger: what every approved write and every read of the exchange's record add up to. A fold: the same events in
the same order give the same ledger on any machine.

Rule of this file: the gate applies a write at the moment it decides, before anything is awaited, and the start-up
applies the journal's rows in their order; both go through the same functions. Nothing is ever given back by a timer.
"""

from pretrade.model.facts import NamedOrder
from pretrade.model.frozen import replace
from pretrade.model.instance import Mode, TradingState
from pretrade.model.orders import AmendOrder, NewOrder, flags_of, orders_of
from pretrade.model.outcomes import LegOutcome, Outcome, OutcomeState
from pretrade.model.units import Count, Money, parse_decimal
from pretrade.risk.ledger.account import Account
from pretrade.risk.ledger.approved import Approval, Pending, order_key
from pretrade.risk.ledger.confirmations import Confirmations
from pretrade.risk.ledger.day_trades import DayTrades
from pretrade.risk.ledger.dry_run import DryRunBook, DryRunLeg
from pretrade.risk.ledger.dry_run_account import DryRunAccount, DryRunWrite
from pretrade.risk.ledger.live_order import LiveOrder, OrderState, Terms
from pretrade.risk.ledger.preview import added_notional
from pretrade.risk.ledger.stand_in import stand_in, take_place
from pretrade.risk.ledger.worst_case import cost

__all__ = ["ENDED_KEPT", "ENDED_KEPT_MS", "Approval", "Ledger", "Pending", "order_key"]

ENDED_KEPT = 2_000
ENDED_KEPT_MS = 600_000
MOST_ENDED = 50_000
"""Orders that have ended are remembered this long, and the latest few for longer: whose they were, for a client that
cancels one, and that they were ours, for the reading of the exchange's record, which goes back a minute or so. Never
more than MOST_ENDED, some 15 MB: the exchange takes no account's orders fast enough to end so many in a minute."""


class Ledger:
    """The account that is traded, the account of the dry run, what is pending, and the trading states."""

    def __init__(self) -> None:
        """An empty ledger. `money` is, by subaccount, cash, realized and fees as last read; `ended` whose orders those
        were that have ended lately; `baseline_ms` when the exchange's whole record was first read."""
        self.trading_state = TradingState.ACTIVE
        self.client_states: dict[str, TradingState] = {}
        self.live = Account()
        self.dry = DryRunAccount()
        self.pending: dict[str, Pending] = {}
        self.ended: dict[str, tuple[str | None, int]] = {}
        self.orphans: dict[str, LiveOrder] = {}
        self.money: dict[int, tuple[Money, Money, Money]] = {}
        self.baseline_ms: int | None = None
        self.trades = DayTrades()
        self.confirmations = Confirmations()

    @property
    def dry_run(self) -> DryRunBook:
        """The dry run's order book."""
        return self.dry.book

    def account(self, mode: Mode) -> Account:
        """The account that writes of this mode count in."""
        return self.live if mode is Mode.LIVE else self.dry.account

    def state_of(self, client: str) -> TradingState:
        """The trading state of a client by itself; of the whole account where the name is empty."""
        return self.client_states.get(client, TradingState.ACTIVE) if client else self.trading_state

    def set_state(self, client: str, state: TradingState) -> None:
        """Note the trading state of a client, or of the whole account where the name is empty."""
        if not client:
            self.trading_state = state
        elif state is TradingState.ACTIVE:
            self.client_states.pop(client, None)
        else:
            self.client_states[client] = state

    def day_of(self, today: str) -> str:
        """The day to count on: never an earlier one than was counted on before, whatever the clock does."""
        return max(today, self.live.days.latest, self.dry.account.days.latest, self.trades.day)

    def day_orders(self, mode: Mode, day: str) -> int:
        """Orders approved on a day in a mode, by all clients."""
        return self.account(mode).days.orders(day, (None, ""))

    def named(self, order_id: str, client: str, subaccount: int, *, shares: bool) -> NamedOrder:
        """What is known of an order that a client names. One that has no row of ours is the client's where it shares
        its subaccount with nobody."""
        order = self.live.by_order_id(order_id)
        if order is not None:
            is_mine = order.client is None and order.subaccount == subaccount and not shares
            return NamedOrder(order_id, client if is_mine else order.client or "", order.ticker, order.side)
        if order_id in self.ended:
            owner, _ = self.ended[order_id]
            return NamedOrder(order_id, client if owner is None and not shares else owner or "")
        return NamedOrder(order_id, None)

    # What we do

    def approve(self, approval: Approval) -> tuple[DryRunLeg, ...]:
        """Count an approved write. In dry_run also carry it out and give the dry run's answer."""
        account = self.account(approval.mode)
        for place in approval.places:
            account.learn(place)
        account.days.begin(approval.day)
        if approval.pace is not None:
            account.pace.count(approval.client, approval.write, approval.reduces, approval.pace)
        account.groups.approve(approval.write, approval.now_ms)
        if approval.confirmed is not None:
            self.confirmations.use(approval.confirmed)
        if approval.mode is Mode.DRY_RUN:
            return self.dry.approve(
                DryRunWrite(
                    approval.decision_id,
                    approval.client,
                    approval.day,
                    approval.write,
                    self._new_orders(approval),
                    approval.now_ms,
                    approval.by_proxy,
                )
            )
        for order in self._new_orders(approval):
            self.live.put(order, approval.now_ms)
            self.live.days.add(approval.day, order.subaccount, order.ticker, orders=1, notional=order.notional)
        if isinstance(approval.write, AmendOrder):
            self._hold_amend(approval, approval.write)
        self.pending[approval.decision_id] = Pending(
            approval.decision_id, approval.client, approval.subaccount, approval.write, approval.now_ms,
            injected=approval.injected, by_proxy=approval.by_proxy,
        )  # fmt: skip
        return ()

    @staticmethod
    def _new_orders(approval: Approval) -> tuple[LiveOrder, ...]:
        return tuple(_live_order(approval, leg, new) for leg, new in enumerate(orders_of(approval.write)))

    def _hold_amend(self, approval: Approval, write: AmendOrder) -> None:
        order = self.live.by_order_id(write.order_id)
        if order is None:  # only at a start: the row that told of it was lost in a crash
            order = stand_in(approval, write)
            self.live.days.add(order.day, order.subaccount, order.ticker, orders=0, notional=order.notional)
        more = added_notional(order, write)
        terms = Terms(write.price, write.count, approval.decision_id, approval.now_ms)
        day = order.day or approval.day
        # On a later day than the order's own it counts there for good: a day gives back what the order counted on it.
        notional = order.notional + (more if day == approval.day else 0)
        amended = replace(order.amended(terms, write.expiration_time), notional=Money(notional), day=day)
        self.live.put(amended, approval.now_ms)
        self.live.days.add(approval.day, order.subaccount, order.ticker, orders=0, notional=more)

    def sending(self, decision_id: str) -> None:
        """Note that the first byte is about to leave: shown to people, counted no differently."""
        self._mark(decision_id, OrderState.SENDING)

    def lose_sight(self, at_ms: int = 0) -> None:
        """Note that the run which was waiting has ended, at this moment or before: what has no end is unknown."""
        for pending in tuple(self.pending.values()):
            if pending.state is not OrderState.UNKNOWN:
                self._mark(pending.decision_id, OrderState.UNKNOWN, at_ms)

    def _mark(self, decision_id: str, state: OrderState, lost_ms: int = 0) -> None:
        pending = self.pending.get(decision_id)
        if pending is None:
            return
        self.pending[decision_id] = replace(pending, state=state, lost_ms=lost_ms)
        for leg in range(len(orders_of(pending.write))):
            order = self.live.orders.get(order_key(decision_id, leg))
            if order is not None and order.order_id is None:
                self.live.orders[order.key] = replace(order, state=state)

    # What the exchange answers

    def settle(self, decision_id: str, outcome: Outcome, at_ms: int) -> None:
        """Note how a write ended. What is unknown stays and counts: unknown is not failed."""
        pending = self.pending.get(decision_id)
        if pending is None:
            return
        if isinstance(pending.write, AmendOrder):
            self._settle_amend(pending, pending.write, outcome.state, at_ms)
        for leg in range(len(orders_of(pending.write))):
            told = outcome.legs[leg] if leg < len(outcome.legs) else None
            self._settle_leg(order_key(decision_id, leg), outcome.state, told, at_ms)
        if outcome.state is OutcomeState.ACCEPTED:
            group_id = outcome.legs[0].order_id if outcome.legs else None
            self.live.groups.accepted(pending.write, group_id, at_ms, pending.client if pending.by_proxy else "")
        if outcome.state is OutcomeState.UNKNOWN:
            self._mark(decision_id, OrderState.UNKNOWN, at_ms)
        else:
            del self.pending[decision_id]

    def _settle_amend(self, pending: Pending, write: AmendOrder, state: OutcomeState, at_ms: int) -> None:
        order = self.live.by_order_id(write.order_id)
        if order is None or state is OutcomeState.UNKNOWN:
            return
        if state is OutcomeState.ACCEPTED:
            self.live.put(order.amend_answered(pending.decision_id, at_ms, write.expiration_time), at_ms)
        else:
            self.drop_amend(order, pending.decision_id, at_ms)

    def drop_amend(self, order: LiveOrder, decision_id: str, at_ms: int) -> None:
        """Take back the terms of an amend that did not happen, and the notional that they had added."""
        without = order.without_amend(decision_id)
        spare = max(0, order.notional - without.worst_cost)
        self.live.put(replace(without, notional=Money(order.notional - spare)), at_ms)
        self.live.days.add(order.day, order.subaccount, order.ticker, orders=0, notional=-spare)

    def _settle_leg(self, key: str, state: OutcomeState, told: LegOutcome | None, at_ms: int) -> None:
        if key not in self.live.orders:
            return
        state = state if told is None else told.state
        if state is OutcomeState.ACCEPTED and told is not None and told.order_id is not None:
            self._accept(self.live.orders[key], told, told.order_id, at_ms)
        elif state in (OutcomeState.REJECTED, OutcomeState.NOT_SENT, OutcomeState.ABSENT):
            self.give_back(key, at_ms, was_order=state is OutcomeState.REJECTED)

    def _accept(self, order: LiveOrder, told: LegOutcome, order_id: str, at_ms: int) -> None:
        """The answer to a create is believed (orders.md 3): what it says has filled, and what is left.

        Where a read has shown the order already the answer is the older news, and an amend may have changed what is
        left: then its fills alone count.
        """
        filled = _count(told.fill_count)
        total = Count(filled + _count(told.remaining_count))
        is_news = order.order_id is None
        if is_news and not (total or order.is_amending or self.live.by_order_id(order_id)):
            self.end(order.key, at_ms, order_id)  # it came and went, and all that is left of it is its id
            return
        take_place(self.live, order.key, order_id, at_ms)
        order = self.live.orders[order.key]
        terms = (Terms(order.terms[0].price, total), *order.terms[1:]) if is_news else order.terms
        answered = replace(order, order_id=order_id, state=OrderState.RESTING, answered_ms=at_ms, terms=terms)
        self.live.put(answered, at_ms)
        self.fill(order.key, filled, at_ms)
        if not self.live.orders[order.key].remaining:
            self.end(order.key, at_ms)

    def fill(self, key: str, filled: Count, at_ms: int) -> None:
        """Note how much of an order has filled in all, by an answer or a read of it; it counts as a loss at once."""
        order = self.live.orders[key]
        if filled > order.filled:
            self.trades.tell(order, filled - order.filled, at_ms)
        self.live.fill(key, filled, at_ms)

    def give_back(self, key: str, at_ms: int, *, was_order: bool) -> None:
        """Let go of an order that is proven not to be: all its notional, and its number where it never left us."""
        order = self.live.orders[key]
        self.end(key, at_ms)
        if not was_order:
            self.live.days.add(order.day, order.subaccount, order.ticker, orders=-1, notional=0)

    def end(self, key: str, at_ms: int, order_id: str | None = None) -> None:
        """Let go of an order that can fill no more; whose it was is remembered for a while, under the exchange's id.
        That may be told only now."""
        order = self.live.orders[key]
        self.live.close(key, at_ms)
        order_id = order_id or order.order_id
        if order_id is not None:
            self.ended[order_id] = (order.client, at_ms)
            self._forget_ended(at_ms)

    def _forget_ended(self, now_ms: int) -> None:
        while len(self.ended) > ENDED_KEPT:
            oldest = next(iter(self.ended))
            if len(self.ended) <= MOST_ENDED and self.ended[oldest][1] > now_ms - ENDED_KEPT_MS:
                return
            del self.ended[oldest]


def _live_order(approval: Approval, leg: int, new: NewOrder) -> LiveOrder:
    return LiveOrder(
        key=order_key(approval.decision_id, leg),
        client=approval.client,
        subaccount=approval.subaccount,
        ticker=new.ticker,
        side=new.side,
        terms=(Terms(new.price, new.count),),
        state=OrderState.HELD,
        multiplier=approval.multiplier,
        approved_ms=approval.now_ms,
        day=approval.day,
        notional=cost(new.side, new.price, new.count),
        client_order_id=new.client_order_id,
        group_id=new.order_group_id,
        flags=flags_of(new),
    )


def _count(text: str | None) -> Count:
    """A count of an answer that was read before (0.01 contracts). Raises UnitError."""
    return Count(0 if text is None else parse_decimal(text, 2, "a count"))
