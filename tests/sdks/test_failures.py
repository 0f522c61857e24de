"""What six client libraries make of refusals and broken connections, and what they send again by themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from tests.practice.support import rsa_key, start_practice
from tests.sdks.clients import Client, Place
from tests.sdks.matrix import CLIENTS
from tests.sdks.steps_orders import BID

from pretrade.kalshi.keys import private_pem_of, public_pem_of
from pretrade.practice.faults.plan import Fault, FaultKind
from pretrade.practice.play.actions import perform
from pretrade.practice.requestlog import SeenRequest

UNKNOWN = {"order_id": "00000000-0000-0000-0000-000000000000"}
TOO_MANY = Fault(FaultKind.STATUS, status=429, times=None)
UNAVAILABLE = Fault(FaultKind.STATUS, status=503, times=None)
CLOSED = Fault(FaultKind.CLOSE_AFTER_READ, times=None)


@dataclass(frozen=True, slots=True)
class Case:
    """One call that goes wrong; `fault` is what the exchange does to every attempt, nothing where it just refuses.

    `kinds` and `attempts` go by the order of CLIENTS.
    """

    name: str
    operation: str
    arguments: Mapping[str, Any]
    fault: Fault | None
    kinds: tuple[str, str, str, str, str, str]
    attempts: tuple[int, int, int, int, int, int] = (1, 1, 1, 1, 1, 1)


_GONE = ("ProtocolError", "ServerDisconnectedError", "AxiosError", "KalshiNetworkError", *("RemoteProtocolError",) * 2)
_TRIED_OFTEN = ("MaxRetryError", *_GONE[1:])
_LIMITED = ("ApiException", "ApiException", "AxiosError", "KalshiRateLimitError", "RateLimitError")
_DOWN = ("ServiceException", "ServiceException", "AxiosError", "KalshiServerError", "KalshiAPIError", "KalshiAPIError")
_BAD = ("BadRequestException", "BadRequestException", "AxiosError", "KalshiValidationError")
_LOST = ("NotFoundException", "NotFoundException", "AxiosError", "KalshiNotFoundError", "ResourceNotFoundError")
_TWICE = ("ConflictException", "ConflictException", "AxiosError", "KalshiConflictError")
_DENIED = ("ForbiddenException", "ForbiddenException", "AxiosError", "KalshiAuthError", "AuthenticationError")
_API = "KalshiAPIError"
CASES = (
    Case(
        "price",
        "create_order_v2",
        BID | {"price": "0.1050", "client_order_id": "odd"},
        None,
        (*_BAD, "OrderRejectedError", _API),
    ),
    Case(
        "money",
        "create_order_v2",
        BID | {"count": "99999999", "client_order_id": "rich"},
        None,
        (*_BAD, "InsufficientFundsError", _API),
    ),
    Case("again", "create_order_v2", BID, None, (*_TWICE, _API, _API)),
    Case("unknown", "cancel_order_v2", UNKNOWN, None, (*_LOST, _API)),
    Case("POST 429", "create_order_v2", BID, TOO_MANY, (*_LIMITED, "KalshiRateLimitError"), (1, 1, 1, 1, 4, 5)),
    Case("POST 503", "create_order_v2", BID, UNAVAILABLE, _DOWN, (1, 1, 1, 1, 4, 1)),
    Case("POST closed", "create_order_v2", BID, CLOSED, _GONE, (1, 1, 1, 1, 1, 5)),
    Case("DELETE closed", "cancel_order_v2", UNKNOWN, CLOSED, _TRIED_OFTEN, (4, 2, 1, 1, 1, 5)),
    Case("GET 429", "get_balance", {}, TOO_MANY, (*_LIMITED, "KalshiRateLimitError"), (1, 1, 1, 4, 4, 5)),
    Case("GET 503", "get_balance", {}, UNAVAILABLE, _DOWN, (1, 1, 1, 4, 4, 1)),
    Case("GET closed", "get_balance", {}, CLOSED, _TRIED_OFTEN, (4, 2, 1, 4, 1, 5)),
)
_SIGNS_ANEW = {"kalshi-sdk", "pykalshi"}
"""The libraries that sign each attempt for itself; the others send the same bytes again."""


@pytest.fixture
async def practice(tmp_path):
    running = await start_practice(tmp_path / "practice")
    yield running
    await running.stop()


@pytest.fixture
def place(practice, tmp_path):
    key_file = tmp_path / "key.pem"
    key_file.write_bytes(private_pem_of(rsa_key()))
    return Place(practice.base_url, practice.ca_file, "full", key_file)


@pytest.fixture(params=CLIENTS)
async def client(request, place):
    found = await Client.start(request.param, place)
    yield found
    await found.kill()


async def test_what_the_user_sees_and_what_is_sent_again(client, practice):
    """Catches a refusal that a library shows as something else, and a write that is sent more often than is known."""
    assert (await client("create_order_v2", **BID)).ok
    at = CLIENTS.index(client.name)
    wrong = []
    for case in CASES:
        practice.log.clear()
        practice.faults.clear()
        if case.fault is not None:
            practice.faults.add(case.fault)
        seen = await client(case.operation, **case.arguments)
        arrived = [*practice.log.requests, *practice.log.reads]
        signatures = case.attempts[at] if client.name in _SIGNS_ANEW else 1
        found = (seen.kind, len(arrived), len({_signature(one) for one in arrived}))
        if found != (case.kinds[at], case.attempts[at], signatures):
            wrong.append(f"{case.name}: {found}, {seen.text}")
    practice.faults.clear()
    key = {"key_id": "full", "public_key": public_pem_of(rsa_key().public_key()).decode(), "scopes": ["read"]}
    perform(practice.practice, "add_key", key)
    denied = await client("create_order_v2", **BID | {"client_order_id": "denied"})
    await client.end()
    assert not wrong, "\n".join(wrong)
    assert (denied.kind, "insufficient" in denied.text) == ((*_DENIED, _API)[at], True)


async def test_pykalshi_client_sends_an_executed_order_again_and_the_exchange_knows_it(practice, place):
    """The answer to a POST is lost five times; the client_order_id keeps it one order. Catches a fault that executes
    nothing, and an exchange that forgets ids."""
    client = await Client.start("pykalshi-client", place)
    practice.faults.add(replace(CLOSED, execute=True))
    seen = await client("create_order_v2", **BID)
    await client.end()
    assert (seen.ok, seen.kind) == (False, "RemoteProtocolError")
    assert [one.status for one in practice.log.requests] == [None] * 5
    assert [order.client_order_id for order in practice.exchange.accounts["main"].orders.values()] == ["any"]


async def test_pykalshi_places_an_order_four_times_when_its_answer_takes_too_long(practice, place):
    """It signs anew and sends no id unless it was given one. Catches an answer that is not held, and an exchange that
    takes different signatures for one request."""
    client = await Client.start("pykalshi", replace(place, timeout_s=0.5))
    practice.faults.add(Fault(FaultKind.HOLD, seconds=5.0, times=None))
    seen = await client("create_order_v2", **{name: value for name, value in BID.items() if name != "client_order_id"})
    await client.end()
    assert (seen.ok, seen.kind) == (False, "ReadTimeout")
    assert len({_signature(one) for one in practice.log.requests}) == 4
    assert len(practice.exchange.accounts["main"].orders) == 4


def _signature(request: SeenRequest) -> str:
    return next(value for key, value in request.headers if key.upper() == "KALSHI-ACCESS-SIGNATURE")
