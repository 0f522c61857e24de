"""What auditors see: every view against journals of known content."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.builders import facts, policy
from tests.builders import order as new_order
from tests.journal.support import decision, draft, leg, order, outcome

from pretrade.journal.database import open_reader
from pretrade.journal.events import Draft, EventKind
from pretrade.journal.store import Store
from pretrade.model.orders import CreateOrder
from pretrade.risk.checks.case import case_of
from pretrade.risk.checks.order_checks import check_market

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
        "state": "filled",
        "filled_count": "10.00",
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


def test_what_is_only_observed_is_counted_apart(tmp_path: Path) -> None:
    """Catches an observed rule among the reasons of a denial, and one that leaves no trace."""
    watched = ["price.band", "0.9900", "0.0200 to 0.9800", "PRICE_OUTSIDE_BAND", 1, "dollars", False]
    denied, approved = decision(BATCH, TOO_MANY), decision(CREATE)
    for body in (denied, approved):
        body["checks"].append(watched)
    events = [judged(denied), judged(approved, decision_id="d-2")]
    sql = "select code, unit from denials"
    assert query(tmp_path, events, sql) == [{"code": TOO_MANY["code"], "unit": ""}]
    sql = "select decision_id, verdict, code, rule, observed, limit_value, unit, leg from observations order by seq"
    assert [tuple(row.values()) for row in query(tmp_path, [], sql)] == [
        ("d-1", "denied", "PRICE_OUTSIDE_BAND", "price.band", "0.9900", "0.0200 to 0.9800", "dollars", 1),
        ("d-2", "approved", "PRICE_OUTSIDE_BAND", "price.band", "0.9900", "0.0200 to 0.9800", "dollars", 1),
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


def test_streams(tmp_path: Path) -> None:
    """Catches a stream that was signed for and is in no row, or one whose end is told of another."""
    of = {"client": "momentum-bot", "door": "proxy"}
    ending = {"by": "exchange", "code": 4001, "reason": "because", "commands": 2, "messages": 900}
    refused = {"code": "LIVE_KEY_REFUSED", "status": 401, "detail": "the exchange answered 401"}
    events = [
        draft(EventKind.STREAM, "d-1", **of, state="asked"),
        draft(EventKind.STREAM, "d-2", **of, state="asked"),
        draft(EventKind.STREAM, "d-1", **of, state="opened"),
        draft(EventKind.STREAM, "d-2", **of, state="refused", **refused),
        draft(EventKind.STREAM, "d-3", **of, state="asked"),
        draft(EventKind.STREAM, "d-1", **of, state="closed", **ending),
    ]
    sql = "select decision_id, state, code, ended_by, reason, status, commands, messages from streams"
    assert [tuple(row.values()) for row in query(tmp_path, events, sql)] == [
        ("d-1", "closed", 4001, "exchange", "because", None, 2, 900),
        ("d-2", "refused", "LIVE_KEY_REFUSED", None, "the exchange answered 401", 401, None, None),
        ("d-3", "asked", None, None, None, None, None, None),
    ]


def record(*changes: dict[str, Any], breaks: tuple[dict[str, str], ...] = (), **more: Any) -> Draft:
    body = {"as_of_ms": 5, "took_us": 7, "orders": 1, "positions": 0, "breaks": list(breaks), "changes": list(changes)}
    return draft(EventKind.RECONCILIATION, None, **(body | more))


def read(filled: int, *, is_open: bool = True, key: str = "d-1/0") -> dict[str, Any]:
    return {"kind": "order_read", "key": key, "order_id": "o-1", "filled": filled, "total": 1000, "is_open": is_open}


NOTHING = leg(state="rejected", order_id=None, fill_count=None, remaining_count=None, average_fill_price=None)
RESTS = answered(outcome("accepted", leg(fill_count="0.00", remaining_count="10.00"), status=201))


@pytest.mark.parametrize(
    ("case", "events", "state", "filled"),
    [
        ("denied", [judged(decision(CREATE, TOO_MANY))], None, None),
        ("waiting", [judged(decision(CREATE))], "in_flight", None),
        ("rests", [judged(decision(CREATE)), RESTS], "resting", "0.00"),
        ("answered as filled", [judged(decision(CREATE)), answered(FILLED)], "filled", "10.00"),
        ("rejected", [judged(decision(CREATE)), answered(outcome("rejected", NOTHING))], "rejected", None),
        ("read, filled in part", [judged(decision(CREATE)), RESTS, record(read(305))], "partial", "3.05"),
        (
            "the last read counts",
            [judged(decision(CREATE)), RESTS, record(read(305)), record(read(1000, is_open=False))],
            "filled",
            "10.00",
        ),
        ("canceled", [judged(decision(CREATE)), RESTS, record(read(0, is_open=False))], "canceled", "0.00"),
        ("another's read", [judged(decision(CREATE)), RESTS, record(read(305, key="d-10/0"))], "resting", "0.00"),
        ("nobody knows", [judged(decision(CREATE)), answered(outcome("unknown"))], "unknown", None),
        (
            "found",
            [judged(decision(CREATE)), answered(outcome("unknown")), record(read(0)), RESTS],
            "resting",
            "0.00",
        ),
        (
            "absent",
            [
                judged(decision(CREATE)),
                answered(outcome("unknown")),
                answered(outcome("absent", NOTHING | {"state": "absent"})),
            ],
            "absent",
            None,
        ),
    ],
)
def test_what_has_become_of_an_order(
    tmp_path: Path, case: str, events: list[Draft], state: str | None, filled: str | None
) -> None:
    """Catches: an order that rests for ever in the log because only its answer was looked at; one that takes another's
    fills; an unknown one that stays so after it was found."""
    (row,) = query(tmp_path, events, "select state, filled_count from orders")
    assert (row["state"], row["filled_count"]) == (state, filled), case


def test_a_leg_keeps_its_outcome_when_a_later_row_tells_of_the_others(tmp_path: Path) -> None:
    """Catches a batch whose rejected leg is unknown again because the other one was found later."""
    told = outcome("unknown", leg(state="rejected", order_id=None), status=200)
    found = outcome("accepted", leg(client_order_id="c-2", order_id="o-2"))
    events = [judged(decision(BATCH)), answered(told), answered(found)]
    rows = query(tmp_path, events, "select outcome, order_id from orders order by leg")
    assert [tuple(row.values()) for row in rows] == [("rejected", None), ("accepted", "o-2")]


def test_reconciliations_breaks_changes_and_resolutions(tmp_path: Path) -> None:
    """Catches a break or a change that an auditor cannot find."""
    orphan = {"kind": "orphan_order", "order": {"key": "exchange/o-9", "order_id": "o-9"}, "is_open": True}
    settled = {"kind": "write_resolved", "decision_id": "d-1"}
    told = {"kind": "orphan", "subject": "o-9", "detail": "an order past this proxy"}
    body = {"name": "o-9", "as": "done", "by": "ann", "reason": "mine", "actor": "root"}
    explained = [{"kind": "orphan_explained", "order_id": "o-9"}]
    events = [
        record(orphan, settled, breaks=(told,)),
        draft(EventKind.RESOLUTION, None, **body, changes=explained),
    ]
    (round_,) = query(tmp_path, events, "select as_of_ms, took_us, changes, breaks from reconciliations")
    assert tuple(round_.values()) == (5, 7, 2, 1)
    (break_,) = query(tmp_path, [], "select seq, kind, subject, detail from breaks")
    assert tuple(break_.values()) == (1, "orphan", "o-9", "an order past this proxy")
    columns = "source, kind, order_key, order_id, decision_id"
    rows = query(tmp_path, [], f"select {columns} from changes order by seq, kind")  # noqa: S608 - of ours
    assert [tuple(row.values()) for row in rows] == [
        ("reconciliation", "orphan_order", "exchange/o-9", "o-9", None),
        ("reconciliation", "write_resolved", None, None, "d-1"),
        ("resolution", "orphan_explained", None, "o-9", None),
    ]
    (row,) = query(tmp_path, [], "select name, settled_as, said_by, reason, actor, changes from resolutions")
    assert tuple(row.values()) == ("o-9", "done", "ann", "mine", "root", 1)


STOP = {
    "client": "bot",
    "state": "REDUCING",
    "previous": "ACTIVE",
    "cause": "rejections",
    "actor": "",
    "by": "",
    "reason": "10",
}


def test_who_was_stopped_and_why(tmp_path: Path) -> None:
    """Rows of before clients could be stopped by themselves are about the whole account."""
    old = {name: value for name, value in STOP.items() if name != "client"}
    rows = query(
        tmp_path,
        [draft(EventKind.TRADING_STATE, **body) for body in (STOP, old)],
        "select seq, client, state, previous, cause, actor, said_by, reason from trading_states",
    )
    assert [tuple(row.values()) for row in rows] == [
        (1, "bot", "REDUCING", "ACTIVE", "rejections", "", "", "10"),
        (2, "", "REDUCING", "ACTIVE", "rejections", "", "", "10"),
    ]


def test_what_was_nearly_used_up(tmp_path: Path) -> None:
    body = {
        "notice": "threshold", "day": "2026-11-21", "rule": "limits.day.max_orders", "client": "", "of": "",
        "level": 80, "levels": [70, 80], "percent": 84, "used": "21", "limit": "25",
    }  # fmt: skip
    (row,) = query(tmp_path, [draft(EventKind.NOTICE, **body)], "select * from notices")
    assert (row["rule"], row["level"], row["levels"], row["percent"]) == ("limits.day.max_orders", 80, "[70,80]", 84)
    assert (row["day"], row["used"], row["limit_value"], row["client"], row["of"]) == ("2026-11-21", "21", "25", "", "")


def test_of_what_nobody_was_told(tmp_path: Path) -> None:
    body = {"notice": "break", "problem": "it ended with exit code 1", "told": {"notice": "break", "subject": "x-1"}}
    (row,) = query(tmp_path, [draft(EventKind.UNTOLD, **body)], "select * from untold")
    assert (row["notice"], row["problem"]) == ("break", "it ended with exit code 1")
    assert row["told"] == '{"notice":"break","subject":"x-1"}'


def test_when_a_days_loss_reached_a_limit(tmp_path: Path) -> None:
    body = {
        "rule": "limits.day.max_loss", "client": "", "day": "2026-11-21", "limit": 50_000_000, "loss": 51_000_000,
        "realized": 1_000_000, "fees": 500_000, "mark": 49_500_000, "changes": [],
    }  # fmt: skip
    (row,) = query(tmp_path, [draft(EventKind.DAY_LOSS, **body)], "select * from day_losses")
    assert (row["day"], row["client"], row["rule"]) == ("2026-11-21", "", "limits.day.max_loss")
    assert (row["max_loss"], row["loss"]) == (50_000_000, row["realized"] + row["fees"] + row["held"])


def test_who_let_an_order_pass_and_which_one(tmp_path: Path) -> None:
    asked = {"client": "bot", "verdict": "denied", "facts": {"confirmed": None}, "request": {"type": "create_order"}}
    approved = {"actor": "ann as root", "approver": "ann", "by": "Ann", "reason": "seen", "at_ms": 1}
    passed = asked | {"verdict": "approved", "facts": {"confirmed": "d-1"}}
    rows = query(
        tmp_path,
        [
            draft(EventKind.DECISION, "d-1", **asked),
            draft(EventKind.DECISION, "d-2", **asked),
            draft(EventKind.CONFIRMATION, "d-1", **approved),
            draft(EventKind.CONFIRMATION, "d-2", **approved),
            draft(EventKind.DECISION, "d-3", **passed),
        ],
        "select decision_id, client, approver, actor, said_by, reason, used_by, request from confirmations",
    )
    person = ("ann", "ann as root", "Ann", "seen")
    assert [tuple(row.values()) for row in rows] == [
        ("d-1", "bot", *person, "d-3", '{"type":"create_order"}'),
        ("d-2", "bot", *person, None, '{"type":"create_order"}'),
    ]


def listed(ticker: str, *, allowed: bool = True, rule: str = 'markets[0] "KXBTC-*"') -> dict[str, Any]:
    """The report of the policy's list on one market."""
    code = None if allowed else "MARKET_NOT_ALLOWED"
    return {"rule": rule, "observed": ticker, "limit": "allow: true", "code": code, "leg": None}


