"""Journals, bodies and clocks for the tests of this room."""

import itertools
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pretrade.journal.chain import Head, link
from pretrade.journal.events import Draft, Event, EventKind, canonical, utc_text
from pretrade.journal.writer import Journal

START_NS = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z


def open_journal(path: Path, boot: str = "boot-1") -> Journal:
    clock = itertools.count(1)
    return Journal.open(
        path, boot=boot, utc_now_ns=lambda: START_NS + next(clock) * 1_000, monotonic_ns=lambda: next(clock)
    )


def draft(
    kind: EventKind = EventKind.READS, decision_id: str | None = None, boot: str = "boot-1", **body: Any
) -> Draft:
    return Draft(utc_text(START_NS), 7, boot, kind, decision_id, canonical(body))


def chain(count: int) -> list[Event]:
    events: list[Event] = []
    head = Head()
    for number in range(count):
        events.append(link(draft(EventKind.DECISION, f"d-{number}", number=number), head))
        head = Head(events[-1].seq, events[-1].hash)
    return events


def order(**changes: Any) -> dict[str, Any]:
    return {
        "ticker": "KXHIGHNY-26JAN01-T40",
        "side": "bid",
        "count": "10.00",
        "price": "0.5600",
        "time_in_force": "good_till_canceled",
        "client_order_id": "c-1",
        "subaccount": 0,
    } | changes


def decision(request: dict[str, Any], *objections: dict[str, Any], **changes: Any) -> dict[str, Any]:
    passed = {"rule": "price.band", "observed": "0.5600", "limit": "0.0200 to 0.9800", "code": None, "leg": None}
    return {
        "client": "momentum-bot",
        "subaccount": 0,
        "door": "proxy",
        "method": "POST",
        "path": "/trade-api/v2/portfolio/events/orders",
        "operation": "CreateOrderV2",
        "request": request,
        "rewrites": ["client_order_id"],
        "facts": {"day": "2026-01-01", "day_orders": 3},
        "policy": "ab" * 32,
        "checks": [
            [check[name] for name in ("rule", "observed", "limit", "code", "leg")] + ["", True]
            for check in (passed, *objections)
        ],
        "verdict": "denied" if objections else "approved",
        "codes": [objection["code"] for objection in objections],
        "mode": "live",
        "latency_us": {"identify": 90, "decode": 20, "decide": 30},
    } | changes


def leg(**changes: Any) -> dict[str, Any]:
    return {
        "state": "accepted",
        "order_id": "o-1",
        "client_order_id": "c-1",
        "fill_count": "10.00",
        "remaining_count": "0.00",
        "average_fill_price": "0.5500",
        "reduced_by": None,
        "code": None,
    } | changes


def outcome(state: str, *legs: dict[str, Any], status: int | None = None, detail: str = "") -> dict[str, Any]:
    latency = {"journal": 300, "sign": 50, "send": 900, "total": 1_400}
    return {"state": state, "status": status, "detail": detail, "legs": list(legs), "latency_us": latency}


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """A disk that is full for this process: a write beyond `size` bytes of any file fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
