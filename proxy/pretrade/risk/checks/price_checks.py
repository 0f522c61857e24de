"""What a price may be in the market as it stands: on the market's own grid, and near what it trades at.

Rule of this file: a check takes one leg and returns its reports. A bid above the reference price is on the aggressive
side, one below it on the passive side; an ask the other way round. Both sides bind every order, whether it rests, is
post-only or trades at once. Our own orders make no reference price. An order that can only close what is held skips the
passive side and a reference price that is missing or stale; the grid and, with a fresh reference price, the aggressive
side still bind it.
"""

from dataclasses import replace

from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Check
from pretrade.model.markets import PriceRange, valid_price
from pretrade.model.orders import Side
from pretrade.model.seen import BookSeen, MarketSeen, OwnSeen
from pretrade.model.units import ONE_DOLLAR_PRICE, Price, format_price
from pretrade.policy.bounds import Collar
from pretrade.policy.words import WhenMissing
from pretrade.risk.checks.case import Case, Leg
from pretrade.risk.checks.liquidity import beyond, quote
from pretrade.risk.checks.market_checks import is_known
from pretrade.risk.checks.remembered import remembered


def check_prices(case: Case) -> tuple[Check, ...]:
    """Every check of this file on every order of the write."""
    return tuple([report for check in (check_tick, check_collar) for leg in case.legs for report in check(leg)])


def check_tick(leg: Leg) -> tuple[Check, ...]:
    """The price is on the market's own grid, which may change while the market is open.

    Says nothing where the grid is not known: `check_markets` denies opening orders for that, and what can only close is
    let through, since the exchange itself refuses what is off its grid.
    """
    return (_tick(leg.market.price_ranges, leg.order.price, leg.number),) if is_known(leg.market) else ()


@remembered
def _tick(grid: tuple[PriceRange, ...], price: Price, number: int | None) -> Check:
    code = None if valid_price(grid, price) else DenyCode.PRICE_OFF_TICK
    return Check("market.price_ranges", format_price(price), _steps(grid, price), code, number, "dollars")


def _steps(grid: tuple[PriceRange, ...], price: Price) -> str:
    """The stretches of the grid around a price; all of them where there is none."""
    around = [stretch for stretch in grid if stretch[0] <= price <= stretch[1]] or grid
    return "; ".join([_stretch(*stretch) for stretch in around]) or "no price at all"


def _stretch(first: Price, last: Price, between: Price) -> str:
    start, end, step = format_price(first), format_price(last), format_price(between)
    return f"steps of {step} from {start} to {end}"


type Reference = tuple[int, int]
"""What a price is compared with: twice the price in $0.0001, for a midpoint may lie between two, and its age in ms."""


def references(leg: Leg, when_missing: WhenMissing, max_age_ms: int) -> tuple[Reference, ...]:
    """The midpoint of what others have in the market's book; where the book was not seen, or that has no midpoint (one
    side empty, locked or crossed), the last trade if the policy names it; none where there is neither.

    More than one where it is not sure what is there: an order must be near each. Nothing else is looked for beside a
    book that is too old: what it was then may have changed since.
    """
    market = leg.market
    if market is None:
        return ()
    if market.book is not None:
        age_ms = market.book.age_ms
        mids = _midpoints(leg, market.book, market.own)
        if mids:
            return tuple([(mid, age_ms) for mid in mids])
        if age_ms > max_age_ms:
            return ()
    if when_missing is WhenMissing.DENY or market.last_trade is None:
        return ()
    return ((2 * market.last_trade.price, market.last_trade.age_ms),)


def _midpoints(leg: Leg, book: BookSeen, own: OwnSeen) -> tuple[int, ...]:
    """Twice the midpoint of others' orders; beside it that of the whole book where those may be others' too, and that
    of what our own orders have left or may leave. Whoever stands alone on a side has no midpoint."""
    others, best = leg.others, leg.quote
    if others is None or best is None:
        return ()
    if not (own.is_unsure or own.bids_taking or own.asks_taking):
        return (best.twice_mid,)
    mids = [best.twice_mid]
    if own.is_unsure:
        mids += _twice_mid(book)
    if own.bids_taking or own.asks_taking:
        mids += _twice_mid(
            replace(others, yes=beyond(others.yes, own.asks_taking), no=beyond(others.no, own.bids_taking))
        )
    return tuple(dict.fromkeys(mids))


def _twice_mid(book: BookSeen) -> tuple[int, ...]:
    best = quote(book)
    return () if best is None else (best.twice_mid,)


def check_collar(leg: Leg) -> tuple[Check, ...]:
    """The price is near the reference price, which is fresh; bounds included. Nothing where no collar is stated."""
    collar = leg.bounds.collar
    if collar is None:
        return ()
    found = references(leg, collar.when_missing, collar.max_age_ms)
    if not found:
        code = None if leg.reduces else DenyCode.REFERENCE_MISSING
        return (Check(collar.when_missing_rule, _lack(leg.market), "a reference price", code, leg.number),)
    age_ms, most_ms = found[0][1], collar.max_age_ms
    fresh = _age(collar.age_rule, age_ms, most_ms, leg.number, leg.reduces)
    if age_ms > most_ms:
        return (fresh,)
    if len(found) == 1:
        return fresh, _near(leg, collar, found[0][0])
    reports = [_near(leg, collar, doubled) for doubled, _ in found]
    objections = [report for report in reports if report.code is not None]
    return fresh, (objections or reports)[0]


@remembered
def _age(rule: str, age_ms: int, most_ms: int, number: int | None, is_free: bool) -> Check:
    code = DenyCode.REFERENCE_STALE if age_ms > most_ms and not is_free else None
    return Check(rule, str(age_ms), str(most_ms), code, number, "milliseconds")


def _near(leg: Leg, collar: Collar, doubled: int) -> Check:
    """The side of the reference price that the order is on, in doubled prices."""
    price, is_bid = leg.order.price, leg.order.side is Side.BID
    is_aggressive = 2 * price > doubled if is_bid else 2 * price < doubled
    most = collar.aggressive if is_aggressive else collar.passive
    rule = collar.aggressive_rule if is_aggressive else collar.passive_rule
    is_bound = is_aggressive or not leg.reduces
    return _apart(rule, price, doubled, most, leg.number, is_bid is is_aggressive, is_bound)


@remembered
def _apart(
    rule: str, price: Price, doubled: int, most: Price, number: int | None, is_above: bool, is_bound: bool
) -> Check:  # fmt: skip
    """A price and how far it may be from the reference price on its side, which is above that price or below it."""
    edge, name, way = (
        (min(doubled + 2 * most, 2 * ONE_DOLLAR_PRICE), "at most", "above")
        if is_above
        else (max(doubled - 2 * most, 0), "at least", "below")
    )
    code = DenyCode.PRICE_OUTSIDE_COLLAR if is_bound and abs(2 * price - doubled) > 2 * most else None
    limit = f"{name} {_half(edge)}, {format_price(most)} {way} the reference price of {_half(doubled)}"
    return Check(rule, format_price(price), limit, code, number, "dollars")


def _half(doubled: int) -> str:
    """Half of a doubled price, exactly."""
    return format_price(doubled // 2) + ("5" if doubled % 2 else "")


def _lack(market: MarketSeen | None) -> str:
    """Why there is no reference price."""
    if market is None or market.book is None:
        return "no book was seen"
    if not market.book.yes or not market.book.no:
        return "the book has not both sides"
    if quote(market.book) is not None:
        return "the book has not both sides without our own orders"
    return "the book is locked or crossed"
