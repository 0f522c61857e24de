"""How long a hook may take, and what becomes of the others meanwhile."""

import asyncio
import inspect
import time
from pathlib import Path
from typing import Any

from tests.gateway.doorkit import Counter, FakeGate, get, opened
from tests.gateway.front.test_failclosed import SERVED, addon

from pretrade.gateway.front.failclosed import HOOK_DEADLINE_S
from pretrade.kalshi.client import Upstream

PLACED_ANEW_S = 10.0
"""How long pykalshi waits for an answer; then it signs its order anew and sends it once more."""


def test_silence_ends_before_a_client_takes_it_for_a_lost_order() -> None:
    """Catches a hook that may take as long as a client waits, and one that may take no longer than the exchange. Seen
    red with 10 s."""
    answer_timeout = inspect.signature(Upstream).parameters["answer_timeout"].default
    assert answer_timeout < HOOK_DEADLINE_S <= PLACED_ANEW_S - 0.5


async def test_a_hook_that_blocks_makes_others_wait_and_lets_nothing_past(leaf: Path) -> None:
    """Catches a loop that stood still past the deadline and then forwards, or refuses, what was to be judged: nothing
    can interrupt a hook that never waits."""
    gate = FakeGate()
    blocked: list[Any] = []

    def blocks(data: Any) -> None:
        if not blocked:
            blocked.append(data)
            time.sleep(0.2)

    async with Counter() as exchange, opened(gate, leaf, deadline_s=0.1) as way:
        way.add_addons(before=addon(pretrade_request=blocks))
        wires = [await way.tunnel(f"127.0.0.1:{exchange.port}") for _ in range(2)]
        answers = await asyncio.gather(*(wire.ask(get()) for wire in wires))
        for wire in wires:
            await wire.close()
    assert [answer.code for answer in answers] == [SERVED, SERVED]
    assert (len(gate.handled), len(blocked), exchange.connections) == (2, 1, 0)
