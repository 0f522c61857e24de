"""What everybody sees of markets: market objects, order books and public trades, as the exchange prints them.

Rule of this file: as in `views`. Book sides are bids only, asks being NO bids at 1 - p, best price last
(market_data.md 2).
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

from pretrade.model.orders import Side
from pretrade.model.units import format_count, format_price
from pretrade.practice.api.call import Call
from pretrade.practice.api.multivariate import combo_of
from pretrade.practice.api.views import Json, prices, rfc3339
from pretrade.practice.core.book import Book
from pretrade.practice.core.instruments import ONE, Market, PriceRange, SettlementBounds
from pretrade.practice.core.records import Trade
from pretrade.practice.core.state import MarketState

_MOST_DESCRIPTIONS = 10_000


def market_view(call: Call, state: MarketState) -> Json:
    """A market object (market_data.md 3). It names its event, never its series.

    Documented choices: `liquidity_dollars` ("0.0000") and `fractional_trading_enabled` (true) are gone from the
    exchange since 2026, but some clients read no market without them and the others ignore them; `previous_*` are the
    figures of 24 hours ago, 0 where the tape does not know them.
    """
    view = dict(_description(state.market))
    view["status"] = str(state.status(call.exchange.clock()))
    view["updated_time"] = rfc3339(updated_us(state))
    for part in (_top_of_book(state), _activity(call, state), _end(state), combo_of(call, state.market)):
        view.update(part)
    return view


def created_us(market: Market) -> int:
    """When a market was made; when it opened, where its world does not say."""
    return market.open_us if market.created_us is None else market.created_us


def updated_us(state: MarketState) -> int:
    """When a market's description last changed; trading does not count."""
    return max(state.updated_us, created_us(state.market))


def ranges_view(ranges: tuple[PriceRange, ...]) -> list[Json]:
    """A price grid."""
    return [{"start": format_price(r.start), "end": format_price(r.end), "step": format_price(r.step)} for r in ranges]


def book_view(state: MarketState, depth: int) -> Json:
    """Both sides as bids, at most `depth` levels each (0 for all), sorted up so that the best is last."""
    bids, asks = (list(islice(_best_first(state.book, side), depth or None)) for side in (Side.BID, Side.ASK))
    return {"yes_dollars": _levels(bids), "no_dollars": _levels([(ONE - price, count) for price, count in asks])}


def trade_view(trade: Trade) -> Json:
    """A public trade; block trades do not happen here."""
    outcome = "yes" if trade.taker_side is Side.BID else "no"
    return {
        "trade_id": trade.trade_id,
        "ticker": trade.ticker,
        "count_fp": format_count(trade.count),
        "taker_side": outcome,
        "taker_outcome_side": outcome,
        "taker_book_side": str(trade.taker_side),
        "created_time": rfc3339(trade.at_us),
        "is_block_trade": False,
    } | prices(trade.price)


@lru_cache(maxsize=_MOST_DESCRIPTIONS)
def _description(market: Market) -> Json:
    """What does not change while a market trades; kept, because long lists are mostly made of it."""
    view: Json = {
        "ticker": market.ticker,
        "event_ticker": market.event_ticker,
        "market_type": market.market_type,
        "title": market.title,
        "yes_sub_title": market.yes_sub_title,
        "no_sub_title": market.no_sub_title or market.yes_sub_title,
        "notional_value_dollars": "1.0000",
        "liquidity_dollars": "0.0000",
        "fractional_trading_enabled": True,
        "price_level_structure": str(market.structure),
        "price_ranges": ranges_view(market.price_ranges),
        "exchange_index": market.exchange_index,
    }
    return view | _terms(market) | _strike(market)


def _terms(market: Market) -> Json:
    """When and how the market ends."""
    expected, latest = market.expected_expiration_us, market.latest_expiration_us
    last = market.close_us if latest is None else latest
    view = {
        "created_time": rfc3339(created_us(market)),
        "open_time": rfc3339(market.open_us),
        "close_time": rfc3339(market.close_us),
        "expected_expiration_time": rfc3339(market.close_us if expected is None else expected),
        "expiration_time": rfc3339(last),
        "latest_expiration_time": rfc3339(last),
        "settlement_timer_seconds": market.settlement_timer_seconds,
        "can_close_early": market.can_close_early,
        "settlement_bounds_type": str(market.settlement_bounds),
        "rules_primary": market.rules_primary
        or f"If the answer to '{market.title}' is yes, then the market resolves to Yes.",
        "rules_secondary": market.rules_secondary,
    }
    if market.early_close_condition:
        view["early_close_condition"] = market.early_close_condition
    if market.settlement_bounds is SettlementBounds.FLOOR:
        view["settlement_floor_dollars"] = format_price(market.settlement_floor)
    if market.fee_waiver_us is not None:
        view["fee_waiver_expiration_time"] = rfc3339(market.fee_waiver_us)
    return view


def _strike(market: Market) -> Json:
    """The strikes there are; their type follows from them where the world does not name it."""
    floor, cap = market.floor_strike, market.cap_strike
    strikes = {name: strike for name, strike in (("floor_strike", floor), ("cap_strike", cap)) if strike is not None}
    if not strikes and not market.strike_type:
        return {}
    kind = "between" if len(strikes) == 2 else "greater_or_equal" if cap is None else "less_or_equal"
    return strikes | {"strike_type": market.strike_type or kind}


def _best_first(book: Book, side: Side) -> Iterator[tuple[int, int]]:
    return ((price, level.total) for price, level in book.side(side).best_first())


def _levels(best_first: list[tuple[int, int]]) -> list[list[str]]:
    return [[format_price(price), format_count(count)] for price, count in reversed(best_first)]


def _top_of_book(state: MarketState) -> Json:
    """The best prices; an empty side is 0 for a bid and 1 for an ask."""
    bid_price, bid_size = next(_best_first(state.book, Side.BID), (0, 0))
    ask_price, ask_size = next(_best_first(state.book, Side.ASK), (ONE, 0))
    return {
        "yes_bid_dollars": format_price(bid_price),
        "yes_bid_size_fp": format_count(bid_size),
        "yes_ask_dollars": format_price(ask_price),
        "yes_ask_size_fp": format_count(ask_size),
        "no_bid_dollars": format_price(ONE - ask_price),
        "no_ask_dollars": format_price(ONE - bid_price),
    }


def _activity(call: Call, state: MarketState) -> Json:
    ticker = state.market.ticker
    before = call.tape.day_before(ticker)
    return {
        "last_price_dollars": format_price(state.last_price),
        "previous_price_dollars": format_price(before.price),
        "previous_yes_bid_dollars": format_price(before.bid),
        "previous_yes_ask_dollars": format_price(before.ask),
        "volume_fp": format_count(state.volume),
        "volume_24h_fp": format_count(call.tape.volume_24h(ticker)),
        "open_interest_fp": format_count(state.open_interest),
    }


def _end(state: MarketState) -> Json:
    """The result from the determination on, and when it was paid out."""
    if state.outcome is None:
        return {"result": "", "expiration_value": ""}
    view: Json = {
        "result": str(state.outcome.result),
        "expiration_value": state.outcome.expiration_value,
        "settlement_value_dollars": format_price(state.outcome.value),
    }
    if state.settled_us is not None:
        view["settlement_ts"] = rfc3339(state.settled_us)
    return view
