"""Whatever fails in a hook, nothing gets past us. Each test has a control: the stock manager on the same sabotage, or a
protection that was taken away once to see the test go red (said in its docstring).
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import http, tls
from mitmproxy.exceptions import AddonHalt, OptionsError
from tests.gateway.doorkit import Counter, FakeGate, Response, Wire, get, opened, stock, until

from pretrade.gateway.attempts import Ticket
from pretrade.gateway.doors import tls_context
from pretrade.gateway.enforcer import Enforcer
from pretrade.gateway.messages import Answer, RawRequest
from pretrade.gateway.stalls import Stalls

FAULTS = [
    ValueError, RecursionError, MemoryError, asyncio.CancelledError, SystemExit, KeyboardInterrupt, GeneratorExit,
    TimeoutError, AddonHalt, OptionsError,
]  # fmt: skip


def failing(fault: type[BaseException]) -> Callable[[RawRequest, Ticket], Any]:
    async def handle(raw: RawRequest, ticket: Ticket) -> Answer:
        raise fault("planted")

    return handle


async def hanging(raw: RawRequest, ticket: Ticket) -> Answer:
    await asyncio.Event().wait()
    raise AssertionError


def addon(**hooks: Any) -> Any:
    """An addon of somebody else's with these hooks."""
    return type("Planted", (), {name: staticmethod(hook) for name, hook in hooks.items()})()


def raising(fault: type[BaseException], kind: str) -> Callable[[Any], Any]:
    """A hook that fails once: synchronously, in a coroutine, or by never coming back."""
    failed: list[bool] = []

    async def later(data: Any) -> None:
        if kind == "never returns":
            await asyncio.Event().wait()
        raise fault("planted")

    def hook(data: Any) -> Any:
        if failed:
            return None
        failed.append(True)
        if kind == "sync":
            raise fault("planted")
        return later(data)

    return hook


