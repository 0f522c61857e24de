"""Order groups in the exchange's language: what is read from a client, what goes out, and what the answer means."""

import json

import pytest

from pretrade.kalshi.client import Answer
from pretrade.kalshi.endpoints import ENDPOINTS, Family, Handling, find, handling
from pretrade.kalshi.outcomes import read_outcome
from pretrade.kalshi.wire import WireError, decode, encode
from pretrade.model.codes import DenyCode
from pretrade.model.groups import ChangeGroup, CreateGroup, GroupAct, GroupWrite, LimitGroup
from pretrade.model.outcomes import LegOutcome, Outcome, OutcomeState
from pretrade.model.units import Count

GROUPS = "/trade-api/v2/portfolio/order_groups"
JSON = "application/json"


def read(method: str, path: str, body: object = None, query: str = "") -> object:
    """The write that a client's request means."""
    found = find(method, path)
    assert found is not None
    return decode(found, query, JSON, b"" if body is None else json.dumps(body).encode())


def test_the_group_endpoints_are_exactly_the_five() -> None:
    """Catches a margin group judged as if its limit were one of ours."""
    groups = {(e.method, e.template.removeprefix(GROUPS)) for e in ENDPOINTS if handling(e) is Handling.ORDER_GROUP}
    one = "/{order_group_id}"
    changed = {("PUT", f"{one}/{act}") for act in ("limit", "reset", "trigger")}
    assert groups == {("POST", "/create"), ("DELETE", one)} | changed
    assert all(handling(e) is not Handling.ORDER_GROUP for e in ENDPOINTS if e.family is Family.MARGIN)


WAYS: list[tuple[str, str, object, str, GroupWrite, bytes | None]] = [
    ("POST", "/create", {"contracts_limit": 5}, "", CreateGroup(Count(500)), b'{"contracts_limit_fp":"5.00"}'),
    (
        "POST", "/create", {"contracts_limit_fp": "5.50", "subaccount": 0, "exchange_index": 2}, "",
        CreateGroup(Count(550), 0, 2), b'{"contracts_limit_fp":"5.50","subaccount":0,"exchange_index":2}',
    ),
    (
        "PUT", "/g-1/limit", {"contracts_limit": 3, "contracts_limit_fp": "3.00"}, "subaccount=1",
        LimitGroup("g-1", Count(300), 1), b'{"contracts_limit_fp":"3.00"}',
    ),
    ("PUT", "/g-1/reset", {}, "", ChangeGroup("g-1", GroupAct.RESET), b"{}"),
    ("PUT", "/g-1/reset", None, "", ChangeGroup("g-1", GroupAct.RESET), b"{}"),
    (
        "PUT", "/g-1/trigger", {}, "subaccount=2&exchange_index=1",
        ChangeGroup("g-1", GroupAct.TRIGGER, 2, 1), b"{}",
    ),
    ("DELETE", "/g-1", None, "", ChangeGroup("g-1", GroupAct.DELETE), b""),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "query", "write", "sent"), WAYS)
def test_a_group_write_is_read_exactly_and_goes_out_in_our_own_bytes(
    method: str, path: str, body: object, query: str, write: GroupWrite, sent: bytes
) -> None:
    """Catches a whole limit read as hundredths, a subaccount that is lost, one act sent as another."""
    assert read(method, GROUPS + path, body, query) == write
    request = encode(write)
    assert (request.method, request.path, request.query, request.body) == (method, GROUPS + path, query, sent)


@pytest.mark.parametrize(
    ("method", "path", "body", "query", "code"),
    [
        ("POST", "/create", {}, "", DenyCode.FIELD_MISSING),
        ("POST", "/create", {"contracts_limit": 0}, "", DenyCode.FIELD_INVALID),
        ("POST", "/create", {"contracts_limit": 1_000_001}, "", DenyCode.FIELD_INVALID),
        ("POST", "/create", {"contracts_limit": True}, "", DenyCode.FIELD_INVALID),
        ("POST", "/create", {"contracts_limit": "5"}, "", DenyCode.FIELD_INVALID),
        ("POST", "/create", {"contracts_limit_fp": "0.99"}, "", DenyCode.FIELD_INVALID),
        ("POST", "/create", {"contracts_limit_fp": "1000000.01"}, "", DenyCode.FIELD_INVALID),
        ("POST", "/create", {"contracts_limit": 5, "contracts_limit_fp": "6.00"}, "", DenyCode.FIELD_INVALID),
        ("POST", "/create", {"contracts_limit": 5, "auto_cancel": False}, "", DenyCode.FIELD_UNKNOWN),
        ("POST", "/create", {"contracts_limit": 5}, "subaccount=1", DenyCode.QUERY_NOT_ALLOWED),
        ("PUT", "/g-1/limit", {"contracts_limit": 5, "subaccount": 1}, "", DenyCode.FIELD_UNKNOWN),
        ("PUT", "/g-1/limit", None, "", DenyCode.BODY_UNDECODABLE),
        ("PUT", "/g-1/limit", {"contracts_limit": 5}, "market_ticker=A", DenyCode.QUERY_NOT_ALLOWED),
        ("PUT", "/g-1/reset", {"contracts_limit": 5}, "", DenyCode.FIELD_UNKNOWN),
        ("DELETE", "/-", None, "", DenyCode.FIELD_INVALID),
    ],
)
def test_what_is_not_exactly_a_group_write_is_refused(
    method: str, path: str, body: object, query: str, code: DenyCode
) -> None:
    """Catches a second limit that rides along and is judged by nobody."""
    with pytest.raises(WireError) as error:
        read(method, GROUPS + path, body, query)
    assert error.value.code is code


ONE = LimitGroup("g-1", Count(300), 1)


@pytest.mark.parametrize(
    ("write", "status", "body", "expected"),
    [
        (CreateGroup(Count(100)), 201, {"order_group_id": "g-1", "subaccount": 0}, (OutcomeState.ACCEPTED, "g-1")),
        (CreateGroup(Count(100)), 201, {}, (OutcomeState.UNKNOWN, None)),
        (CreateGroup(Count(100)), 400, {"error": {"code": "too_many_order_groups"}}, (OutcomeState.REJECTED, None)),
        (ONE, 200, {}, (OutcomeState.ACCEPTED, None)),
        (ONE, 404, {"error": {"code": "order_group_not_found"}}, (OutcomeState.REJECTED, None)),
        (ONE, 503, {}, (OutcomeState.UNKNOWN, None)),
        (ChangeGroup("g-1", GroupAct.RESET), 200, {}, (OutcomeState.ACCEPTED, None)),
    ],
)
def test_an_answer_says_what_became_of_a_group_write(
    write: GroupWrite, status: int, body: object, expected: tuple[OutcomeState, str | None]
) -> None:
    """Catches a group that is taken for made although nobody was told its name."""
    outcome: Outcome = read_outcome(write, Answer(status, JSON, json.dumps(body).encode()))
    leg = outcome.legs[0] if outcome.legs else LegOutcome(outcome.state)
    assert (outcome.state, leg.order_id) == expected
