"""The program's side: the oracle's events and questions put to the ledger and to `decide`, its figures read back.

Rule of this file: translation and nothing else. What the oracle says in Fractions goes in as the program's integers,
and comes back as Fractions.
"""

from dataclasses import replace
from fractions import Fraction

from tests.oracle import account as oracle
from tests.oracle import formula
from tests.oracle.intents import Amend, Asker, Exit, Intent, New
from tests.oracle.seen import Flags, Sky
from tests.oracle.sights import clear, exchange_of, markets_of
from tests.oracle.units import NOW_MS, count_of, money_of, price_of, whole

from pretrade.model.decisions import Approved
from pretrade.model.facts import Facts, NamedOrder, Place
from pretrade.model.instance import Mode, Role, TradingState
from pretrade.model.orders import (
    AmendOrder,
    CancelOrder,
    CreateBatch,
    CreateOrder,
    NewOrder,
    SelfTradePrevention,
    Side,
    TimeInForce,
    Write,
)
from pretrade.model.outcomes import LegOutcome, Outcome, OutcomeState
from pretrade.model.units import Count, format_count
from pretrade.policy.schema import Policy
from pretrade.risk.checks.engine import decide
from pretrade.risk.ledger.book import Held
from pretrade.risk.ledger.changes import OrderRead, OrphanOrder, PositionAdopted, PositionSeen
from pretrade.risk.ledger.learning import learn
from pretrade.risk.ledger.ledger import Approval, Ledger
from pretrade.risk.ledger.live_order import LiveOrder, OrderState, Terms
from pretrade.risk.ledger.preview import Asked, preview


def order_id(key: str) -> str:
    """The exchange's id of an order of the oracle's."""
    return f"x-{key}"


def new_order(new: New) -> NewOrder:
    """One order to create."""
    return NewOrder(
        ticker=new.ticker,
        side=Side(new.side),
        count=count_of(new.count),
        price=price_of(new.price),
        time_in_force=TimeInForce(new.flags.time_in_force),
        self_trade_prevention_type=SelfTradePrevention(new.flags.self_trade_prevention),
        expiration_time=expiry(new.flags),
        post_only=new.flags.post_only,
        reduce_only=new.flags.reduce_only,
        cancel_order_on_pause=new.flags.cancel_order_on_pause,
        subaccount=new.subaccount,
    )


def expiry(flags: Flags) -> int | None:
    """When an order ends, in seconds since 1970; zero stays zero."""
    return NOW_MS // 1_000 + flags.expires if flags.expires else flags.expires


def write_of(intent: Intent) -> Write:
    """What a client asks for, as the program has it."""
    match intent:
        case Amend(key, ticker, side, price, count, flags):
            terms = (Side(side), price_of(price), count_of(count))
            return AmendOrder(order_id(key), ticker, *terms, expiration_time=expiry(flags))
        case Exit(key, subaccount):
            return CancelOrder(order_id(key), subaccount=subaccount)
        case (New() as new,):
            return CreateOrder(new_order(new))
        case news:
            return CreateBatch(tuple(new_order(new) for new in news))


