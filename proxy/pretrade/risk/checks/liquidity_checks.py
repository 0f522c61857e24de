"""Whether a market is liquid enough for an order that opens: slippage, depth, share of the depth, grade.

Rule of this file: an order is held to what it could trade with at once, at its limit or better; what rests takes
nothing. Orders meet the book one after another: those of a batch, those under way, and those that took from it after it
was seen. How much those take in the end nobody knows, so an order that may find nothing left may as well find the last
of what it can reach. Our own orders in it are nobody to trade with. A book that was not seen, or too long ago, denies;
a market without two sides apart is illiquid, however little the order takes.
"""

from dataclasses import dataclass

from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Check
from pretrade.model.facts import Facts
from pretrade.model.orders import NewOrder, Side
from pretrade.model.seen import LEVELS, BookSeen, Level, MarketSeen
from pretrade.model.units import ONE_DOLLAR_PRICE, Count, Money, Price, ceil_div, format_count, format_money
from pretrade.policy.bounds import LiquidityBounds
from pretrade.policy.words import BelowGrade, Grade
from pretrade.risk.checks.case import Case, Leg
from pretrade.risk.checks.liquidity import (
    Depth,
    Quote,
    Slippage,
    Walk,
    beyond,
    depth_around,
    max_safe_size,
    met_within,
    walk,
)
from pretrade.risk.checks.liquidity_grade import components
from pretrade.risk.checks.remembered import remembered


@dataclass(slots=True)
class _Met:
    """What an order meets: what stands near the midpoint of the book, the levels that the order could trade with, their
    best price before anything was taken, what earlier orders of the batch and those under way may take of them, its own
    walk (None where it takes nothing), and the contracts that would be taken at once, with those of earlier orders. It
    lives for one order and is not frozen, for that takes four times as long to make."""

    leg: Leg
    bounds: LiquidityBounds
    near: Depth
    levels: tuple[Level, ...]
    best: Price | None
    earlier: int
    walk: Walk | None
    taken: Count


def check_liquidity(case: Case) -> tuple[Check, ...]:
    """Every limit on liquidity, for every order of the write that can open."""
    reports: list[Check] = []
    taken: dict[tuple[str, Side], int] = {}
    for leg in case.opening:
        bounds, market, others = leg.bounds.liquidity, leg.market, leg.others
        if bounds is None:
            continue
        book = None if market is None else market.book
        seen = _seen(bounds.rules["max_age_ms"], None if book is None else book.age_ms, bounds.max_age_ms, leg.number)
        reports.append(seen)
        if market is None or book is None or others is None or seen.code is not None:
            continue
        key = (leg.order.ticker, leg.order.side)
        gone = market.own.bids_taking if leg.order.side is Side.BID else market.own.asks_taking
        earlier = taken.get(key, gone)
        met = _meet(leg, bounds, book, others, earlier)
        taken[key] = max(earlier, met.taken)
        reports += _check_slippage(met)
        reports += _check_depth(met)
        reports += _check_share(met)
        reports += _check_grade(met, market, case.facts)
    return tuple(reports)


@remembered
def _seen(rule: str, age_ms: int | None, most_ms: int, number: int | None) -> Check:
    """A book was seen, and not too long ago."""
    if age_ms is None:
        return Check(rule, "no book", str(most_ms), DenyCode.LIQUIDITY_MISSING, number, "ms")
    code = DenyCode.LIQUIDITY_STALE if age_ms > most_ms else None
    return Check(rule, str(age_ms), str(most_ms), code, number, "ms")


def _unseen(leg: Leg, side: tuple[Level, ...], limit: Price, earlier: int) -> tuple[Level, ...]:
    """What an order may meet behind the last level that was kept of the side it trades with: all of it, at its limit.
    Nothing where it does not reach so deep. A book of many small levels would else let any count pass by the few that
    were seen."""
    if len(side) < LEVELS or limit <= ONE_DOLLAR_PRICE - side[-1][0]:
        return ()
    return ((limit, Count(earlier + leg.order.count)),)


def _opposite(leg: Leg, book: BookSeen) -> tuple[tuple[Level, ...], Price]:
    """What opens buys a leg: YES for a bid, from those who bid for NO; NO for an ask, from those who bid for YES. Their
    bids, and the most that the order pays for its leg."""
    order = leg.order
    if order.side is Side.BID:
        return book.no, order.price
    return book.yes, Price(ONE_DOLLAR_PRICE - order.price)


def _meet(leg: Leg, bounds: LiquidityBounds, book: BookSeen, others: BookSeen, earlier: int) -> _Met:
    """What an order takes, out of what others offer at its limit or better and what may lie behind the book."""
    order = leg.order
    opposite, limit = _opposite(leg, others)
    whole = opposite if others is book else _opposite(leg, book)[0]
    left = met_within(opposite, limit) + _unseen(leg, whole, limit, earlier)
    if earlier and left:  # the deeper it is met, the dearer it is, down to the last 0.01 contract
        earlier = min(earlier, sum(count for _, count in left) - 1)
        left = beyond(left, earlier)
    takes = bool(left) and not (isinstance(order, NewOrder) and order.post_only)
    best = Price(ONE_DOLLAR_PRICE - opposite[0][0]) if opposite else None
    took = walk(left, order.count, best) if takes else None
    taken = Count(earlier if took is None else earlier + took.filled)
    return _Met(leg, bounds, depth_around(others, leg.quote), left, best, earlier, took, taken)


