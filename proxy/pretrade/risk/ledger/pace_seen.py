"""What a client's pace looks like to one write, before it is judged.

Rule of this file: it changes nothing, and reads no more than the policy has limits for.
"""

from collections.abc import Iterable

from pretrade.model.facts import Place
from pretrade.model.frozen import frozen
from pretrade.model.instance import Mode
from pretrade.model.orders import AmendOrder, NewOrder, Write, orders_of
from pretrade.model.pace import BucketSeen, LegPace, Paced, PaceSeen, kind_of, meaning_of, paced_legs
from pretrade.policy.bounds import Bounds
from pretrade.policy.combine import bounds_for
from pretrade.policy.schema import Policy
from pretrade.risk.ledger.ledger import Ledger, order_key
from pretrade.risk.ledger.pace import Pace

NOTHING = LegPace()


@frozen
class PaceAsked:
    """A write, whose it is, which of its orders only close, and the places of its markets as far as they are known.
    `now_ms` is the pace clock's."""

    write: Write
    client: str
    mode: Mode
    reduces: tuple[bool, ...]
    places: tuple[Place, ...]
    now_ms: int


type _Opening = tuple[int, Paced, Bounds]
"""A leg that opens: its place in the write, the order, and what holds for it."""


def pace_seen(ledger: Ledger, asked: PaceAsked, policy: Policy) -> PaceSeen | None:
    """The pace at this moment (or the last one that was counted, if that is later); None for a write that no pace
    binds."""
    paced = paced_legs(asked.write, asked.reduces)
    if not paced:
        return None
    pace, client = ledger.account(asked.mode).pace, asked.client
    places = {place.ticker: place for place in asked.places}
    opening = [(leg, one, bounds_for(policy, client, one.ticker, places.get(one.ticker))) for leg, one in paced]
    now_ms = max(asked.now_ms, pace.latest_ms)
    legs = [NOTHING] * (1 if isinstance(asked.write, AmendOrder) else len(orders_of(asked.write)))
    in_flight = _in_flight(ledger, asked, opening)
    for leg, one, bounds in opening:
        legs[leg] = _leg_pace(pace, client, one, bounds, in_flight, now_ms)
    return PaceSeen(now_ms, tuple(_buckets(pace, kind_of(asked.write), client, opening)), tuple(legs))


def _buckets(pace: Pace, kind: str, client: str, opening: list[_Opening]) -> Iterable[BucketSeen]:
    """Every bucket that the policy has for the legs that open, each once."""
    seen: set[tuple[bool, str]] = set()
    for _, one, bounds in opening:
        for throttle in bounds.throttles:
            own, of = throttle.scope_is_client, one.ticker if throttle.per_market else ""
            if throttle.kind != kind or (own, of) in seen:
                continue
            seen.add((own, of))
            used, at_ms = pace.bucket(kind, client if own else "", of)
            yield BucketSeen(kind, own, of, used, at_ms, throttle.per_second)


def _leg_pace(
    pace: Pace, client: str, one: Paced, bounds: Bounds, in_flight: dict[str, str], now_ms: int
) -> LegPace:  # fmt: skip
    walk_ms = 0 if bounds.walk is None else bounds.walk.within_ms
    walked_from = pace.walked_from(client, one, now_ms - walk_ms) if walk_ms else None
    if bounds.repeat is None or not isinstance(one, NewOrder):
        return LegPace(walked_from=walked_from, walk_within_ms=walk_ms)
    same_ms = bounds.repeat.within_ms
    same = pace.same(client, one, now_ms - same_ms)
    return LegPace(same, same_ms, in_flight.get(meaning_of(one), "") if in_flight else "", walked_from, walk_ms)


def _in_flight(ledger: Ledger, asked: PaceAsked, opening: list[_Opening]) -> dict[str, str]:
    """The client's orders in these markets that have no known answer, by their meaning: the first one's decision."""
    tickers = {one.ticker for _, one, bounds in opening if bounds.repeat and not bounds.repeat.allow_in_flight}
    found: dict[str, str] = {}
    if asked.mode is Mode.DRY_RUN or not tickers:
        return found
    for pending in ledger.pending.values():
        for number, order in enumerate(orders_of(pending.write)) if pending.client == asked.client else ():
            if order.ticker in tickers and _is_open(ledger, order_key(pending.decision_id, number)):
                found.setdefault(meaning_of(order), pending.decision_id)
    return found


def _is_open(ledger: Ledger, key: str) -> bool:
    """Whether nobody knows yet what became of an order: a read may have shown it, or that there is none."""
    order = ledger.live.orders.get(key)
    return order is not None and order.order_id is None
