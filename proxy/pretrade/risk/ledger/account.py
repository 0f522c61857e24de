"""One account: its books, the orders that may still fill, the totals of every scope, the days, and the clients' pace.

Rule of this file: an order is in its book, in the totals and in the indexes, or in none of them; every change of one
goes through `put`, `fill` and `close`. There is one account for what is sent and one for the dry run.
"""

from collections import defaultdict
from collections.abc import Iterator

from pretrade.model.facts import Place
from pretrade.model.frozen import replace
from pretrade.model.units import Count, Money
from pretrade.risk.ledger.book import Book, Held
from pretrade.risk.ledger.day import Days
from pretrade.risk.ledger.groups import Groups
from pretrade.risk.ledger.live_order import LiveOrder
from pretrade.risk.ledger.pace import Pace
from pretrade.risk.ledger.worst_case import cost

type Scope = tuple[int | None, str, str]
"""(subaccount or None for all, `market`, `event`, `series` or `account`, its name or empty)."""
type BookKey = tuple[int, str]
"""(subaccount, ticker)."""

FILLED_KEPT_MS = 600_000
"""How long it is known when a book was filled last, also once it is empty: a reading of the record takes less."""
NOWHERE = ""
"""The event and series of a market whose place nobody has told us."""


def scopes(subaccount: int | None, place: Place) -> tuple[Scope, ...]:
    """The scopes that a market's exposure counts in, for the whole account or for one subaccount."""
    return (
        (subaccount, "market", place.ticker),
        (subaccount, "event", place.event),
        (subaccount, "series", place.series),
        (subaccount, "account", ""),
    )


