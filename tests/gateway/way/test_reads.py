"""Reads go through as they came, signed where the endpoint needs it, and are recorded in batches."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.fakes import HOST, LIVE_KEY, ROOT, Disk, World, always, answered, open_world, shown

from pretrade.gateway.stops.halt_file import HALT_FILE
from pretrade.gateway.way.reads import BATCH
from pretrade.journal.events import EventKind
from pretrade.kalshi.client import Answer as ExchangeAnswer
from pretrade.kalshi.client import NotSent, Unknown
from pretrade.kalshi.keys import signing_text

BALANCE, MARKETS = f"{ROOT}/portfolio/balance", f"{ROOT}/markets"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = open_world(tmp_path)
    yield world
    await world.close()


async def reads(world: World) -> list[dict[str, Any]]:
    """What is recorded of reads, row by row."""
    return await world.bodies(EventKind.READS)


async def test_a_signed_read_carries_the_live_signature_and_no_header_of_the_clients(world: World) -> None:
    """Catches a query that is signed (the exchange signs the path alone), and a client's header passed on."""
    raw = world.request("GET", f"{BALANCE}?subaccount=0&x=%20")
    raw = replace(raw, headers=(*raw.headers, ("cookie", "a=b"), ("authorization", "Bearer x")))
    assert (await world.ask(raw)).status == 200
    (sent,) = world.upstream.sent
    assert (sent.method, sent.target, sent.body) == ("GET", f"{BALANCE}?subaccount=0&x=%20", b"")
    headers = dict(sent.headers)
    assert set(headers) == {"KALSHI-ACCESS-KEY", "KALSHI-ACCESS-TIMESTAMP", "KALSHI-ACCESS-SIGNATURE"}
    text = signing_text(headers["KALSHI-ACCESS-TIMESTAMP"], "GET", BALANCE)
    LIVE_KEY.public_key().verify(base64.b64decode(headers["KALSHI-ACCESS-SIGNATURE"]), text)  # type: ignore[call-arg]
    assert world.upstream.writes == []


async def test_a_public_read_is_not_signed(world: World) -> None:
    """Catches a live signature spent where nobody asks for one."""
    await world.ask(world.request("GET", f"{MARKETS}?limit=5"))
    (sent,) = world.upstream.sent
    assert (sent.target, sent.headers) == (f"{MARKETS}?limit=5", ())


@pytest.mark.parametrize(
    "answer",
    [
        answered(200, {"markets": []}),
        ExchangeAnswer(200, "text/csv", b"a,b\n"),
        answered(404, {"error": {"code": "not_found", "message": "x"}}),
        answered(429, {"error": "too many requests"}),
        answered(500),
        answered(204),
    ],
)
async def test_an_answer_passes_as_it_came(world: World, answer: ExchangeAnswer) -> None:
    """Catches market data that is written anew on its way."""
    world.upstream.on_send = always(answer)
    told = await world.ask(world.request("GET", MARKETS))
    assert (told.status, told.body, told.content_type) == (answer.status, answer.body, answer.content_type)
    assert told.decision_id == ""


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (NotSent("could not connect to the exchange"), (503, "EXCHANGE_UNREACHABLE")),
        (Unknown("no whole answer came before the deadline"), (504, "EXCHANGE_SILENT")),
        (answered(401, {"error": {"code": "authentication_error", "message": "x"}}), (503, "LIVE_KEY_REFUSED")),
    ],
)
async def test_no_answer_and_a_refused_live_key_are_told_in_our_words(
    world: World, answer: ExchangeAnswer | Exception, seen: tuple[int, str]
) -> None:
    """Catches a 401 that makes a client doubt its own key, and an "outcome unknown" for what cannot have one."""
    world.upstream.on_send = always(answer)
    told = await world.ask(world.request("GET", BALANCE))
    assert shown(told) == seen
    assert not told.outcome_unknown
    (event,) = await world.rows(EventKind.REFUSAL)
    assert event.decision_id == told.decision_id
    assert json.loads(event.body)["client"] == "bot"


async def test_reads_are_one_row_a_batch(world: World) -> None:
    """Catches a row for each read, and reads lost between two batches."""
    for _ in range(BATCH + 3):
        await world.ask(world.request("GET", MARKETS))
    assert [body["count"] for body in await reads(world)] == [BATCH]
    world.gate.flush()
    world.gate.flush()
    bodies = await reads(world)
    assert [(body["count"], len(body["reads"])) for body in bodies] == [(BATCH, BATCH), (3, 3)]
    assert len(await world.rows()) == 2


async def test_a_read_is_recorded_with_who_what_and_when(world: World) -> None:
    """Catches a read without its client, and a query that grows the log without end."""
    long = "x=" + "y" * 1_000
    await world.ask(world.request("GET", f"{BALANCE}?{long}"))
    world.gate.flush()
    ((read,),) = [body["reads"] for body in await reads(world)]
    assert {name: read[name] for name in ("client", "door", "method", "path", "status")} == {
        "client": "bot",
        "door": "proxy",
        "method": "GET",
        "path": BALANCE,
        "status": 200,
    }
    assert read["query"] == long[:200]
    assert read["utc"].startswith("2026-11-21T17:00:00")
    assert isinstance(read["us"], int)


async def test_reads_pass_in_every_state(tmp_path: Path) -> None:
    """Catches a halt or the role R that blinds a client: it could not even see its orders."""
    world = open_world(tmp_path, ("role: W ", "role: R "))
    (tmp_path / HALT_FILE).mkdir()
    assert (await world.ask(world.request("GET", BALANCE))).status == 200
    assert shown(await world.ask(world.order())) == (403, "ROLE_READ_ONLY")
    await world.close()


async def test_reads_pass_without_a_journal(world: World) -> None:
    """A read changes nothing. Catches a full disk that blinds a client."""
    Disk(world).error = OSError("disk full")
    assert (await world.ask(world.request("GET", BALANCE))).status == 200


async def test_a_read_needs_a_client(world: World) -> None:
    """Catches account data, signed with the live key, for anybody on the network."""
    raw = world.request("GET", BALANCE)
    assert shown(await world.ask(replace(raw, headers=(("host", HOST),)))) == (403, "SIGNATURE_MISSING")
    assert world.upstream.sent == []
