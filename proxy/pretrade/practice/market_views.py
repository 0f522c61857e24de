"""What everybody sees: markets, order books, trades, events and series, as the exchange prints them.

Rule of this file: as in `views`. Book sides are bids only, asks being NO bids at 1 - p, best price last
(market_data.md 2).
"""

from pretrade.model.orders import Side
from pretrade.model.units import format_count, format_price
from pretrade.practice.instruments import ONE, Event, Market, Series
from pretrade.practice.records import Trade
from pretrade.practice.state import MarketState, State
from pretrade.practice.views import Json, prices, rfc3339


def market_view(state: State, market_state: MarketState) -> Json:
    """A market object (market_data.md 3). It names its event, never its series."""
    market = market_state.market
    view = {
        "ticker": market.ticker,
        "event_ticker": market.event_ticker,
        "market_type": "binary",
        "title": market.title,
        "yes_sub_title": market.yes_sub_title,
        "no_sub_title": market.yes_sub_title,
        "created_time": rfc3339(market.open_us),
        "updated_time": rfc3339(market_state.updated_us),
        "open_time": rfc3339(market.open_us),
        "status": market_state.status(state.clock()),
        "result": "",
        "expiration_value": "",
        "can_close_early": True,
        "settlement_bounds_type": "default",
        "notional_value_dollars": "1.0000",
        "price_level_structure": str(market.structure),
        "price_ranges": [
            {"start": format_price(r.start), "end": format_price(r.end), "step": format_price(r.step)}
            for r in market.price_ranges
        ],
        "exchange_index": 0,
    }
    if market.floor_strike is not None:
        view |= {"strike_type": "greater_or_equal", "floor_strike": market.floor_strike}
    return view | _terms(market) | _top_of_book(market_state) | _activity(state, market_state)


def book_view(market_state: MarketState, depth: int) -> Json:
    """Both sides as bids, at most `depth` levels each (0 for all), sorted up so that the best is last."""
    bids = market_state.book.depth(Side.BID)
    asks = [(ONE - price, count) for price, count in market_state.book.depth(Side.ASK)]
    return {"yes_dollars": _levels(bids, depth), "no_dollars": _levels(asks, depth)}


def trade_view(trade: Trade) -> Json:
    """A public trade."""
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


def event_view(state: State, event: Event, *, with_markets: bool) -> Json:
    """An event, with its markets inside where asked for."""
    view: Json = {
        "event_ticker": event.ticker,
        "series_ticker": event.series_ticker,
        "title": event.title,
        "sub_title": event.sub_title,
        "collateral_return_type": "",
        "mutually_exclusive": event.mutually_exclusive,
        "category": state.series[event.series_ticker].category,
        "settlement_sources": [],
        "exchange_index": 0,
    }
    if with_markets:
        view["markets"] = [market_view(state, market) for market in state.markets_of(event.ticker)]
    return view


def series_view(series: Series) -> Json:
    """A series: where the fee type and multiplier are read. The multiplier is a JSON number on the wire."""
    whole, part = divmod(series.fee_multiplier, 100)
    return {
        "ticker": series.ticker,
        "title": series.title,
        "category": series.category,
        "categories": [series.category],
        "frequency": series.frequency,
        "tags": [],
        "settlement_sources": [],
        "contract_url": "",
        "contract_terms_url": "",
        "fee_type": "quadratic",
        "fee_multiplier": whole if part == 0 else float(f"{whole}.{part:02d}"),
        "additional_prohibitions": [],
        "exchange_index": 0,
    }


def _terms(market: Market) -> Json:
    """When and how the market ends."""
    closes = rfc3339(market.close_us)
    return {
        "close_time": closes,
        "expected_expiration_time": closes,
        "expiration_time": closes,
        "latest_expiration_time": closes,
        "settlement_timer_seconds": 60,
        "rules_primary": f"If the answer to '{market.title}' is yes, then the market resolves to Yes.",
        "rules_secondary": "",
    }


def _levels(best_first: list[tuple[int, int]], depth: int) -> list[list[str]]:
    kept = best_first[:depth] if depth else best_first
    return [[format_price(price), format_count(count)] for price, count in reversed(kept)]


def _top_of_book(market_state: MarketState) -> Json:
    """The best prices; an empty side is 0 for a bid and 1 for an ask."""
    bid_price, bid_size = next(iter(market_state.book.depth(Side.BID)), (0, 0))
    ask_price, ask_size = next(iter(market_state.book.depth(Side.ASK)), (ONE, 0))
    return {
        "yes_bid_dollars": format_price(bid_price),
        "yes_bid_size_fp": format_count(bid_size),
        "yes_ask_dollars": format_price(ask_price),
        "yes_ask_size_fp": format_count(ask_size),
        "no_bid_dollars": format_price(ONE - ask_price),
        "no_ask_dollars": format_price(ONE - bid_price),
    }


def _activity(state: State, market_state: MarketState) -> Json:
    return {
        "last_price_dollars": format_price(market_state.last_price),
        "previous_price_dollars": format_price(market_state.previous_price),
        "previous_yes_bid_dollars": "0.0000",
        "previous_yes_ask_dollars": "0.0000",
        "volume_fp": format_count(market_state.volume),
        "volume_24h_fp": format_count(market_state.volume),
        "open_interest_fp": format_count(state.open_interest(market_state.market.ticker)),
    }
