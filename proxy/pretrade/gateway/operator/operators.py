"""What operators ask of the trading states over the admin socket: halt and resume, the whole account or one client.

Rule of this file: a stop is never refused for its own sake; a resume needs a name and a reason.
"""

import contextlib
from collections.abc import Mapping

from pretrade.gateway.instance import Instance
from pretrade.gateway.operator.admin import AdminError
from pretrade.gateway.way.group_trips import Begin, reset
from pretrade.journal.errors import JournalError
from pretrade.model.instance import TradingState


class Operators:
    """The commands of one instance."""

    def __init__(self, instance: Instance, begin: Begin) -> None:
        self._instance = instance
        self._begin = begin

    async def halt(self, actor: str, arguments: Mapping[str, str]) -> dict[str, object]:
        """Go to HALTED or REDUCING. Raises AdminError for what the person must put right."""
        wanted, reason = arguments.get("state", TradingState.HALTED), arguments.get("reason", "")
        if not reason or wanted not in (TradingState.HALTED, TradingState.REDUCING):
            raise AdminError("a halt needs a reason, and HALTED or REDUCING")
        client = self._client(arguments)
        row = self._instance.trading.stop(
            TradingState(wanted),
            cause="operator",
            actor=actor,
            by=arguments.get("by", ""),
            reason=reason,
            client=client,
        )
        with contextlib.suppress(JournalError):
            await row
        return self._shown(client) | {"recorded": row.done() and row.exception() is None}

    async def resume(self, actor: str, arguments: Mapping[str, str]) -> dict[str, object]:
        """Go to ACTIVE; a client whose order group has tripped gets it reset first. Raises AdminError, JournalError or
        OSError, and then no trading state has changed."""
        by, reason = arguments.get("by", ""), arguments.get("reason", "")
        if not by or not reason:
            raise AdminError("resuming needs a name (--by) and a reason (--reason)")
        client = self._client(arguments)
        await reset(self._instance, self._begin, client, actor)
        await self._instance.trading.resume(actor=actor, by=by, reason=reason, client=client)
        return self._shown(client)

    def _client(self, arguments: Mapping[str, str]) -> str:
        client = arguments.get("client", "")
        known = {*self._instance.policy.clients, *self._instance.ledger.client_states}
        if client and client not in known:
            raise AdminError(f"there is no client {client!r}; known are {', '.join(sorted(known)) or 'none'}")
        return client

    def _shown(self, client: str) -> dict[str, object]:
        trading = self._instance.trading
        shown: dict[str, object] = {
            "trading_state": str(trading.state()),
            "client_states": trading.stopped_clients(self._instance.policy.clients),
        }
        return shown | ({"client_state": str(trading.client_state(client))} if client else {})
