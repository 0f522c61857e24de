"""Steps 2 to 5: what gets as far as being judged or passed on, and the reason why everything else does not."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.builders import TICKER
from tests.gateway.fakes import (
    BASE_URL_HOST,
    HOST,
    LIVE,
    ORDERS,
    ROOT,
    Hanging,
    World,
    always,
    answered,
    open_world,
    order_body,
    shown,
    until,
)

from pretrade.gateway.messages import Door, RawRequest
from pretrade.gateway.way.attempts import Ticket
from pretrade.journal.events import EventKind
from pretrade.kalshi.endpoints import ENDPOINTS, Endpoint, Handling, handling
from pretrade.model.codes import DenyCode

CLOSED = {
    Handling.BELOW_POLICY: DenyCode.ENDPOINT_BELOW_POLICY,
    Handling.NOT_ALLOWED: DenyCode.ENDPOINT_NOT_ALLOWED,
    Handling.WEBSOCKET: DenyCode.WEBSOCKET_NOT_AVAILABLE,
    Handling.REMOVED_V1: DenyCode.ORDER_FAMILY_REMOVED,
}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = open_world(tmp_path, LIVE)
    yield world
    await world.close()


async def refusals(world: World) -> list[tuple[str, str, str | None]]:
    """(step, code, client) of every row."""
    bodies = await world.bodies(EventKind.REFUSAL)
    return [(body["step"], body["code"], body["client"]) for body in bodies]


def concrete(endpoint: Endpoint) -> str:
    """A path that fits the template."""
    segments = ["x-1" if segment.startswith("{") else segment for segment in endpoint.template.split("/")]
    return "/".join(segments)


@pytest.mark.parametrize("kind", CLOSED)
async def test_a_closed_endpoint_of_any_kind_is_refused_by_its_code(tmp_path: Path, kind: Handling) -> None:
    """Catches money movement, keys, RFQs, the old order family or a handshake that gets out: each endpoint of the
    catalogue is tried, by a client whose signature is good."""
    world = open_world(tmp_path, LIVE)
    closed = [endpoint for endpoint in ENDPOINTS if handling(endpoint) is kind]
    assert closed
    for endpoint in closed:
        body = b"" if endpoint.method in {"GET", "DELETE"} else b"{}"
        answer = await world.ask(world.request(endpoint.method, concrete(endpoint), body))
        assert shown(answer) == (403, CLOSED[kind]), endpoint
    assert world.upstream.sent == []
    await world.close()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{ROOT}/nowhere"),
        ("GET", "/"),
        ("PATCH", ORDERS),
        ("PUT", ORDERS),
        ("HEAD", f"{ROOT}/markets"),
        ("OPTIONS", ORDERS),
        ("POST", f"{ORDERS}/"),
        ("POST", f"{ORDERS}/batched/more"),
        ("POST", "/trade-api/v3/portfolio/events/orders"),
        ("POST", f"{ROOT}//portfolio/events/orders"),
        ("POST", f"{ROOT}/x/../portfolio/events/orders"),
        ("DELETE", f"{ROOT}/markets"),
    ],
)
async def test_an_unknown_endpoint_stays_closed(world: World, method: str, path: str) -> None:
    """Catches a method or a spelling of a path that we do not know and the exchange might."""
    answer = await world.ask(world.request(method, path))
    assert shown(answer) == (403, "ENDPOINT_UNKNOWN")
    assert await refusals(world) == [("endpoint", "ENDPOINT_UNKNOWN", "bot")]
    assert world.upstream.sent == []


async def test_an_old_order_is_told_its_new_form(world: World) -> None:
    """The V1 family was removed; the hint says the same order in V2 (orders.md 14)."""
    old = {"ticker": TICKER, "action": "buy", "side": "yes", "count": 1, "type": "limit", "yes_price": 50}
    answer = await world.ask(world.post(f"{ROOT}/portfolio/orders", old))
    assert shown(answer) == (403, "ORDER_FAMILY_REMOVED")
    hint = json.loads(answer.body)["hint"]
    assert f"POST {ORDERS}" in hint
    assert '"side":"bid"' in hint
    assert '"price":"0.5000"' in hint


async def test_a_withdrawal_of_ones_own_quote_passes(world: World) -> None:
    """Withdrawing lowers risk. Catches a quote that cannot be taken back."""
    world.upstream.on_send = always(answered(204))
    answer = await world.ask(world.request("DELETE", f"{ROOT}/communications/quotes/quote-1"))
    assert (answer.status, answer.body) == (204, b"")
    assert [request.target for request in world.upstream.writes] == [f"{ROOT}/communications/quotes/quote-1"]


@pytest.mark.parametrize(
    ("change", "status", "code", "row"),
    [
        ({"sni": "demo-api.kalshi.co"}, 403, "DESTINATION_NOT_ALLOWED", ("destination", None)),
        ({"connect": ("example.com", 443)}, 403, "DESTINATION_NOT_ALLOWED", ("destination", None)),
        ({"http_version": "HTTP/1.0"}, 400, "REQUEST_MALFORMED", ("destination", None)),
        ({"body": b"x" * 65_537}, 413, "BODY_TOO_LARGE", ("destination", None)),
        ({"door": Door.BASE_URL}, 403, "DESTINATION_NOT_ALLOWED", ("destination", None)),
        ({"headers": (("host", HOST),)}, 403, "SIGNATURE_MISSING", ("client", None)),
        ({"method": "DELETE"}, 403, "SIGNATURE_INVALID", ("client", None)),
        ({"target": f"{ORDERS}?subaccount=1"}, 400, "QUERY_NOT_ALLOWED", ("decode", "bot")),
        ({"body": b"{"}, 400, "BODY_UNDECODABLE", ("decode", "bot")),
        ({"body": b'{"ticker": "A", "ticker": "B"}'}, 400, "BODY_UNDECODABLE", ("decode", "bot")),
        ({"body": b"{}"}, 400, "FIELD_MISSING", ("decode", "bot")),
        ({"body": json.dumps(order_body(type="limit")).encode()}, 400, "FIELD_UNKNOWN", ("decode", "bot")),
        ({"body": json.dumps(order_body(count=1)).encode()}, 400, "FIELD_INVALID", ("decode", "bot")),
    ],
)
async def test_a_refusal_at_any_step_is_a_row_and_nothing_is_sent(
    world: World, change: dict[str, object], status: int, code: str, row: tuple[str, str | None]
) -> None:
    """Catches a step that is skipped, a refusal without a trace, and one that counts as an order of the day."""
    answer = await world.ask(replace(world.order(), **change))  # type: ignore[arg-type]
    assert shown(answer) == (status, code)
    ((event,), step, client) = (await world.rows(), *row)
    body = json.loads(event.body)
    assert (event.kind, event.decision_id) == (EventKind.REFUSAL, answer.decision_id)
    assert (body["step"], body["code"], body["client"]) == (step, code, client)
    assert world.upstream.sent == []
    assert world.instance.ledger.day_of("") == ""


async def test_a_content_type_of_another_kind_is_refused(world: World) -> None:
    raw = world.order()
    headers = tuple((name, "text/plain" if name == "content-type" else value) for name, value in raw.headers)
    assert shown(await world.ask(replace(raw, headers=headers))) == (400, "CONTENT_TYPE_NOT_JSON")


@pytest.mark.parametrize("target", [f"{ROOT}/markets", ORDERS])
async def test_an_upgrade_is_refused(world: World, target: str) -> None:
    """Catches a connection that leaves HTTP behind, and with it every check."""
    raw = world.order() if target == ORDERS else world.request("GET", target)
    raw = replace(raw, headers=(*raw.headers, ("connection", "Upgrade"), ("upgrade", "websocket")))
    assert shown(await world.ask(raw)) == (400, "REQUEST_MALFORMED")
    assert world.upstream.sent == []


async def test_the_base_url_door_leads_to_the_same_gate(world: World) -> None:
    """Catches a door with fewer checks."""
    raw = world.order()
    headers = tuple((name, BASE_URL_HOST if name == "host" else value) for name, value in raw.headers)
    at_door = replace(raw, door=Door.BASE_URL, headers=headers, connect=None, sni=None, scheme="http")
    assert (await world.ask(at_door)).status == 201
    (body,) = await world.bodies(EventKind.DECISION)
    assert (body["door"], body["client"]) == ("base_url", "bot")


async def test_a_tunnel_is_refused_with_a_row(world: World) -> None:
    assert world.gate.connect(HOST, 443) is None
    answer = world.gate.connect("example.com", 443)
    assert answer is not None
    assert shown(answer) == (403, "DESTINATION_NOT_ALLOWED")
    (body,) = await world.bodies(EventKind.REFUSAL)
    assert (body["method"], body["host"], body["step"]) == ("CONNECT", "example.com", "destination")


async def test_a_stopping_proxy_takes_nothing_new(world: World) -> None:
    """Catches an order taken on while the proxy goes down: nobody would wait for its answer."""
    world.instance.stopping = True
    for raw in (world.order(), world.cancel(), world.request("GET", f"{ROOT}/markets")):
        assert shown(await world.ask(raw)) == (503, "SHUTTING_DOWN")
    answer = world.gate.connect(HOST, 443)
    assert answer is not None
    assert shown(answer) == (503, "SHUTTING_DOWN")
    assert world.upstream.sent == []


async def test_a_stale_signature_is_refused(world: World) -> None:
    """Catches a captured request that is good for ever, and one of before a restart."""
    raw = world.order()
    world.time.pass_ms(5_001)
    assert shown(await world.ask(raw)) == (403, "SIGNATURE_STALE")
    fresh = world.order()
    world.instance.started_ms = world.time.clock.now_ms() + 1
    assert shown(await world.ask(fresh)) == (403, "SIGNATURE_STALE")
    assert world.upstream.sent == []


@pytest.mark.parametrize("key_id", ["bot-key", "rsa-key"])
async def test_the_same_bytes_get_the_first_ones_answer(world: World, key_id: str) -> None:
    """Catches a write that a client or a wire repeats and that is sent twice, answered or not, fresh or not."""
    hanging = world.upstream.on_send = Hanging()
    raw = world.order(key_id, client_order_id="c-1")
    first = asyncio.create_task(world.ask(raw))
    await hanging.reached.wait()
    second = asyncio.create_task(world.ask(raw))
    await asyncio.sleep(0)
    hanging.go_on.set()
    assert (await second) == (await first)
    world.time.pass_ms(60_000)
    assert (await world.ask(raw)) == (await first)
    assert len(world.upstream.sent) == 1
    assert len(await world.rows(EventKind.DECISION)) == 1


async def test_the_same_bytes_of_a_denied_order_get_the_denial(world: World) -> None:
    """Same bytes are the same request: one row, one denial."""
    raw = world.order(price="0.9900")
    first, second = await world.ask(raw), await world.ask(raw)
    assert first == second
    assert shown(first) == (403, "PRICE_OUTSIDE_BAND")
    assert len(await world.rows(EventKind.DECISION)) == 1


def other_bytes(raw: RawRequest, number: int = 1) -> RawRequest:
    """Another order under the same signature."""
    return replace(raw, body=json.dumps(order_body(client_order_id=f"other-{number}")).encode())


async def test_rsa_carries_no_other_bytes(world: World) -> None:
    """Catches a captured signature that places an order of somebody else's choosing."""
    raw = world.order("rsa-key", client_order_id="c-1")
    assert (await world.ask(raw)).status == 201
    assert shown(await world.ask(other_bytes(raw))) == (403, "SIGNATURE_REPLAYED")
    assert len(world.upstream.sent) == 1


