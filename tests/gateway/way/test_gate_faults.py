"""The real gate behind real doors, with its journal, signer, checks and exchange failing in turn.

In `upstream.sent` is what left us, so it is what each test counts. 503 says that nothing was sent and 504 that
something may have been: the wrong one of the two is a lie about money.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.gateway.doorkit import HOST, Response, Wire, opened, until
from tests.gateway.gatekit import BASE_URL_HOST, RealGate, order, request

from pretrade.gateway.way import writes
from pretrade.journal.errors import JournalUnavailable
from pretrade.kalshi.client import NotSent, Unknown
from pretrade.model.codes import DenyCode

FAULTS = [ValueError, RecursionError, MemoryError, asyncio.CancelledError, TimeoutError, OSError]


def raising(fault: type[BaseException]) -> Callable[[], Awaitable[None]]:
    async def hook() -> None:
        raise fault("planted")

    return hook


async def never() -> None:
    await asyncio.Event().wait()


async def ask(gate: RealGate, leaf: Path, data: bytes | None = None, deadline_s: float = 0.2) -> Response:
    async with opened(gate.gate, leaf, deadline_s) as way:
        return await way.try_tunnel(data or request(), f"{HOST}:443")


async def test_control_an_order_is_sent(leaf: Path, tmp_path: Path) -> None:
    """The control of this file: with nothing planted the order goes out, once, and its answer comes back."""
    gate = RealGate(tmp_path)
    answer = await ask(gate, leaf)
    assert (answer.status, len(gate.upstream.sent), gate.journal.outcomes()) == (201, 1, ["accepted"])


@pytest.mark.parametrize("fault", [*FAULTS, JournalUnavailable])
async def test_a_journal_that_raises_refuses(leaf: Path, tmp_path: Path, fault: type[BaseException]) -> None:
    """Catches an order sent without its row."""

    def fail(kind: object) -> asyncio.Future[int]:
        raise fault("planted")

    gate = RealGate(tmp_path)
    gate.journal.on_append = fail
    answer = await ask(gate, leaf)
    assert answer.status == 503
    assert (gate.signer.signed, gate.upstream.sent) == ([], [])


@pytest.mark.parametrize("fault", [*FAULTS, JournalUnavailable])
async def test_a_row_that_fails_refuses(leaf: Path, tmp_path: Path, fault: type[BaseException]) -> None:
    """Catches an order that goes on although its row could not be written. Seen red with the error suppressed."""

    def fail(kind: object) -> asyncio.Future[int]:
        row: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        row.cancel() if fault is asyncio.CancelledError else row.set_exception(fault("planted"))
        return row

    gate = RealGate(tmp_path)
    gate.journal.on_append = fail
    answer = await ask(gate, leaf)
    assert answer.status == 503
    assert (gate.signer.signed, gate.upstream.sent) == ([], [])


async def test_a_row_that_comes_too_late_sends_nothing(leaf: Path, tmp_path: Path) -> None:
    """Catches an order sent after its client was told that nothing was. Seen red with `abandoned` not looked at."""
    rows: list[asyncio.Future[int]] = []

    def pending(kind: object) -> asyncio.Future[int]:
        rows.append(asyncio.get_running_loop().create_future())
        return rows[-1]

    gate = RealGate(tmp_path)
    gate.journal.on_append = pending
    async with opened(gate.gate, leaf, 0.5) as way:
        answer = await way.try_tunnel(request(), f"{HOST}:443")
        assert (answer.status, answer.code) == (503, "INTERNAL_FAULT")
        rows[0].set_result(1)
        await until(lambda: not gate.instance.attempts.unanswered)
    assert gate.upstream.sent == []
    assert gate.journal.outcomes() == ["not_sent"]
    assert gate.instance.ledger.pending == {}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_signer_that_raises_refuses(leaf: Path, tmp_path: Path, fault: type[BaseException]) -> None:
    """Catches an order that goes out unsigned, or is called unknown although nothing left us."""
    gate = RealGate(tmp_path)
    gate.signer.on_sign = raising(fault)
    answer = await ask(gate, leaf)
    assert (answer.status, answer.code) == (503, "INTERNAL_FAULT")
    assert (gate.upstream.sent, gate.journal.outcomes()) == ([], ["not_sent"])


async def test_a_signer_that_comes_too_late_sends_nothing(leaf: Path, tmp_path: Path) -> None:
    """As for the row: the client has its 503, so the signature that comes later goes nowhere."""
    release = asyncio.Event()
    gate = RealGate(tmp_path)
    gate.signer.on_sign = lambda: _wait(release)
    async with opened(gate.gate, leaf, 0.5) as way:
        answer = await way.try_tunnel(request(), f"{HOST}:443")
        assert (answer.status, answer.code) == (503, "INTERNAL_FAULT")
        release.set()
        await until(lambda: not gate.instance.attempts.unanswered)
    assert (len(gate.signer.signed), gate.upstream.sent) == (1, [])


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


@pytest.mark.parametrize("fault", [ValueError, RecursionError, MemoryError, ZeroDivisionError])
async def test_a_check_that_raises_refuses(
    leaf: Path, tmp_path: Path, fault: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Catches a check whose fault counts as a yes. Seen red with the fault taken for an approval."""

    def fail(*_: object) -> None:
        raise fault("planted")

    monkeypatch.setattr(writes, "decide", fail)
    gate = RealGate(tmp_path)
    answer = await ask(gate, leaf)
    assert (answer.status, answer.code) == (503, "INTERNAL_FAULT")
    assert (gate.signer.signed, gate.upstream.sent) == ([], [])