async def in_plain_tunnel(port: int, exchange: Counter) -> Response:
    wire = Wire(*await asyncio.open_connection("127.0.0.1", port))
    await wire.ask(f"CONNECT 127.0.0.1:{exchange.port} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    answer = await wire.ask(get())
    await wire.close()
    return answer


@pytest.mark.parametrize("fault", [ValueError, RecursionError, MemoryError, AddonHalt, TimeoutError])
async def test_control_the_stock_manager_forwards(fault: type[BaseException]) -> None:
    """The control of this file: on these very faults the stock manager forwards, and our counter sees it."""
    async with Counter() as exchange, stock(addon(request=raising(fault, "sync"))) as port:
        answer = await in_plain_tunnel(port, exchange)
    assert (answer.status, exchange.connections) == (200, 1)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_gate_that_raises_refuses(leaf: Path, fault: type[BaseException]) -> None:
    """Catches a fault of the gate that forwards, hangs the client or ends the process.

    Seen red with the stock `trigger_event` in place of ours (hangs and 503 without a row), and with `except Exception`.
    """
    gate = FakeGate(failing(fault))
    async with Counter() as exchange, opened(gate, leaf) as way:
        wire = await way.tunnel(f"127.0.0.1:{exchange.port}")
        answer = await wire.ask(get())
        gate.on_handle = FakeGate().on_handle
        after = await wire.ask(get())
        await wire.close()
    assert (answer.status, answer.code, gate.faults) == (503, "INTERNAL_FAULT", ["request"])
    assert b"application/json" in answer.head
    assert after.code == "FROM_GATE"
    assert exchange.connections == 0


async def test_a_gate_that_never_returns_refuses(leaf: Path) -> None:
    """Catches a request that waits for ever. Seen red without the manager's timeout."""
    gate = FakeGate(hanging)
    async with Counter() as exchange, opened(gate, leaf, deadline_s=0.1) as way:
        answer = await way.try_tunnel(get(), f"127.0.0.1:{exchange.port}")
    assert (answer.status, answer.code) == (503, "INTERNAL_FAULT")
    assert exchange.connections == 0


REFUSED, CLOSED, SERVED = "INTERNAL_FAULT", "closed", "FROM_GATE"
HOOKS = [
    ("client_connected", CLOSED, CLOSED),
    ("next_layer", CLOSED, CLOSED),
    ("http_connect", REFUSED, REFUSED),
    ("tls_clienthello", SERVED, SERVED),  # nothing rests on it: the names are compared when the request is here
    ("tls_start_client", SERVED, CLOSED),  # ours comes after and sets the leaf up all the same
    ("requestheaders", REFUSED, REFUSED),
    ("request", REFUSED, SERVED),  # after ours the gate has answered, and its answer stands
    ("responseheaders", SERVED, SERVED),
    ("response", SERVED, SERVED),
    ("client_disconnected", SERVED, SERVED),
]


@pytest.mark.parametrize("kind", ["sync", "async", "never returns"])
@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize(("hook", "if_before", "if_after"), HOOKS)
async def test_an_addon_that_fails_refuses(
    leaf: Path, hook: str, if_before: str, if_after: str, place: str, kind: str
) -> None:
    """Catches a failed flow that the gate would still serve, and an accepted order's answer turned into a 503.

    Seen red without `has_failed` (request, requestheaders and http_connect, before) and without `is_from_gate`
    (request after, response).
    """
    gate = FakeGate()
    async with Counter() as exchange, opened(gate, leaf, deadline_s=0.1) as way:
        way.add_addons(**{place: addon(**{hook: raising(ValueError, kind)})})
        answer = await way.try_tunnel(get(), f"127.0.0.1:{exchange.port}")
        again = await way.try_tunnel(get(), f"127.0.0.1:{exchange.port}")
        await until(lambda: not way.doors.enforcer.in_flight)
    assert answer.code == (if_before if place == "before" else if_after)
    assert len(gate.handled) == 1 + (answer.code == SERVED)
    assert again.code == SERVED
    assert exchange.connections == 0


def clear(flow: http.HTTPFlow) -> None:
    flow.response = None


def replace(flow: http.HTTPFlow) -> None:
    flow.response = http.Response.make(200, b'{"code": "FORGED"}')


def stream(flow: http.HTTPFlow) -> None:
    flow.response = None
    flow.request.stream = True


def redirect(port: int) -> Callable[[http.HTTPFlow], None]:
    def hook(flow: http.HTTPFlow) -> None:
        flow.response = None
        flow.request.scheme, flow.request.host, flow.request.port = "http", "127.0.0.1", port

    return hook


def ignore(data: tls.ClientHelloData) -> None:
    data.ignore_connection = True


def dial(data: Any) -> None:
    data.server.error = None


@pytest.mark.parametrize("works", [True, False])
@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("sabotage", ["clear", "replace", "stream", "redirect", "ignore"])
async def test_an_addon_that_undoes_the_refusal_is_undone(leaf: Path, sabotage: str, place: str, works: bool) -> None:
    """Catches an addon that clears the refusal, forges an answer, streams, redirects or leaves TLS alone.

    The dialler's error is cleared as well. Seen red without `seal`.
    """
    gate = FakeGate() if works else FakeGate(failing(ValueError))
    async with Counter() as exchange, opened(gate, leaf) as way:
        hook = {"clear": clear, "replace": replace, "stream": stream, "redirect": redirect(exchange.port)}.get(sabotage)
        hooks = {} if hook is None else {"requestheaders": hook, "request": hook, "responseheaders": hook}
        planted = addon(**hooks, server_connect=dial, **({"tls_clienthello": ignore} if sabotage == "ignore" else {}))
        way.add_addons(**{place: planted})
        answer = await way.try_tunnel(get(), f"127.0.0.1:{exchange.port}")
    assert answer.code == (SERVED if works else REFUSED)
    assert exchange.connections == 0


async def test_control_the_stock_manager_dials() -> None:
    """The control of the sabotage: without us, the same redirect reaches the counter."""
    async with Counter() as exchange, stock(addon(request=redirect(exchange.port))) as port:
        answer = await in_plain_tunnel(port, exchange)
    assert (answer.status, exchange.connections) == (200, 1)


async def test_many_failures_at_once_leave_nothing_behind(leaf: Path) -> None:
    """Catches a leak in `in_flight`, which would hold up every stop. Seen red without the discard in `_ended`."""
    async with opened(FakeGate(hanging), leaf, deadline_s=0.2) as way:
        wires = [await way.tunnel() for _ in range(20)]
        answers = await asyncio.gather(*(wire.ask(get()) for wire in wires))
        await until(lambda: not way.doors.enforcer.in_flight)
        for wire in wires:
            await wire.close()
    assert {answer.code for answer in answers} == {REFUSED}


async def test_the_dialler_is_shut_by_itself(leaf: Path) -> None:
    """Catches a dialler that only the other protections keep from being asked: here they are all gone.

    The manager is the stock one and an addon behind ours clears the answer. Seen red without `server_connect`.
    """
    async with Counter() as exchange:
        ours = Enforcer(FakeGate(), tls_context(leaf), Stalls(lambda client: None))
        async with stock(ours, addon(request=redirect(exchange.port))) as port:
            answer = await in_plain_tunnel(port, exchange)
    assert answer.status in {502, 503}
    assert exchange.connections == 0
