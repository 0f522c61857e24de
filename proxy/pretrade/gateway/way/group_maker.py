"""Makes the order groups that the policy's `inject` puts clients' orders into, each before the first order that needs
it.

Rule of this file: a group is a write like any other: judged, recorded before it is signed, sent once. One of which
nobody knows whether it was made is not asked for again: the exchange's list of groups shows it, or that there is none.
No exit waits here.
"""

import asyncio
from collections.abc import Callable

from pretrade.gateway.instance import Instance
from pretrade.gateway.operator.by_hand import command
from pretrade.gateway.way.as_sent import as_sent
from pretrade.gateway.way.attempts import Attempt
from pretrade.gateway.way.identity import Client
from pretrade.gateway.way.normalise import write_out
from pretrade.gateway.way.own_groups import group_limit, own_groups, shards_of
from pretrade.gateway.way.records import WriteRequest
from pretrade.model.codes import DenyCode
from pretrade.model.facts import Facts
from pretrade.model.groups import CreateGroup
from pretrade.model.markets import MarketFacts
from pretrade.model.orders import Write, orders_of, tickers_of
from pretrade.model.units import Count
from pretrade.risk.checks.engine import decide
from pretrade.risk.checks.injecting import opens

WAIT_S = 3.0
"""How long an order waits for its group; then it is denied, and the group is there for the next one."""
PAUSE_MS = 1_000
"""Between two attempts to make one, the first of which came to nothing."""

_HELPED = frozenset({DenyCode.ORDER_GROUP_MISSING, DenyCode.CONFIRMATION_REQUIRED})
"""What may be objected to an order that a group is made for: a person is asked about an order that could be sent."""

type Begin = Callable[[WriteRequest], Attempt]


class GroupMaker:
    """Makes groups for one instance. Belongs to one event loop; a group is made once, however many orders wait."""

    def __init__(self, instance: Instance, begin: Begin) -> None:
        self._instance = instance
        self._begin = begin
        self._making: dict[tuple[str, int], asyncio.Future[object]] = {}
        self._tried_ms: dict[tuple[str, int], int] = {}

    async def ready(self, request: WriteRequest) -> None:
        """Have the groups made that the orders of a write lack, where nothing else would deny it. Never raises: an
        order whose group is not there is denied for that."""
        limit = group_limit(self._instance, request.client.name)
        if limit is None or not orders_of(request.write):
            return
        waits = [self._made(request.client, limit, shard) for shard in sorted(self._missing(request))]
        if under_way := [wait for wait in waits if wait is not None]:
            await asyncio.wait(under_way, timeout=WAIT_S)

    def _missing(self, request: WriteRequest) -> set[int]:
        """The shards on which a write's orders need a group that is not there; none where something else objects. Where
        all are there nothing is judged: the write itself comes next."""
        client, known = request.client, self._known(request.write)
        if None not in own_groups(self._instance, client, request.write, known):
            return set()
        stated, _ = write_out(request.write, subaccount=client.subaccount, decision_id=request.decision_id)
        write, facts, _ = as_sent(self._instance, client, stated)
        reports = [check for check in decide(write, facts, self._instance.policy).checks if check.code is not None]
        if any(check.code not in _HELPED and not check.passed for check in reports):
            return set()
        return _shards(write, facts, known) if reports else set()

    def _known(self, write: Write) -> tuple[MarketFacts, ...]:
        found = (self._instance.markets.get(ticker) for ticker in tickers_of(write))
        return tuple(market for market in found if market is not None)

    def _made(self, client: Client, limit: Count, shard: int) -> asyncio.Future[object] | None:
        """What is to be waited for; None where a group cannot be asked for now."""
        key, instance = (client.name, shard), self._instance
        making = self._making.get(key)
        if making is not None and not making.done():
            return making
        if self._may_be_there(client.name, shard):
            instance.reconciled.want()
            return None
        now_ms, tried_ms = instance.clock.age_ms(), self._tried_ms.get(key)
        if tried_ms is not None and now_ms - tried_ms < PAUSE_MS:
            return None
        self._tried_ms[key] = now_ms
        write = CreateGroup(limit, client.subaccount, shard)
        attempt = self._begin(command(instance.clock, client, write, "", by_proxy=True))
        self._making[key] = making = asyncio.ensure_future(_answered(attempt))
        return making

    def _may_be_there(self, client: str, shard: int) -> bool:
        """Whether one was asked for and nobody knows what became of it."""
        return any(
            one.by_proxy and one.client == client and isinstance(one.write, CreateGroup)
            and (one.write.exchange_index or 0) == shard
            for one in self._instance.ledger.pending.values()
        )  # fmt: skip


def _shards(write: Write, facts: Facts, known: tuple[MarketFacts, ...]) -> set[int]:
    orders = orders_of(write)
    legs = zip(orders, shards_of(orders, known), facts.own_groups, strict=True)
    return {
        shard
        for leg, (order, shard, own) in enumerate(legs)
        if own is None and shard is not None and order.order_group_id is None and opens(order, leg, facts.reduces)
    }


async def _answered(attempt: Attempt) -> object:
    """Wait for an answer, whatever it is: what became of the group stands in the ledger."""
    return await asyncio.wait((attempt.answer,))
