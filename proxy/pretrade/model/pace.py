"""What was seen of a client's pace: what is used of its buckets, its like orders, its prices.

Rule of this file: frozen facts. Every moment in it is the pace clock's, which never goes back and which no setting of
the wall clock moves (`gateway.way.pace`).
"""

from typing import NamedTuple

from pretrade.model.orders import AmendOrder, NewOrder, Write, orders_of
from pretrade.model.units import Price

TOKEN = 1_000_000
"""One item of a throttle, in the unit that buckets are reckoned in."""

PLACE, AMEND = "place", "amend"


class BucketSeen(NamedTuple):
    """A token bucket as it was left. `kind` is PLACE or AMEND; `own` is true for the client's own bucket, false for the
    whole account's; `of` is the one market that it is about, empty for all.

    `used` is what had been taken out and not yet refilled at `at_ms`, in 1/1000000 of an item; `per_second` what flows
    back, in 1/1000 of an item a second, which is 1/1000000 a millisecond. A bucket that nobody used yet has 0 used.
    """

    kind: str
    own: bool
    of: str
    used: int
    at_ms: int
    per_second: int

    def used_at(self, now_ms: int, per_second: int) -> int:
        """What is used of it at a moment, at a rate. A moment before `at_ms` refills nothing."""
        used = self.used
        if not used:
            return 0
        passed_ms = now_ms - self.at_ms
        left = used - per_second * passed_ms if passed_ms > 0 else used
        return max(left, 0)


class LegPace(NamedTuple):
    """What one order of a write, or the amend, meets. Where a window is 0 ms, nothing is limited by it.

    `same` counts the client's approved orders of the same meaning within `same_within_ms`; `in_flight` is the decision
    of one that has no known answer, or empty; `walked_from` is the least aggressive price that the client had approved
    in this market and on this side within `walk_within_ms`, None where it had none.
    """

    same: int = 0
    same_within_ms: int = 0
    in_flight: str = ""
    walked_from: Price | None = None
    walk_within_ms: int = 0


class PaceSeen(NamedTuple):
    """The client's pace at `now_ms`: every bucket that the policy has for the write, and a LegPace for each of its
    orders, in their order."""

    now_ms: int
    buckets: tuple[BucketSeen, ...] = ()
    legs: tuple[LegPace, ...] = ()


type Paced = NewOrder | AmendOrder
"""What has a pace: what can trade at a price. Cancels and decreases have none."""


def paced_legs(write: Write, reduces: tuple[bool, ...]) -> tuple[tuple[int, Paced], ...]:
    """The orders of a write (or the amend) that a pace can bind, with their numbers: not those that only reduce."""
    legs: tuple[Paced, ...] = (write,) if isinstance(write, AmendOrder) else orders_of(write)
    return tuple([(leg, one) for leg, one in enumerate(legs) if leg >= len(reduces) or not reduces[leg]])


def kind_of(write: Write) -> str:
    """Which bucket a write takes from."""
    return AMEND if isinstance(write, AmendOrder) else PLACE


def meaning_of(order: NewOrder) -> str:
    """What makes an order the same as another: market, side, count and price, which is the money it may cost. Not its
    ids, its expiry or its flags: a loop that has gone wrong sets those anew, or in turn, with every round."""
    return f"{order.ticker} {order.side} {order.count} {order.price}"


def items_in(legs: tuple[tuple[int, Paced], ...], of: str) -> int:
    """How many of these legs a bucket counts: those of its market."""
    return sum(1 for _, one in legs if of in ("", one.ticker))
