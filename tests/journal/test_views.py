"""What auditors see: every view against journals of known content."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.journal.support import decision, draft, leg, order, outcome

from pretrade.journal.database import open_reader
from pretrade.journal.events import Draft, EventKind
from pretrade.journal.store import Store

CREATE = {"type": "create_order", "orders": [order()]}
BATCH = {"type": "create_batch", "orders": [order(), order(client_order_id="c-2", side="ask", price="0.6000")]}
TOO_MANY = {
    "rule": "limits.order.max_count",
    "observed": "500.00",
    "limit": "100.00",
    "code": "ORDER_COUNT_EXCEEDS_MAXIMUM",
    "leg": 1,
}
OUTSIDE = {
    "rule": "price.band",
    "observed": "0.9900",
    "limit": "0.0200 to 0.9800",
    "code": "PRICE_OUTSIDE_BAND",
    "leg": None,
}


def judged(body: dict[str, Any], boot: str = "boot-1", decision_id: str = "d-1") -> Draft:
    return draft(EventKind.DECISION, decision_id, boot, **body)


def answered(body: dict[str, Any], boot: str = "boot-1") -> Draft:
    return draft(EventKind.OUTCOME, "d-1", boot, **body)


def query(tmp_path: Path, events: list[Draft], sql: str) -> list[dict[str, Any]]:
    """Ask the live file with our SQLite, and a copy with the standard library's, which must agree."""
    path = tmp_path / "journal.db"
    with closing(Store.open(path)) as store:
        if events:
            store.append(events)
    with closing(open_reader(path)) as reader:
        cursor = reader.execute(sql)
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor]
    with closing(sqlite3.connect(path)) as shell:
        assert [tuple(row.values()) for row in rows] == shell.execute(sql).fetchall()
    return rows


def test_an_order_from_request_to_fill(tmp_path: Path) -> None:
    events = [judged(decision(CREATE)), answered(outcome("accepted", leg(), status=201))]
    (row,) = query(tmp_path, events, "select * from orders")
    assert row == {
        "seq": 1,
        "decision_id": "d-1",
        "leg": 0,
        "utc": "2026-01-01T00:00:00.000000Z",
        "client": "momentum-bot",
        "mode": "live",
        "type": "create_order",
        "ticker": "KXHIGHNY-26JAN01-T40",
        "side": "bid",
        "count": "10.00",
        "price": "0.5600",
        "client_order_id": "c-1",
        "verdict": "approved",
        "codes": None,
        "outcome": "accepted",
        "reject_code": None,
        "order_id": "o-1",
        "fill_count": "10.00",
        "remaining_count": "0.00",
        "average_fill_price": "0.5500",
        "outcome_utc": "2026-01-01T00:00:00.000000Z",
        "policy": "ab" * 32,
    }


NOBODY = leg(client_order_id=None, order_id=None)
FILLED = outcome("accepted", leg(), status=201)
REJECTED = outcome("rejected", leg(state="rejected", order_id=None, code="insufficient_balance"), status=400)
LATER = draft(EventKind.START, None, "boot-2")


@pytest.mark.parametrize(
    ("case", "events", "expected"),
    [
        ("denied", [judged(decision(CREATE, TOO_MANY))], [None]),
        ("waiting in this run", [judged(decision(CREATE))], ["in_flight"]),
        ("no answer when the run ended", [judged(decision(CREATE)), LATER], ["unknown"]),
        ("filled", [judged(decision(CREATE)), answered(FILLED), LATER], ["accepted"]),
        ("rejected", [judged(decision(CREATE)), answered(REJECTED)], ["rejected"]),
        ("not sent", [judged(decision(CREATE)), answered(outcome("not_sent"))], ["not_sent"]),
        ("no answer", [judged(decision(CREATE)), answered(outcome("unknown"))], ["unknown"]),
        ("dry run", [judged(decision(CREATE)), answered(outcome("dry_run", leg(state="dry_run")))], ["dry_run"]),
        ("found later", [judged(decision(CREATE)), answered(outcome("unknown")), answered(FILLED)], ["accepted"]),
        ("another's answer", [judged(decision(CREATE), decision_id="d-2"), answered(FILLED)], ["in_flight"]),
        ("batch waiting", [judged(decision(BATCH))], ["in_flight", "in_flight"]),
        ("batch denied", [judged(decision(BATCH, TOO_MANY))], [None, None]),
        ("batch not sent", [judged(decision(BATCH)), answered(outcome("not_sent"))], ["not_sent", "not_sent"]),
        (
            "batch mixed, answers in another order",
            [
                judged(decision(BATCH)),
                answered(outcome("accepted", leg(client_order_id="c-2", state="rejected"), leg(), status=200)),
            ],
            ["accepted", "rejected"],
        ),
        (
            "batch, answers without ids go by place",
            [judged(decision(BATCH)), answered(outcome("accepted", leg(), {**NOBODY, "state": "rejected"}))],
            ["accepted", "rejected"],
        ),
        (
            "batch, one leg not told about",
            [judged(decision(BATCH)), answered(outcome("accepted", leg(), status=200))],
            ["accepted", "unknown"],
        ),
    ],
)
def test_what_became_of_an_order(tmp_path: Path, case: str, events: list[Draft], expected: list[str | None]) -> None:
    """Catches: an order that may be live shown as failed, or one leg's answer shown at another."""
    rows = query(tmp_path, events, "select outcome from orders order by seq, leg")
    assert [row["outcome"] for row in rows] == expected, case


