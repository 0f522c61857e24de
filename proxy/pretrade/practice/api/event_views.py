"""What everybody sees of events and series, and of what trading in them costs, as the exchange prints it.

Rule of this file: as in `views`. Fee multipliers are JSON numbers on the wire, hundredths here.
"""

from pretrade.model.units import format_count
from pretrade.practice.api.archive import is_archived
from pretrade.practice.api.call import Call
from pretrade.practice.api.market_views import market_view, updated_us
from pretrade.practice.api.views import Json, rfc3339
from pretrade.practice.core.instruments import Event, Series
from pretrade.practice.core.state import MarketState
from pretrade.practice.core.statements import FeeChange


def event_view(call: Call, event: Event, *, with_markets: bool) -> Json:
    """An event, with its markets inside where asked for (archived ones are left out).

    `available_on_brokers` left the exchange in September 2026; one client still reads no event without it, and all
    others ignore it (a documented choice).
    """
    markets = call.exchange.markets_of(event.ticker)
    view: Json = {
        "event_ticker": event.ticker,
        "series_ticker": event.series_ticker,
        "title": event.title,
        "sub_title": event.sub_title,
        "collateral_return_type": "",
        "mutually_exclusive": event.mutually_exclusive,
        "category": call.exchange.series[event.series_ticker].category,
        "settlement_sources": metadata_of(call, event).get("settlement_sources", []),
        "exchange_index": shard_of(markets),
        "available_on_brokers": False,
        "last_updated_ts": rfc3339(last_updated_us(markets)),
    }
    if event.fee_type_override is not None:
        view["fee_type_override"] = str(event.fee_type_override)
    if event.fee_multiplier_override is not None:
        view["fee_multiplier_override"] = multiplier_view(event.fee_multiplier_override)
    if with_markets:
        view["markets"] = [market_view(call, market) for market in living_of(call, event)]
    return view


def series_view(call: Call, series: Series, *, with_volume: bool = False, with_metadata: bool = False) -> Json:
    """A series: where the fee type and multiplier of its events are read."""
    markets = markets_of_series(call, series)
    view: Json = {
        "ticker": series.ticker,
        "title": series.title,
        "category": series.category,
        "categories": [series.category],
        "frequency": series.frequency,
        "tags": list(series.tags),
        "settlement_sources": [],
        "contract_url": "",
        "contract_terms_url": "",
        "fee_type": str(series.fee_type),
        "fee_multiplier": multiplier_view(series.fee_multiplier),
        "additional_prohibitions": [],
        "exchange_index": shard_of(markets),
        "last_updated_ts": rfc3339(last_updated_us(markets)),
    }
    if with_volume:
        view["volume_fp"] = format_count(sum(market.volume for market in markets))
    if with_metadata:
        view["product_metadata"] = {}
    return view


def metadata_view(call: Call, event: Event) -> Json:
    """An event's metadata: what the world brings along, with a line for each market either way."""
    given = metadata_of(call, event)
    markets = [
        {"market_ticker": market.market.ticker, "image_url": "", "color_code": ""} for market in living_of(call, event)
    ]
    return {"image_url": "", "market_details": markets, "settlement_sources": []} | {
        name: value for name, value in given.items() if name != "event_ticker"
    }


def metadata_of(call: Call, event: Event) -> Json:
    """What the world brings along about an event."""
    found = (one for one in call.extras.get("event_metadata", ()) if one["event_ticker"] == event.ticker)
    return dict(next(found, {}))


def event_fee_view(change: FeeChange) -> Json:
    """A change of an event's fee override; nulls where the series' own fee counts again."""
    return {
        "id": change.change_id,
        "event_ticker": change.event_ticker,
        "series_ticker": change.series_ticker,
        "fee_type_override": None if change.fee_type is None else str(change.fee_type),
        "fee_multiplier_override": None if change.multiplier is None else multiplier_view(change.multiplier),
        "scheduled_ts": rfc3339(change.at_us),
    }


def multiplier_view(hundredths: int) -> int | float:
    """A fee multiplier as the JSON number nearest to it; whole ones have no fraction."""
    whole, part = divmod(hundredths, 100)
    return whole if part == 0 else float(f"{whole}.{part:02d}")


def living_of(call: Call, event: Event) -> list[MarketState]:
    """The markets of an event that are not archived."""
    return [market for market in call.exchange.markets_of(event.ticker) if not is_archived(call, market)]


def markets_of_series(call: Call, series: Series) -> list[MarketState]:
    """All markets of a series."""
    events = call.exchange.events
    return [m for m in call.exchange.markets.values() if events[m.market.event_ticker].series_ticker == series.ticker]


def shard_of(markets: list[MarketState]) -> int:
    """The shard of an event or series: its first market's."""
    return markets[0].market.exchange_index if markets else 0


def last_updated_us(markets: list[MarketState]) -> int:
    """When an event or series last changed: when the description of one of its markets did (a documented choice)."""
    return max((updated_us(market) for market in markets), default=0)
