"""Reading the exchange's own record of our account, whole or not at all.

Rule of this file: the order of the reads is part of what they mean. `as_of` is asked first, so that all that follows
is at least as new, and once more at the end, in case reads fell behind meanwhile. Orders come before positions and
positions before fills: what fills in between is counted twice, as an order that may fill and as a position, and never
not at all. Nothing is believed because of what is absent, but an order that was asked for in every way there is.
"""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import batched, chain

from pretrade.gateway.account.own_reads import SINGLE_ORDER_COST, OwnReads, ReadFailedError, ReadLimits
from pretrade.gateway.account.record_merge import DisagreementError, add_orders, agreed
from pretrade.gateway.machine.clock import Clock
from pretrade.kalshi import drop_copy as parse
from pretrade.kalshi import drop_copy_reads as reads
from pretrade.kalshi.answer_fields import AnswerError, Fields
from pretrade.kalshi.client import Upstream
from pretrade.kalshi.drop_copy import Cutoff
from pretrade.kalshi.drop_copy_reads import ListRead
from pretrade.kalshi.signing import ReadRequest, Signer
from pretrade.model.drop_copy import (
    DropCopy,
    ExchangeBalance,
    ExchangeFill,
    ExchangeGroup,
    ExchangeOrder,
    ExchangePosition,
    ExchangeSettlement,
)

MAX_AHEAD_MS = 5_000
"""How far the exchange's clock may be ahead of ours. Whoever compares `as_of_ms` with our own moments must leave at
least as much room; further apart, the exchange would not take our signatures either (auth.md 1)."""

_NOT_FOUND = 404
_ROWS_AT_ONCE = 20
"""Rows are read a millisecond's worth at a time, because orders wait meanwhile."""
_MERGED_AT_ONCE = 200
"""The same for what is done with a row that was read."""


class DropCopyError(Exception):
    """The record could not be read as a whole; the message is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to read beside the orders that rest, which are always read. All moments are ours, in Unix milliseconds.

    Positions, balances and groups of `subaccounts` (and of those in which an order is found); the orders of
    `order_ids`, none of which was made before `made_since_ms` (None: nobody knows, their whole history is searched
    where one is missing); every order made since `since_ms` and every fill since `fills_since_ms` (None: none of them).
    The cash of those of `known` is left out, which are known to have been opened. `owners` are the subaccounts of the
    order groups that are known: where there are these and no others, one request tells their limits.
    `settled_since_ms` asks for what was paid out since then where a position of `held` is not there any more, or in any
    case where `held` is None. More than was wanted may come back.
    """

    subaccounts: Sequence[int]
    order_ids: frozenset[str] = frozenset()
    made_since_ms: int | None = None
    since_ms: int | None = None
    fills_since_ms: int | None = None
    settled_since_ms: int | None = None
    held: frozenset[tuple[int, str]] | None = frozenset()
    known: frozenset[int] = frozenset()
    owners: Mapping[str, int] = field(default_factory=dict)


