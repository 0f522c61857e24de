"""A cache of market facts by REST: market, then its event, then its series, each read once for all who need it.

Rule of this file: facts are what the exchange said, all three parts young enough, or there are none and a sentence
says why. Our own stream changes what is here the moment it tells of it; what clients read through the proxy does not
come in here: its age is not known.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from pretrade.gateway.machine.bucket import Bucket
from pretrade.gateway.machine.clock import Clock
from pretrade.gateway.market.shelf import Failure, Shelf, one_by_one
from pretrade.kalshi import market_facts
from pretrade.kalshi.answer_fields import AnswerError
from pretrade.kalshi.client import Lane, NotSent, Unknown, Upstream
from pretrade.kalshi.feed_messages import EventFeeChanged, MarketChanged
from pretrade.kalshi.market_facts import EventPart, MarketPart, SeriesPart
from pretrade.kalshi.signing import ReadRequest, unsigned
from pretrade.model.markets import MarketFacts

MARKET_MS = 60_000
"""How long a market's own facts are given out: its status may change at any time."""
FEES_MS = 600_000
"""The same for events and series: where a market belongs stays, what it costs changes rarely and is announced."""
UNKNOWN_MS = 5_000
"""How long nobody asks again for what the exchange does not know."""
SIZE = 10_000
NEW_A_SECOND = 10
"""Markets that are read for the first time: whoever makes tickers up cannot make the proxy read more than these."""
NEW_AT_ONCE = 100
"""The same, saved up: for the start of a client with many markets, and for the largest batch."""
RENEWALS = 4
"""Events, and series, that one round of renewing reads at most."""

_OK, _NOT_FOUND = 200, 404


@dataclass(frozen=True, slots=True)
class _Combined:
    """A market's facts and the parts that they were made of."""

    market: MarketPart
    event: EventPart
    series: SeriesPart
    facts: MarketFacts


