"""What a denial tells beside its reasons: whether the same request may come again, and when, to the right readers."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.fakes import LIVE, ORDERS, World, always, open_world, order_body
from tests.paced import paced

from pretrade.gateway.way.refusals import FULL_ROWS
from pretrade.journal.events import EventKind
from pretrade.kalshi.client import NotSent, Unknown

SLOW = paced(throttle="place: 1/s, amend: 1/s, burst: 2")
FULL_DAY = ("max_orders: 25", "max_orders: 1")


@pytest.fixture
async def slow(tmp_path: Path) -> AsyncIterator[World]:
    world = open_world(tmp_path, LIVE, *SLOW)
    yield world
    await world.close()


@pytest.fixture
async def full_day(tmp_path: Path) -> AsyncIterator[World]:
    world = open_world(tmp_path, LIVE, FULL_DAY)
    yield world
    await world.close()


async def send(world: World, number: int, key_id: str = "bot-key", **changes: object) -> dict[str, Any]:
    answer = await world.ask(world.post(ORDERS, order_body(client_order_id=f"c-{number}", **changes), key_id))
    body: dict[str, Any] = json.loads(answer.body)
    return body | {"status": answer.status}


def told(body: dict[str, Any]) -> tuple[object, object, object]:
    return body["status"], body["retryable"], body.get("retry_at")


async def test_a_days_limit_ends_at_midnight_in_the_policys_zone(full_day: World) -> None:
    """Catches midnight in UTC: the bot would come back five hours early. The row says the same as the answer."""
    await send(full_day, 1)
    denied = await send(full_day, 2)
    assert told(denied)[:2] == (403, True)
    at = denied["retry_at"]
    assert at.endswith(("T05:00:00.000000Z", "T04:00:00.000000Z")), "midnight in New York"
    row = (await full_day.bodies(EventKind.DECISION))[-1]
    assert (row["retryable"], row["retry_at"]) == (True, at)


async def test_an_approval_has_nothing_of_it(full_day: World) -> None:
    body = await send(full_day, 1)
    row = (await full_day.bodies(EventKind.DECISION))[-1]
    assert not {"retryable", "retry_at"} & {*body, *row}


async def test_a_shared_throttle_tells_no_moment(slow: World) -> None:
    """Catches a client that reads off when another has sent its orders. The row has it."""
    for number in range(2):
        await send(slow, number, "other-key")
    assert told(await send(slow, 3)) == (403, True, None)
    assert (await slow.bodies(EventKind.DECISION))[-1]["retry_at"].endswith("Z")


async def test_who_is_alone_is_told_the_moment(slow: World) -> None:
    """At that moment the very same order passes. Catches the pace clock's moment told as if it were the wall's."""
    slow.instance.clients = {"bot-key": slow.instance.clients["bot-key"]}
    for number in range(2):
        await send(slow, number)
    denied = await send(slow, 3)
    assert told(denied)[:2] == (403, True)
    wait = datetime.fromisoformat(denied["retry_at"]) - datetime.fromtimestamp(slow.time.utc_ns / 10**9, UTC)
    assert timedelta(0) < wait <= timedelta(seconds=1)
    slow.time.pass_ms(wait // timedelta(milliseconds=1) + 1)
    assert (await send(slow, 3))["status"] == 201


async def test_a_denial_that_is_only_counted_says_it_too(full_day: World) -> None:
    """Catches a flood's answers without the word that would end it."""
    for number in range(FULL_ROWS + 3):
        body = await send(full_day, number)
    assert told(body)[:2] == (403, True)
    assert body["retry_at"]
    full_day.gate.flush(everything=True)
    (counted,) = await full_day.bodies(EventKind.REFUSALS)
    assert (counted["count"], counted["retryable"]) == (2, 2)


async def test_a_counted_row_says_how_many_may_come_again(slow: World) -> None:
    """Catches a count by the code alone: an order that is too large for an empty bucket never passes."""
    world = slow
    many = {"orders": [order_body(client_order_id=f"c-{number}") for number in range(3)]}
    for _ in range(FULL_ROWS + 4):
        denied = json.loads((await world.ask(world.post(f"{ORDERS}/batched", many))).body)
    assert (denied["code"], denied["retryable"]) == ("PLACE_RATE_EXCEEDS_MAXIMUM", False)
    world.gate.flush(everything=True)
    (counted,) = await world.bodies(EventKind.REFUSALS)
    assert (counted["count"], counted["retryable"]) == (4, 0)


async def test_a_wrong_order_does_not_come_again(slow: World) -> None:
    assert told(await send(slow, 1, count="101.00")) == (403, False, None)
    assert (await slow.bodies(EventKind.DECISION))[-1]["retryable"] is False


async def test_a_refusal_before_the_decision_says_it_in_its_row(slow: World) -> None:
    body = await send(slow, 1, cuont="1.00")
    assert told(body) == (400, False, None)
    assert (await slow.bodies(EventKind.REFUSAL))[-1]["retryable"] is False


@pytest.mark.parametrize(
    ("fault", "status", "retryable"), [(NotSent("no way"), 503, True), (Unknown("silence"), 504, False)]
)
async def test_what_may_be_live_does_not_come_again(
    slow: World, fault: Exception, status: int, retryable: bool
) -> None:
    """Catches a bot that places a second order because the first one's answer was lost."""
    slow.upstream.on_send = always(fault)
    assert told(await send(slow, 1)) == (status, retryable, None)