class DropCopyReader:
    """Reads the exchange's record. Two readings may run at once and share one budget. Belongs to one event loop."""

    def __init__(self, signer: Signer, upstream: Upstream, clock: Clock, limits: ReadLimits | None = None) -> None:
        self._clock = clock
        self._limits = limits or ReadLimits()
        self._reads = OwnReads(signer, upstream, clock, self._limits)

    async def read(self, wanted: Wanted) -> DropCopy:
        """Read everything that is wanted. Raises DropCopyError where any part of it cannot be had, read or trusted."""
        try:
            async with asyncio.timeout(self._limits.seconds):
                return await self._read(wanted)
        except TimeoutError as e:
            raise DropCopyError(f"it could not be read within {self._limits.seconds:g} s") from e
        except (ReadFailedError, DisagreementError) as e:
            raise DropCopyError(str(e)) from e

    async def _read(self, wanted: Wanted) -> DropCopy:
        started_ms, started_age_ms = self._clock.now_ms(), self._clock.age_ms()
        as_of_ms = await self._as_of()
        orders, gone = await self._orders(wanted)
        subaccounts = tuple(sorted({*wanted.subaccounts, *(order.subaccount for order in orders)}))
        asked = [number for number in subaccounts if number not in wanted.known]
        balances = [one for one in await _all(self._balance(number) for number in asked) if one is not None]
        opened = sorted({balance.subaccount for balance in balances} | wanted.known.intersection(subaccounts))
        positions = await _all(self._positions(number) for number in opened)
        fills = await self._fills(wanted.fills_since_ms)
        there = {(row.subaccount, row.ticker) for rows in positions for row in rows if row.count}
        settlements = await self._settlements(wanted, opened, there)
        groups = await self._groups(opened, wanted.owners)
        fallen_behind_ms = await self._as_of() - (self._clock.age_ms() - started_age_ms)
        return DropCopy(
            as_of_ms=min(as_of_ms, fallen_behind_ms),
            started_ms=started_ms,
            positions=agreed(chain(*positions), lambda row: (row.subaccount, row.ticker), "the position"),
            orders=orders,
            gone=gone,
            fills=agreed(fills, lambda row: row.fill_id, "the fill"),
            balances=tuple(balances),
            groups=agreed(groups, lambda row: row.group_id, "the order group"),
            subaccounts=subaccounts,
            settlements=agreed(
                chain(*settlements), lambda row: (row.subaccount, row.ticker, row.settled_ms), "the payout"
            ),
        )

    async def _as_of(self) -> int:
        body = await self._reads.get(reads.USER_DATA_TIMESTAMP)
        as_of_ms = _read(reads.USER_DATA_TIMESTAMP, parse.read_as_of, body)
        ahead_ms = as_of_ms - self._clock.now_ms()
        if ahead_ms > MAX_AHEAD_MS:
            raise ReadFailedError(f"the exchange's record is of a moment {ahead_ms} ms ahead of this machine's clock")
        return as_of_ms

    async def _orders(self, wanted: Wanted) -> tuple[tuple[ExchangeOrder, ...], frozenset[str]]:
        """What rests, what was made since a moment, and what was asked for by its id; then the ids that nobody knows.

        A read of one order may lag behind the lists (sim_semantics.md 5), so a 404 alone says nothing.
        """
        found: dict[str, ExchangeOrder] = {}
        await _add(found, await self._list(reads.RESTING_ORDERS, parse.read_order))
        if wanted.since_ms is not None:
            await _add(found, await self._orders_since(wanted.since_ms))
        asked = sorted(wanted.order_ids - found.keys())
        add_orders(found, filter(None, await _all(self._order(order_id) for order_id in asked)))
        if not wanted.order_ids <= found.keys():
            for historical in (False, True):
                list_ = reads.orders_since(wanted.made_since_ms, historical=historical)
                await _add(found, await self._list(list_, parse.read_order))
        return tuple(found.values()), wanted.order_ids - found.keys()

    async def _order(self, order_id: str) -> ExchangeOrder | None:
        """One order; None where the exchange itself says that it does not know it."""
        try:
            request = reads.single_order(order_id)
        except ValueError as e:
            raise ReadFailedError(str(e)) from e
        answer = await self._reads.find(request, cost=SINGLE_ORDER_COST)
        if answer.status != _NOT_FOUND:
            return _read(request, lambda body: parse.read_single_order(body, order_id), answer.body)
        if not parse.says_not_found(answer.body):
            raise ReadFailedError(f"GET {request.path} was answered 404, but not in the exchange's words")
        return None

    async def _orders_since(self, since_ms: int) -> list[ExchangeOrder]:
        orders = await self._list(reads.orders_since(since_ms), parse.read_order)
        if await self._is_in_history(since_ms, lambda cutoff: cutoff.orders_ms):
            orders += await self._list(reads.orders_since(since_ms, historical=True), parse.read_order)
        return orders

    async def _fills(self, since_ms: int | None) -> list[ExchangeFill]:
        if since_ms is None:
            return []
        fills = await self._list(reads.fills_since(since_ms), parse.read_fill)
        if await self._is_in_history(since_ms, lambda cutoff: cutoff.fills_ms):
            fills += await self._list(reads.fills_since(since_ms, historical=True), parse.read_fill)
        return fills

    async def _settlements(
        self, wanted: Wanted, opened: Sequence[int], there: Collection[tuple[int, str]]
    ) -> list[list[ExchangeSettlement]]:
        """What was paid out in the subaccounts where a position that was held has gone."""
        gone = None if wanted.held is None else {subaccount for subaccount, _ in wanted.held - set(there)}
        asked = [number for number in opened if gone is None or number in gone]
        since_ms = wanted.settled_since_ms
        return [] if since_ms is None else await _all(self._settlements_of(number, since_ms) for number in asked)

    async def _settlements_of(self, subaccount: int, since_ms: int) -> list[ExchangeSettlement]:
        list_ = reads.settlements_of(subaccount, since_ms)
        return await self._list(list_, lambda row: parse.read_settlement(row, subaccount))

    async def _is_in_history(self, since_ms: int, border_ms: Callable[[Cutoff], int]) -> bool:
        """Whether something since a moment may have left the living list. Asked after that list was read: what leaves
        it later was on it."""
        body = await self._reads.get(reads.HISTORICAL_CUTOFF)
        return since_ms - reads.CLOCK_MARGIN_MS < border_ms(_read(reads.HISTORICAL_CUTOFF, parse.read_cutoff, body))

    async def _positions(self, subaccount: int) -> list[ExchangePosition]:
        return await self._list(reads.positions_of(subaccount), lambda row: parse.read_position(row, subaccount))

    async def _balance(self, subaccount: int) -> ExchangeBalance | None:
        """The cash of a subaccount; None where the exchange says that it was never opened, so that nothing is in it."""
        request = reads.balance_of(subaccount)
        answer = await self._reads.find(request)
        if answer.status == _NOT_FOUND and parse.says_never_opened(answer.body):
            return None
        if answer.status == _NOT_FOUND:
            raise ReadFailedError(f"GET {request.path} of subaccount {subaccount} was answered 404")
        return _read(request, lambda body: parse.read_balance(body, subaccount), answer.body)

    async def _groups(self, opened: Sequence[int], owners: Mapping[str, int]) -> tuple[ExchangeGroup, ...]:
        """The order groups of some subaccounts: at once where all that there are belong to these and are known."""
        if len(opened) > 1 and set(opened).issuperset(owners.values()):
            request, body = reads.ALL_GROUPS, await self._reads.get(reads.ALL_GROUPS)
            groups = _read(request, lambda body: parse.read_all_groups(body, owners), body)
            if groups is not None:
                return groups
        return tuple(chain(*await _all(self._groups_of(number) for number in opened)))

    async def _groups_of(self, subaccount: int) -> tuple[ExchangeGroup, ...]:
        request = reads.groups_of(subaccount)
        return _read(request, lambda body: parse.read_groups(body, subaccount), await self._reads.get(request))

    async def _list[T](self, list_: ListRead, read_row: Callable[[Fields], T]) -> list[T]:
        """All rows of a list, to its last page. A cursor that comes again would go round for ever."""
        rows: list[T] = []
        cursors = [""]
        while len(cursors) <= self._limits.pages:
            request = list_.page(cursors[-1])
            page = _read(request, list_.read_page, await self._reads.get(request))
            for several in batched(page.rows, _ROWS_AT_ONCE, strict=False):
                rows += [_read(request, read_row, row) for row in several]
                await asyncio.sleep(0)
            if not page.cursor:
                return rows
            if page.cursor in cursors:
                raise ReadFailedError(f"the pages of GET {list_.path} go round in a circle")
            cursors.append(page.cursor)
        raise ReadFailedError(f"GET {list_.path} has more than {self._limits.pages} pages")


def _read[S, T](request: ReadRequest, read: Callable[[S], T], source: S) -> T:
    """Read a body, or a row of one."""
    try:
        return read(source)
    except AnswerError as e:
        raise ReadFailedError(f"GET {request.path} was answered 200, but {e}") from e


async def _add(found: dict[str, ExchangeOrder], rows: Sequence[ExchangeOrder]) -> None:
    """Take orders in, some at a time."""
    for several in batched(rows, _MERGED_AT_ONCE, strict=False):
        add_orders(found, several)
        await asyncio.sleep(0)


async def _all[T](several: Iterable[Coroutine[None, None, T]]) -> list[T]:
    """Wait for all of them; where one fails, end the others and raise what it raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in several]
    except ExceptionGroup as failed:
        # A fault of ours must not hide behind a refusal that came first.
        faults = failed.split(ReadFailedError)[1] or failed
        raise faults.exceptions[0] from None
    return [task.result() for task in tasks]
