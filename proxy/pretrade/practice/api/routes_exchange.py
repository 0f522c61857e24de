"""The public routes about the exchange itself: whether it is open, when it is, and how current reads are.

Rule of this file: as in `routes_markets`.
"""

from pretrade.practice.api.call import Call, Reply, Route
from pretrade.practice.api.views import Json, rfc3339

_API = "/trade-api/v2"
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WHOLE_DAY = [{"open_time": "00:00", "close_time": "23:59"}]
_MAINTENANCE_DAY = [{"open_time": "00:00", "close_time": "03:00"}, {"open_time": "05:00", "close_time": "23:59"}]
_YEAR_US = 365 * 86_400 * 1_000_000


def status(call: Call) -> Reply:
    """Whether the exchange takes changes and whether it trades: shard 0, and below it every shard."""
    shards = [_shard(call, index) for index in sorted(call.exchange.shard_switches)]
    return Reply(200, _switches(call, 0) | {"exchange_index_statuses": shards})


def schedule(call: Call) -> Reply:
    """Standard hours in Eastern Time: around the clock but for Thursday 3:00 to 5:00 (market_data.md 7).

    Documented choice: it is the real exchange's timetable; the practice exchange itself pauses only when it is told
    to. Maintenance windows beyond it are those that the world brings along (`maintenance_windows`).
    """
    now = call.exchange.clock()
    week = {day: _MAINTENANCE_DAY if day == "thursday" else _WHOLE_DAY for day in _DAYS}
    hours = [week | {"start_time": rfc3339(now - _YEAR_US), "end_time": rfc3339(now + _YEAR_US)}]
    windows = list(call.extras.get("maintenance_windows", ()))
    return Reply(200, {"schedule": {"standard_hours": hours, "maintenance_windows": windows}})


def user_data_timestamp(call: Call) -> Reply:
    """The moment that every portfolio read is at least as new as: now, unless reads lag."""
    return Reply(200, {"as_of_time": rfc3339(call.portfolio.as_of_us())})


def _switches(call: Call, shard: int) -> Json:
    on = call.exchange.switches_of(shard)
    return {
        "exchange_active": on.exchange,
        "trading_active": on.trading,
        "intra_exchange_transfers_active": on.exchange,
    }


def _shard(call: Call, index: int) -> Json:
    return {"exchange_index": index, "description": f"exchange index {index}"} | _switches(call, index)


ROUTES = (
    Route("GET", _API + "/exchange/status", "GetExchangeStatus", status),
    Route("GET", _API + "/exchange/schedule", "GetExchangeSchedule", schedule),
    Route("GET", _API + "/exchange/user_data_timestamp", "GetUserDataTimestamp", user_data_timestamp),
)
