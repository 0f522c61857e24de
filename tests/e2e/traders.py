"""Clients that trade without a pause while things die around them, and remember what they were told.

Rule of this file: each order has a name of its own and is sent once; what no answer came to is remembered as open, and
each trader amends and cancels its own orders only.
"""

import http.client
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.clients import ORDERS, Answer, RawClient
from tests.e2e.harness import order

REFUSED = (403, 503)
"""Answers that say: nothing was sent."""
RESTING = ("0.0300", "0.0400", "0.0500", "0.0600")
PAUSE_S = 0.04
"""The most that a trader waits between two requests: enough is under way at any moment, and starts are not starved."""
CHEAPER, DEARER = "0.0200", "0.0700"
CROSSING = {"bid": "0.9000", "ask": "0.1000"}


@dataclass(slots=True)
class Told:
    """What clients were told. `prices` are those of orders of which all was answered, None where an amend was not."""

    accepted: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    canceled: set[str] = field(default_factory=set)
    prices: dict[str, str | None] = field(default_factory=dict)
    answers: int = 0


class Traders:
    """Some traders; `told` is complete once they have stopped. They amend to one of `amends`."""

    def __init__(self, raw: RawClient, seed: int, number: int = 4) -> None:
        self.told = Told()
        self.amends = (CHEAPER, DEARER)
        self._raw, self._seed, self._number = raw, seed, number
        self._stop = threading.Event()

    @contextmanager
    def trading(self) -> Iterator[None]:
        """They trade as long as this lasts."""
        with ThreadPoolExecutor(self._number) as pool:
            running: list[Future[None]] = [pool.submit(self._trade, number) for number in range(self._number)]
            try:
                yield
            finally:
                self._stop.set()
                for trader in running:
                    trader.result()

    def _trade(self, number: int) -> None:
        chance, names, own = random.Random(f"{self._seed}-{number}"), 0, list[str]()
        while not self._stop.is_set():
            time.sleep(chance.uniform(0, PAUSE_S))
            names += 1
            name, what = f"k-{self._seed}-{number}-{names}", chance.random()
            if what < 0.15 and own:
                self._amend(chance.choice(own), chance.choice(self.amends))
            elif what < 0.35 and own:
                self._cancel(own.pop(chance.randrange(len(own))))
            elif what < 0.45:
                self._place_two(name)
            else:
                self._place(name, chance, own)

    def _place(self, name: str, chance: random.Random, own: list[str]) -> None:
        body = order(client_order_id=name, price=chance.choice(RESTING))
        if chance.random() < 0.3:
            side = chance.choice(("bid", "ask"))
            body |= {"side": side, "price": CROSSING[side]}
        answer = self._send("POST", ORDERS, body)
        self._note(answer, [name])
        if answer is not None and answer.status == 201 and answer.body["remaining_count"] != "0.00":
            own.append(answer.body["order_id"])
            self.told.prices[own[-1]] = body["price"]

    def _place_two(self, name: str) -> None:
        names = [f"{name}-a", f"{name}-b"]
        orders = [order(client_order_id=one, price=RESTING[0]) for one in names]
        self._note(self._send("POST", f"{ORDERS}/batched", {"orders": orders}), names)

    def _amend(self, order_id: str, price: str) -> None:
        self.told.prices[order_id] = None
        body = {key: value for key, value in order(price=price).items() if key in ("ticker", "side", "price", "count")}
        answer = self._send("POST", f"{ORDERS}/{order_id}/amend", body)
        if answer is not None and answer.status == 200:
            self.told.prices[order_id] = price

    def _cancel(self, order_id: str) -> None:
        answer = self._send("DELETE", f"{ORDERS}/{order_id}", None)
        if answer is not None and answer.status == 200:
            self.told.canceled.add(order_id)

    def _note(self, answer: Answer | None, names: list[str]) -> None:
        if answer is not None and answer.status == 201:
            self.told.accepted.update(names)
        elif answer is not None and answer.status in REFUSED:
            self.told.refused.update(names)

    def _send(self, method: str, target: str, body: Any) -> Answer | None:
        try:
            answer = self._raw.send(method, target, body)
        except (OSError, http.client.HTTPException):
            time.sleep(0.02)  # nobody listens: trying harder would only keep the restart from the processor
            return None
        self.told.answers += 1
        return answer
