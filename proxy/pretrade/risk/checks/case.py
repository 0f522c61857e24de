"""One write to be judged: what of it can trade at a price, order by order, with what holds for it and what was seen.

Rule of this file: one place says what a leg is and what more than one check asks for, so that every check judges the
same and nothing is worked out twice. Nothing is judged here. Both values live for one decision and are never changed;
they are not frozen, for that takes four times as long to make.
"""

from dataclasses import dataclass

from pretrade.model.facts import Facts, Place
from pretrade.model.orders import AmendOrder, CreateBatch, NewOrder, Write, is_exit, orders_of
from pretrade.model.pace import LegPace
from pretrade.model.seen import BookSeen, MarketSeen
from pretrade.model.units import Money
from pretrade.policy.bounds import Bounds
from pretrade.policy.combine import bounds_for
from pretrade.policy.schema import Policy
from pretrade.risk.checks.liquidity import Quote, quote
from pretrade.risk.ledger.own_orders import of_others
from pretrade.risk.ledger.worst_case import cost, fee


@dataclass(slots=True)
class Leg:
    """One order or amend that can trade at a price: its place in a batch (None outside one), what holds for it,
    whether it can only close what is held, and its market and its pace, None where nobody saw them.

    An amend counts as an order of its new total at its new price. `fee` is the worst-case fee, `risk` the worst-case
    loss with it. `others` is the market's book without what may be our own orders, None where no book was seen; `quote`
    its best prices, None where it has not two sides apart.
    """

    number: int | None
    order: NewOrder | AmendOrder
    bounds: Bounds
    reduces: bool
    fee: Money
    risk: Money
    market: MarketSeen | None
    others: BookSeen | None
    quote: Quote | None
    pace: LegPace | None


@dataclass(slots=True)
class Case:
    """A write, the facts and the policy, and what follows from them alone.

    `is_exit` says that it can only lower what is at risk, `only_reduces` that each of its orders can only close what is
    held. `orders` are those that it would create. `legs` are all that can trade at a price, in their order, none for an
    exit; `opening` those that may open something. `markets` has the first leg in each market, `opens_in` the first in
    each that may open something there. `places` are the markets whose event and series are known.
    """

    write: Write
    facts: Facts
    policy: Policy
    is_exit: bool
    only_reduces: bool
    orders: tuple[NewOrder, ...]
    legs: tuple[Leg, ...]
    opening: tuple[Leg, ...]
    markets: dict[str, Leg]
    opens_in: tuple[Leg, ...]
    places: dict[str, Place]


def case_of(write: Write, facts: Facts, policy: Policy) -> Case:
    """The case that these three are. An order of which nobody says that it only closes opens."""
    places = {place.ticker: place for place in facts.places}
    orders = orders_of(write)
    legs = _legs(write, orders, facts, policy, places)
    opening = legs if True not in facts.reduces else tuple([leg for leg in legs if not leg.reduces])
    markets = _firsts(legs)
    opens_in = tuple(markets.values()) if opening is legs else tuple(_firsts(opening).values())
    return Case(
        write, facts, policy, is_exit(write), only_reduces(facts), orders, legs, opening, markets, opens_in, places
    )  # fmt: skip


def only_reduces(facts: Facts) -> bool:
    """Whether every order of the write can only close what is held."""
    return bool(facts.reduces) and all(facts.reduces)


def leg_of(
    number: int | None, order: NewOrder | AmendOrder, bounds: Bounds, multiplier: int,
    reduces: bool = False, market: MarketSeen | None = None, pace: LegPace | None = None,
) -> Leg:  # fmt: skip
    """One leg; `multiplier` is the fee ceiling in 1/10000."""
    side, price, count = order.side, order.price, order.count
    worst = fee(side, price, count, multiplier)
    risk = Money(cost(side, price, count) + worst)
    book = None if market is None else market.book
    if market is None or book is None:
        return Leg(number, order, bounds, reduces, worst, risk, market, None, None, pace)
    others = of_others(book, market.own)
    return Leg(number, order, bounds, reduces, worst, risk, market, others, quote(others), pace)


def _legs(
    write: Write, orders: tuple[NewOrder, ...], facts: Facts, policy: Policy, places: dict[str, Place]
) -> tuple[Leg, ...]:
    priced: tuple[NewOrder | AmendOrder, ...] = (write,) if isinstance(write, AmendOrder) else orders
    if not priced:
        return ()
    is_batch, multiplier, reduces = isinstance(write, CreateBatch), policy.fees.multiplier_ceiling, facts.reduces
    seen = {market.ticker: market for market in facts.markets}
    paces = () if facts.pace is None else facts.pace.legs
    return tuple([
        leg_of(
            number if is_batch else None,
            order,
            bounds_for(policy, facts.client, order.ticker, places.get(order.ticker)),
            multiplier,
            number < len(reduces) and reduces[number],
            seen.get(order.ticker),
            paces[number] if number < len(paces) else None,
        )
        for number, order in enumerate(priced)
    ])  # fmt: skip


def _firsts(legs: tuple[Leg, ...]) -> dict[str, Leg]:
    firsts: dict[str, Leg] = {}
    for leg in legs:
        firsts.setdefault(leg.order.ticker, leg)
    return firsts
