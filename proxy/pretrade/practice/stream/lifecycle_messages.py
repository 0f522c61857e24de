"""The messages of channel market_lifecycle_v2: what happens to markets and events as a whole.

Rule of this file: facts in, the `msg` of a message out, nothing else (asyncapi). Each kind of change has its own keys
and no others; times are whole seconds.
"""

from typing import Any

from pretrade.model.units import format_price
from pretrade.practice.core.events import Lifecycle, MarketChanged
from pretrade.practice.core.instruments import Event, Market
from pretrade.practice.core.state import MarketState

type Json = dict[str, Any]


def market_changed(event: MarketChanged, state: MarketState) -> Json:
    """A market's change, with what belongs to this kind of change."""
    body: Json = {"event_type": str(event.kind), "market_ticker": event.ticker}
    market, at = state.market, event.at_us // 1_000_000
    match event.kind:
        case Lifecycle.CREATED:
            return body | _created(market)
        case Lifecycle.ACTIVATED | Lifecycle.DEACTIVATED:
            return body | {"is_deactivated": event.kind is Lifecycle.DEACTIVATED}
        case Lifecycle.CLOSE_DATE_UPDATED:
            return body | {"close_ts": market.close_us // 1_000_000}
        case Lifecycle.DETERMINED:
            return body | _determined(state) | {"determination_ts": at}
        case Lifecycle.SETTLED:
            return body | {"settled_ts": at}
        case Lifecycle.PRICE_LEVEL_STRUCTURE_UPDATED:
            return body | _structure(market)
        case Lifecycle.METADATA_UPDATED:
            return body | _strikes(market) | {"yes_sub_title": market.yes_sub_title}


def event_created(event: Event, exchange_index: int) -> Json:
    """A new event, told with its first market. Positions are not netted here, so the collateral return type is ""."""
    return {
        "event_ticker": event.ticker,
        "exchange_index": exchange_index,
        "title": event.title,
        "subtitle": event.sub_title,
        "collateral_return_type": "",
        "series_ticker": event.series_ticker,
    }


def event_fee(event: Event) -> Json:
    """An event's fee override; both null once it is gone."""
    kind, multiplier = event.fee_type_override, event.fee_multiplier_override
    whole, rest = divmod(multiplier or 0, 100)
    shown = None if multiplier is None else (multiplier / 100 if rest else whole)
    return {
        "event_ticker": event.ticker,
        "fee_type_override": None if kind is None else str(kind),
        "fee_multiplier_override": shown,
    }


def _created(market: Market) -> Json:
    expected = market.expected_expiration_us
    return _structure(market) | {
        "exchange_index": market.exchange_index,
        "open_ts": market.open_us // 1_000_000,
        "close_ts": market.close_us // 1_000_000,
        "additional_metadata": {
            "name": market.title,
            "title": market.title,
            "yes_sub_title": market.yes_sub_title,
            "no_sub_title": market.no_sub_title or market.yes_sub_title,
            "rules_primary": market.rules_primary,
            "rules_secondary": market.rules_secondary,
            "can_close_early": market.can_close_early,
            "event_ticker": market.event_ticker,
            "expected_expiration_ts": (market.close_us if expected is None else expected) // 1_000_000,
        }
        | _strikes(market),
    }


def _determined(state: MarketState) -> Json:
    outcome = state.outcome
    if outcome is None:
        return {}
    return {"result": str(outcome.result), "settlement_value": format_price(outcome.value)}


def _structure(market: Market) -> Json:
    ranges = [
        {"start": format_price(r.start), "end": format_price(r.end), "step": format_price(r.step)}
        for r in market.price_ranges
    ]
    return {"price_level_structure": str(market.structure), "price_ranges": ranges}


def _strikes(market: Market) -> Json:
    strikes = {
        "strike_type": market.strike_type or None,
        "floor_strike": market.floor_strike,
        "cap_strike": market.cap_strike,
    }
    return {name: value for name, value in strikes.items() if value is not None}
