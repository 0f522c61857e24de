"""Everybody else at the exchange: who quotes, who trades against resting orders, and who trades past the proxy on the
same account.

Rule of this file: they act on the practice exchange directly and at once; what comes of it is for others to find out.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.simulation.clients import ORDERS
from tests.simulation.trace import Trace
from tests.simulation.watch import ACCOUNT, OUTSIDER

from pretrade.practice.core.errors import ExchangeError
from pretrade.practice.core.records import Order
from pretrade.practice.simulation import Simulation

CROWD = "crowd"


@dataclass
class Crowd:
    """The other participants. `moved` is called after each thing that they did."""

    simulation: Simulation
    chance: random.Random
    markets: tuple[str, ...]
    trace: Trace
    now_us: Callable[[], int]
    moved: Callable[[], None]
    has_outsider: bool
    _number: int = 0

    async def live(self, until: Callable[[], bool]) -> None:
        """Do something every now and then."""
        while not until():
            await asyncio.sleep(self.chance.expovariate(4.0))
            self.act()
            if self.chance.random() < 0.02:
                await self._pause()

    def act(self) -> None:
        """Do one thing now."""
        self.simulation.advance_to(self.now_us())
        lot = self.chance.random()
        if lot < 0.55:
            self._quote()
        elif lot < 0.95 or not self.has_outsider:
            self._fill()
        else:
            self._outsider()
        self.moved()

    async def _pause(self) -> None:
        """All trading pauses for a moment: orders are refused, cancels pass, some orders are canceled by it."""
        exchange = self.simulation.practice.exchange
        for trading in (False, True):
            self.simulation.advance_to(self.now_us())
            exchange.pause(trading=trading, exchange=True)
            self.trace.note("exchange", "resumes" if trading else "pauses")
            self.moved()
            await asyncio.sleep(self.chance.uniform(0.2, 1.0))

    def _quote(self) -> None:
        side = self.chance.choice(("bid", "ask"))
        price = self.chance.choice((44, 46, 48, 50) if side == "bid" else (50, 52, 54, 56))
        self._place(CROWD, "", side, price, self.chance.randint(1, 6))

    def _fill(self) -> None:
        """Trade against one of the account's resting orders, all of it or a part."""
        resting = self._resting()
        if not resting:
            return
        order = self.chance.choice(resting)
        count = order.remaining if self.chance.random() < 0.5 else max(1, order.remaining // 2)
        try:
            self.simulation.practice.exchange.fill_by_visitor(order.order_id, count)
        except ExchangeError as e:
            self.trace.note("crowd", f"cannot fill {order.client_order_id}: {e.message}")
            return
        self.trace.note("crowd", f"fills {count} of {order.client_order_id}")

    def _outsider(self) -> None:
        """Somebody with another key of the account places an order, or cancels one of ours."""
        resting = self._resting()
        if resting and self.chance.random() < 0.4:
            order = self.chance.choice(resting)
            self._request(ACCOUNT, "DELETE", f"{ORDERS}/{order.order_id}?subaccount={order.subaccount}", None)
            self.trace.note("outsider", f"cancels {order.client_order_id}")
            return
        self._number += 1
        name = f"{OUTSIDER}{self._number}"
        side = self.chance.choice(("bid", "ask"))
        self._place(ACCOUNT, name, side, self.chance.choice((44, 50, 56)), self.chance.randint(1, 4))

    def _place(self, account: str, name: str, side: str, price: int, count: int) -> None:
        market = self.chance.choice(self.markets)
        fields = {
            "ticker": market,
            "side": side,
            "count": f"{count}.00",
            "price": f"0.{price}00",
            "time_in_force": "good_till_canceled",
            "self_trade_prevention_type": "taker_at_cross",
        }
        status = self._request(account, "POST", ORDERS, fields | ({"client_order_id": name} if name else {}))
        who = "outsider" if name else "crowd"
        self.trace.note(who, f"{side} {count} at 0.{price} in {market}: {status}")

    def _request(self, account: str, method: str, target: str, body: Any) -> int:
        return self.simulation.request_as(self.simulation.key_of(account), method, target, body).status

    def _resting(self) -> list[Order]:
        account = self.simulation.account(ACCOUNT)
        return [order for orders in account.resting.values() for order in orders.values()]
