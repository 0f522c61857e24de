"""Which order `pretrade keys check --place-and-cancel` places: where, and at which price.

Rule of this file: it asks and chooses; whether the order may go is judged where every order is. It never trades at
once: post-only, and below what the book asks.
"""

import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

from pretrade.gateway.instance import Instance
from pretrade.gateway.market.market_seen import learn
from pretrade.gateway.questions.asking import Question, as_required, order_of
from pretrade.gateway.questions.headroom import bounds_in
from pretrade.gateway.way.as_sent import as_asked
from pretrade.gateway.way.identity import Client
from pretrade.kalshi.answer_fields import AnswerError
from pretrade.kalshi.client import Lane, NotSent, Unknown
from pretrade.kalshi.market_facts import open_markets_request, read_open_markets
from pretrade.kalshi.signing import unsigned
from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Denied
from pretrade.model.markets import MarketFacts
from pretrade.model.orders import CreateOrder, NewOrder, Side
from pretrade.model.units import ONE_DOLLAR_PRICE, Price
from pretrade.risk.checks.engine import decide

PAGES = 10
"""Pages of open markets that are looked through for one that the policy allows."""
_OF_THE_PRICE = frozenset(
    {
        DenyCode.PRICE_OUTSIDE_BAND,
        DenyCode.PRICE_OUTSIDE_COLLAR,
        DenyCode.PRICE_WALK_EXCEEDS_MAXIMUM,
        DenyCode.PRICE_OFF_TICK,
    }
)
_OK = 200


class NoOrderError(Exception):
    """There is no order to try with; the message says why."""


async def find_market(instance: Instance, client: Client) -> str:
    """The first open market that the policy allows this client by its ticker, in the exchange's order. Raises
    NoOrderError."""
    async for tickers in _pages(instance):
        for ticker in tickers:
            if bounds_in(instance, client, ticker).allowed:
                return ticker
    raise NoOrderError(
        "no open market was found that `markets` allows by its ticker. What it allows by `event` or `series` is not "
        "looked for: name a market of those with --market TICKER"
    )


async def _pages(instance: Instance) -> AsyncIterator[tuple[str, ...]]:
    cursor = ""
    for _ in range(PAGES):
        try:
            answer = await instance.upstream.send(unsigned(open_markets_request(cursor)), lane=Lane.RECONCILE)
            if answer.status != _OK:
                raise NoOrderError(f"the open markets could not be read: the exchange answered {answer.status}")
            tickers, cursor = read_open_markets(answer.body)
        except (NotSent, Unknown, AnswerError) as e:
            raise NoOrderError(f"the open markets could not be read: {e}") from e
        yield tickers
        if not cursor:
            return


async def trial_order(instance: Instance, client: Client, ticker: str) -> NewOrder:
    """A post-only bid for one contract at the lowest price to which band, collar and walk do not object, below what the
    book asks. Where they object to every price, the lowest of the grid, so that the denial says why. Raises
    NoOrderError."""
    lowest = _bid(instance, client, ticker, Price(1))
    await learn(instance, CreateOrder(lowest))
    known = instance.markets.get(ticker)
    if known is None:
        told = (await instance.markets.fetch([ticker]))[ticker]
        raise NoOrderError(f"{ticker}: {told if isinstance(told, str) else 'its facts were not read in time'}")
    resting = [replace(lowest, price=price) for price in _prices(known, _asked(instance, ticker))]
    if not resting:
        raise NoOrderError(f"{ticker}: its book leaves no price at which a bid would rest")
    return next((order for order in resting if not _is_priced_out(instance, client, order)), resting[0])


def _bid(instance: Instance, client: Client, ticker: str, price: Price) -> NewOrder:
    """It has an id of its own: the same order of an earlier try is another one."""
    order = order_of(Question(ticker, Side.BID, price), client)
    required = bounds_in(instance, client, ticker).required
    flagged = as_required(order, required, instance.clock.now_ms())
    return replace(flagged, post_only=True, client_order_id=f"keys-check-{secrets.token_hex(8)}")


def _asked(instance: Instance, ticker: str) -> Price:
    """The best price at which YES is sold; a dollar where nobody does, or no book was seen."""
    book = instance.books.get(ticker)
    return Price(ONE_DOLLAR_PRICE - book.no[0][0]) if book is not None and book.no else ONE_DOLLAR_PRICE


def _prices(market: MarketFacts, below: Price) -> Iterator[Price]:
    """The prices of the market's grid, lowest first."""
    for start, end, step in market.price_ranges:
        for price in range(start, min(end + 1, below), step):
            if price > 0:
                yield Price(price)


def _is_priced_out(instance: Instance, client: Client, order: NewOrder) -> bool:
    decision = decide(*as_asked(instance, client, CreateOrder(order)), instance.policy)
    return isinstance(decision, Denied) and any(check.code in _OF_THE_PRICE for check in decision.reasons)
