"""How fast the practice exchange is in process, without HTTP: python bench/practice.py [SECONDS]

Prints a table of operations per second, with a thousand orders resting on the book all the time: orders that rest,
orders that trade, cancels, amends that lose their place, and a mix as bots make it. Seconds are those of this process
on its core, so that a busy machine changes little. A simulation stands on these figures: the exchange must not be its
bottleneck (at least 2,000 orders a second).
"""

import itertools
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pretrade.model.orders import AmendOrder, CancelOrder, NewOrder, SelfTradePrevention, Side, TimeInForce
from pretrade.model.units import Count, Price
from pretrade.practice.core.accounts import Account
from pretrade.practice.core.exchange import Exchange
from pretrade.practice.core.instruments import Event, Market, PriceStructure, Series
from pretrade.practice.core.records import Order
from pretrade.practice.core.state import World

NOW_US = 1_800_000_000_000_000
DAY_US = 86_400_000_000
RESTING = 1_000
CASH = 10**15
MIDDLE = 5_000


@dataclass
class Floor:
    """An exchange with one market on a fine grid and a thousand orders of one account resting around the middle."""

    exchange: Exchange
    maker: Account
    taker: Account
    rng: random.Random


def floor(*, listening: bool = False) -> Floor:
    market = Market("A", "E", "a", "a", NOW_US - DAY_US, NOW_US + DAY_US, MIDDLE, None, PriceStructure.DECI_CENT)
    world = World((Series("S", "s", "Tests", "custom"),), (Event("E", "S", "e", "e"),), (market,))
    exchange = Exchange(world, lambda: NOW_US, random.Random(1))
    made = Floor(exchange, exchange.open_account("maker", CASH), exchange.open_account("taker", CASH), random.Random(2))
    if listening:
        exchange.listeners.append(lambda event: None)
    for _ in range(RESTING):
        exchange.create(made.maker, resting_order(made))
    return made


def new(side: Side, price: int, count: int, tif: TimeInForce = TimeInForce.GOOD_TILL_CANCELED) -> NewOrder:
    return NewOrder("A", side, Count(count), Price(price), tif, SelfTradePrevention.TAKER_AT_CROSS)


def resting_order(at: Floor) -> NewOrder:
    """A quote up to 400 ticks from the middle, never through it."""
    side = at.rng.choice((Side.BID, Side.ASK))
    away = 10 * at.rng.randint(1, 400)
    return new(side, MIDDLE - away if side is Side.BID else MIDDLE + away, 100 * at.rng.randint(1, 300))


def rests(at: Floor) -> Iterator[None]:
    """Orders that rest; each is canceled again, so that the book stays as large as it was, and counts as a step too."""
    while True:
        order = at.exchange.create(at.maker, resting_order(at)).order
        yield
        at.exchange.cancel(at.maker, CancelOrder(order.order_id))
        yield


def crosses(at: Floor) -> Iterator[None]:
    """Orders that trade at once; what they ate is quoted anew."""
    while True:
        side = at.rng.choice((Side.BID, Side.ASK))
        price = 9_990 if side is Side.BID else 10
        result = at.exchange.create(at.taker, new(side, price, 10_000, TimeInForce.IMMEDIATE_OR_CANCEL))
        yield
        for _ in result.fills:
            at.exchange.create(at.maker, resting_order(at))
            yield


def cancels(at: Floor) -> Iterator[None]:
    """Cancels alone, of orders made beforehand."""
    ids = [at.exchange.create(at.maker, resting_order(at)).order.order_id for _ in range(20_000)]
    for order_id in ids:
        yield
        at.exchange.cancel(at.maker, CancelOrder(order_id))


def amends(at: Floor) -> Iterator[None]:
    """Amends to another price, which lose their place."""
    order = at.exchange.create(at.maker, new(Side.BID, MIDDLE - 2_000, 100)).order
    for number in iter(int, None):
        price = MIDDLE - 2_000 - 10 * (number % 2) - 10 * at.rng.randint(1, 50)
        at.exchange.amend(at.maker, AmendOrder(order.order_id, "A", Side.BID, Price(price), Count(100)))
        yield


def mixed(at: Floor) -> Iterator[None]:
    """Six quotes, three cancels and one order that trades in ten, as market makers and takers together make them."""
    live: list[Order] = []
    while True:
        draw = at.rng.random()
        if draw < 0.6 or not live:
            live.append(at.exchange.create(at.maker, resting_order(at)).order)
        elif draw < 0.9:
            order = live.pop(at.rng.randrange(len(live)))
            if order.remaining:
                at.exchange.cancel(at.maker, CancelOrder(order.order_id))
        else:
            side = at.rng.choice((Side.BID, Side.ASK))
            price = MIDDLE + 1_000 if side is Side.BID else MIDDLE - 1_000
            at.exchange.create(at.taker, new(side, price, 40_000, TimeInForce.IMMEDIATE_OR_CANCEL))
        yield


def rate(work: Callable[[Floor], Iterator[None]], seconds: float, *, listening: bool = False) -> tuple[float, float]:
    """Steps a second, and trades a second on the way."""
    at = floor(listening=listening)
    steps = work(at)
    next(steps)
    done, began = 0, time.process_time()
    while time.process_time() - began < seconds and sum(1 for _ in itertools.islice(steps, 100)) == 100:
        done += 100
    took = time.process_time() - began
    return done / took, len(at.exchange.trades) / took


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    rows = (
        ("creates that rest, and their cancels", rests, False),
        ("creates that trade, and the new quotes", crosses, False),
        ("cancels", cancels, False),
        ("amends to another price", amends, False),
        ("mixed", mixed, False),
        ("mixed, somebody listening", mixed, True),
    )
    print(f"{'with 1,000 orders resting':<40}{'a second':>10}{'trades':>10}")
    for name, work, listening in rows:
        steps, trades = rate(work, seconds, listening=listening)
        print(f"{name:<40}{steps:>10,.0f}{trades:>10,.0f}")


if __name__ == "__main__":
    main()