class MarketFactsCache:
    """The facts of the markets that are traded through this proxy. Its reads are public ones and carry no signature.

    Belongs to one event loop. Reads under way end by themselves, within `patience`, or with the upstream's `close`.
    """

    def __init__(self, upstream: Upstream, clock: Clock, *, patience: float = 2.0, size: int = SIZE) -> None:
        """`patience` is in seconds, for one `fetch` and for one read; `size` bounds markets, events and series each."""
        self._upstream = upstream
        self._clock = clock
        self._patience = patience
        self._size = size
        self._combined: dict[str, _Combined] = {}
        self._new = Bucket(clock, a_second=NEW_A_SECOND, at_once=NEW_AT_ONCE)
        self._markets = Shelf(
            clock, self._read_markets, market_facts.batches, keep_ms=MARKET_MS, size=size, patience=patience
        )
        self._events = Shelf(clock, self._read_event, one_by_one, keep_ms=FEES_MS, size=size, patience=patience)
        self._series = Shelf(clock, self._read_series, one_by_one, keep_ms=FEES_MS, size=size, patience=patience)

    def get(self, ticker: str) -> MarketFacts | None:
        """The facts if they are here and young enough; asks nobody."""
        now_ms = self._clock.age_ms()
        market = self._markets.fresh(ticker, now_ms)
        event = None if market is None else self._events.fresh(market.event, now_ms)
        series = None if event is None else self._series.fresh(event.series, now_ms)
        if market is None or event is None or series is None:
            return None
        kept = self._combined.get(ticker)
        if kept is None or kept.market is not market or kept.event is not event or kept.series is not series:
            kept = self._combine(ticker, market, event, series)
        return kept.facts

    def _combine(self, ticker: str, market: MarketPart, event: EventPart, series: SeriesPart) -> _Combined:
        """Kept for as long as these very parts are given out: every order asks, and parts change once a minute."""
        if len(self._combined) >= self._size:
            self._combined.clear()
        facts = market_facts.combine(market, event, series)
        kept = self._combined[ticker] = _Combined(market, event, series, facts)
        return kept

    def age_ms(self, ticker: str) -> int | None:
        """How long ago the market itself was read; None where it is not here."""
        return self._markets.age_ms(ticker)

    def market_changed(self, news: MarketChanged) -> None:
        """Take in what the stream told of a market, at once: orders may be judged before anything can be read again."""
        self._markets.change(news.ticker, lambda market: _changed(market, news))

    def fees_changed(self, news: EventFeeChanged) -> None:
        """Forget what an event says, so that it is read again before the next order in its markets."""
        self._events.change(news.event, lambda _: None)

    def doubt(self) -> None:
        """Read all markets in use again soon: what changed while there was no stream, nobody told."""
        self._markets.doubt()

    async def fetch(self, tickers: Iterable[str]) -> dict[str, MarketFacts | str]:
        """For every ticker its facts, read now where they are not here, or why there are none, in a sentence.

        Takes at most `patience`. Never raises for what the exchange or the network does.
        """
        deadline = asyncio.get_running_loop().time() + self._patience
        wanted = list(dict.fromkeys(tickers))
        refused = {ticker: reason for ticker in wanted if (reason := self._refusal(ticker)) is not None}
        markets = await self._markets.have([ticker for ticker in wanted if ticker not in refused], deadline)
        named = dict.fromkeys(part.event for part in markets.values() if isinstance(part, MarketPart))
        events = await self._events.have(named, deadline)
        owners = dict.fromkeys(part.series for part in events.values() if isinstance(part, EventPart))
        series = await self._series.have(owners, deadline)
        return {ticker: refused.get(ticker) or _facts(markets[ticker], events, series) for ticker in wanted}

    async def refresh_used(self) -> None:
        """Read again what is in use and has lived half of its time: one round, for a loop that calls it every second.

        Takes at most `patience`, and reads a page of markets and RENEWALS events and series at most.
        """
        await asyncio.gather(
            self._markets.renew(self._markets.worn()[: market_facts.MOST_TICKERS]),
            self._events.renew(self._events.worn()[:RENEWALS]),
            self._series.renew(self._series.worn()[:RENEWALS]),
        )

    def _refusal(self, ticker: str) -> str | None:
        if not market_facts.is_plain_ticker(ticker):
            return "the ticker of the market is not in the exchange's form"
        if self._markets.knows(ticker) or self._new.take():
            return None
        return f"the market was not read: more than {NEW_A_SECOND} new ones a second were asked for"

    async def _read_markets(self, tickers: tuple[str, ...]) -> Mapping[str, MarketPart | Failure]:
        if len(tickers) == 1:
            return {tickers[0]: await self._read_market(tickers[0])}
        page = await self._read(
            market_facts.markets_request(tickers), lambda body: market_facts.read_markets(body, tickers)
        )
        if isinstance(page, Failure):
            return dict.fromkeys(tickers, page)
        parts = await asyncio.gather(*(self._of_page(ticker, part) for ticker, part in page.items()))
        return dict(zip(page, parts, strict=True))

    async def _of_page(self, ticker: str, part: MarketPart | AnswerError | None) -> MarketPart | Failure:
        if isinstance(part, AnswerError):
            return _unreadable(part)
        # a list may leave out what there is; only the market's own address says that there is none
        return await self._read_market(ticker) if part is None else part

    async def _read_market(self, ticker: str) -> MarketPart | Failure:
        return await self._read(
            market_facts.market_request(ticker), lambda body: market_facts.read_market(body, ticker)
        )

    async def _read_event(self, tickers: tuple[str, ...]) -> Mapping[str, EventPart | Failure]:
        (ticker,) = tickers
        request = market_facts.event_request(ticker)
        return {ticker: await self._read(request, lambda body: market_facts.read_event(body, ticker))}

    async def _read_series(self, tickers: tuple[str, ...]) -> Mapping[str, SeriesPart | Failure]:
        (ticker,) = tickers
        request = market_facts.series_request(ticker)
        return {ticker: await self._read(request, lambda body: market_facts.read_series(body, ticker))}

    async def _read[T](self, request: ReadRequest, parse: Callable[[bytes], T]) -> T | Failure:
        try:
            answer = await self._upstream.send(unsigned(request), lane=Lane.RECONCILE)
        except (NotSent, Unknown) as e:
            return Failure(str(e))
        if answer.status == _NOT_FOUND:
            return Failure("the exchange knows nothing by that name", UNKNOWN_MS)
        if answer.status != _OK:
            return Failure(f"the exchange answered {answer.status}")
        try:
            return parse(answer.body)
        except AnswerError as e:
            return _unreadable(e)


def _changed(market: MarketPart, news: MarketChanged) -> MarketPart | None:
    """The market with what is new of it; None where that is not said."""
    if news.status is None and news.close_ms is None and news.price_ranges is None:
        return None
    return replace(
        market,
        status=market.status if news.status is None else news.status,
        close_ms=market.close_ms if news.close_ms is None else news.close_ms,
        price_ranges=market.price_ranges if news.price_ranges is None else news.price_ranges,
        result=market.result if news.status is None else news.result,
    )


def _unreadable(error: AnswerError) -> Failure:
    return Failure(f"the exchange answered {_OK}, but {error}")


def _facts(
    market: MarketPart | Failure,
    events: Mapping[str, EventPart | Failure],
    series: Mapping[str, SeriesPart | Failure],
) -> MarketFacts | str:
    if isinstance(market, Failure):
        return f"the market could not be read: {market.reason}"
    event = events[market.event]
    if isinstance(event, Failure):
        return f"the market's event {market.event} could not be read: {event.reason}"
    owner = series[event.series]
    if isinstance(owner, Failure):
        return f"the market's series {event.series} could not be read: {owner.reason}"
    return market_facts.combine(market, event, owner)
