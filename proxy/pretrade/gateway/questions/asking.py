"""Questions that send nothing: how much an order could be, and what a market looks like.

Rule of this file: what it needs of a market is learned as for an order; what it answers was judged by the gate's own
checks and is true for the moment in which it was.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pretrade.gateway.instance import Instance
from pretrade.gateway.market.market_seen import learn
from pretrade.gateway.messages import printable
from pretrade.gateway.questions.headroom import Prepare, bounds_in, headroom_of
from pretrade.gateway.way.as_sent import as_asked, written_in
from pretrade.gateway.way.identity import Client
from pretrade.kalshi.market_facts import is_plain_ticker
from pretrade.model.orders import CreateOrder, NewOrder, SelfTradePrevention, Side, TimeInForce
from pretrade.model.rewrites import Rewrite
from pretrade.model.units import ONE_CONTRACT, Count, Price, parse_price
from pretrade.policy.bounds import Required
from pretrade.policy.fields import MAX_COUNT
from pretrade.risk.checks.headroom import Headroom

_NAMES = frozenset({"ticker", "side", "price"})


@dataclass(frozen=True, slots=True)
class Question:
    """An order without its count."""

    ticker: str
    side: Side
    price: Price


def read_question(given: Mapping[str, str]) -> Question:
    """A question out of its three parts, in the exchange's own words. Raises ValueError that says what is wrong."""
    if set(given) != _NAMES:
        raise ValueError("needed are ticker, side and price, each once, and nothing else")
    ticker = ticker_of(given["ticker"])
    if given["side"] not in tuple(Side):
        raise ValueError(f"side is bid (buys YES) or ask (sells YES, buys NO), was {printable(given['side'])}")
    return Question(ticker, Side(given["side"]), parse_price(given["price"]))


def ticker_of(text: str) -> str:
    """A ticker in the form that orders may name. Raises ValueError."""
    if not is_plain_ticker(text):
        raise ValueError(f"ticker is not in the exchange's form, was {printable(text)}")
    return text


async def largest(instance: Instance, client: Client, question: Question, prepare: Prepare = as_asked) -> Headroom:
    """The largest order of this client that would pass now: one that rests until it is canceled, with the flags that
    the policy requires."""
    await learn(instance, CreateOrder(order_of(question, client)))
    return _headroom(instance, client, question, prepare, MAX_COUNT)


def passes_any(instance: Instance, client: Client, question: Question) -> bool:
    """Whether the smallest such order would pass now, in a market that is known."""
    return _headroom(instance, client, question, as_asked, Count(1)).count > 0


def _headroom(instance: Instance, client: Client, question: Question, prepare: Prepare, most: Count) -> Headroom:
    found = headroom_of(instance, client, CreateOrder(_asked(instance, client, question)), prepare, most)
    if found is None:
        raise TypeError("a single order has a headroom")
    return found


def written_into(instance: Instance, client: Client, question: Question, count: Count) -> tuple[Rewrite, ...]:
    """What the proxy would write into an order of that size; nothing where it is none."""
    if not count:
        return ()
    return written_in(instance, client, CreateOrder(replace(_asked(instance, client, question), count=count)))


def _asked(instance: Instance, client: Client, question: Question) -> NewOrder:
    required = bounds_in(instance, client, question.ticker).required
    return as_required(order_of(question, client), required, instance.clock.now_ms())


def order_of(question: Question, client: Client) -> NewOrder:
    """An order of one contract that rests until it is canceled."""
    return NewOrder(
        ticker=question.ticker,
        side=question.side,
        count=ONE_CONTRACT,
        price=question.price,
        time_in_force=TimeInForce.GOOD_TILL_CANCELED,
        self_trade_prevention_type=SelfTradePrevention.TAKER_AT_CROSS,
        client_order_id="asked",
        subaccount=client.subaccount,
    )


def as_required(new: NewOrder, required: Required, now_ms: int) -> NewOrder:
    """The order with the flags that a policy requires, and no others."""
    within_ms = required.expiration_within_ms
    return replace(
        new,
        self_trade_prevention_type=required.self_trade_prevention or new.self_trade_prevention_type,
        expiration_time=None if within_ms is None else (now_ms + within_ms) // 1000,
        post_only=required.post_only,
        reduce_only=required.reduce_only,
        cancel_order_on_pause=required.cancel_order_on_pause or None,
    )
