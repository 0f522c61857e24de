"""A client's question about a batch: judged as the batch would be, never one, and of others' use told in tenths."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.builders import TICKER
from tests.gateway.fakes import LIVE, World, open_world, order_body, shown
from tests.gateway.questions import test_headroom

from pretrade.gateway.messages import Answer
from pretrade.gateway.questions import asking_together, own_endpoints
from pretrade.gateway.questions.asking_batch import BATCH_PATH
from pretrade.gateway.questions.asking_together import MOST_ORDERS
from pretrade.journal.events import EventKind
from pretrade.model.units import Count, format_count

HEADROOM = "/pretrade/headroom"
OWN = ("    subaccount: 0\n", '    subaccount: 0\n    limits: {order: {max_count: "70"}}\n')


@pytest.fixture
async def alone(tmp_path: Path) -> AsyncIterator[World]:
    """A world in which the bot is the only client, which is told all."""
    world = open_world(tmp_path, LIVE, test_headroom.ROOMY, OWN)
    test_headroom.leave_alone(world)
    yield world
    await world.close()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = open_world(tmp_path, LIVE, test_headroom.ROOMY, OWN)
    yield world
    await world.close()


def leg(count: str, price: str = "0.5000", **more: object) -> dict[str, object]:
    return order_body(count=count, price=price, **more)


async def answered(world: World, body: object, key_id: str = "bot-key") -> Answer:
    world.time.pass_ms(2_500)  # in which as many as are answered at once come back
    return await world.ask(world.post(HEADROOM, body, key_id))


async def ask(world: World, *legs: dict[str, object]) -> dict[str, Any]:
    answer = await answered(world, {"orders": list(legs)})
    assert answer.status == 200, answer.body
    return dict(json.loads(answer.body))


def rooms(told: dict[str, Any]) -> list[str]:
    return [one["headroom"] for one in told["orders"]]


async def test_it_says_what_would_become_of_the_batch_and_of_each_order(alone: World) -> None:
    told = await ask(alone, leg("60.00"), leg("60.00", "0.4000"), leg("80.00", side="ask"))
    assert told["would_pass"] is False
    assert {(one["code"], one["leg"]) for one in told["reasons"]} == {
        ("ORDER_COUNT_EXCEEDS_MAXIMUM", 2),
        ("POSITION_EXCEEDS_MAXIMUM", None),
    }
    (position,) = [one for one in told["reasons"] if one["leg"] is None]
    assert (position["observed"], position["limit"], position["unit"]) == ("120.00", "100.00", "contracts")
    assert rooms(told) == ["60.00", "40.00", "70.00"]
    assert [[bind["code"] for bind in one["binds"]] for one in told["orders"]] == [
        [],
        ["POSITION_EXCEEDS_MAXIMUM"],
        ["ORDER_COUNT_EXCEEDS_MAXIMUM"],
    ]
    assert {name: told["orders"][1][name] for name in ("ticker", "side", "price", "count", "any_passes")} == {
        "ticker": TICKER, "side": "bid", "price": "0.4000", "count": "60.00", "any_passes": True,
    }  # fmt: skip


async def test_what_it_says_is_what_the_batch_itself_is_told(alone: World) -> None:
    """The same bytes to both. Catches a question that is judged otherwise than the batch: other flags or figures."""
    for legs in ([leg("70.00"), leg("31.00", "0.4000")], [leg("10.00", post_only=True), leg("9.00", price="0.9900")]):
        body = {"orders": legs}
        told = await ask(alone, *legs)
        denied = json.loads((await alone.ask(alone.post(BATCH_PATH, body))).body)
        assert (told["would_pass"], told["reasons"]) == (False, denied["reasons"])
    sized = [one | {"count": room} for one, room in zip(legs, rooms(told), strict=True) if room != "0.00"]
    assert (await ask(alone, *sized))["would_pass"] is True
    assert (await alone.ask(alone.post(BATCH_PATH, {"orders": sized}))).status == 201


async def test_it_is_no_batch(alone: World) -> None:
    """Catches a question that holds, counts, records or sends something: asked again it would say less."""
    legs = [leg("40.00", client_order_id="c-1"), leg("60.00", "0.4000")]
    first = await ask(alone, *legs)
    assert await ask(alone, *legs) == first
    assert first["would_pass"] is True
    assert alone.upstream.sent == []
    assert await alone.bodies(EventKind.DECISION, EventKind.OUTCOME) == []
    alone.gate.flush(everything=True)
    reads = [read for row in await alone.bodies(EventKind.READS) for read in row["reads"]]
    assert [(read["method"], read["path"], read["status"]) for read in reads] == [("POST", HEADROOM, 200)] * 2


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"orders": []},
        {"orders": [leg("1.00", cuont="1")]},
        {"orders": [leg("1.00", price=0.5)]},
        {"orders": [leg("1.00"), order_body(count=None)]},
        {"orders": [leg("1.00")], "client": "other"},
        {"orders": [leg("1.00", client_order_id="a"), leg("1.00", client_order_id="a")]},
    ],
)
async def test_what_the_exchange_s_form_does_not_allow_is_refused_alike(alone: World, body: object) -> None:
    """Catches a form of its own, laxer than that of orders."""
    refused, denied = await answered(alone, body), await alone.ask(alone.post(BATCH_PATH, body))
    assert refused.status == 400
    told, as_batch = (json.loads(one.body) for one in (refused, denied))
    assert (told["code"], told["message"]) == (as_batch["code"], as_batch["message"])


async def test_ten_orders_are_the_most(alone: World) -> None:
    many = [leg("1.00", client_order_id=f"c-{number}") for number in range(MOST_ORDERS + 1)]
    refused = json.loads((await answered(alone, {"orders": many})).body)
    assert (refused["code"], refused["message"]) == (
        "FIELD_INVALID",
        "orders: a question is about 10 orders at most, this about 11",
    )
    assert (await ask(alone, *many[1:]))["would_pass"] is True


async def test_each_order_of_it_counts(alone: World) -> None:
    """Catches a client that asks about ten orders as often as about one: each is many judgements. At the moment it is
    told the same question is answered, and not before."""
    ten = {"orders": [leg("1.00", client_order_id=f"c-{number}") for number in range(10)]}
    assert (await answered(alone, ten)).status == 200
    refused = json.loads((await alone.ask(alone.post(HEADROOM, ten))).body)
    assert (refused["code"], refused["retryable"]) == ("QUESTIONS_EXCEED_MAXIMUM", True)
    at_ms = round(datetime.fromisoformat(refused["retry_at"]).timestamp() * 1_000)
    assert 1_900 < at_ms - alone.time.clock.now_ms() <= 2_001
    alone.time.pass_ms(at_ms - alone.time.clock.now_ms() - 1)  # and one millisecond for the request
    assert (await alone.ask(alone.post(HEADROOM, ten))).status == 200


async def test_what_cannot_be_read_counts_and_is_not_read_for_ever(
    alone: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Catches a client that keeps the proxy reading large bodies of nonsense: no limit counted them, and as they are no
    writes, nothing stops it. What it is told is not too early, whatever it asks then."""
    read, real = 0, own_endpoints.read_batch

    def counted(*arguments: Any) -> Any:
        nonlocal read
        read += 1
        return real(*arguments)

    monkeypatch.setattr(own_endpoints, "read_batch", counted)
    alone.time.pass_ms(2_500)
    answers = [await alone.ask(alone.post(HEADROOM, {"orders": [1] * 20_000})) for _ in range(30)]
    assert [answer.status for answer in answers[:10]] == [400] * 10
    assert [shown(answer) for answer in answers[10:]] == [(403, "QUESTIONS_EXCEED_MAXIMUM")] * 20
    assert read == 10
    at_ms = round(datetime.fromisoformat(json.loads(answers[-1].body)["retry_at"]).timestamp() * 1_000)
    alone.time.pass_ms(at_ms - alone.time.clock.now_ms() - 1)  # and one millisecond for the request
    ten = {"orders": [leg("1.00", client_order_id=f"c-{number}") for number in range(10)]}
    assert (await alone.ask(alone.post(HEADROOM, ten))).status == 200


