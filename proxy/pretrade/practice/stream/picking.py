"""Which markets (or ids of a feed) a command picks.

Rule of this file: it only reads. Tickers and ids exclude each other, and one alone excludes a list (asyncapi); an empty
list is as good as none.
"""

from pretrade.practice.core.state import State
from pretrade.practice.stream.channels import Channel, Feed, Markets
from pretrade.practice.stream.commands import Params
from pretrade.practice.stream.errors import StreamError
from pretrade.practice.stream.formats import market_id
from pretrade.practice.stream.session import StreamLimits


def markets(exchange: State, channel: Channel, params: Params, limits: StreamLimits) -> list[str] | None:
    """The tickers that are picked, each once, in the order given; None where nothing is picked.

    Raises error 14 where a channel needs tickers, 11 for what cannot be and for unknown markets, 26 for too many.
    """
    if channel.markets is Markets.IGNORED:
        return None
    by_ticker = _one_way(params.market_ticker, params.market_tickers)
    by_id = _one_way(params.market_id, params.market_ids)
    if channel.markets is Markets.REQUIRED and not by_ticker:
        raise StreamError(14)
    if by_id and (by_ticker or channel.markets is not Markets.TICKERS_OR_IDS):
        raise StreamError(11)
    picked = list(dict.fromkeys(_tickers_of(exchange, by_id) if by_id else by_ticker))
    unknown = tuple(ticker for ticker in picked if ticker not in exchange.markets)
    if unknown:
        raise StreamError(11, unknown)
    if len(picked) > limits.markets:
        raise StreamError(26)
    return picked or None


def feed_ids(feed: Feed, params: Params) -> list[str]:
    """The ids of a feed that are picked, each once."""
    given = params.index_ids if feed.field == "index_ids" else params.underlying_tickers
    return list(dict.fromkeys(given or ()))


def _one_way(one: str | None, several: list[str] | None) -> list[str]:
    if one and several:
        raise StreamError(11)
    return [one] if one else several or []


def _tickers_of(exchange: State, ids: list[str]) -> list[str]:
    known = {market_id(ticker): ticker for ticker in exchange.markets}
    if any(wanted.lower() not in known for wanted in ids):
        raise StreamError(11)
    return [known[wanted.lower()] for wanted in ids]
