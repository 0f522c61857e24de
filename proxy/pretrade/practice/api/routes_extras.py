"""The public routes of what a world brings along: milestones, structured targets, incentives, collections, search.

Rule of this file: an extra is served as it is; the filters read only the fields that `extras` names or the exchange's
reference describes, and an object without the field does not fit the filter.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from pretrade.practice.api.call import Call, Reply, Route
from pretrade.practice.api.filters import as_moment, moment, parse_moment, required_integer, sized
from pretrade.practice.api.query import page
from pretrade.practice.api.views import Json
from pretrade.practice.core.errors import not_found

_API = "/trade-api/v2"
_MOST_TARGETS = 2_000
_MOST_MILESTONES = 500
_MOST_INCENTIVES = 10_000
_COMPETITION_FIELDS = ("competition", "league", "conference", "division", "tour")
_INCENTIVE_TYPES = ("all", "liquidity", "volume", "margin_maker_volume", "margin_taker_volume")
_INCENTIVE_STATUSES = ("all", "active", "upcoming", "closed", "paid_out")
_EARLIEST = dt.datetime.min.replace(tzinfo=dt.UTC)


def milestones(call: Call) -> Reply:
    """The milestones that fit every filter; `limit` is required, as on the exchange."""
    query = call.query
    required_integer(query, "limit", 1, _MOST_MILESTONES)
    earliest, updated = moment(query, "minimum_start_date"), query.integer("min_updated_ts", 0, 10**11)
    source, event, competition = query.text("source_id"), query.text("related_event_ticker"), query.text("competition")

    def wanted(one: Json) -> bool:
        return (
            query.text("category") in {None, one["category"]}
            and query.text("type") in {None, one["type"]}
            and (event is None or event in one["related_event_tickers"])
            and (source is None or source in {one.get("source_id"), *one.get("source_ids", {}).values()})
            and (competition is None or competition in _competitions(one))
            and (earliest is None or _moment_of(one, "start_date") >= earliest)
            and (updated is None or _moment_of(one, "last_updated_ts").timestamp() > updated)
        )

    return Reply(200, page(query, call.extras.get("milestones", []), "milestones", dict, _MOST_MILESTONES, wanted))


def milestone(call: Call) -> Reply:
    """One milestone."""
    return Reply(200, {"milestone": _one(call, "milestones", "id", call.params["milestone_id"])})


def structured_targets(call: Call) -> Reply:
    """The structured targets that fit every filter."""
    query = call.query
    ids, kind, competition = query.texts("ids", _MOST_TARGETS), query.text("type"), query.text("competition")

    def wanted(one: Json) -> bool:
        return (
            (not ids or one["id"] in ids)
            and kind in {None, one["type"]}
            and (competition is None or competition in _competitions(one))
        )

    sized_query = sized(query, 100, _MOST_TARGETS, "page_size")
    targets = call.extras.get("structured_targets", [])
    return Reply(200, page(sized_query, targets, "structured_targets", dict, _MOST_TARGETS, wanted))


def structured_target(call: Call) -> Reply:
    """One structured target."""
    found = _one(call, "structured_targets", "id", call.params["structured_target_id"])
    return Reply(200, {"structured_target": found})


def incentive_programs(call: Call) -> Reply:
    """The incentive programs that fit every filter; a program is upcoming, active, closed or paid out."""
    query = call.query
    status = query.word("status", _INCENTIVE_STATUSES) or "all"
    kind = query.word("type", _INCENTIVE_TYPES) or "all"
    description, now = query.text("incentive_description"), as_moment(call.exchange.clock())

    def wanted(one: Json) -> bool:
        return (
            status in {"all", _incentive_status(one, now)}
            and kind in {"all", one["incentive_type"]}
            and description in {None, one["incentive_description"]}
        )

    programs = call.extras.get("incentive_programs", [])
    body = page(query, programs, "incentive_programs", dict, _MOST_INCENTIVES, wanted)
    return Reply(200, {"incentive_programs": body["incentive_programs"], "next_cursor": body["cursor"]})


def collections(call: Call) -> Reply:
    """The multivariate event collections that fit every filter."""
    query = call.query
    status, now = query.word("status", ("unopened", "open", "closed")), as_moment(call.exchange.clock())
    event, series = query.text("associated_event_ticker"), query.text("series_ticker")

    def wanted(one: Json) -> bool:
        return (
            status in {None, _collection_status(one, now)}
            and (event is None or event in one["associated_event_tickers"])
            and series in {None, one["series_ticker"]}
        )

    found = call.extras.get("multivariate_event_collections", [])
    return Reply(200, page(query, found, "multivariate_contracts", dict, wanted=wanted))


def collection(call: Call) -> Reply:
    """One multivariate event collection."""
    ticker = call.params["collection_ticker"]
    found = _one(call, "multivariate_event_collections", "collection_ticker", ticker)
    return Reply(200, {"multivariate_contract": found})


def sport_filters(call: Call) -> Reply:
    """The search filters of each sport, and the sports in their order."""
    filters = call.extras.get("sport_filters", [])
    by_sport = {one["sport"]: {"scopes": one["scopes"], "competitions": one["competitions"]} for one in filters}
    return Reply(200, {"filters_by_sports": by_sport, "sport_ordering": list(by_sport)})


def category_tags(call: Call) -> Reply:
    """The tags of all series by category, each tag once, in the order of the alphabet."""
    tags: dict[str, set[str]] = {}
    for series in call.exchange.series.values():
        tags.setdefault(series.category, set()).update(series.tags)
    return Reply(200, {"tags_by_categories": {category: sorted(found) for category, found in tags.items()}})


def _one(call: Call, name: str, key: str, value: str) -> Json:
    for one in call.extras.get(name, ()):
        if one[key] == value:
            return dict(one)
    raise not_found()


def _competitions(one: Mapping[str, Any]) -> Iterable[Any]:
    details = one.get("details", {})
    leagues = details.get("leagues", ())
    return [*(details.get(name) for name in _COMPETITION_FIELDS), *(leagues if isinstance(leagues, list) else ())]


def _moment_of(one: Mapping[str, Any], name: str) -> dt.datetime:
    return parse_moment(str(one.get(name))) or _EARLIEST


def _incentive_status(one: Mapping[str, Any], now: dt.datetime) -> str:
    if one["paid_out"]:
        return "paid_out"
    if now < _moment_of(one, "start_date"):
        return "upcoming"
    return "active" if now < _moment_of(one, "end_date") else "closed"


def _collection_status(one: Mapping[str, Any], now: dt.datetime) -> str:
    if now < _moment_of(one, "open_date"):
        return "unopened"
    return "open" if now < _moment_of(one, "close_date") else "closed"


ROUTES = (
    Route("GET", _API + "/milestones", "GetMilestones", milestones),
    Route("GET", _API + "/milestones/{milestone_id}", "GetMilestone", milestone),
    Route("GET", _API + "/structured_targets", "GetStructuredTargets", structured_targets),
    Route("GET", _API + "/structured_targets/{structured_target_id}", "GetStructuredTarget", structured_target),
    Route("GET", _API + "/incentive_programs", "GetIncentivePrograms", incentive_programs),
    Route("GET", _API + "/multivariate_event_collections", "GetMultivariateEventCollections", collections),
    Route(
        "GET",
        _API + "/multivariate_event_collections/{collection_ticker}",
        "GetMultivariateEventCollection",
        collection,
    ),
    Route("GET", _API + "/search/filters_by_sport", "GetFiltersForSports", sport_filters),
    Route("GET", _API + "/search/tags_by_categories", "GetTagsForSeriesCategories", category_tags),
)
