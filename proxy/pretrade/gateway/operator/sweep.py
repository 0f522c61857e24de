"""A person has everything canceled that rests: `pretrade halt --cancel`.

Rule of this file: only where trading is halted, so that nothing new comes meanwhile. Each cancel is a write like a
client's: judged, recorded, signed, sent once. That an order is gone is read from the exchange's record and never taken
from the answer to a cancel, which has been wrong (design, section 6).
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus

from pretrade.gateway.account.reconcile import Reconciler
from pretrade.gateway.instance import Instance
from pretrade.gateway.operator.admin import AdminError
from pretrade.gateway.operator.by_hand import PATIENCE, command, said
from pretrade.gateway.way.attempts import Attempt
from pretrade.gateway.way.identity import Client
from pretrade.gateway.way.records import WriteRequest
from pretrade.model.instance import Mode, Role, TradingState
from pretrade.model.orders import CancelAll
from pretrade.model.units import format_count
from pretrade.risk.ledger.live_order import LiveOrder

UNDER_WAY_S = 8.0
"""How long what is under way is waited for: as long as the exchange is given to answer."""
SHOWN = 100
"""Orders of a kind that are told one by one."""


class Sweep:
    """Carries out `pretrade halt --cancel` once trading is halted."""

    def __init__(
        self,
        instance: Instance,
        reconciler: Reconciler,
        begin: Callable[[WriteRequest], Attempt],
    ) -> None:
        """`begin` starts on a write as it does for a client's."""
        self._instance = instance
        self._reconciler = reconciler
        self._begin = begin

    async def sweep(self, actor: str, arguments: Mapping[str, str]) -> dict[str, object]:
        """Cancel what rests, of one client or of all, and read the record until it is gone. Tells what is gone, what
        is left, and which positions moved meanwhile. Raises AdminError where nothing can be canceled from here."""
        scope = arguments.get("client", "")
        self._require_halted(scope)
        if under_way := self._instance.attempts.unanswered:
            await asyncio.wait(under_way, timeout=UNDER_WAY_S)
        problems = await self._read()
        first, held = self._resting(scope), self._positions()
        left, is_read = first, not problems
        for turn in range(PATIENCE.cancels):
            if not self._is_halted(scope):
                problems.append("trading was resumed meanwhile, so that nothing more was canceled")
                break
            problems += await self._cancel(actor, scope, left, turn)
            left, is_read = await self._until_gone(scope, problems)
            if is_read and not left:
                break
        gone = [order for key, order in first.items() if key not in left]
        return {
            "gone": [_told(order) for order in gone[:SHOWN]],
            "gone_count": len(gone),
            "left": [_told(order) for order in list(left.values())[:SHOWN]],
            "left_count": len(left),
            "is_read": is_read,
            "moved": _moved(held, self._positions()),
            "problems": list(dict.fromkeys(problems)),
        }

    def _require_halted(self, scope: str) -> None:
        instance = self._instance
        if scope and scope not in instance.policy.clients:
            known = ", ".join(sorted(instance.policy.clients)) or "none"
            raise AdminError(f"there is no client {scope!r}; known are {known}")
        if instance.policy.instance.role is Role.R:
            raise AdminError("role R sends no cancel either: nothing rests that went through this proxy")
        if instance.policy.instance.mode is not Mode.LIVE:
            raise AdminError(
                "this proxy runs in dry_run and sends nothing, so no real order rests by it; what else rests at the "
                "exchange is canceled there, or by a proxy in mode live"
            )
        if not self._is_halted(scope):
            raise AdminError("trading is not halted: what is canceled could be placed anew; halt first")

    def _is_halted(self, scope: str) -> bool:
        trading = self._instance.trading
        state = trading.client_state(scope) if scope else trading.state()
        return TradingState.HALTED in (state, trading.state())

    def _resting(self, scope: str) -> dict[str, LiveOrder]:
        """What may rest, by key: orders of unknown fate and, in the account's scope, those past this proxy included."""
        orders = self._instance.ledger.live.orders
        return {key: order for key, order in orders.items() if not scope or order.client == scope}

    def _positions(self) -> dict[tuple[int, str], int]:
        return {key: book.position for key, book in self._instance.ledger.live.books()}

    async def _read(self) -> list[str]:
        """Read the exchange's record; why that was not possible, if so."""
        if await self._reconciler.round():
            return []
        return [f"the exchange's record could not be read: {self._instance.reconciled.problem}"]

    async def _cancel(self, actor: str, scope: str, left: Mapping[str, LiveOrder], turn: int) -> list[str]:
        """One cancel-all in each subaccount of the scope; which of them did not go well. What the ledger does not know
        may rest too, so that every one is canceled in."""
        clients = _whose(self._instance, scope, turn)
        problems = [
            f"subaccount {number}: no client of this policy trades in it, so that nothing is signed for it from here"
            for number in sorted({order.subaccount for order in left.values()} - {one.subaccount for one in clients})
        ]
        clock = self._instance.clock
        requests = [command(clock, client, CancelAll(client.subaccount), actor) for client in clients]
        answers = await asyncio.gather(*(self._begin(request).wait() for request in requests))
        failed = [pair for pair in zip(requests, answers, strict=True) if pair[1].status >= HTTPStatus.MULTIPLE_CHOICES]
        return problems + [f"subaccount {request.client.subaccount}: {said(answer)}" for request, answer in failed]

    async def _until_gone(self, scope: str, problems: list[str]) -> tuple[dict[str, LiveOrder], bool]:
        """What is left after some reads of the record, sooner where nothing is, and whether the last read came
        through: the exchange's reads lag its writes."""
        failed: list[str] = []
        for _ in range(PATIENCE.reads):
            await asyncio.sleep(PATIENCE.pause)
            failed = await self._read()
            if not failed and not self._resting(scope):
                break
        problems += failed
        return self._resting(scope), not failed


def _whose(instance: Instance, scope: str, turn: int) -> list[Client]:
    """The clients as whom it is canceled: the one of the scope, or one of each subaccount. For the whole account those
    that share one are taken as if they did not: everybody's orders are to go, and one cancel-all reaches them. They
    take turns, for each may have a live key of its own, and one of those may have been revoked."""
    if scope:
        return [client for client in instance.clients.values() if client.name == scope]
    own: dict[int, list[Client]] = defaultdict(list)
    for client in instance.clients.values():
        own[client.subaccount].append(client)
    return [replace(all_of[turn % len(all_of)], shares_subaccount=False) for _, all_of in sorted(own.items())]


def _told(order: LiveOrder) -> dict[str, object]:
    return {
        "order_id": order.order_id,
        "client_order_id": order.client_order_id,
        "client": order.client,
        "subaccount": order.subaccount,
        "ticker": order.ticker,
        "side": str(order.side),
        "remaining": format_count(order.remaining),
        "state": str(order.state),
    }


def _moved(before: Mapping[tuple[int, str], int], after: Mapping[tuple[int, str], int]) -> list[dict[str, object]]:
    """The positions that are others now: something filled while it was being canceled."""
    return [
        {
            "subaccount": key[0],
            "ticker": key[1],
            "before": format_count(before.get(key, 0)),
            "after": format_count(after.get(key, 0)),
        }
        for key in sorted(before.keys() | after.keys())
        if before.get(key, 0) != after.get(key, 0)
    ]
