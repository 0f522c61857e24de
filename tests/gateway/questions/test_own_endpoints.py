"""What a client may ask the proxy itself: its own figures, by its own signature, and of others nothing."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.builders import TICKER
from tests.gateway.fakes import CLIENTS, LIVE, World, open_world, shown

from pretrade.gateway.questions.own_endpoints import ANSWERS_A_SECOND
from pretrade.journal.events import EventKind
from pretrade.model.instance import TradingState

LIMITS, HEADROOM = "/pretrade/limits", "/pretrade/headroom"
ASKED = f"{HEADROOM}?ticker={TICKER}&side=bid&price=0.5000"
OWN = ("    subaccount: 0\n", '    subaccount: 0\n    limits:\n      day: {max_notional: "$100"}\n')
"""The bot's own limit beside everybody's."""
LOOSE = ('max_position: "100"', 'max_position: "1000"')


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = open_world(tmp_path, LIVE, OWN, LOOSE)
    yield world
    await world.close()


@pytest.fixture
async def alone(tmp_path: Path) -> AsyncIterator[World]:
    """A world in which the bot is the only client."""
    world = open_world(tmp_path, LIVE, OWN, LOOSE)
    world.instance.clients = {"bot-key": CLIENTS["bot-key"]}
    yield world
    await world.close()


async def get(world: World, target: str, key_id: str = "bot-key") -> dict[str, Any]:
    answer = await world.ask(world.request("GET", target, key_id=key_id))
    assert answer.status == 200, answer.body
    found: dict[str, Any] = json.loads(answer.body)
    return found


async def test_a_client_learns_how_much_it_could_order(world: World) -> None:
    assert await get(world, ASKED) == {
        "ticker": TICKER,
        "side": "bid",
        "price": "0.5000",
        "headroom": "100.00",
        "any_passes": True,
        "binds": [{"code": "ORDER_COUNT_EXCEEDS_MAXIMUM", "rule": "limits.order.max_count"}],
        "injected": [],
    }


async def test_what_others_have_used_is_not_told(world: World) -> None:
    """Catches a client that reads off another's orders from what is left of the account's limit."""
    for _ in range(3):
        assert shown(await world.ask(world.order("other-key", count="100.00", price="0.6000")))[0] == 201
    told = await get(world, ASKED)
    assert (told["headroom"], told["any_passes"]) == (None, True)
    assert {bind["rule"] for bind in told["binds"]} == {"limits.market.max_exposure"}
    assert all(set(bind) == {"code", "rule"} for bind in told["binds"])


async def test_what_the_client_itself_has_used_is_told(world: World) -> None:
    await world.ask(world.order(count="100.00", price="0.9000"))
    told = await get(world, f"{HEADROOM}?ticker=KXBTC-ANOTHER&side=bid&price=0.5000")
    assert told["headroom"] == "20.00"
    assert [bind["rule"] for bind in told["binds"]] == ["clients.bot.limits.day.max_notional"]


async def test_the_only_client_is_told_all(alone: World) -> None:
    await alone.ask(alone.order(count="100.00", price="0.9000"))
    told = await get(alone, f"{HEADROOM}?ticker={TICKER}&side=bid&price=0.5000")
    assert (told["headroom"], told["any_passes"]) == ("20.00", True)
    assert (await get(alone, LIMITS))["shared"] == []


async def test_limits_are_the_clients_own(world: World) -> None:
    await world.ask(world.order(count="10.00", price="0.5000"))
    await world.ask(world.order("other-key", count="100.00", price="0.6000"))
    told = await get(world, LIMITS)
    assert told["client"] == "bot"
    assert told["order"] == {"max_count": "100.00", "max_risk": "$200.00"}
    assert told["own"] == [
        {
            "rule": "clients.bot.limits.day.max_notional",
            "of": "",
            "used": "$5.00",
            "limit": "$100.00",
            "left": "$95.00",
        }
    ]
    assert {"rule": "limits.day.max_orders", "is_used_up": False} in told["shared"]
    assert "60" not in json.dumps(told["shared"])


async def test_a_client_of_a_shared_subaccount_is_told_no_figures(world: World) -> None:
    """Its subaccount's figures are another's too."""
    world.instance.clients = world.instance.clients | {"bot-key": replace(CLIENTS["bot-key"], shares_subaccount=True)}
    assert (await get(world, LIMITS))["own"] == []


async def test_the_states_are_told(world: World) -> None:
    world.instance.trading.stop(TradingState.HALTED, cause="operator", actor="ann", reason="test", client="other")
    told = await get(world, LIMITS)
    assert (told["trading_state"], told["client_state"]) == ("ACTIVE", "ACTIVE")
    told = await get(world, LIMITS, "other-key")
    assert told["client_state"] == "HALTED"


@pytest.mark.parametrize(
    "query",
    [
        "",
        f"?ticker={TICKER}&side=bid",
        f"?ticker={TICKER}&side=bid&price=0.5&price=0.6",
        f"?ticker={TICKER}&side=bid&price=0.5&client=other",
        f"?ticker={TICKER}&side=buy&price=0.5",
        f"?ticker={TICKER}&side=bid&price=50",
        f"?ticker={TICKER}&side=bid&price=1e-1",
        "?ticker=..%2f..&side=bid&price=0.5",
        f"?ticker={TICKER}&side=bid&price=0.5&",
    ],
)
async def test_a_question_has_its_three_parts_and_no_others(world: World, query: str) -> None:
    answer = await world.ask(world.request("GET", HEADROOM + query))
    assert shown(answer) == (400, "QUERY_NOT_ALLOWED")


async def test_limits_take_no_query(world: World) -> None:
    assert shown(await world.ask(world.request("GET", f"{LIMITS}?client=other"))) == (400, "QUERY_NOT_ALLOWED")


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", LIMITS), ("DELETE", LIMITS), ("GET", "/pretrade/"), ("GET", "/pretrade/status"), ("GET", "/pretrade")],
)
async def test_nothing_else_is_answered_there(world: World, method: str, path: str) -> None:
    assert shown(await world.ask(world.request(method, path))) == (403, "ENDPOINT_UNKNOWN")
    assert world.upstream.sent == []


async def test_who_asks_must_sign(world: World) -> None:
    """Catches an endpoint that answers whoever reaches the port."""
    signed = world.request("GET", LIMITS)
    assert shown(await world.ask(world.request("GET", LIMITS, headers=signed.headers[:1])))[1] == "SIGNATURE_MISSING"
    of_another_path = world.request("GET", HEADROOM).headers
    assert shown(await world.ask(world.request("GET", LIMITS, headers=of_another_path)))[1] == "SIGNATURE_INVALID"


async def test_nothing_of_it_reaches_the_exchange(world: World) -> None:
    await get(world, LIMITS)
    await get(world, ASKED)
    assert world.upstream.sent == []
    assert await world.bodies(EventKind.DECISION) == []


async def test_it_is_recorded_as_a_read(world: World) -> None:
    await get(world, LIMITS)
    world.gate.flush(everything=True)
    (row,) = await world.bodies(EventKind.READS)
    assert [(read["client"], read["path"], read["status"]) for read in row["reads"]] == [("bot", LIMITS, 200)]


async def test_it_answers_a_few_times_a_second(world: World) -> None:
    """Catches a client that holds up orders by asking: each answer is many judgements."""
    answers = [shown(await world.ask(world.request("GET", ASKED)))[0] for _ in range(3 * ANSWERS_A_SECOND)]
    assert answers == [200] * (2 * ANSWERS_A_SECOND) + [403] * ANSWERS_A_SECOND


async def test_it_says_when_it_answers_again(world: World) -> None:
    """At that moment the same question is answered, and not before. Catches a bot told to come again at once, and one
    that waits for a full bucket. The row says the same."""
    for _ in range(2 * ANSWERS_A_SECOND):
        await world.ask(world.request("GET", LIMITS))
    refused = json.loads((await world.ask(world.request("GET", LIMITS))).body)
    assert refused["retryable"] is True
    (row,) = await world.bodies(EventKind.REFUSAL)
    assert (row["retryable"], row["retry_at"]) == (True, refused["retry_at"])
    at_ms = round(datetime.fromisoformat(refused["retry_at"]).timestamp() * 1_000)
    world.time.pass_ms(at_ms - world.time.clock.now_ms() - 3)  # the request takes one, one is for how clocks are cut
    assert shown(await world.ask(world.request("GET", LIMITS)))[0] == 403
    world.time.pass_ms(1)
    assert shown(await world.ask(world.request("GET", LIMITS)))[0] == 200


async def test_another_client_is_answered_meanwhile(world: World) -> None:
    """Catches one bucket for all clients, which one of them can keep empty."""
    for _ in range(3 * ANSWERS_A_SECOND):
        await world.ask(world.request("GET", LIMITS))
    assert shown(await world.ask(world.request("GET", LIMITS, key_id="other-key"))) == (200, "")