async def test_refused_questions_stop_nobody(alone: World) -> None:
    """Catches questions counted as refused writes, of which a few make a client REDUCING; over a restart too, where
    rows are counted anew."""
    heard: list[str] = []
    alone.instance.flood.on_write = lambda client, codes: heard.append(client)
    for _ in range(15):
        assert shown(await alone.ask(alone.post(HEADROOM, {"orders": []})))[0] in (400, 403)
    assert heard == []
    alone.gate.flush(everything=True)
    assert sum(row["writes"] for row in await alone.bodies(EventKind.REFUSALS)) == 0
    await alone.ask(alone.post(BATCH_PATH, {"orders": []}))
    assert heard == ["bot"]


@dataclass
class Judgements:
    """How many there were in all, and the most that came one after another while others waited for their turn."""

    in_all: int = 0
    longest: int = 0
    run: int = 0

    async def others(self) -> None:
        while True:
            self.run = 0
            await asyncio.sleep(0)


@pytest.fixture
async def judgements(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Judgements]:
    seen, real = Judgements(), asking_together._judge

    def counted(*arguments: Any) -> Any:
        seen.in_all, seen.run = seen.in_all + 1, seen.run + 1
        seen.longest = max(seen.longest, seen.run)
        return real(*arguments)

    monkeypatch.setattr(asking_together, "_judge", counted)
    task = asyncio.create_task(seen.others())
    yield seen
    task.cancel()


