"""Whatever fails in a hook, nothing gets past us. Each test has a control: the stock manager on the same sabotage, or a
protection that was taken away once to see the test go red (said in its docstring).
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import http, tls
from mitmproxy.addons import core
from mitmproxy.connection import Server
from mitmproxy.exceptions import AddonHalt, OptionsError
from mitmproxy.proxy import commands
from mitmproxy.proxy.layer import NextLayer
from mitmproxy.proxy.layers import TCPLayer
from tests.gateway.doorkit import Counter, FakeGate, Response, Wire, get, opened, stock, until

from pretrade.gateway.front import heads, layers
from pretrade.gateway.front.debug_enforcer import FlowEnforcer
from pretrade.gateway.front.doors import Doors, tls_context
from pretrade.gateway.front.enforcer import Enforcer
from pretrade.gateway.machine.stalls import Stalls
from pretrade.gateway.messages import Answer, RawRequest
from pretrade.gateway.way.attempts import Ticket

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
    assert (answer.status, answer.code, gate.faults) == (503, "INTERNAL_FAULT", ["pretrade_request"])
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
    ("pretrade_connect", REFUSED, REFUSED),
    ("tls_clienthello", SERVED, SERVED),  # nothing rests on it: the names are compared when the request is here
    ("tls_start_client", SERVED, CLOSED),  # ours comes after and sets the leaf up all the same
    ("pretrade_request", REFUSED, SERVED),  # after ours the gate has answered, and its answer stands
    ("client_disconnected", SERVED, SERVED),
]


@pytest.mark.parametrize("kind", ["sync", "async", "never returns"])
@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize(("hook", "if_before", "if_after"), HOOKS)
async def test_an_addon_that_fails_refuses(
    leaf: Path, hook: str, if_before: str, if_after: str, place: str, kind: str
) -> None:
    """Catches a failed flow that the gate would still serve, and an accepted order's answer turned into a 503.

    Seen red without `has_failed` (both hooks of ours, before) and without `is_from_gate` (pretrade_request, after).
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


NO_HOOKS: dict[str, Any] = {"no function": 5, "no argument": lambda: None, "two arguments": lambda data, more: None}


@pytest.mark.parametrize("hook", ["pretrade_connect", "pretrade_request"])
@pytest.mark.parametrize("kind", NO_HOOKS)
async def test_a_hook_that_cannot_be_called_refuses(leaf: Path, kind: str, hook: str) -> None:
    """Catches an addon of another version, whose hook the stock manager only logs: the request is forwarded. Seen red
    without `refuse_fault`."""
    gate = FakeGate()
    async with Counter() as exchange, opened(gate, leaf) as way:
        way.add_addons(before=addon(**{hook: NO_HOOKS[kind]}))
        answer = await way.try_tunnel(get(), f"127.0.0.1:{exchange.port}")
    assert (answer.code, gate.handled, exchange.connections) == (REFUSED, [], 0)


def redirect(port: int) -> Callable[[http.HTTPFlow], None]:
    def hook(flow: http.HTTPFlow) -> None:
        flow.response = None
        flow.request.scheme, flow.request.host, flow.request.port = "http", "127.0.0.1", port

    return hook


def ignore(data: tls.ClientHelloData) -> None:
    data.ignore_connection = True


def relay(port: int) -> Callable[[NextLayer], None]:
    """Another layer in the place of ours: mitmproxy's own, which copies bytes to a server."""

    def hook(data: NextLayer) -> None:
        data.context.server = Server(address=("127.0.0.1", port))
        data.layer = TCPLayer(data.context, ignore=True)

    return hook


def dial(data: Any) -> None:
    data.server.error = None


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("sabotage", ["ignore", "relay"])
async def test_an_addon_that_goes_round_us_is_undone(leaf: Path, sabotage: str, place: str) -> None:
    """Catches an addon that leaves TLS alone or puts another layer in place of ours, and opens the dialler.

    Seen red without `seal`.
    """
    async with Counter() as exchange, opened(FakeGate(), leaf) as way:
        hooks = {"tls_clienthello": ignore} if sabotage == "ignore" else {"next_layer": relay(exchange.port)}
        way.add_addons(**{place: addon(**hooks, server_connect=dial)})
        answer = await way.try_tunnel(get(), f"127.0.0.1:{exchange.port}")
    assert answer.code == (SERVED if sabotage == "ignore" else CLOSED)
    assert exchange.connections == 0