def _check_slippage(met: _Met) -> list[Check]:
    """What fills at once fills near the best price: in dollars a contract, and in percent of it."""
    bounds, number, took = met.bounds, met.leg.number, met.walk
    excess, filled, best = (0, 1, 1) if took is None else (took.excess, took.filled, took.best or 1)
    reports: list[Check] = []
    if bounds.max_slippage is not None:
        dollars = Money(ceil_div(100 * excess, filled) if excess else 0)
        kept = _dollars(bounds.rules["max_slippage"], dollars, bounds.max_slippage, number)
        reports.append(kept if took is None else _slippage(met, took, kept, Slippage(most=bounds.max_slippage)))
    if bounds.max_slippage_percent is not None:
        percent, most = ceil_div(10_000 * excess, filled * best) if excess else 0, bounds.max_slippage_percent
        kept = _percent(bounds.rules["max_slippage_percent"], percent, most, number)
        reports.append(kept if took is None else _slippage(met, took, kept, Slippage(percent=most)))
    return reports


@remembered
def _dollars(rule: str, observed: Money, most: Price, number: int | None) -> Check:
    return Check(rule, format_money(observed), format_money(100 * most), None, number, "dollars")


@remembered
def _percent(rule: str, observed: int, most: int, number: int | None) -> Check:
    return Check(rule, _hundredths(observed), _hundredths(most), None, number, "percent")


def _slippage(met: _Met, took: Walk, kept: Check, slippage: Slippage) -> Check:
    if took.keeps(slippage):
        return kept
    passes = f"{kept.limit} ({format_count(max_safe_size(met.levels, slippage, met.best))} contracts pass)"
    return kept._replace(limit=passes, code=DenyCode.SLIPPAGE_EXCEEDS_MAXIMUM)


def _check_depth(met: _Met) -> tuple[Check, ...]:
    """Enough stands where the position could be left again: YES bids for a bid, NO bids for an ask."""
    bounds, near = met.bounds, met.near
    if bounds.min_depth is None:
        return ()
    standing = near.yes if met.leg.order.side is Side.BID else near.no
    return (_depth(bounds.rules["min_depth"], standing, bounds.min_depth, met.leg.number),)


@remembered
def _depth(rule: str, standing: Count, least: Count, number: int | None) -> Check:
    code = DenyCode.DEPTH_TOO_LOW if standing < least else None
    return Check(rule, format_count(standing), format_count(least), code, number, "contracts")


def _check_share(met: _Met) -> tuple[Check, ...]:
    """What is taken at once is a small enough part of what stands near the midpoint on that side."""
    bounds, near, most = met.bounds, met.near, met.bounds.max_share
    if most is None:
        return ()
    standing, taken = near.no if met.leg.order.side is Side.BID else near.yes, met.taken
    kept = _share(bounds.rules["max_share"], taken, standing, most, met.leg.number)
    if met.walk is None or 100 * taken <= most * standing:
        return (kept,)
    passes = format_count(Count(max(0, most * standing // 100 - met.earlier)))
    return (kept._replace(limit=f"{kept.limit}: {passes} pass", code=DenyCode.DEPTH_SHARE_EXCEEDS_MAXIMUM),)


@remembered
def _share(rule: str, taken: Count, standing: Count, most: int, number: int | None) -> Check:
    limit = f"{format_count(most * standing // 100)} of {format_count(standing)} ({most} %)"
    return Check(rule, format_count(taken), limit, None, number, "contracts")


def _check_grade(met: _Met, market: MarketSeen, facts: Facts) -> tuple[Check, ...]:
    """The market has at least the lowest grade; where the policy says so, a person may let one below it pass."""
    least, best = met.bounds.min_grade, met.leg.quote
    if least is None:
        return ()
    rule, number = met.bounds.rules["min_grade"], met.leg.number
    volume, interest = market.volume_24h, market.open_interest
    if volume is None or interest is None:
        unknown = "volume or open interest unknown"
        return (Check(rule, unknown, str(least), DenyCode.LIQUIDITY_MISSING, number),)
    if best is None:
        grade, kept = Grade.ILLIQUID, Check(rule, "illiquid (no midpoint)", str(least), None, number)
    else:
        grade, kept = _graded(rule, best, met.near, volume, interest, least, number)
    return (kept._replace(code=_grade_code(met, facts, rule)) if grade < least else kept,)


@remembered
def _graded(
    rule: str, best: Quote, near: Depth, volume: Count, interest: Count, least: Grade, number: int | None
) -> tuple[Grade, Check]:
    """The grade and the report of it, as one that has no objection."""
    found = components(best, near, volume, interest)
    grade = found.grade
    return grade, Check(rule, f"{grade} ({found.score})", str(least), None, number)


def _grade_code(met: _Met, facts: Facts, rule: str) -> DenyCode | None:
    if met.bounds.below_grade is BelowGrade.DENY:
        return DenyCode.LIQUIDITY_GRADE_TOO_LOW
    return None if facts.is_confirmed(met.leg.number, rule) else DenyCode.CONFIRMATION_REQUIRED


def _hundredths(value: int) -> str:
    """A figure in 1/100 as people write it: `5.00`."""
    whole, rest = divmod(value, 100)
    return f"{whole}.{rest:02d}"
