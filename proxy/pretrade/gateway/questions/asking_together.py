"""How much of several orders would pass together: the gate's own checks, asked with a batch that grows order by order.

Rule of this file: each order is made as large as it can be beside those before it, and what is answered was judged once
more as a whole. Between two judgements others have their turn: one of ten orders holds the loop for a millisecond, the
search as a whole would for many.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pretrade.gateway.instance import Instance
from pretrade.gateway.market.market_seen import learn
from pretrade.gateway.questions.asking import Question, as_required, order_of, read_question
from pretrade.gateway.questions.headroom import Prepare, bounds_in
from pretrade.gateway.way.as_sent import as_asked, written_in
from pretrade.gateway.way.identity import Client
from pretrade.kalshi.strict_json import loads
from pretrade.kalshi.wire import WireError
from pretrade.model.orders import CreateBatch, NewOrder
from pretrade.model.rewrites import Rewrite
from pretrade.model.units import Count, parse_count
from pretrade.policy.fields import MAX_COUNT
from pretrade.risk.checks.engine import decide
from pretrade.risk.checks.headroom import Headroom, Trial, searching

MOST_ORDERS = 10
"""Each is judged some thirty times, with all that came before it."""
TRIES = 3
"""How often it begins anew where trading went on meanwhile and took of what it had found."""


@dataclass(frozen=True, slots=True)
class Wish:
    """An order that is wanted, and how much of it at most."""

    question: Question
    most: Count


def read_wishes(text: str) -> tuple[Wish, ...]:
    """Orders out of a JSON text: `{"orders": [{"ticker": …, "side": …, "price": …, "count": …}, …]}`, all of them
    strings in the exchange's own words; without a count, as large as can be. Raises ValueError that says what is wrong.
    """
    try:
        orders = loads(text.encode()).get("orders")
    except WireError as e:
        raise ValueError(f"the orders cannot be read: {e}") from e
    if not isinstance(orders, list) or not 1 <= len(orders) <= MOST_ORDERS:
        raise ValueError(f'needed is {{"orders": [...]}} with 1 to {MOST_ORDERS} orders')
    return tuple(_wish(number, order) for number, order in enumerate(orders))


def _wish(number: int, order: object) -> Wish:
    try:
        if not isinstance(order, Mapping) or not all(isinstance(value, str) for value in order.values()):
            raise ValueError("needed is an object whose values are all strings")
        count = order.get("count")
        question = read_question({name: value for name, value in order.items() if name != "count"})
        return Wish(question, MAX_COUNT if count is None else parse_count(count))
    except ValueError as e:
        raise ValueError(f"orders[{number}]: {e}") from e


async def together(instance: Instance, client: Client, wishes: tuple[Wish, ...]) -> tuple[Headroom, ...]:
    """For each wish the count that would pass in one batch of all of them, and what objects to more of it. Raises
    ValueError where other orders keep changing the answer."""
    await learn(instance, CreateBatch(tuple(order_of(wish.question, client) for wish in wishes)))
    orders = (_order(instance, client, wish, number) for number, wish in enumerate(wishes))
    found = await fit(instance, client, tuple(orders))
    if found is None:
        raise ValueError("other orders changed what would pass while it was worked out; ask again")
    return found


async def fit(
    instance: Instance, client: Client, orders: tuple[NewOrder, ...], prepare: Prepare = as_asked
) -> tuple[Headroom, ...] | None:
    """For each of these orders, in known markets, how much of it would pass in one batch, its own count at most; None
    where other orders keep changing the answer."""
    for _ in range(TRIES):
        found: list[Headroom] = []
        legs: tuple[NewOrder, ...] = ()
        for new in orders:
            room = await _fit(instance, client, legs, new, prepare)
            legs += (replace(new, count=room.count),) if room.count else ()
            found.append(room)
        if not legs or _judge(instance, client, legs, prepare).passes:
            return tuple(found)
    return None


def written_together(
    instance: Instance, client: Client, wishes: tuple[Wish, ...], found: tuple[Headroom, ...]
) -> tuple[tuple[Rewrite, ...], ...]:
    """For each wish what the proxy would write into it in a batch of what was found; nothing where none would pass."""
    fits = [number for number, room in enumerate(found) if room.count]
    legs = (replace(_order(instance, client, wishes[number], number), count=found[number].count) for number in fits)
    rewrites = written_in(instance, client, CreateBatch(tuple(legs))) if fits else ()
    return tuple(
        tuple(one for one in rewrites if fits[one.leg] == number) if room.count else ()
        for number, room in enumerate(found)
    )


def _order(instance: Instance, client: Client, wish: Wish, number: int) -> NewOrder:
    """A wish as an order with the flags that the policy requires, under an id of its own."""
    new = replace(order_of(wish.question, client), client_order_id=f"asked-{number}", count=wish.most)
    return as_required(new, bounds_in(instance, client, new.ticker).required, instance.clock.now_ms())


async def _fit(
    instance: Instance, client: Client, legs: tuple[NewOrder, ...], new: NewOrder, prepare: Prepare
) -> Headroom:
    """The largest count of one more order beside those that fit already. Between two judgements others have their
    turn."""
    max_count, most = bounds_in(instance, client, new.ticker).max_count, new.count
    if max_count is not None:  # one more is denied whatever it does, so nothing above needs to be judged
        most = min(most, Count(max_count + 1))
    search = searching(most)
    count = next(search)
    while True:
        trial = _judge(instance, client, (*legs, replace(new, count=count)), prepare)
        await asyncio.sleep(0)
        try:
            count = search.send(trial)
        except StopIteration as done:
            found: Headroom = done.value
            return found


def _judge(instance: Instance, client: Client, legs: tuple[NewOrder, ...], prepare: Prepare) -> Trial:
    """What the checks say of a batch, and whether the last of its orders can only close."""
    write, facts = prepare(instance, client, CreateBatch(legs))
    return Trial(decide(write, facts, instance.policy), facts.reduces[-1])
