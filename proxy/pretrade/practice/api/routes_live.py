"""The routes of live data: milestones, events, weather indexes, and forecasts of events.

Rule of this file: as in `routes_extras`: all of it is what the world brings along, filtered and cut.
"""

from pretrade.practice.api.call import Call, Reply, Route
from pretrade.practice.api.filters import required_integer, required_texts
from pretrade.practice.api.views import Json
from pretrade.practice.core.errors import not_found

_API = "/trade-api/v2"
_DAY_MS = 86_400_000
_MOST = 10**15
_MAX_MILESTONES = 100
_MAX_PERCENTILES = 10
_LAST_PERCENTILE = 9_999


def live_data(call: Call) -> Reply:
    """The live data of a milestone; with a type in the path it must be of that type."""
    kind = call.params.get("type")
    for one in call.extras.get("live_data", ()):
        if one["milestone_id"] == call.params["milestone_id"] and kind in {None, one["type"]}:
            return Reply(200, {"live_data": _live(call, one)})
    raise not_found()


def live_datas(call: Call) -> Reply:
    """The live data of up to 100 milestones; those that have none are left out."""
    ids = required_texts(call.query, "milestone_ids", _MAX_MILESTONES)
    by_id = {one["milestone_id"]: one for one in call.extras.get("live_data", ())}
    return Reply(200, {"live_datas": [_live(call, by_id[one]) for one in ids if one in by_id]})


def event_live_data(call: Call) -> Reply:
    """The live data of an event. Documented choice: `range` restricts nothing, the world's data is whole."""
    for one in call.extras.get("event_live_data", ()):
        if one["event_ticker"] == call.params["event_ticker"]:
            return Reply(200, {"live_data": {name: value for name, value in one.items() if name != "event_ticker"}})
    raise not_found()


def game_stats(call: Call) -> Reply:
    """The play by play of a milestone, null where there is none; 404 for an unknown milestone."""
    milestone_id = call.params["milestone_id"]
    for one in call.extras.get("game_stats", ()):
        if one["milestone_id"] == milestone_id:
            return Reply(200, {"pbp": one["pbp"]})
    if not any(one["id"] == milestone_id for one in call.extras.get("milestones", ())):
        raise not_found()
    return Reply(200, {"pbp": None})


def weather_index(call: Call) -> Reply:
    """A city's temperature index between two moments (milliseconds, both included), 24 hours unless said otherwise."""
    city = call.params["city"]
    points = [one for one in call.extras.get("weather_points", ()) if one["city"] == city]
    if not points and not _calibrations(call, city):
        raise not_found()
    first, last = _weather_window(call)
    dropped = {"city"} if call.query.flag("detailed") else {"city", "stations"}
    found = [
        {name: value for name, value in one.items() if name not in dropped}
        for one in sorted(points, key=lambda one: one["t"])
        if first <= one["t"] <= last
    ]
    version = _version_at(call, city, found[-1]["t"]) if found else ""
    return Reply(200, {"city": city, "config_version": version, "units": "fahrenheit", "timeseries": found})


def weather_calibrations(call: Call) -> Reply:
    """A city's index settings, oldest first."""
    city = call.params["city"]
    found = _calibrations(call, city)
    if not found:
        raise not_found()
    plain = [{name: value for name, value in one.items() if name != "city"} for one in found]
    return Reply(200, {"city": city, "units": "celsius", "calibrations": plain})


def forecasts(call: Call) -> Reply:
    """The forecasts of an event at some percentiles, for the periods that end between two seconds."""
    query, event = call.query, call.exchange.events.get(call.params["ticker"])
    if event is None or event.series_ticker != call.params["series_ticker"]:
        raise not_found()
    percentiles = _percentiles(call)
    first, last = (required_integer(query, name, 0, _MOST) for name in ("start_ts", "end_ts"))
    period = required_integer(query, "period_interval", 0, 1_440)
    if period not in {0, 1, 60, 1_440}:
        raise query.bad("period_interval", "oneof")
    found = [
        dict(one) | {"percentile_points": [p for p in one["percentile_points"] if p.get("percentile") in percentiles]}
        for one in call.extras.get("forecasts", ())
        if one["event_ticker"] == event.ticker
        and one["period_interval"] == period
        and first <= one["end_period_ts"] <= last
    ]
    return Reply(200, {"forecast_history": sorted(found, key=lambda one: int(one["end_period_ts"]))})


def _live(call: Call, one: Json) -> Json:
    """Live data, without the players' statistics unless they are asked for."""
    if call.query.flag("include_player_stats"):
        return dict(one)
    details = {name: value for name, value in one["details"].items() if name != "player_stats"}
    return dict(one) | {"details": details}


def _calibrations(call: Call, city: str) -> list[Json]:
    found = [one for one in call.extras.get("weather_calibrations", ()) if one["city"] == city]
    return sorted(found, key=lambda one: int(one["effective_at_ms"]))


def _version_at(call: Call, city: str, at_ms: int) -> str:
    """The settings that governed a minute."""
    governing = [one for one in _calibrations(call, city) if one["effective_at_ms"] <= at_ms]
    return str(governing[-1]["config_version"]) if governing else ""


def _weather_window(call: Call) -> tuple[int, int]:
    """`from` needs `to`, and neither goes with `last_sec`."""
    query, now = call.query, call.exchange.clock() // 1_000
    first, last = query.integer("from", 0, _MOST), query.integer("to", 0, _MOST)
    trailing = query.integer("last_sec", 1, _MOST // 1_000)
    if trailing is not None:
        if first is not None or last is not None:
            raise query.bad("last_sec", "excluded_with")
        return now - trailing * 1_000, now
    if first is not None and last is None:
        raise query.bad("to", "required_with")
    last = now if last is None else last
    return (last - _DAY_MS if first is None else first), last


def _percentiles(call: Call) -> set[int]:
    texts = required_texts(call.query, "percentiles", _MAX_PERCENTILES)
    if not all(text.isascii() and text.isdigit() and len(text) < 6 for text in texts):
        raise call.query.bad("percentiles", "numeric")
    if any(int(text) > _LAST_PERCENTILE for text in texts):
        raise call.query.bad("percentiles", "lte")
    return {int(text) for text in texts}


ROUTES = (
    Route("GET", _API + "/live_data/batch", "GetLiveDatas", live_datas),
    Route("GET", _API + "/live_data/events/{event_ticker}", "GetEventLiveData", event_live_data),
    Route("GET", _API + "/live_data/weather/{city}", "GetWeatherIndex", weather_index),
    Route("GET", _API + "/live_data/weather/{city}/calibrations", "GetWeatherIndexCalibrations", weather_calibrations),
    Route("GET", _API + "/live_data/milestone/{milestone_id}", "GetLiveDataByMilestone", live_data),
    Route("GET", _API + "/live_data/milestone/{milestone_id}/game_stats", "GetGameStats", game_stats),
    Route("GET", _API + "/live_data/{type}/milestone/{milestone_id}", "GetLiveData", live_data),
    Route(
        "GET",
        _API + "/series/{series_ticker}/events/{ticker}/forecast_percentile_history",
        "GetEventForecastPercentilesHistory",
        forecasts,
        ("read",),
    ),
)