def test_a_market_is_first_seen_once(tmp_path: Path) -> None:
    """Over restarts, by whichever client, denied or not. Catches a market that counts as known because the list refused
    it before, and one that is new again after a restart, for the next client, or with each leg of a batch."""
    both = listed("KXBTC-1"), listed("KXBTC-2"), listed("KXBTC-2")
    events = [
        judged(decision(CREATE, listed("KXBTC-1", allowed=False)), decision_id="d-1"),
        judged(decision(CREATE, listed("KXBTC-1"), TOO_MANY), decision_id="d-2"),
        judged(decision(CREATE, listed("KXBTC-1")), "boot-2", "d-3"),
        judged(decision(BATCH, *both, verdict="approved"), "boot-2", "d-4"),
        judged(decision({"type": "cancel_all"}), "boot-2", "d-5"),
    ]
    rows = query(tmp_path, events, "select seq, ticker, rule, decision_id, verdict from first_seen order by seq")
    assert [tuple(row.values()) for row in rows] == [
        (2, "KXBTC-1", 'markets[0] "KXBTC-*"', "d-2", "denied"),
        (4, "KXBTC-2", 'markets[0] "KXBTC-*"', "d-4", "approved"),
    ]


def test_the_lists_report_is_what_first_seen_looks_for() -> None:
    """Catches a check that is worded anew: the view would be empty, and nobody would notice."""
    leg_seen = case_of(CreateOrder(new_order()), facts(), policy()).legs[0]
    report = check_market(leg_seen)
    assert (report.observed, report.limit, report.code) == (new_order().ticker, "allow: true", None)
