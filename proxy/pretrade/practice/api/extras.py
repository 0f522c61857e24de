"""What a world may bring along besides markets: lists of JSON objects that are served as they are.

Rule of this file: the names, what each object must have and what it is for; nothing else on the exchange depends on an
extra, and every list is empty unless the world fills it. Fields beyond the named ones pass through to the client.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pretrade.practice.api.filters import parse_moment

type Extras = Mapping[str, Sequence[Mapping[str, Any]]]


class Kind(StrEnum):
    """What a field holds, in words for people."""

    TEXT = "a text"
    MOMENT = "a moment such as 2026-12-31T00:00:00Z"
    WHOLE = "a whole number"
    NUMBER = "a number"
    FLAG = "true or false"
    LIST = "a list"
    OBJECT = "an object"

    def fits(self, value: object) -> bool:
        """Whether a JSON value is of this kind."""
        if self is Kind.MOMENT:
            return isinstance(value, str) and parse_moment(value) is not None
        if isinstance(value, bool):
            return self is Kind.FLAG
        return isinstance(value, _TYPES[self])


_TYPES: Mapping[Kind, tuple[type, ...]] = {
    Kind.TEXT: (str,),
    Kind.WHOLE: (int,),
    Kind.NUMBER: (int, float),
    Kind.FLAG: (bool,),
    Kind.LIST: (list,),
    Kind.OBJECT: (dict,),
}
_TEXT, _MOMENT, _WHOLE, _NUMBER = Kind.TEXT, Kind.MOMENT, Kind.WHOLE, Kind.NUMBER
_FLAG, _LIST, _OBJECT = Kind.FLAG, Kind.LIST, Kind.OBJECT


@dataclass(frozen=True, slots=True)
class Extra:
    """One list: what its objects are for a person, the fields that each needs, and others that the filters look at."""

    meaning: str
    required: Mapping[str, Kind]
    optional: Mapping[str, Kind] = field(default_factory=dict)


EXTRAS: Mapping[str, Extra] = {
    "milestones": Extra(
        "real-world happenings that events hang on (GET /milestones)",
        {
            "id": _TEXT,
            "category": _TEXT,
            "type": _TEXT,
            "start_date": _MOMENT,
            "related_event_tickers": _LIST,
            "title": _TEXT,
            "notification_message": _TEXT,
            "details": _OBJECT,
            "primary_event_tickers": _LIST,
            "last_updated_ts": _MOMENT,
        },
        {"source_id": _TEXT, "source_ids": _OBJECT},
    ),
    "structured_targets": Extra(
        "players, teams and the like (GET /structured_targets)",
        {"id": _TEXT, "name": _TEXT, "type": _TEXT},
        {"details": _OBJECT},
    ),
    "incentive_programs": Extra(
        "rewards for trading (GET /incentive_programs)",
        {
            "id": _TEXT,
            "market_id": _TEXT,
            "market_ticker": _TEXT,
            "incentive_type": _TEXT,
            "incentive_description": _TEXT,
            "start_date": _MOMENT,
            "end_date": _MOMENT,
            "period_reward": _WHOLE,
            "paid_out": _FLAG,
        },
    ),
    "multivariate_event_collections": Extra(
        "rules for combos (GET /multivariate_event_collections); the events of their series are multivariate events",
        {
            "collection_ticker": _TEXT,
            "series_ticker": _TEXT,
            "title": _TEXT,
            "description": _TEXT,
            "open_date": _MOMENT,
            "close_date": _MOMENT,
            "associated_events": _LIST,
            "associated_event_tickers": _LIST,
            "is_ordered": _FLAG,
            "is_single_market_per_event": _FLAG,
            "is_all_yes": _FLAG,
            "size_min": _WHOLE,
            "size_max": _WHOLE,
            "functional_description": _TEXT,
            "price_level_structure": _TEXT,
            "price_ranges": _LIST,
        },
    ),
    "multivariate_markets": Extra("the legs of combo markets", {"ticker": _TEXT, "mve_selected_legs": _LIST}),
    "event_metadata": Extra(
        "pictures and sources of events (GET /events/{ticker}/metadata)",
        {"event_ticker": _TEXT},
        {"image_url": _TEXT, "market_details": _LIST, "settlement_sources": _LIST},
    ),
    "series_fee_changes": Extra(
        "the calendar of series' fees (GET /series/fee_changes)",
        {"id": _TEXT, "series_ticker": _TEXT, "fee_type": _TEXT, "fee_multiplier": _NUMBER, "scheduled_ts": _MOMENT},
    ),
    "live_data": Extra(
        "live data of milestones (GET /live_data/...)", {"type": _TEXT, "details": _OBJECT, "milestone_id": _TEXT}
    ),
    "event_live_data": Extra(
        "live data of events (GET /live_data/events/...)", {"event_ticker": _TEXT, "type": _TEXT, "details": _OBJECT}
    ),
    "game_stats": Extra("play by play of milestones (GET .../game_stats)", {"milestone_id": _TEXT, "pbp": _OBJECT}),
    "weather_points": Extra("minutes of a city's temperature index", {"city": _TEXT, "t": _WHOLE, "status": _TEXT}),
    "weather_calibrations": Extra(
        "a city's index settings over time",
        {
            "city": _TEXT,
            "config_version": _TEXT,
            "effective_at_ms": _WHOLE,
            "city_reference_c": _NUMBER,
            "stations": _LIST,
        },
    ),
    "forecasts": Extra(
        "percentile forecasts of events",
        {"event_ticker": _TEXT, "end_period_ts": _WHOLE, "period_interval": _WHOLE, "percentile_points": _LIST},
    ),
    "sport_filters": Extra(
        "search filters, in their order", {"sport": _TEXT, "scopes": _LIST, "competitions": _OBJECT}
    ),
    "maintenance_windows": Extra(
        "planned closings (GET /exchange/schedule)", {"start_datetime": _MOMENT, "end_datetime": _MOMENT}
    ),
}


def check_extras(extras: Extras) -> list[str]:
    """What is wrong with a world's extras, one sentence a problem: unknown names, missing fields, wrong kinds."""
    problems: list[str] = []
    for name, objects in extras.items():
        known = EXTRAS.get(name)
        if known is None:
            problems.append(f"extras: there is no {name!r}{_nearest(name)}")
            continue
        for number, one in enumerate(objects, start=1):
            problems.extend(f"extras.{name}: object {number} {wrong}" for wrong in _wrong(known, one))
    return problems


def _wrong(known: Extra, one: Mapping[str, Any]) -> Iterator[str]:
    missing = [name for name in known.required if name not in one]
    if missing:
        yield f"needs {', '.join(missing)}"
    for name, kind in {**known.required, **known.optional}.items():
        if name in one and not kind.fits(one[name]):
            yield f"needs {kind} as {name}, has {one[name]!r}"


def _nearest(name: str) -> str:
    near = difflib.get_close_matches(name, EXTRAS, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(EXTRAS)}"
