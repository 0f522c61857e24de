"""The series, events and markets of a world file as those of the exchange, once the moment of its start is known.

Rule of this file: one to one; nothing is decided here.
"""

from pretrade.model.markets import FeeType
from pretrade.practice.core.instruments import Event, Market, Series
from pretrade.practice.core.state import World
from pretrade.practice.worlds.forms import When
from pretrade.practice.worlds.schema import EventKeys, MarketKeys, SeriesKeys, WorldKeys


def instruments(world: WorldKeys, start_us: int) -> World:
    """What there is to trade on an exchange that starts then."""
    titles = {event.ticker: event.title for event in world.events}
    return World(
        tuple(_series(one) for one in world.series),
        tuple(_event(one) for one in world.events),
        tuple(_market(one, titles[one.event], start_us) for one in world.markets),
    )


def _series(keys: SeriesKeys) -> Series:
    return Series(
        ticker=keys.ticker,
        title=keys.title,
        category=keys.category,
        frequency=keys.frequency,
        fee_multiplier=keys.fee_multiplier,
        fee_type=keys.fee_type or FeeType.QUADRATIC,
        tags=keys.tags,
    )


def _event(keys: EventKeys) -> Event:
    return Event(
        ticker=keys.ticker,
        series_ticker=keys.series,
        title=keys.title,
        sub_title=keys.sub_title,
        mutually_exclusive=keys.mutually_exclusive,
        fee_type_override=keys.fee_type,
        fee_multiplier_override=keys.fee_multiplier,
    )


def _market(keys: MarketKeys, event_title: str, start_us: int) -> Market:
    def at(when: When | None) -> int | None:
        return None if when is None else when.at(start_us)

    opens_us = keys.opens.at(start_us)
    return Market(
        ticker=keys.ticker,
        event_ticker=keys.event,
        title=keys.title or f"{event_title}: {keys.yes_sub_title}?",
        yes_sub_title=keys.yes_sub_title,
        no_sub_title=keys.no_sub_title,
        open_us=opens_us,
        close_us=keys.closes.at(start_us),
        created_us=min(opens_us, start_us) if keys.created is None else keys.created.at(start_us),
        expected_expiration_us=at(keys.expected_expiration),
        latest_expiration_us=at(keys.latest_expiration),
        opening_mid=keys.mid,
        floor_strike=keys.floor_strike,
        cap_strike=keys.cap_strike,
        strike_type=keys.strike_type,
        structure=keys.structure,
        exchange_index=keys.shard,
        market_type=keys.type,
        rules_primary=keys.rules_primary,
        rules_secondary=keys.rules_secondary,
        settlement_timer_seconds=keys.settlement_timer // 1_000_000,
        can_close_early=keys.can_close_early,
        early_close_condition=keys.early_close_condition,
        fee_waiver_us=at(keys.fee_waiver_until),
        settlement_bounds=keys.settlement_bounds,
        settlement_floor=keys.settlement_floor,
    )