async def test_others_have_their_turn_between_two_judgements(alone: World, judgements: Judgements) -> None:
    """Counted, not timed. Catches a search that keeps every order waiting for as long as ten times thirty judgements
    take."""
    await ask(alone, *(leg("70.00", f"0.{20 + number}00", client_order_id=f"c-{number}") for number in range(10)))
    assert judgements.in_all > 20
    assert judgements.longest <= 2, "the last one and the whole"
    assert judgements.in_all <= 10 * 40, "bounded for each order"


async def test_questions_at_once_are_worked_out_one_after_another(alone: World, judgements: Judgements) -> None:
    """Counted, not timed. Catches searches side by side, of which each has its judgement in every turn of the loop: an
    order that comes meanwhile waits for all of them, at each of its own steps."""
    alone.time.pass_ms(2_500)
    raws = [alone.post(HEADROOM, {"orders": [leg("70.00", f"0.{20 + number}00")]}) for number in range(10)]
    answers = await asyncio.gather(*(alone.ask(raw) for raw in raws))
    assert [answer.status for answer in answers] == [200] * 10
    assert judgements.in_all > 20
    assert judgements.longest <= 2


async def test_another_clients_subaccount_is_not_asked_about(alone: World) -> None:
    """Catches a client that reads off another subaccount's room by naming it."""
    told = await ask(alone, leg("1.00", subaccount=3))
    assert [reason["code"] for reason in told["reasons"]] == ["SUBACCOUNT_NOT_OWNED"]
    assert rooms(told) == ["0.00"]


async def test_who_asks_must_sign_each_question(world: World) -> None:
    """Catches an endpoint that answers anybody, and one signature for many questions."""
    body = json.dumps({"orders": [leg("1.00")]}).encode()
    signed = world.request("POST", HEADROOM, body, key_id="rsa-key")
    assert shown(await world.ask(replace(signed, headers=signed.headers[:1])))[1] == "SIGNATURE_MISSING"
    assert (await world.ask(signed)).status == 200
    assert shown(await world.ask(replace(signed, body=body.replace(b"1.00", b"2.00"))))[1] == "SIGNATURE_REPLAYED"