class Product:
    """The program's ledger, told the same as the oracle's account."""

    def __init__(self, places: dict[str, tuple[str, str]]) -> None:
        self.ledger = Ledger()
        self.places = tuple(Place(ticker, event, series) for ticker, (event, series) in places.items())
        for place in self.places:
            self.ledger.live.learn(place)

    # What happens

    def approve(self, decision: str, intent: Intent, asker: Asker, multiplier: Fraction) -> None:
        """A write is approved."""
        self.ledger.approve(
            Approval(
                decision_id=decision,
                client=asker.client,
                subaccount=asker.subaccount,
                mode=Mode.LIVE,
                day=asker.day,
                write=write_of(intent),
                now_ms=NOW_MS,
                multiplier=whole(multiplier * 10_000),
                places=self.places_of(write_of(intent)),
            )
        )

    def answer(self, decision: str, legs: list[tuple[str, Fraction, Fraction] | None]) -> None:
        """The exchange answered a create: per order its key, what filled and what is left, or None for a rejection."""
        told = tuple(LegOutcome(OutcomeState.REJECTED) if leg is None else accepted(*leg) for leg in legs)
        rejected = OutcomeState.REJECTED if not any(legs) else OutcomeState.ACCEPTED
        self.ledger.settle(decision, Outcome(rejected, 201, told), NOW_MS)

    def end(self, decision: str, state: str) -> None:
        """A write ended as a whole: accepted (an amend), rejected, not sent, unknown."""
        self.ledger.settle(decision, Outcome(OutcomeState(state)), NOW_MS)

    def fill(self, key: str, filled: Fraction) -> None:
        """So much of an order has filled in all."""
        self.ledger.live.fill(key, count_of(filled), NOW_MS)
        if not self.ledger.live.orders[key].remaining:
            self.ledger.end(key, NOW_MS)

    def read(self, key: str, price: Fraction, total: Fraction, filled: Fraction) -> None:
        """The exchange shows an order: its terms are these and no others."""
        terms = (count_of(filled), count_of(total), price_of(price))
        learn(self.ledger, OrderRead(key, order_id(key), *terms, is_open=True, at_ms=NOW_MS))

    def canceled(self, key: str) -> None:
        """The exchange shows an order that can fill no more, with the fills that we know."""
        order = self.ledger.live.orders[key]
        terms = (order.filled, order.terms[0].total, order.terms[0].price)
        learn(self.ledger, OrderRead(key, order_id(key), *terms, is_open=False, at_ms=NOW_MS))

    def show(self, where: oracle.Where, held: formula.Held | None) -> None:
        """The exchange shows another position than ours."""
        learn(self.ledger, PositionSeen(*where, None if held is None else held_of(held)))

    def state(self, where: oracle.Where, held: formula.Held) -> None:
        """The exchange's position is taken for ours."""
        learn(self.ledger, PositionAdopted(*where, held_of(held)))

    def orphan(self, order: oracle.Order) -> None:
        """An order turned up that has no row of ours."""
        live = LiveOrder(
            key=order.key,
            client=None,
            subaccount=order.subaccount,
            ticker=order.ticker,
            side=Side(order.side),
            terms=(Terms(price_of(order.price), count_of(order.left)),),
            state=OrderState.RESTING,
            multiplier=whole(order.multiplier * 10_000),
            approved_ms=NOW_MS,
            order_id=order_id(order.key),
        )
        learn(self.ledger, OrphanOrder(live, is_open=True, at_ms=NOW_MS))

    # What it says

    def verdict(self, intent: Intent, policy: Policy, asker: Asker, sky: Sky | None = None) -> set[str]:
        """The codes that `decide` denies a write with, under a clear sky where no other is given."""
        above = sky or clear(place.ticker for place in self.places)
        now = replace(self.facts(intent, policy, asker), markets=markets_of(above), exchange=exchange_of(above))
        decision = decide(write_of(intent), now, policy)
        return set() if isinstance(decision, Approved) else {str(check.code) for check in decision.reasons}

    def facts(self, intent: Intent, policy: Policy, asker: Asker) -> Facts:
        """The facts, gathered as the gate gathers them; the ledger was reconciled a moment ago."""
        write = write_of(intent)
        ceiling, bounded = policy.fees.multiplier_ceiling, policy.clients[asker.client].limits is not None
        asked = Asked(write, asker.subaccount, asker.day, ceiling, self.places_of(write), bounded)
        seen = preview(self.ledger.live, asked)
        return Facts(
            now_ms=NOW_MS,
            role=Role(asker.role),
            mode=Mode.LIVE,
            trading_state=TradingState(asker.state),
            client=asker.client,
            subaccount=asker.subaccount,
            day=asker.day,
            shares_subaccount=asker.shares,
            reconciled_ms=0,
            usages=seen.usages,
            reduces=seen.reduces,
            places=self.places_of(write),
            orders=self.named(intent, asker),
        )

    def named(self, intent: Intent, asker: Asker) -> tuple[NamedOrder, ...]:
        """The order that a write names, as the ledger knows it."""
        if not isinstance(intent, Amend | Exit):
            return ()
        name = order_id(intent.key)
        return (self.ledger.named(name, asker.client, asker.subaccount, shares=asker.shares),)

    def places_of(self, write: Write) -> tuple[Place, ...]:
        """Where the markets of a write belong."""
        match write:
            case CreateOrder(order):
                tickers = {order.ticker}
            case CreateBatch(orders):
                tickers = {order.ticker for order in orders}
            case AmendOrder():
                tickers = {write.ticker}
            case _:
                tickers = set()
        return tuple(place for place in self.places if place.ticker in tickers)

    def figures(self, day: str) -> dict[tuple[str, int | None, str], Fraction]:
        """Every figure kept, by measure, owner (None for all) and what it is about."""
        live, found = self.ledger.live, {}
        for (owner, _, name), money in live._exposure.items():
            found["exposure", owner, name] = Fraction(money, 1_000_000)
        for (owner, ticker), count in live._position.items():
            found["position", owner, ticker] = Fraction(count, 100)
        for (owner, ticker), orders in live._open.items():
            found["open_orders", owner, ticker] = Fraction(orders)
        for owner, ticker in live._open:
            found["day_orders", owner, ticker] = Fraction(live.days.orders(day, (owner, ticker)))
            found["day_notional", owner, ticker] = Fraction(live.days.notional(day, (owner, ticker)), 1_000_000)
        return found


def accepted(key: str, filled: Fraction, left: Fraction) -> LegOutcome:
    """The answer to one order."""
    counts = {"fill_count": format_count(count_of(filled)), "remaining_count": format_count(count_of(left))}
    return LegOutcome(OutcomeState.ACCEPTED, order_id=order_id(key), **counts)


def held_of(held: formula.Held) -> Held:
    """A position as the program has it."""
    return Held(Count(whole(held.count * 100)), money_of(held.cost))
