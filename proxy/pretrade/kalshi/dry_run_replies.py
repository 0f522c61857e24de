"""The exchange's own answers, made here for dry_run: the same bodies, with figures from the caller (orders.md 2-8).

Rule of this file: pure functions without a state; ids, counts and times are arguments.
"""

from collections.abc import Sequence

from pretrade.kalshi.errors import error_fields, nested, to_json
from pretrade.kalshi.replies import Reply
from pretrade.model.units import Count, format_count

_ZERO = Count(0)

ALREADY_EXISTS = "order_already_exists"
NOT_FOUND = "not_found"
NOT_FILLED = "fill_or_kill_insufficient_resting_volume"
TICKER_MISMATCH = "order_ticker_mismatch"
SIDE_MISMATCH = "order_side_mismatch"
GROUP_TRIGGERED = "order_group_triggered"

_STATUS = {
    ALREADY_EXISTS: 409,
    NOT_FOUND: 404,
    NOT_FILLED: 409,
    TICKER_MISMATCH: 400,
    SIDE_MISMATCH: 400,
    GROUP_TRIGGERED: 409,
}

type Entry = dict[str, object]


def order_entry(order_id: str, client_order_id: str | None, remaining: Count, ts_ms: int) -> Entry:
    """One order as a create or amend answers it: nothing filled; `remaining` is zero for one that does not rest."""
    return _named(order_id, client_order_id) | {
        "fill_count": format_count(_ZERO),
        "remaining_count": format_count(remaining),
        "ts_ms": ts_ms,
    }


def decrease_entry(order_id: str, client_order_id: str | None, remaining: Count, ts_ms: int) -> Entry:
    """One order as a decrease answers it."""
    return _named(order_id, client_order_id) | {"remaining_count": format_count(remaining), "ts_ms": ts_ms}


def cancel_entry(order_id: str, client_order_id: str | None, reduced_by: Count, ts_ms: int) -> Entry:
    """One order as a cancel answers it: `reduced_by` is what rested until then."""
    return _named(order_id, client_order_id) | {"reduced_by": format_count(reduced_by), "ts_ms": ts_ms}


def refused_create_entry(client_order_id: str | None, code: str) -> Entry:
    """One entry of a batch create that the exchange would refuse: an error and no order id."""
    entry: Entry = {"error": error_fields(code, _words(code))}
    return entry if client_order_id is None else {"client_order_id": client_order_id} | entry


def refused_cancel_entry(order_id: str, code: str) -> Entry:
    """One entry of a batch cancel that the exchange would refuse: an error beside the id, nothing reduced."""
    return {"order_id": order_id, "reduced_by": format_count(_ZERO), "error": error_fields(code, _words(code))}


def created(entry: Entry) -> Reply:
    """The answer to a create: 201 with the order."""
    return Reply(201, to_json(entry))


def changed(entry: Entry) -> Reply:
    """The answer to an amend, a decrease or a cancel: 200 with the order."""
    return Reply(200, to_json(entry))


def created_batch(entries: Sequence[Entry]) -> Reply:
    """The answer to a batch create: 201 also where entries are refused, in the order they were sent."""
    return Reply(201, to_json({"orders": list(entries)}))


def canceled_batch(entries: Sequence[Entry]) -> Reply:
    """The answer to a batch cancel: 200 also where entries are refused."""
    return Reply(200, to_json({"orders": list(entries)}))


def canceled_all() -> Reply:
    """The answer to a cancel-all: 204 without a body."""
    return Reply(204, b"")


def created_group(group_id: str, subaccount: int, exchange_index: int) -> Reply:
    """The answer to a new order group: 201 with its id and where it is."""
    return Reply(201, to_json({"order_group_id": group_id, "subaccount": subaccount, "exchange_index": exchange_index}))


def changed_group() -> Reply:
    """The answer to another limit, a reset, a trigger or a delete: 200 with an empty object."""
    return Reply(200, to_json({}))


def refused(code: str) -> Reply:
    """The exchange's own refusal of a single order, by one of this file's codes (KeyError for any other)."""
    return Reply(_STATUS[code], nested(code, _words(code)))


def _named(order_id: str, client_order_id: str | None) -> Entry:
    entry: Entry = {"order_id": order_id}
    return entry if client_order_id is None else entry | {"client_order_id": client_order_id}


def _words(code: str) -> str:
    return code.replace("_", " ")