async def test_ed25519_carries_a_second_order_within_a_second_once(world: World) -> None:
    """Two honest requests of one millisecond share a signature; a third is no accident."""
    raw = world.order(client_order_id="c-1")
    assert (await world.ask(raw)).status == 201
    assert (await world.ask(other_bytes(raw, 1))).status == 201
    assert shown(await world.ask(other_bytes(raw, 2))) == (403, "SIGNATURE_REPLAYED")
    late = world.order(client_order_id="c-2")
    assert (await world.ask(late)).status == 201
    world.time.pass_ms(1_001)
    assert shown(await world.ask(other_bytes(late, 3))) == (403, "SIGNATURE_REPLAYED")
    assert len(world.upstream.sent) == 3


@pytest.mark.parametrize("body", [b"{", b'{"ticker": 1}', b""])
async def test_a_signature_that_came_with_unreadable_bytes_is_used_up(world: World, body: bytes) -> None:
    """Catches a signature that stays good for any order because its own could not be read."""
    raw = replace(world.order("rsa-key"), body=body)
    first = await world.ask(raw)
    assert first.status == 400
    assert shown(await world.ask(other_bytes(raw))) == (403, "SIGNATURE_REPLAYED")
    assert (await world.ask(raw)).body == first.body
    assert world.upstream.sent == []