async def test_control_the_stock_manager_dials() -> None:
    """The control of the sabotage: without us, the same redirect reaches the counter."""
    async with Counter() as exchange, stock(addon(request=redirect(exchange.port))) as port:
        answer = await in_plain_tunnel(port, exchange)
    assert (answer.status, exchange.connections) == (200, 1)


def feed_fails(patch: pytest.MonkeyPatch) -> None:
    def feed(reader: heads.RequestReader, data: bytes) -> list[Any]:
        raise ValueError("planted")

    patch.setattr(heads.RequestReader, "feed", feed)


def page_fails(patch: pytest.MonkeyPatch) -> None:
    def page(*args: Any, **more: Any) -> Any:
        yield commands.Log("half of an answer")
        raise RecursionError("planted")

    patch.setattr(layers, "send_page", page)


def answer_is_none(patch: pytest.MonkeyPatch) -> None:
    """As an addon behind ours that takes the answer away, so that the stock core forwards."""
    patch.setattr(Enforcer, "_answer", staticmethod(lambda asked, answer: setattr(asked, "answer", None)))


@pytest.mark.parametrize("door", ["proxy", "base_url"])
@pytest.mark.parametrize("plant", [feed_fails, page_fails, answer_is_none])
async def test_a_layer_that_fails_ends_its_connection(
    leaf: Path, monkeypatch: pytest.MonkeyPatch, plant: Callable[[pytest.MonkeyPatch], None], door: str
) -> None:
    """Catches a client that waits two minutes, and a stop that waits with it: the core logs a layer's fault and goes
    on. Seen red without `or_else` (but for `feed`, which the timer for stalled requests ends as well)."""
    gate = FakeGate()
    async with Counter() as exchange, opened(gate, leaf) as way:
        with monkeypatch.context() as patch:
            wire = await (way.base_url() if door == "base_url" else way.tunnel(f"127.0.0.1:{exchange.port}"))
            plant(patch)
            assert (await wire.ask(get())).status == 0
            await until(lambda: not way.doors.enforcer.in_flight and not way.doors._proxyserver.connections)
            await wire.close()
        wire = await way.base_url()
        assert (await wire.ask(get())).code == SERVED
        await wire.close()
    assert exchange.connections == 0


async def test_an_answer_that_could_not_be_given_was_not_delivered(leaf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches an order that was sent, whose client heard nothing and comes again, and that is then sent anew."""
    gate = FakeGate()
    page_fails(monkeypatch)
    async with opened(gate, leaf) as way:
        wire = await way.base_url()
        assert (await wire.ask(get())).status == 0
        await wire.close()
        await until(lambda: bool(gate.delivered))
    assert gate.delivered == [False]


async def test_many_failures_at_once_leave_nothing_behind(leaf: Path) -> None:
    """Catches a leak in `in_flight`, which would hold up every stop. Seen red without the discard in `ended`."""
    async with opened(FakeGate(hanging), leaf, deadline_s=0.2, stalled_s=5) as way:
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
        ours = FlowEnforcer(FakeGate(), tls_context(leaf), Stalls(lambda client: None), {})
        async with stock(ours, addon(request=redirect(exchange.port))) as port:
            answer = await in_plain_tunnel(port, exchange)
    assert answer.status in {502, 503}
    assert exchange.connections == 0


@pytest.mark.parametrize("hook", ["load", "configure"])
async def test_what_fails_at_the_start_stops_it(leaf: Path, monkeypatch: pytest.MonkeyPatch, hook: str) -> None:
    """Catches doors that open although an addon could not be set up. Seen red with `configure` under the way that other
    hooks go, where a failure is logged."""

    def fails(self: core.Core, given: object) -> None:
        raise ValueError("planted")

    monkeypatch.setattr("pretrade.gateway.front.doors.core.Core", type("Failing", (core.Core,), {hook: fails}))
    with pytest.raises(ValueError, match="planted"):
        Doors(FakeGate(), leaf)
