"""The oracle's view of what is beside the account: books, markets, the exchange, and what they make of an order.

Rule of this file: plain values in dollars and seconds, every stated limit looked at by itself; nothing of the
program's. Books are in YES terms on both sides, in any order.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

from tests.oracle.formula import BID

type Grid = tuple[tuple[Fraction, Fraction, Fraction], ...]
"""Stretches of prices: the first, the last, the step."""

MINUTE, HALF_MINUTE = 60, 30
"""How old a market's description may be, and the exchange's word of itself."""


class Book(NamedTuple):
    """The prices at which somebody buys and sells YES, and how many seconds ago that was so."""

    bids: tuple[Fraction, ...]
    asks: tuple[Fraction, ...]
    age: Fraction


class Trade(NamedTuple):
    """The last trade: its price, and how many seconds ago it was."""

    price: Fraction
    age: Fraction


class Seen(NamedTuple):
    """A market: `closes` is in how many seconds, `trades` whether its part of the exchange does."""

    status: str
    closes: Fraction | None
    grid: Grid
    age: Fraction
    trades: bool | None
    book: Book | None
    last: Trade | None


class Sky(NamedTuple):
    """Everything that was seen. `exchange` is whether it is up, whether it trades, and how long ago it said so."""

    markets: dict[str, Seen]
    exchange: tuple[bool, bool, Fraction] | None


class Flags(NamedTuple):
    """What an order says beside its price: `expires` is in how many seconds, None where it does not, 0 where an amend
    takes it away."""

    time_in_force: str = "good_till_canceled"
    post_only: bool = False
    reduce_only: bool = False
    self_trade_prevention: str = "taker_at_cross"
    cancel_order_on_pause: bool = False
    expires: int | None = None


class Priced(NamedTuple):
    """What of an order its market has to say about."""

    ticker: str
    side: str
    price: Fraction
    flags: Flags
    is_amend: bool


class Demand(NamedTuple):
    """One thing that a policy states somewhere: its key for everybody, and its text."""

    key: str
    text: str


def demands(tree: dict[str, Any], client: str, entry: dict[str, Any], *path: str) -> Iterator[Demand]:
    """Everything stated under a path, for everybody, for the client and for the market's entry."""
    for place in (tree, tree["clients"][client], entry):
        group: Any = place
        for part in path:
            group = (group or {}).get(part)
        for name, text in (group or {}).items() if isinstance(group, dict) else ():
            yield Demand(".".join((*path, name)), str(text))


def seconds(text: str) -> Fraction:
    """A duration as a policy writes it."""
    units = {"ms": Fraction(1, 1_000), "s": Fraction(1), "m": Fraction(60), "h": Fraction(3_600)}
    number = text.rstrip("msh")
    return int(number) * units[text[len(number) :]]


def dollars(text: str) -> Fraction:
    """An amount as a policy writes it."""
    return Fraction(text.lstrip("$"))


type Reasons = set[tuple[str, str]]
"""Codes, each with the key that it goes by (what `observe` names)."""


def reasons(order: Priced, *, closes: bool, sky: Sky, stated: list[Demand]) -> Reasons:
    """What an order breaks of all that its market and the exchange have to say. `stated` is every demand on it."""
    seen = sky.markets.get(order.ticker)
    found = tick(order, seen) | collar(order, closes, seen, stated)
    if closes:
        return found
    return found | opens(seen, stated) | trading(seen, sky) | flags(order, stated)


def tick(order: Priced, seen: Seen | None) -> Reasons:
    """The price is one of those that the market's grid lists."""
    if seen is None or seen.age > MINUTE:
        return set()
    listed = any(
        first <= order.price <= last and ((order.price - first) / step).denominator == 1
        for first, last, step in seen.grid
    )
    return set() if listed and 0 < order.price < 1 else {("PRICE_OFF_TICK", "market.price_ranges")}


def middle(book: Book | None) -> Fraction | None:
    """Half way between the best prices, where there are two and they do not meet."""
    if book is None or not book.bids or not book.asks or max(book.bids) >= min(book.asks):
        return None
    return (max(book.bids) + min(book.asks)) / 2


def collar(order: Priced, closes: bool, seen: Seen | None, stated: list[Demand]) -> Reasons:
    """The price is near the middle of a fresh book, or near the last trade where everybody names that."""
    mine = [demand for demand in stated if demand.key.startswith("price.collar.")]
    if not mine:
        return set()
    oldest = min(seconds(demand.text) for demand in mine if demand.key.endswith("max_age"))
    by_trade = all(demand.text == "last_trade" for demand in mine if demand.key.endswith("when_missing"))
    book, last = (None, None) if seen is None else (seen.book, seen.last)
    centre, age = middle(book), None if book is None else book.age
    if centre is None:
        is_old = age is not None and age > oldest
        if not by_trade or last is None or is_old:
            return set() if closes else {("REFERENCE_MISSING", "price.collar.when_missing")}
        centre, age = last
    if age is None or age > oldest:
        return set() if closes else {("REFERENCE_STALE", "price.collar.max_age")}
    away = order.price - centre if order.side == BID else centre - order.price
    return {
        ("PRICE_OUTSIDE_COLLAR", demand.key)
        for demand in mine
        if (demand.key.endswith("aggressive") and away > dollars(demand.text))
        or (demand.key.endswith("passive") and -away > dollars(demand.text) and not closes)
    }


def opens(seen: Seen | None, stated: list[Demand]) -> Reasons:
    """The market takes orders, and for long enough."""
    if seen is None or seen.age > MINUTE:
        return {("MARKET_FACTS_MISSING", "market.status")}
    found: Reasons = set() if seen.status == "active" else {("MARKET_NOT_OPEN", "market.status")}
    key = "limits.market.no_open_before_close"
    before = [seconds(demand.text) for demand in stated if demand.key == key]
    if seen.closes is None:
        return found | ({("MARKET_FACTS_MISSING", key)} if before else set())
    if seen.closes <= 0:
        return found | {("MARKET_NOT_OPEN", "market.close_time")}
    return found | {("MARKET_CLOSES_SOON", key) for span in before if seen.closes < span}


def trading(seen: Seen | None, sky: Sky) -> Reasons:
    """The exchange said lately that it trades, where the market is."""
    key = "exchange.status"
    if sky.exchange is None or sky.exchange[2] > HALF_MINUTE:
        return {("EXCHANGE_STATUS_MISSING", key)}
    says = sky.exchange[0] and sky.exchange[1] if seen is None else seen.trades
    if says is None:
        return {("EXCHANGE_STATUS_MISSING", key)}
    return set() if says else {("EXCHANGE_NOT_TRADING", key)}


def flags(order: Priced, stated: list[Demand]) -> Reasons:
    """Every flag that is asked for; of an amend, its end alone."""
    return {
        ("FLAG_REQUIRED", demand.key)
        for demand in stated
        if demand.key.startswith("require.") and lacks(order, demand.key.removeprefix("require."), demand.text)
    }


def lacks(order: Priced, name: str, text: str) -> bool:
    """Whether an order does not have what is asked for."""
    if text in {"false", "any", "never"}:
        return False
    if name == "expiration_within":
        return not ends(order, seconds(text))
    if order.is_amend:
        return False
    value = getattr(order.flags, name)
    return value != text if isinstance(value, str) else value is not True


def ends(order: Priced, span: Fraction) -> bool:
    """Whether an order ends within a time of now, by itself."""
    if not order.is_amend and order.flags.time_in_force != "good_till_canceled":
        return True
    if order.flags.expires is None:
        return order.is_amend
    return 0 < order.flags.expires <= span