def test_legs_of_a_batch_have_their_own_row(tmp_path: Path) -> None:
    sql = "select leg, type, side, price, client_order_id, order_id, reject_code from orders order by leg"
    other = leg(client_order_id="c-2", order_id=None, state="rejected", code="post_only_cross")
    events = [judged(decision(BATCH)), answered(outcome("accepted", leg(), other, status=200))]
    assert [tuple(row.values()) for row in query(tmp_path, events, sql)] == [
        (0, "create_batch", "bid", "0.5600", "c-1", "o-1", None),
        (1, "create_batch", "ask", "0.6000", "c-2", None, "post_only_cross"),
    ]


def test_only_creates_are_orders(tmp_path: Path) -> None:
    """An amend or a cancel is about an order that has its row already; counting it again would double it."""
    requests = [{"type": kind, **order()} for kind in ("amend_order", "decrease_order", "cancel_order", "cancel_all")]
    events = [judged(decision(request)) for request in requests]
    assert query(tmp_path, events, "select * from orders") == []
    types = [row["type"] for row in query(tmp_path, [draft()], "select type from decisions order by seq")]
    assert types == ["amend_order", "decrease_order", "cancel_order", "cancel_all"]


def test_decisions(tmp_path: Path) -> None:
    sql = "select client, type, verdict, codes, outcome, status, policy, facts, latency_us from decisions order by seq"
    events = [
        judged(decision(CREATE, TOO_MANY, OUTSIDE), decision_id="d-0"),
        judged(decision(CREATE)),
        answered(outcome("accepted", leg(), status=201)),
    ]
    facts, latency = '{"day":"2026-01-01","day_orders":3}', '{"decide":30,"decode":20,"identify":90}'
    codes = "ORDER_COUNT_EXCEEDS_MAXIMUM PRICE_OUTSIDE_BAND"
    assert [tuple(row.values()) for row in query(tmp_path, events, sql)] == [
        ("momentum-bot", "create_order", "denied", codes, None, None, "ab" * 32, facts, latency),
        ("momentum-bot", "create_order", "approved", None, "accepted", 201, "ab" * 32, facts, latency),
    ]


def test_denials_have_a_row_for_every_reason(tmp_path: Path) -> None:
    refusal = {
        "client": None,
        "door": "base_url",
        "step": "client",
        "code": "CLIENT_UNKNOWN",
        "detail": "no client has the key id k-9",
        "method": "GET",
        "path": "/trade-api/v2/portfolio/balance",
        "host": None,
        "latency_us": {"identify": 12},
    }
    flood = {"client": "momentum-bot", "code": "SIGNATURE_STALE", "step": "client", "count": 900}
    events = [
        judged(decision(BATCH, TOO_MANY, OUTSIDE)),
        draft(EventKind.REFUSAL, "d-2", **refusal),
        draft(EventKind.REFUSALS, "d-3", **flood, first_utc="x", last_utc="y"),
        judged(decision(CREATE), decision_id="d-4"),
    ]
    columns = "decision_id, client, step, code, rule, observed, limit_value, leg, count, detail"
    sql = f"select {columns} from denials order by seq"  # noqa: S608
    assert [tuple(row.values()) for row in query(tmp_path, events, sql)] == [
        ("d-1", "momentum-bot", "decide", TOO_MANY["code"], TOO_MANY["rule"], "500.00", "100.00", 1, 1, None),
        ("d-1", "momentum-bot", "decide", OUTSIDE["code"], "price.band", "0.9900", "0.0200 to 0.9800", None, 1, None),
        ("d-2", None, "client", "CLIENT_UNKNOWN", None, None, None, None, 1, "no client has the key id k-9"),
        ("d-3", "momentum-bot", "client", "SIGNATURE_STALE", None, None, None, None, 900, None),
    ]


def test_reads_and_policies(tmp_path: Path) -> None:
    read = {"client": "momentum-bot", "door": "proxy", "method": "GET", "path": "/trade-api/v2/markets", "status": 200}
    reads = [{**read, "us": us, "utc": f"2026-01-01T00:00:0{us}.000000Z"} for us in (1, 2)]
    events = [
        draft(EventKind.POLICY, hash="ab" * 32, text="version: 1\n", source="policy.yaml"),
        draft(EventKind.READS, count=2, reads=reads),
    ]
    assert query(tmp_path, events, "select seq, us, status, utc from reads") == [
        {"seq": 2, "us": us, "status": 200, "utc": f"2026-01-01T00:00:0{us}.000000Z"} for us in (1, 2)
    ]
    (policy,) = query(tmp_path, [], "select hash, source, text from policies")
    assert policy == {"hash": "ab" * 32, "source": "policy.yaml", "text": "version: 1\n"}
