"""How much an order could be: the gate's own facts and checks, asked with other counts.

Rule of this file: nothing is awaited and nothing changed; what it says holds at the moment at which it is said. A
client that is denied again and again is told so a few times a second, for every count is judged.
"""

from collections.abc import Callable
from dataclasses import replace

from pretrade.gateway.instance import Instance
from pretrade.gateway.machine.bucket import Bucket
from pretrade.gateway.machine.clock import Clock
from pretrade.gateway.way.as_sent import as_asked, as_sent
from pretrade.gateway.way.facts import place_of
from pretrade.gateway.way.identity import Client
from pretrade.model.facts import Facts
from pretrade.model.orders import AmendOrder, CreateBatch, CreateOrder, NewOrder, Write
from pretrade.model.units import Count
from pretrade.policy.bounds import Bounds
from pretrade.policy.combine import bounds_for
from pretrade.policy.fields import MAX_COUNT
from pretrade.risk.checks.coarse import coarse
from pretrade.risk.checks.engine import decide
from pretrade.risk.checks.headroom import Headroom, Trial, headroom

TOLD_A_SECOND = 5
"""Denials of one client that are told with their headroom in one second."""


type Prepare = Callable[[Instance, Client, Write], tuple[Write, Facts]]
"""Makes of a write what is judged, and the facts that it is judged by."""


def coarsely(instance: Instance, client: Client, write: Write) -> tuple[Write, Facts]:
    """What a question of a client's is judged by that shares limits with others: as much room as there is at least."""
    asked, facts = as_asked(instance, client, write)
    return asked, coarse(asked, facts, instance.policy)


def headroom_of(
    instance: Instance, client: Client, write: Write, prepare: Prepare = as_asked, most: Count = MAX_COUNT
) -> Headroom | None:
    """The largest count with which the write would pass now, `most` of them at most; None for what is no single order.
    `write` is as the gate would judge it, the subaccount written in."""
    return _search(instance, client, write, most, prepare)


def smaller(instance: Instance, client: Client, write: Write) -> Headroom | None:
    """The largest count below its own with which a denied write would pass; None where it cannot be smaller."""
    single = _single(write)
    return None if single is None else _search(instance, client, write, Count(single.count - 1), _as_it_stands)


def _as_it_stands(instance: Instance, client: Client, write: Write) -> tuple[Write, Facts]:
    sent, facts, _ = as_sent(instance, client, write)
    return sent, facts


def _search(instance: Instance, client: Client, write: Write, most: Count, prepare: Prepare) -> Headroom | None:
    single, policy = _single(write), instance.policy
    if single is None or most < 1:
        return None
    max_count = bounds_in(instance, client, single.ticker).max_count
    if max_count is not None:  # one more is denied whatever it does, so nothing above needs to be judged
        most = min(most, Count(max_count + 1))

    def judge(count: Count) -> Trial:
        resized, facts = prepare(instance, client, _with_count(write, count))
        return Trial(decide(resized, facts, policy), bool(facts.reduces) and all(facts.reduces))

    return headroom(judge, most)


def bounds_in(instance: Instance, client: Client, ticker: str) -> Bounds:
    """What holds for a client in a market, by its event and series too where they are known."""
    known = instance.markets.get(ticker)
    return bounds_for(instance.policy, client.name, ticker, None if known is None else place_of(known))


def _single(write: Write) -> NewOrder | AmendOrder | None:
    """The one order that a write is about."""
    match write:
        case AmendOrder():
            return write
        case CreateOrder(order=order) | CreateBatch(orders=(order,)):
            return order
        case _:
            return None


def _with_count(write: Write, count: Count) -> Write:
    match write:
        case AmendOrder():
            return replace(write, count=count)
        case CreateOrder():
            return CreateOrder(replace(write.order, count=count))
        case CreateBatch(orders=(order,)):
            return CreateBatch((replace(order, count=count),))
        case _:
            return write


class HeadroomPace:
    """Lets a client's denials be told with their headroom so many times a second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[str, Bucket] = {}

    def take(self, client: str) -> bool:
        """Whether one more may be worked out now. There are as many buckets as the policy has clients."""
        if client not in self._buckets:
            self._buckets[client] = Bucket(self._clock, a_second=TOLD_A_SECOND, at_once=TOLD_A_SECOND)
        return self._buckets[client].take()