async def test_a_read_may_come_again(world: World) -> None:
    """A read with the same bytes passes, while its signature is fresh."""
    raw = world.request("GET", f"{ROOT}/portfolio/balance", key_id="rsa-key")
    assert [(await world.ask(raw)).status for _ in range(3)] == [200, 200, 200]
    assert len(world.upstream.sent) == 3
    replayed = replace(raw, target=f"{raw.target}?subaccount=0")
    assert shown(await world.ask(replayed)) == (403, "SIGNATURE_REPLAYED")
    world.time.pass_ms(5_001)
    assert shown(await world.ask(raw)) == (403, "SIGNATURE_STALE")


async def test_a_client_that_hangs_up_changes_nothing(world: World) -> None:
    """Catches an order cancelled half-way by its client: sent, and its outcome never recorded."""
    hanging = world.upstream.on_send = Hanging()
    client = asyncio.create_task(world.gate.handle(world.order(), Ticket()))
    await hanging.reached.wait()
    client.cancel()
    with pytest.raises(asyncio.CancelledError):
        await client
    hanging.go_on.set()
    await until(lambda: not world.instance.attempts.unanswered)
    assert await world.outcomes() == ["accepted"]


async def test_a_ticket_knows_the_attempt_before_anything_is_sent(world: World) -> None:
    """Catches a fault answered as "nothing was sent" about an order that is on its way."""
    hanging, ticket = Hanging(), Ticket()
    world.upstream.on_send = hanging
    asking = asyncio.create_task(world.gate.handle(world.order(), ticket))
    await hanging.reached.wait()
    assert ticket.attempt is not None
    assert ticket.attempt.sent
    assert not ticket.attempt.abandon()
    hanging.go_on.set()
    assert (await asking).decision_id == ticket.attempt.decision_id
