"""What people ask of the running proxy about orders and markets, over the admin socket: `headroom`, of one order or of
several together, and `market`.

Rule of this file: it answers and changes nothing; every figure is told, whose ever it is.
"""

from collections.abc import Mapping

from pretrade.gateway.instance import Instance
from pretrade.gateway.messages import printable
from pretrade.gateway.operator.admin import AdminError
from pretrade.gateway.questions.asking import largest, read_question, written_into
from pretrade.gateway.questions.asking_together import Wish, read_wishes, together, written_together
from pretrade.gateway.questions.injected import rules_shown, written_shown
from pretrade.gateway.questions.market_view import market_view
from pretrade.gateway.way.identity import Client
from pretrade.model.decisions import Check
from pretrade.model.units import format_count, format_price
from pretrade.risk.checks.headroom import Headroom


class Questions:
    """The questions to one instance."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    async def headroom(self, actor: str, arguments: Mapping[str, str]) -> dict[str, object]:
        """The largest order of a client that would pass now, and what objects to more. Raises AdminError or ValueError
        for what the person must put right."""
        client = self._client(arguments)
        question = read_question({name: value for name, value in arguments.items() if name != "client"})
        found = await largest(self._instance, client, question)
        written = written_into(self._instance, client, question, found.count)
        return {
            "client": client.name,
            "headroom": format_count(found.count),
            "binds": [_shown(check) for check in found.binds],
            "injected": written_shown(self._instance, client.name, written),
        }

    async def headroom_together(self, actor: str, arguments: Mapping[str, str]) -> dict[str, object]:
        """How much of several orders of a client would pass as one batch, and what objects to more of each. Raises
        AdminError or ValueError for what the person must put right."""
        client, wishes = self._client(arguments), read_wishes(arguments.get("orders", ""))
        found = await together(self._instance, client, wishes)
        written = written_together(self._instance, client, wishes, found)
        orders = [
            _fitted(wish, room) | {"injected": written_shown(self._instance, client.name, rewrites)}
            for wish, room, rewrites in zip(wishes, found, written, strict=True)
        ]
        return {"client": client.name, "orders": orders}

    async def market(self, actor: str, arguments: Mapping[str, str]) -> dict[str, object]:
        """One market as the checks see it, and what is written into a client's orders there. Raises AdminError or
        ValueError for what the person must put right."""
        client, ticker = self._client(arguments), arguments.get("ticker", "")
        seen = await market_view(self._instance, client, ticker)
        return seen | {"inject": rules_shown(self._instance, client.name)}

    def _client(self, arguments: Mapping[str, str]) -> Client:
        clients = {client.name: client for client in self._instance.clients.values()}
        name = arguments.get("client", "")
        if not name and len(clients) == 1:
            return next(iter(clients.values()))
        if name not in clients:
            known = ", ".join(sorted(clients)) or "none"
            raise AdminError(f"no client is called {printable(name) or 'so'}; say --client, known are {known}")
        return clients[name]


def _fitted(wish: Wish, room: Headroom) -> dict[str, object]:
    asked = wish.question
    return {
        "ticker": asked.ticker,
        "side": str(asked.side),
        "price": format_price(asked.price),
        "headroom": format_count(room.count),
        "binds": [_shown(check) for check in room.binds],
    }


def _shown(check: Check) -> dict[str, object]:
    return {
        "code": check.code,
        "rule": check.rule,
        "observed": check.observed,
        "limit": check.limit,
        "unit": check.unit,
    }
