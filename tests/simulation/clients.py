"""Virtual clients: what bots do all day, and what they do when they are impatient or confused.

Rule of this file: a client knows what it was told and nothing else; it signs each request with its own key.
"""

import asyncio
import base64
import json
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.watch import Asked, Watch

from pretrade.gateway.machine.clock import Clock
from pretrade.gateway.messages import Answer, Door, RawRequest
from pretrade.kalshi.keys import PrivateKey, signing_text

HOST = "external-api.demo.kalshi.co"
PORTFOLIO = "/trade-api/v2/portfolio"
ORDERS = f"{PORTFOLIO}/events/orders"
PATIENCE_S = 30.0
INSISTS = 6
"""How often the same bytes are sent until there is an answer, some half a second apart where nobody is there."""

type Serve = Callable[[RawRequest, Asked], asyncio.Future[Answer]]


@dataclass(frozen=True)
class Known:
    """An order as its client last heard of it."""

    order_id: str
    ticker: str
    side: str
    price: str
    count: str


@dataclass
class SimClient:
    """One registered client. `serve` hands a request to whatever proxy runs just now."""

    name: str
    key_id: str
    key: PrivateKey
    markets: tuple[str, ...]
    chance: random.Random
    clock: Clock
    watch: Watch
    serve: Serve
    known: list[Known] = field(default_factory=list)
    of_others: list[Known] = field(default_factory=list)
    sent: list[tuple[RawRequest, Asked]] = field(default_factory=list)
    _number: int = 0

    async def live(self, until: Callable[[], bool]) -> None:
        """Do one thing after the other."""
        doings: list[tuple[Callable[[], Awaitable[object]], int]] = [
            (self.place, 40),
            (self.burst, 6),
            (self.place_batch, 8),
            (self.amend, 10),
            (self.decrease, 6),
            (self.cancel, 10),
            (self.cancel_batch, 4),
            (self.cancel_all, 3),
            (self.same_bytes, 6),
            (self.same_order, 6),
            (self.look, 4),
        ]
        while not until():
            await asyncio.sleep(self.chance.expovariate(1.5))
            (doing,) = self.chance.choices([one for one, _ in doings], [weight for _, weight in doings])
            await doing()

    async def place(self) -> None:
        """Place one order; now and then without an id of its own."""
        await self._post(ORDERS, self._order(), "place")

    async def burst(self) -> None:
        """Place some orders at the same moment."""
        await asyncio.gather(*(self.place() for _ in range(self.chance.randint(2, 4))))

    async def place_batch(self) -> None:
        """Place two or three orders at once."""
        await self._post(
            f"{ORDERS}/batched", {"orders": [self._order() for _ in range(self.chance.randint(2, 3))]}, "batch"
        )

    async def amend(self) -> None:
        """Change price and total of an order, up or down."""
        if (order := self._pick()) is None:
            return
        new = self._terms()
        fields = {"ticker": order.ticker, "side": order.side, "price": new["price"], "count": new["count"]}
        await self._post(f"{ORDERS}/{order.order_id}/amend", fields, "amend")

    async def decrease(self) -> None:
        """Make an order smaller."""
        if (order := self._pick()) is None:
            return
        how = self.chance.choice(({"reduce_by": "1.00"}, {"reduce_to": "1.00"}, {"reduce_to": "0.00"}))
        await self._post(f"{ORDERS}/{order.order_id}/decrease", how, "decrease")

    async def cancel(self) -> None:
        """Cancel an order, often one that has filled."""
        if (order := self._pick()) is None:
            return
        where = f"?market_ticker={order.ticker}" if self.chance.random() < 0.5 else ""
        await self._ask("DELETE", f"{ORDERS}/{order.order_id}{where}", None, "cancel")

    async def cancel_batch(self) -> None:
        """Cancel some orders at once."""
        picked = {order.order_id: order for order in (self._pick(), self._pick()) if order is not None}
        if picked:
            entries = [{"order_id": one.order_id, "market_ticker": one.ticker} for one in picked.values()]
            await self._ask("DELETE", f"{ORDERS}/batched", {"orders": entries}, "cancel_batch")

    async def cancel_all(self) -> None:
        """Cancel whatever rests."""
        await self._ask("DELETE", ORDERS, None, "cancel_all")

    async def same_bytes(self) -> None:
        """Send one of the last requests once more, as a confused connection pool does: it goes on until it is answered,
        often by the proxy that was started meanwhile."""
        if not self.sent:
            return
        raw, first = self.chance.choice(self.sent[-4:])
        first = first.same_bytes_as or first
        for _ in range(INSISTS):
            again = await self._send(raw, f"the bytes of #{first.number} again, {first.what}", same_bytes_as=first)
            if again.told:
                return

    async def same_order(self) -> None:
        """Send one of the last requests once more with a new signature, as an SDK does after a timeout."""
        if not self.sent:
            return
        old, first = self.chance.choice(self.sent[-4:])
        raw = self._signed(old.method, old.target, old.body)
        is_nameless_order = (
            old.method == "POST" and b"client_order_id" not in old.body and b'"time_in_force"' in old.body
        )
        same = first if is_nameless_order else None
        what = f"#{first.number} with a new signature, {first.what}"
        asked = await self._send(raw, what, same_order_as=same)
        self.sent.append((raw, asked))

    async def look(self) -> None:
        """Read its orders."""
        await self._ask("GET", f"{PORTFOLIO}/orders?status=resting", None, "look")

    def _order(self) -> dict[str, Any]:
        chance = self.chance
        self._number += 1
        kinds = ["good_till_canceled"] * 7 + ["immediate_or_cancel"] * 2 + ["fill_or_kill"]
        fields = {
            "ticker": chance.choice(self.markets),
            **self._terms(),
            "time_in_force": chance.choice(kinds),
            "self_trade_prevention_type": chance.choice(("taker_at_cross", "maker")),
        }
        if chance.random() < 0.7:
            fields["client_order_id"] = f"{self.name}-{self._number}"
        rests = fields["time_in_force"] == "good_till_canceled"
        if rests and chance.random() < 0.1:
            fields["expiration_time"] = self.clock.now_ms() // 1000 + chance.randint(1, 6)
        if rests and chance.random() < 0.1:
            fields[chance.choice(("post_only", "cancel_order_on_pause"))] = True
        if fields["time_in_force"] == "immediate_or_cancel" and chance.random() < 0.3:
            fields["reduce_only"] = True
        return fields

    def _terms(self) -> dict[str, str]:
        chance = self.chance
        price = chance.choice((42, 46, 49, 50, 51, 54, 58))
        return {
            "side": chance.choice(("bid", "ask")),
            "count": f"{chance.choice((1, 2, 3, 5))}.00" if chance.random() < 0.9 else "0.50",
            "price": f"0.{price}00",
        }

    def _pick(self) -> Known | None:
        """One of its last orders; now and then, by mistake, one of another client's."""
        known = self.of_others if self.chance.random() < 0.03 else self.known
        return self.chance.choice(known[-6:]) if known else None

    async def _post(self, target: str, body: dict[str, Any], what: str) -> None:
        await self._ask("POST", target, body, what)

    async def _ask(self, method: str, target: str, body: dict[str, Any] | None, what: str) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        raw = self._signed(method, target, content)
        asked = await self._send(raw, f"{what} {_short(target, body)}")
        if method != "GET":
            self.sent.append((raw, asked))

    async def _send(self, raw: RawRequest, what: str, **same: Asked | None) -> Asked:
        asked = self.watch.begin(self.name, what, **same)
        caller = self.serve(raw, asked)
        patience = PATIENCE_S if self.chance.random() < 0.9 else self.chance.uniform(0.001, 0.2)
        try:
            async with asyncio.timeout(patience):
                answer = await caller
        except TimeoutError:
            self.watch.trace.note(self.name, f"#{asked.number} hangs up")
        except ConnectionError:
            self.watch.trace.note(self.name, f"#{asked.number} finds nobody there")
            await asyncio.sleep(self.chance.uniform(0.1, 1.0))
        else:
            if raw.method != "GET":
                self.watch.told(asked, answer)
                self._learn(raw, answer)
        return asked

    def _signed(self, method: str, target: str, body: bytes) -> RawRequest:
        stamp = self.clock.now_ms()
        text = signing_text(stamp, method, target.partition("?")[0])
        signature = base64.b64encode(self.key.sign(text)).decode()  # type: ignore[call-arg, arg-type]
        headers = [
            ("host", HOST),
            ("kalshi-access-key", self.key_id),
            ("kalshi-access-timestamp", str(stamp)),
            ("kalshi-access-signature", signature),
        ]
        if body:
            headers.append(("content-type", "application/json"))
        return RawRequest(Door.PROXY, method, target, "HTTP/1.1", tuple(headers), body, connect=(HOST, 443), sni=HOST)

    def _learn(self, raw: RawRequest, answer: Answer) -> None:
        """Remember the orders that an answer names."""
        if answer.status != 201 or raw.method != "POST":
            return
        asked, said = json.loads(raw.body), json.loads(answer.body)
        for order, entry in zip(asked.get("orders", [asked]), said.get("orders", [said]), strict=False):
            if "order_id" in entry:
                self.known.append(
                    Known(entry["order_id"], order["ticker"], order["side"], order["price"], order["count"])
                )


def _short(target: str, body: dict[str, Any] | None) -> str:
    orders = (body or {}).get("orders", [body] if body else [])
    keys = (
        "client_order_id",
        "ticker",
        "side",
        "count",
        "price",
        "time_in_force",
        "reduce_by",
        "reduce_to",
        "order_id",
    )
    told = "; ".join(" ".join(str(order[key]) for key in keys if key in order) for order in orders)
    return f"{target.removeprefix(PORTFOLIO)} {told}".rstrip()