class Account:
    """What is held, what may fill, and what that adds up to."""

    def __init__(self) -> None:
        self.orders: dict[str, LiveOrder] = {}
        self.days = Days()
        self.pace = Pace()
        self.groups = Groups()
        self.places: dict[str, Place] = {}
        self._books: dict[BookKey, Book] = {}
        self._filled: dict[BookKey, int] = {}
        self._in_use: dict[BookKey, Book] = {}
        self._exposure: defaultdict[Scope, int] = defaultdict(int)
        self._position: defaultdict[tuple[int | None, str], int] = defaultdict(int)
        self._open: defaultdict[tuple[int | None, str], int] = defaultdict(int)
        self._scopes: dict[BookKey, tuple[Scope, ...]] = {}
        self._by_ticker: dict[str, dict[str, None]] = {}
        self._by_order_id: dict[str, str] = {}
        self._by_client_order_id: dict[str, tuple[str, ...]] = {}

    # Looking

    def book(self, subaccount: int, ticker: str) -> Book:
        """The book of a market; an empty one, not kept, where nothing is known of it but its last fill."""
        key = (subaccount, ticker)
        return self._books.get(key) or self._new_book(key)

    def figures(self, subaccount: int, ticker: str) -> tuple[int, int]:
        """Worst position and exposure of a market's book; nothing where nothing is known of it."""
        book = self._books.get((subaccount, ticker))
        return (0, 0) if book is None else book.figures()

    def books(self) -> tuple[tuple[BookKey, Book], ...]:
        """Every book that is not empty."""
        return tuple(self._books.items())

    def filled(self) -> tuple[tuple[BookKey, int], ...]:
        """The books that were filled lately, empty now or not, and when each was last (Unix ms)."""
        return tuple(self._filled.items())

    def open_books(self) -> Iterator[tuple[BookKey, Book]]:
        """Every book with orders that may still fill."""
        return iter(self._in_use.items())

    def exposure(self, scope: Scope) -> int:
        """Exposure of a scope, in $0.000001."""
        return self._exposure.get(scope, 0)

    def worst_position(self, subaccount: int | None, ticker: str) -> int:
        """The worst position of a market, in 0.01 contracts; of all subaccounts together for None."""
        return self._position.get((subaccount, ticker), 0)

    def open_orders(self, subaccount: int | None, ticker: str = "") -> int:
        """Orders that may still fill; of all subaccounts for None, of all markets for an empty ticker."""
        return self._open.get((subaccount, ticker), 0)

    def orders_in(self, ticker: str) -> Iterator[LiveOrder]:
        """The orders that may still fill in a market, of all subaccounts."""
        return (self.orders[key] for key in self._by_ticker.get(ticker, ()))

    def by_order_id(self, order_id: str) -> LiveOrder | None:
        """The order with this id of the exchange's."""
        key = self._by_order_id.get(order_id)
        return None if key is None else self.orders[key]

    def with_client_order_id(self, client_order_id: str) -> tuple[LiveOrder, ...]:
        """The orders with this id of their client's: more than one while a duplicate is under way or unknown."""
        return tuple(self.orders[key] for key in self._by_client_order_id.get(client_order_id, ()))

    def place(self, ticker: str) -> Place:
        """Where a market belongs; nowhere that is known, for one that nobody has told us."""
        return self.places.get(ticker) or Place(ticker, NOWHERE, NOWHERE)

    # Changing

    def restore_book(self, key: BookKey, book: Book) -> None:
        """Put back a book that has no orders yet, as a snapshot held it."""
        self._books[key] = book
        self._move(key, (0, 0), book.figures())

    def restore_filled(self, key: BookKey, at_ms: int) -> None:
        """Put back when a book was filled last, as a snapshot held it."""
        self._filled[key] = at_ms

    def learn(self, place: Place) -> None:
        """Note where a market belongs. What its books had counted moves along."""
        known = self.places.get(place.ticker)
        if known == place:
            return
        books = [(key, book.figures()) for key, book in self._books.items() if key[1] == place.ticker]
        for key, figures in books:
            self._move(key, figures, (0, 0))
            self._scopes.pop(key, None)
        self.places[place.ticker] = place
        for key, figures in books:
            self._move(key, (0, 0), figures)

    def put(self, order: LiveOrder, at_ms: int) -> None:
        """Add an order, or replace the one of the same key."""
        old = self.orders.pop(order.key, None)
        if old is not None and old.order_id != order.order_id:
            self._unindex(old)
        key = (order.subaccount, order.ticker)
        book = self._book(key)
        book.touched_ms = max(book.touched_ms, at_ms)
        if old is None or _load(old) != _load(order):
            before = book.figures()
            if old is not None:
                self._count(book, old, -1)
            self._count(book, order, +1)
            self._move(key, before, book.figures())
        self._index(order)
        self.orders[order.key] = order

    def close(self, key: str, at_ms: int) -> None:
        """Take away an order that can fill no more, and give back the notional of what did not."""
        order = self.orders.pop(key)
        book_key = (order.subaccount, order.ticker)
        book = self._books[book_key]
        before = book.figures()
        self._count(book, order, -1)
        book.settle()
        book.touched_ms = max(book.touched_ms, at_ms)
        self._move(book_key, before, book.figures())
        self._unindex(order)
        unused = order.notional - order.spent
        if unused > 0:
            self.days.add(order.day, order.subaccount, order.ticker, orders=0, notional=-unused)
        self._forget_if_empty(book_key)

    def fill(self, key: str, filled: Count, at_ms: int) -> None:
        """Note how much of an order has filled in all; less than was known is no news."""
        order = self.orders[key]
        more = filled - order.filled
        if more <= 0:
            return
        book_key = (order.subaccount, order.ticker)
        book = self._books[book_key]
        before = book.figures()
        self._count(book, order, -1)
        spent = order.spent + cost(order.side, order.price, Count(more))
        order = replace(order, filled=filled, spent=Money(spent))
        self._count(book, order, +1)
        book.fill(order.side, order.leg, more)
        book.touched_ms = max(book.touched_ms, at_ms)
        self._note_fill(book_key, at_ms)
        self._move(book_key, before, book.figures())
        self.orders[key] = order

    def see(self, key: BookKey, held: Held | None) -> None:
        """Note what the exchange shows for a position where it differs; None where it agrees again."""
        if key not in self._books and held is None:
            return
        book = self._book(key)
        before = book.figures()
        book.see(held)
        self._move(key, before, book.figures())
        self._forget_if_empty(key)

    def adopt(self, key: BookKey, held: Held) -> None:
        """Take the exchange's figure for the position."""
        book = self._book(key)
        before = book.figures()
        book.adopt(held)
        self._move(key, before, book.figures())
        self._forget_if_empty(key)

    def _count(self, book: Book, order: LiveOrder, sign: int) -> None:
        book.order(order.side, order.leg, sign * order.remaining, sign * order.worst_fee, sign)
        subaccount, ticker, counts = order.subaccount, order.ticker, self._open
        counts[None, ""] += sign
        counts[None, ticker] += sign
        counts[subaccount, ""] += sign
        counts[subaccount, ticker] += sign
        if book.open_orders:
            self._in_use[subaccount, ticker] = book
        else:
            self._in_use.pop((subaccount, ticker), None)

    def _book(self, key: BookKey) -> Book:
        """The book of a market, kept from now on."""
        book = self._books.get(key)
        if book is None:
            book = self._books[key] = self._new_book(key)
        return book

    def _new_book(self, key: BookKey) -> Book:
        """An empty book, touched by the last fill there: what the record shows of before that is late, not news."""
        book = Book()
        book.touched_ms = self._filled.get(key, 0)
        return book

    def _move(self, key: BookKey, before: tuple[int, int], after: tuple[int, int]) -> None:
        """Bring the totals from a book's figures as they were to those that it has."""
        position, exposure = after[0] - before[0], after[1] - before[1]
        subaccount, ticker = key
        if position:
            for owner in (None, subaccount):
                self._position[owner, ticker] += position
        if exposure:
            for scope in self._scopes.get(key) or self._scopes_of(key):
                self._exposure[scope] += exposure

    def _scopes_of(self, key: BookKey) -> tuple[Scope, ...]:
        """The scopes that a book counts in, kept beside it until its market's place is told anew."""
        place = self.place(key[1])
        known = self._scopes[key] = (*scopes(None, place), *scopes(key[0], place))
        return known

    def _index(self, order: LiveOrder) -> None:
        self._by_ticker.setdefault(order.ticker, {})[order.key] = None
        if order.order_id is not None:
            self._by_order_id[order.order_id] = order.key
        own_id = order.client_order_id
        if own_id is not None:
            keys = self._by_client_order_id.get(own_id, ())
            self._by_client_order_id[own_id] = keys if order.key in keys else (*keys, order.key)

    def _unindex(self, order: LiveOrder) -> None:
        in_market = self._by_ticker[order.ticker]
        del in_market[order.key]
        if not in_market:
            del self._by_ticker[order.ticker]
        if order.order_id is not None and self._by_order_id.get(order.order_id) == order.key:
            del self._by_order_id[order.order_id]
        own_id = order.client_order_id
        if own_id is not None:
            left = tuple(key for key in self._by_client_order_id.get(own_id, ()) if key != order.key)
            if left:
                self._by_client_order_id[own_id] = left
            else:
                self._by_client_order_id.pop(own_id, None)

    def _forget_if_empty(self, key: BookKey) -> None:
        if self._books[key].is_empty:
            del self._books[key]
            self._scopes.pop(key, None)

    def _note_fill(self, key: BookKey, at_ms: int) -> None:
        """Remember when a book was filled last, and forget the fills of long ago, the first ones first."""
        self._filled[key] = max(at_ms, self._filled.pop(key, 0))
        while self._filled[oldest := next(iter(self._filled))] < at_ms - FILLED_KEPT_MS:
            del self._filled[oldest]


def _load(order: LiveOrder) -> tuple[object, ...]:
    """What a book's figures are reckoned by."""
    return order.terms, order.filled, order.side, order.multiplier
