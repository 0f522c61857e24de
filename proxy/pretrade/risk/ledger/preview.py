"""What a write would make of the figures, before it is judged.

Rule of this file: it changes nothing. Orders of a batch count one after another, an amend with the worse of its terms,
exactly as the ledger counts them once they are approved. A market counts with its worse side; where a write makes that
no worse, it is held to the side that it buys, for what grows in the shade of the other is there when that one is gone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from pretrade.model.facts import Measure, Place, Usage
from pretrade.model.frozen import frozen
from pretrade.model.orders import AmendOrder, Side, Write, orders_of
from pretrade.model.units import Count, Price
from pretrade.risk.ledger.account import Account, Scope, scopes
from pretrade.risk.ledger.book import Book, Figures
from pretrade.risk.ledger.live_order import LiveOrder, Terms
from pretrade.risk.ledger.worst_case import cost, fee

_EXPOSURES = {
    "market": Measure.MARKET_EXPOSURE,
    "event": Measure.EVENT_EXPOSURE,
    "series": Measure.SERIES_EXPOSURE,
    "account": Measure.ACCOUNT_EXPOSURE,
}


@frozen
class Preview:
    """Every figure that a write would change, and for each of its orders whether it can only close."""

    usages: tuple[Usage, ...]
    reduces: tuple[bool, ...]


@dataclass(slots=True)
class Tried:
    """A market's book as it is and with the write's orders in it, the sides that those buy, and what they add to the
    counters: how many they are, and their notional in $0.000001."""

    known: Book
    book: Book
    sides: set[Side]
    opened: int = 0
    notional: int = 0

    @classmethod
    def on(cls, book: Book) -> Self:
        """Nothing tried yet."""
        return cls(book, book.trial(), set())


@dataclass(slots=True)
class _Trial:
    """A write's orders tried on the account, in `markets` by ticker."""

    account: Account
    subaccount: int
    multiplier: int
    places: dict[str, Place]
    markets: dict[str, Tried]
    reduces: list[bool]

    def market(self, ticker: str) -> Tried:
        market = self.markets.get(ticker)
        if market is None:
            market = self.markets[ticker] = Tried.on(self.account.book(self.subaccount, ticker))
        return market

    def create(self, ticker: str, side: Side, price: Price, count: Count) -> None:
        market = self.market(ticker)
        book, leg_cost = market.book, cost(side, price, count)
        self.reduces.append(book.reduces(side, count))
        book.order(side, leg_cost // count, count, fee(side, price, count, self.multiplier), 1)
        market.sides.add(side)
        market.opened += 1
        market.notional += leg_cost

    def amend(self, order: LiveOrder, write: AmendOrder) -> None:
        market, new = self.market(order.ticker), order.amended(Terms(write.price, write.count))
        book = market.book
        book.order(order.side, order.leg, -order.remaining, -order.worst_fee, 0)
        self.reduces.append(book.reduces(order.side, new.remaining))
        book.order(order.side, new.leg, new.remaining, new.worst_fee, 0)
        market.sides.add(order.side)
        market.notional += added_notional(order, write)


def added_notional(order: LiveOrder, write: AmendOrder) -> int:
    """What an amend adds to the day's notional, in $0.000001: what the order may cost with its terms beside the others,
    for some may fill before it holds, more than without."""
    return order.amended(Terms(write.price, write.count)).worst_cost - order.worst_cost


@frozen
class Asked:
    """A write, whose it is, and what it is reckoned with: `multiplier` is the fee ceiling in 1/10000, `places` are the
    markets of the write that are known. The subaccount's own figures are left out unless `own` is asked for."""

    write: Write
    subaccount: int
    day: str
    multiplier: int
    places: tuple[Place, ...]
    own: bool


def preview(account: Account, asked: Asked) -> Preview:
    """The figures before and after a write; none for an exit, and none for an amend of an order nobody knows."""
    write, subaccount = asked.write, asked.subaccount
    amended = account.by_order_id(write.order_id) if isinstance(write, AmendOrder) else None
    if amended is not None:  # it counts where it is, whichever subaccount a policy gives its client since
        subaccount = amended.subaccount
    places = {place.ticker: place for place in asked.places}
    trial = _Trial(account, subaccount, asked.multiplier, places, {}, [])
    if amended is not None and isinstance(write, AmendOrder):
        trial.amend(amended, write)
    for new in orders_of(write):
        trial.create(new.ticker, new.side, new.price, new.count)
    if not trial.markets:
        return Preview((), ())
    owners = (None, subaccount) if asked.own else (None,)
    usages: list[Usage] = []
    for owner in owners:
        usages += _held(trial, owner)
        usages += _counted(trial, owner, asked.day)
    return Preview(tuple(usages), tuple(trial.reduces))


def _held(trial: _Trial, owner: int | None) -> Iterable[Usage]:
    """Positions by market and exposure by scope."""
    account, is_own = trial.account, owner is not None
    exposures: dict[Scope, tuple[int, int, int, int]] = {}
    usages: list[Usage] = []
    for ticker, tried in trial.markets.items():
        was_all, will_all = tried.known.all_figures(), tried.book.all_figures()
        (old_position, old_exposure), (position, exposure) = was_all[0], will_all[0]
        (less_held, held), (less, bought) = _bought(tried.sides, was_all, will_all)
        now = account.worst_position(owner, ticker)
        beside, after, grows = now - old_position, now + position - old_position, exposure - old_exposure
        usages.append(_usage(Measure.POSITION, ticker, is_own, (now, after), (beside + less_held, beside + held)))
        for scope, counted in _scopes(trial, owner, ticker):
            before, more, was, will = exposures.get(scope) or (account.exposure(scope), 0, 0, 0)
            exposures[scope] = before + counted, more + grows, was + less - old_exposure, will + bought - old_exposure
    for (_, kind, name), (now, more, was, will) in exposures.items():
        usages.append(_usage(_EXPOSURES[kind], name, is_own, (now, now + more), (now + was, now + will)))
    return usages


def _usage(measure: Measure, of: str, own: bool, whole: tuple[int, int], bought: tuple[int, int]) -> Usage:
    """A figure before and after the write; where that stays as it is, with the sides that the write buys in place of
    the worse ones, in whose shade they grow."""
    return Usage(measure, of, own, *(whole if whole[1] > whole[0] else bought))


def _bought(sides: set[Side], old: Figures, new: Figures) -> tuple[tuple[int, int], tuple[int, int]]:
    """Before and after, worst position and exposure of the sides of a market that the write buys; those of the market
    where none of them grows: what is held there stays."""
    bought = 0 if len(sides) > 1 else 1 if Side.BID in sides else 2
    at_position = bought if new[bought][0] > old[bought][0] else 0
    at_exposure = bought if new[bought][1] > old[bought][1] else 0
    return (old[at_position][0], new[at_position][0]), (old[at_exposure][1], new[at_exposure][1])


def _scopes(trial: _Trial, owner: int | None, ticker: str) -> Iterable[tuple[Scope, int]]:
    """The scopes of a market, each with what the market itself brings along: nothing where it counts there already,
    all it has where the account learns only with this write that it belongs there."""
    account = trial.account
    known = account.place(ticker)
    place = trial.places.get(ticker, known)
    there = scopes(owner, place)
    if place.event == known.event and place.series == known.series:
        return [(scope, 0) for scope in there]
    here, brings = scopes(owner, known), account.exposure((owner, "market", ticker))
    return [(scope, 0 if scope in here else brings) for scope in there]


def _counted(trial: _Trial, owner: int | None, day: str) -> Iterable[Usage]:
    """Open orders, and the day's orders and notional: in all, and in each market."""
    account, is_own = trial.account, owner is not None
    usages: list[Usage] = []
    tried = trial.markets.values()
    added = [("", sum([one.opened for one in tried]), sum([one.notional for one in tried]))]
    added += [(ticker, one.opened, one.notional) for ticker, one in trial.markets.items()]
    for ticker, opened, notional in added:
        resting = account.open_orders(owner, ticker)
        orders, spent = account.days.counted(day, (owner, ticker))
        usages.append(Usage(Measure.OPEN_ORDERS, ticker, is_own, resting, resting + opened))
        usages.append(Usage(Measure.DAY_ORDERS, ticker, is_own, orders, orders + opened))
        usages.append(Usage(Measure.DAY_NOTIONAL, ticker, is_own, spent, spent + notional))
    return usages