async def told_everything(world: World) -> list[bytes]:
    """Answers to many questions, of many sizes and prices, as a client would ask to find out what others have used."""
    told: list[bytes] = []
    for count in (1, 500, 1_000, 1_900, 2_000, 2_100, 4_000, 7_000):
        size = format_count(Count(count))
        told.append((await answered(world, {"orders": [leg(size), leg(size, "0.3000")]})).body)
    for price in range(5, 95, 10):
        world.time.pass_ms(1_000)
        target = f"{HEADROOM}?ticker={TICKER}&side=bid&price=0.{price:02d}00"
        told.append((await world.ask(world.request("GET", target))).body)
    return told


async def test_what_others_have_used_shows_in_tenths_alone(tmp_path: Path) -> None:
    """Two accounts in which another client has used $145 and $157 of the $200 of a market answer alike, to the byte;
    one with $167 does not. Catches a question by which a client finds out to the cent what the others hold, for nothing
    and without a row: it asks for larger and larger batches, or at other prices, until a shared limit objects."""
    answers = []
    for number, count in enumerate(("35.00", "55.00", "70.00")):
        folder = tmp_path / str(number)
        folder.mkdir()
        world = open_world(folder, LIVE, test_headroom.ROOMY, ('max_position: "100"', 'max_position: "1000"'))
        for one in ("100.00", "100.00", count):
            placed = world.order("other-key", count=one, price="0.6000")
            assert (await world.ask(placed)).status == 201
        answers.append(await told_everything(world))
        await world.close()
    assert answers[0] == answers[1]
    assert answers[0] != answers[2]


async def test_a_tighter_market_beside_it_does_not_show_more(tmp_path: Path) -> None:
    """Two accounts in which another client holds 61 and 69 of the 100 contracts that a market may have answer alike,
    also where each batch begins with an order in a market that may have 10. Catches tenths of the tightest limit of
    the batch: where more than that limit is used in the other market, what is used there was told as it is, and a
    client would find it out to 0.01 by asking which counts pass."""
    tight = '  - {match: "KXBTC-TIGHT", allow: true, limits: {market: {max_position: "10"}}}\n  - match: "KXBTC-*"'
    answers = []
    for number, count in enumerate(("61.00", "69.00")):
        folder = tmp_path / str(number)
        folder.mkdir()
        world = open_world(folder, LIVE, test_headroom.ROOMY, ('  - match: "KXBTC-*"', tight))
        assert (await world.ask(world.order("other-key", count=count, price="0.5000"))).status == 201
        sizes = [format_count(Count(size)) for size in (2_900, 3_000, 3_001, 3_100, 3_500, 3_900, 3_901)]
        asked = [{"orders": [leg("1.00", ticker="KXBTC-TIGHT"), leg(size)]} for size in sizes]
        answers.append([(await answered(world, body)).body for body in asked])
        await world.close()
    assert answers[0] == answers[1]
    assert {json.loads(answer)["would_pass"] for answer in answers[0]} == {True, None}


async def test_where_others_decide_alone_it_is_not_told(world: World) -> None:
    """Catches a no that tells as much as the figure; what is the client's own fault is told all the same."""
    for number in range(3):
        placed = world.order("other-key", count="33.00", price="0.5000", client_order_id=f"c-{number}")
        assert (await world.ask(placed)).status == 201
    told = await ask(world, leg("20.00"))
    assert (told["would_pass"], rooms(told)) == (None, [None])
    assert {(one["observed"], one["rule"]) for one in told["reasons"]} == {
        ("too much with other clients'", "limits.market.max_position")
    }
    told = await ask(world, leg("71.00"))
    assert told["would_pass"] is False
    assert "60" not in json.dumps([one for one in told["reasons"] if one["rule"].startswith("limits.")])