@pytest.mark.parametrize("fault", [*FAULTS, Unknown])
async def test_a_fault_after_the_send_began_is_unknown(leaf: Path, tmp_path: Path, fault: type[BaseException]) -> None:
    """Catches the worst lie: "nothing was sent" about an order that may be live. Seen red with `sent` left False."""
    gate = RealGate(tmp_path)
    gate.upstream.on_send = raising(fault)
    answer = await ask(gate, leaf)
    assert (answer.status, answer.code) == (504, "OUTCOME_UNKNOWN")
    assert (len(gate.upstream.sent), gate.journal.outcomes()) == (1, ["unknown"])
    assert len(gate.instance.ledger.pending) == 1


async def test_an_exchange_that_never_answers_is_unknown(leaf: Path, tmp_path: Path) -> None:
    """The hook's own deadline during a send says unknown too, should the upstream's ever fail to."""
    gate = RealGate(tmp_path)
    gate.upstream.on_send = never
    answer = await ask(gate, leaf)
    assert (answer.status, answer.code) == (504, "OUTCOME_UNKNOWN")
    assert len(gate.upstream.sent) == 1


async def test_what_was_not_sent_is_not_unknown(leaf: Path, tmp_path: Path) -> None:
    """The other side of it: our client's word that no byte left is a 503, and the order is over."""
    gate = RealGate(tmp_path)
    gate.upstream.on_send = raising(NotSent)
    answer = await ask(gate, leaf)
    assert (answer.status, answer.code) == (503, "EXCHANGE_UNREACHABLE")
    assert gate.instance.ledger.pending == {}


async def test_the_same_order_is_not_sent_again_while_the_first_is_open(leaf: Path, tmp_path: Path) -> None:
    """Catches a client's own retry (new signature, no id) that doubles an order about which we said 504.

    Seen red with `answered` called for an open outcome as well.
    """
    body = order(client_order_id=None)
    gate = RealGate(tmp_path)
    gate.upstream.on_send = never
    async with opened(gate.gate, leaf, 0.5) as way:
        first = await way.try_tunnel(request(body=body), f"{HOST}:443")
        await asyncio.sleep(0.002)  # signatures are dated to the millisecond
        second = await way.try_tunnel(request(body=body), f"{HOST}:443")
    assert (first.code, second.code) == ("OUTCOME_UNKNOWN", "OUTCOME_UNKNOWN")
    assert len(gate.upstream.sent) == 1


async def test_an_answer_that_nobody_read_keeps_the_order_open(leaf: Path, tmp_path: Path) -> None:
    """Catches a second order from a client that hung up before its answer and asks again.

    Seen red with delivered=True in both hooks. The control is the third: once read, the same order is a new one.
    """
    body, release = order(client_order_id=None), asyncio.Event()
    gate = RealGate(tmp_path)
    gate.upstream.on_send = lambda: _wait(release)
    async with opened(gate.gate, leaf, 5) as way:
        wire = await way.tunnel()
        await wire.send(request(body=body))
        await until(lambda: len(gate.upstream.sent) == 1)
        wire.writer.transport.abort()
        await until(lambda: not any(h.client.connected for h in way.doors._proxyserver.connections.values()))
        release.set()
        await until(lambda: not way.doors._proxyserver.connections)
        second = await way.try_tunnel(request(body=body), f"{HOST}:443")
        assert (second.status, len(gate.upstream.sent)) == (201, 1)
        third = await way.try_tunnel(request(body=body), f"{HOST}:443")
    assert (third.status, len(gate.upstream.sent)) == (201, 2)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_after_the_answer_leaves_it_standing(
    leaf: Path, tmp_path: Path, fault: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Catches an accepted order's 201 that becomes a 503, after which the client would order again."""

    def fail(*_: object, **__: object) -> None:
        raise fault("planted")

    gate = RealGate(tmp_path)
    monkeypatch.setattr(gate.instance.attempts, "close", fail)
    answer = await ask(gate, leaf)
    assert (answer.status, len(gate.upstream.sent)) == (201, 1)


async def test_a_fault_is_in_the_log_under_the_clients_id(leaf: Path, tmp_path: Path) -> None:
    """Catches a fault that leaves no row, or a decision id in a client's hand that the log does not know."""
    gate = RealGate(tmp_path)
    gate.signer.on_sign = raising(ValueError)
    answer = await ask(gate, leaf)
    gate.gate.flush()
    rows = {decision_id: body for _, body, decision_id in gate.journal.rows if body.get("code") == "INTERNAL_FAULT"}
    assert [row["detail"] for row in rows.values()] == ["hook pretrade_request failed"]
    assert all(str(decision_id).encode() in answer.body for decision_id in rows)


async def test_the_base_url_door_has_the_same_gate(leaf: Path, tmp_path: Path) -> None:
    """Catches a second door without the refusal."""
    gate = RealGate(tmp_path)
    gate.signer.on_sign = raising(ValueError)
    async with opened(gate.gate, leaf) as way:
        wire: Wire = await way.base_url()
        answer = await wire.ask(request(host=BASE_URL_HOST))
        await wire.close()
    assert (answer.code, gate.upstream.sent) == (str(DenyCode.INTERNAL_FAULT), [])
