"""The proxy is killed at random moments while clients trade, again and again; what it knows afterwards is never too
little.

Behind `make test-long`: each round has a new seed, which PRETRADE_SEED brings back.
"""

import http.client
import json
import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.e2e.clients import ORDERS, RawClient
from tests.e2e.harness import World, order
from tests.e2e.invariants import check_world

KILLS = 12
CLIENT_THREADS = 4
SEED = int(os.environ.get("PRETRADE_SEED", "1"))


class Traders:
    """Clients that place small orders without a pause and remember which ones they were told are accepted."""

    def __init__(self, raw: RawClient) -> None:
        self._raw = raw
        self._stop = threading.Event()
        self.told_accepted: list[str] = []
        self.told_not_sent: list[str] = []

    def trade(self, number: int) -> None:
        """Place orders until told to stop; a refused connection is the proxy being dead."""
        counter = 0
        while not self._stop.is_set():
            counter += 1
            name = f"kill-{SEED}-{number}-{counter}"
            try:
                answer = self._raw.send("POST", ORDERS, order(client_order_id=name))
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)  # nobody listens: trying harder would only keep the restart from the processor
                continue
            if answer.status == 201:
                self.told_accepted.append(name)
            elif answer.status in (403, 503):
                self.told_not_sent.append(name)

    def stop(self) -> None:
        """End the trading."""
        self._stop.set()


@pytest.mark.long
@pytest.mark.timeout(300)
def test_kills_at_random_moments_lose_and_double_nothing(tmp_path):
    """Catches a row written after the send, a count that a kill lowers, a start that forgets or re-sends.

    For every order that the exchange saw there is an earlier row; it saw each once; what a client was told is
    accepted it saw, what a client was told is not sent it did not; the day's count is at least the number of orders
    sent.
    """
    chance = random.Random(SEED)
    with World(tmp_path, ("max_orders: 25", "max_orders: 100000")) as world:
        traders = Traders(world.raw())
        with ThreadPoolExecutor(CLIENT_THREADS) as pool:
            running = [pool.submit(traders.trade, number) for number in range(CLIENT_THREADS)]
            for _ in range(KILLS):
                time.sleep(chance.uniform(0.05, 0.8))
                world.proxy.kill()
                world.start_proxy()
            time.sleep(0.3)
            traders.stop()
            for future in running:
                future.result()
        seen = [name for request in world.exchange_requests() if (name := _client_order_id(request))]
        assert len(seen) == len(set(seen)), "an order was sent twice"
        assert len(seen) > KILLS, "the clients hardly traded: nothing was shown"
        assert set(traders.told_accepted) <= set(seen)
        assert not set(traders.told_not_sent) & set(seen)
        assert world.operate("status")["day_orders"] >= len(seen)
        check_world(world)


def _client_order_id(request):
    return json.loads(request["body"]).get("client_order_id") if request["body"] else None
