"""How fast a client may trade: throttles, the same order again and again, its twin without an answer, a price that
walks.

Rule of this file: what only reduces is bound by none of it, and counts in none. The legs of a batch count one after
another. A figure that the policy needs and that was not seen is a LookupError, for it is not zero.
"""

from collections.abc import Set as AbstractSet

from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Check
from pretrade.model.facts import Facts
from pretrade.model.orders import NewOrder, Side
from pretrade.model.pace import PLACE, TOKEN, BucketSeen, LegPace, PaceSeen, kind_of, meaning_of
from pretrade.model.units import Price, ceil_div, format_price
from pretrade.policy.bounds import Throttle
from pretrade.risk.checks.case import Case, Leg
from pretrade.risk.checks.remembered import remembered

NOT_SEEN = "the pace of a client that the policy limits was not seen"


def check_pace(case: Case) -> tuple[Check, ...]:
    """Every check of this file on what opens."""
    opening = case.opening
    if not opening:
        return ()
    throttled = check_throttles(kind_of(case.write), case.facts, opening)
    return (*throttled, *check_repeats(opening), *check_walk(opening))


def check_throttles(kind: str, facts: Facts, opening: tuple[Leg, ...]) -> list[Check]:
    """Token buckets: over any time t no more than burst + rate x t orders are approved. A batch takes a token an order,
    all at once, so that one with more orders than the bucket holds can never pass."""
    throttles = _throttles(kind, opening)
    if not throttles:
        return []
    pace = _pace(facts)
    buckets = {bucket[1:3]: bucket for bucket in pace.buckets}  # by whose they are, and of what
    return [_throttled(buckets[key], throttle, items, pace.now_ms) for key, (throttle, items) in throttles.items()]


def _throttles(kind: str, opening: tuple[Leg, ...]) -> dict[tuple[bool, str], tuple[Throttle, int]]:
    """The throttles that bind and how many items each counts, by whose they are and of what."""
    throttles: dict[tuple[bool, str], tuple[Throttle, int]] = {}
    for leg in opening:
        for throttle in leg.bounds.throttles:
            if throttle.kind == kind:
                key = (throttle.scope_is_client, leg.order.ticker if throttle.per_market else "")
                throttles[key] = (throttle, throttles[key][1] + 1 if key in throttles else 1)
    return throttles


def full_for_ms(case: Case, rules: AbstractSet[str]) -> int | None:
    """How long, in ms rounded up, the buckets of these rules are too full for the write; None for ever."""
    pace, longest = _pace(case.facts), 0
    buckets = {bucket[1:3]: bucket for bucket in pace.buckets}
    for key, (throttle, items) in _throttles(kind_of(case.write), case.opening).items():
        rate = throttle.per_second
        over = buckets[key].used_at(pace.now_ms, rate) + (items - throttle.burst) * TOKEN
        if throttle.rule not in rules or over <= 0:
            continue
        if items > throttle.burst or rate <= 0:
            return None
        longest = max(longest, ceil_div(over, rate))
    return longest


def _throttled(bucket: BucketSeen, throttle: Throttle, items: int, now_ms: int) -> Check:
    used, burst = bucket.used_at(now_ms, throttle.per_second) + items * TOKEN, throttle.burst
    return _rate(throttle.rule, throttle.kind == PLACE, ceil_div(100 * used, TOKEN), burst, items, used > burst * TOKEN)


@remembered
def _rate(rule: str, is_place: bool, hundredths: int, burst: int, items: int, is_broken: bool) -> Check:
    denied = DenyCode.PLACE_RATE_EXCEEDS_MAXIMUM if is_place else DenyCode.AMEND_RATE_EXCEEDS_MAXIMUM
    most = str(burst) if items <= burst else f"{burst}, so {items} at once can never pass"
    unit = "orders" if is_place else "amends"
    return Check(rule, _items(hundredths), most, denied if is_broken else None, None, unit)


def _items(hundredths: int) -> str:
    whole, rest = divmod(hundredths, 100)
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") if rest else str(whole)


def check_repeats(opening: tuple[Leg, ...]) -> list[Check]:
    """The same order (ids, expiry and flags apart) is approved no more often than this within the window. Who is denied
    for it is also stopped by the gate, until a person resumes it: a loop does not end by being slowed down.

    An order whose twin of this client's, under whatever id and flags, was sent and has no known answer may be that one
    again: it waits until the answer, or its absence, is known.
    """
    counted: dict[str, int] = {}
    repeats: list[Check] = []
    twins: list[Check] = []
    for leg in opening:
        repeat, order, number = leg.bounds.repeat, leg.order, leg.number
        if repeat is None or not isinstance(order, NewOrder):
            continue
        seen = _seen(leg)
        same = seen.same + 1
        if len(opening) > 1:  # who is alone has no twin beside it
            meaning = meaning_of(order)
            same += counted.get(meaning, 0)
            counted[meaning] = counted.get(meaning, 0) + 1
        repeats.append(_same(repeat.rule, same, repeat.max_same, number))
        if not repeat.allow_in_flight:
            twins.append(_twin(repeat.in_flight_rule, seen.in_flight, number))
    return repeats + twins


@remembered
def _same(rule: str, same: int, most: int, number: int | None) -> Check:
    return Check(rule, str(same), str(most), DenyCode.ORDER_REPEATED if same > most else None, number, "orders")


@remembered
def _twin(rule: str, first: str, number: int | None) -> Check:
    code = DenyCode.DUPLICATE_IN_FLIGHT if first else None
    return Check(rule, f"decision {first}" if first else "none", "none without an answer", code, number)


def check_walk(opening: tuple[Leg, ...]) -> list[Check]:
    """A collar over time (MiFID RTS 6, Article 15(1)(a): price collars "both on an order-by-order basis and over a
    specified period of time"): each order may keep within its collar and yet a loop that chases its own prices walks
    away with them, three cents an order.

    Measured from the least aggressive price that the client had approved in this market and on this side within the
    window: a bid may be no more than `max` above the lowest, an ask no more than `max` below the highest. The order in
    which prices came does not matter, so that no detour hides a walk; a ladder wider than `max` is one as well.
    """
    starts: dict[tuple[str, Side], Price] = {}
    reports: list[Check] = []
    for leg in opening:
        walk, order = leg.bounds.walk, leg.order
        if walk is None:
            continue
        key = (order.ticker, order.side)
        start = _least_aggressive(order.side, order.price, _seen(leg).walked_from)
        if len(opening) > 1:  # beside the orders before it
            start = starts[key] = _least_aggressive(order.side, start, starts.get(key))
        reports.append(_walked(walk.rule, Price(abs(order.price - start)), walk.max, leg.number))
    return reports


def _least_aggressive(side: Side, price: Price, other: Price | None) -> Price:
    if other is None:
        return price
    return min(price, other) if side is Side.BID else max(price, other)


@remembered
def _walked(rule: str, moved: Price, most: Price, number: int | None) -> Check:
    code = DenyCode.PRICE_WALK_EXCEEDS_MAXIMUM if moved > most else None
    return Check(rule, format_price(moved), format_price(most), code, number, "dollars")


def _seen(leg: Leg) -> LegPace:
    if leg.pace is None:
        raise LookupError(NOT_SEEN)
    return leg.pace


def _pace(facts: Facts) -> PaceSeen:
    if facts.pace is None:
        raise LookupError(NOT_SEEN)
    return facts.pace
