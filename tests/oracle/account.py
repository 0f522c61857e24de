"""The oracle's account: what it was told, kept as plain lists, and every figure added up anew whenever it is asked for.

Rule of this file: nothing is kept that can be added up, so nothing can get out of step. Contracts and dollars are
Fractions; what a figure is about is a function that says which markets belong.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from tests.oracle import formula
from tests.oracle.formula import ASK, BID, Book, Held, Row, leg

NONE = Fraction(0)
type Key = str


class Terms(NamedTuple):
    """A price and a total (what has filled included) that an order may have; `by` names the amend, empty for none."""

    price: Fraction
    total: Fraction
    by: str = ""


class Entry(NamedTuple):
    """What a write counted on a day: orders, and dollars before fees."""

    key: Key
    by: str
    day: str
    orders: int
    notional: Fraction


@dataclass
class Order:
    """An order that may still fill. `client` is None for one that is nobody's here; `named` says whether the exchange's
    id of it is known, by which alone it can be amended or canceled. `fills` are at the worst price that each can have
    had, `least` is what they cost at the best."""

    key: Key
    client: str | None
    subaccount: int
    ticker: str
    side: str
    terms: list[Terms]
    multiplier: Fraction
    fills: list[Row] = field(default_factory=list)
    least: Fraction = NONE
    named: bool = False

    @property
    def filled(self) -> Fraction:
        """What we know has filled."""
        return sum((row.left for row in self.fills), NONE)

    @property
    def spent(self) -> Fraction:
        """What its fills cost at most."""
        return sum((leg(row.side, row.price) * row.left for row in self.fills), NONE)

    @property
    def price(self) -> Fraction:
        """The worst price that it may have."""
        prices = [terms.price for terms in self.terms]
        return max(prices) if self.side == BID else min(prices)

    @property
    def left(self) -> Fraction:
        """The most that may still fill."""
        return max(NONE, max(terms.total for terms in self.terms) - self.filled)

    def row(self) -> Row:
        """The order as a row of its book."""
        return Row(self.side, self.price, self.left, self.multiplier)

    def least_left(self) -> Fraction:
        """What the dearest of its terms would cost if all that may fill at them did."""
        return max(leg(self.side, terms.price) * max(NONE, terms.total - self.filled) for terms in self.terms)

    def cost(self) -> Fraction:
        """What it would cost if all that may fill did."""
        return leg(self.side, self.price) * self.left


@dataclass
class Market:
    """A market of one subaccount, the orders apart."""

    base: Held = formula.NOTHING_HELD
    bought: list[Row] = field(default_factory=list)
    seen: Held | None = None
    bought_since: list[Row] = field(default_factory=list)

    def ours(self) -> Fraction:
        """The position as we reckon it."""
        return self.base.count + sum(formula.signed(row.side) * row.left for row in self.bought)


type Where = tuple[int, str]
"""(subaccount, ticker)."""


@dataclass
class Account:
    """Everything that was told, by what it was told about. `places` says of each ticker its event and series."""

    places: dict[str, tuple[str, str]]
    orders: dict[Key, Order] = field(default_factory=dict)
    markets: dict[Where, Market] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    wheres_of: dict[Key, Where] = field(default_factory=dict)
    ended: dict[Key, str | None] = field(default_factory=dict)

    # What happens

    def approve(self, order: Order, day: str) -> None:
        """A new order is approved: it may fill from now on."""
        self.orders[order.key] = order
        self.wheres_of[order.key] = (order.subaccount, order.ticker)
        self.entries.append(Entry(order.key, "", day, 1, order.cost()))

    def approve_amend(self, key: Key, terms: Terms, day: str) -> None:
        """An amend is approved: the order may have either terms."""
        order = self.orders[key]
        self.entries.append(Entry(key, terms.by, day, 0, added_notional(order, terms)))
        order.terms.append(terms)

    def amend_failed(self, key: Key, by: str) -> None:
        """An amend was rejected or never sent: what it added is taken back."""
        undone = [
            entry._replace(notional=-entry.notional) for entry in self.entries if (entry.key, entry.by) == (key, by)
        ]
        self.entries += undone
        if key in self.orders:
            order = self.orders[key]
            order.terms = [terms for terms in order.terms if terms.by != by]

    def accepted(self, key: Key, filled: Fraction, left: Fraction) -> None:
        """The exchange answered a create: so much has filled, so much is left."""
        self.fill(key, filled)
        order = self.orders[key]
        order.named = True
        order.terms = [Terms(order.terms[0].price, filled + left)]
        self.end_if_done(key)

    def gone(self, key: Key, *, sent: bool) -> None:
        """An order is proven not to be: rejected, or never sent."""
        del self.orders[key]
        kept = [entry._replace(notional=NONE) for entry in self.entries if entry.key == key and sent]
        self.entries = [entry for entry in self.entries if entry.key != key] + kept

    def fill(self, key: Key, filled: Fraction) -> None:
        """So much of an order has filled in all."""
        order = self.orders[key]
        more = filled - order.filled
        if more <= 0:
            return
        piece = Row(order.side, order.price, more)
        order.fills.append(piece)
        order.least += more * min(leg(order.side, terms.price) for terms in order.terms)
        market = self.markets.setdefault((order.subaccount, order.ticker), Market())
        market.bought.append(piece)
        market.bought_since.append(piece)

    def read(self, key: Key, terms: Terms, filled: Fraction) -> None:
        """The exchange shows what of an order has filled, and its terms: no others hold any more."""
        self.fill(key, filled)
        order, day = self.orders[key], self.day_of(key)
        order.terms = [terms]
        spare = self.counted(key, day) - order.spent - mixed_cost(order, order.terms)
        self.entries.append(Entry(key, "", day, 0, -max(NONE, spare)))

    def counted(self, key: Key, day: str) -> Fraction:
        """What an order counts on a day."""
        return sum((entry.notional for entry in self.entries if (entry.key, entry.day) == (key, day)), NONE)

    def canceled(self, key: Key) -> None:
        """A read proves that an order can fill no more: what did not fill no longer counts on its day."""
        order, day = self.orders.pop(key), self.day_of(key)
        self.entries.append(Entry(key, "", day, 0, -max(NONE, self.counted(key, day) - order.spent)))
        if order.named:
            self.ended[key] = order.client
        self.start_anew(order.subaccount, order.ticker)

    def end_if_done(self, key: Key) -> None:
        """An order of which nothing is left has ended."""
        if not self.orders[key].left:
            self.canceled(key)

    def orphan(self, order: Order) -> None:
        """An order turned up that has no row here: it fills like any other, and counts on no day."""
        self.orders[order.key] = order
        self.wheres_of[order.key] = (order.subaccount, order.ticker)

    def start_anew(self, subaccount: int, ticker: str) -> None:
        """A market that is flat, with nothing that may fill, has no past."""
        where = (subaccount, ticker)
        market = self.markets.get(where)
        if market and not market.seen and not market.ours() and not self.rows(where):
            del self.markets[where]

    def show(self, where: Where, held: Held | None) -> None:
        """The exchange shows another position than we reckon (None: the same again)."""
        market = self.markets.setdefault(where, Market())
        market.seen, market.bought_since = held, []

    def state(self, where: Where, held: Held) -> None:
        """The exchange's position is taken for the truth."""
        self.markets[where] = Market(base=held)

    # What it adds up to

    def day_of(self, key: Key) -> str:
        """The day on which an order was approved."""
        return next((entry.day for entry in self.entries if entry.key == key), "")

    def rows(self, where: Where) -> list[Row]:
        """What may fill in a market."""
        return [order.row() for order in self.orders.values() if (order.subaccount, order.ticker) == where]

    def book(self, where: Where) -> Book:
        """A market with its orders."""
        market = self.markets.get(where, Market())
        bought, since = tuple(market.bought), tuple(market.bought_since)
        return Book(market.base, bought, tuple(self.rows(where)), market.seen, since)

    def sheet(self, day: str) -> "Sheet":
        """Every market with anything in it, or counted on that day, and what it comes to by itself."""
        wheres = {*self.markets, *self.wheres_of.values()}
        entries = [(self.wheres_of[entry.key], entry) for entry in self.entries if entry.day == day]
        return {
            where: {
                "position": formula.worst_position(book := self.book(where)),
                "exposure": formula.exposure(book),
                **{f"position {side}": formula.most_to_hold(book, side) for side in (BID, ASK)},
                **{f"exposure {side}": formula.one_side(book, side, formula.worst_fee) for side in (BID, ASK)},
                "open_orders": Fraction(len(book.rows)),
                "day_orders": Fraction(sum(entry.orders for place, entry in entries if place == where)),
                "day_notional": sum((entry.notional for place, entry in entries if place == where), NONE),
            }
            for where in wheres
        }

    def least_notional(self, day: str, belongs: Callable[[Where], bool]) -> Fraction:
        """The least that the orders of a day which may still fill come to, if the dearest of their terms all fills."""
        alive = [
            order for key, order in self.orders.items() if self.day_of(key) == day and belongs(self.wheres_of[key])
        ]
        return sum((order.least + order.least_left() for order in alive), NONE)

    def most_notional(self, day: str, belongs: Callable[[Where], bool]) -> Fraction:
        """Everything that was ever counted on a day, nothing given back."""
        counted = [entry for entry in self.entries if entry.day == day and belongs(self.wheres_of[entry.key])]
        return sum((max(NONE, entry.notional) for entry in counted), NONE)

    def trial(self) -> "Account":
        """The same again, to approve something in."""
        orders = {key: replace(order, terms=list(order.terms)) for key, order in self.orders.items()}
        return replace(self, orders=orders, entries=list(self.entries), wheres_of=dict(self.wheres_of))


type Sheet = dict[Where, dict[str, Fraction]]
"""What each market of each subaccount comes to, by measure."""


def total(sheet: Sheet, measure: str, belongs: Callable[[Where], bool]) -> Fraction:
    """One figure over the markets that belong: contracts, dollars or a number."""
    return sum((figures[measure] for where, figures in sheet.items() if belongs(where)), NONE)


def added_notional(order: Order, terms: Terms) -> Fraction:
    """What an amend adds to the day: what the order may cost with its terms beside the others, more than without."""
    return mixed_cost(order, [*order.terms, terms]) - mixed_cost(order, order.terms)


def mixed_cost(order: Order, terms: list[Terms]) -> Fraction:
    """What may fill at most comes to, whenever which of the terms hold: slice by slice of the order, at the dearest
    terms that are large enough to fill it."""
    edges = sorted({order.filled, *(one.total for one in terms if one.total > order.filled)})
    slices = (
        (high - low) * max(leg(order.side, one.price) for one in terms if one.total >= high)
        for low, high in pairwise(edges)
    )
    return sum(slices, NONE)
