"""Every refusal becomes a row, a flood of them one counted row a second, and every id given out is in the log."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.gateway.fakes import HOST, START_NS, Disk, World, open_world

from pretrade.gateway.messages import Answer, Door, RawRequest, Refusal
from pretrade.gateway.way.refusals import FULL_ROWS, FloodGuard, Refuser, new_decision_id
from pretrade.journal.events import EventKind, utc_text
from pretrade.model.codes import CODES, DenyCode

UNKNOWN = Refusal(DenyCode.ENDPOINT_UNKNOWN, "the catalogue does not know this method and path")
STALE = Refusal(DenyCode.SIGNATURE_STALE, "too old")
RAW = RawRequest(
    Door.PROXY, "GET", "/nowhere?secret=1", "HTTP/1.1", (("host", HOST),), b"", connect=(HOST, 443), sni=HOST
)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = open_world(tmp_path)
    yield world
    await world.close()


@pytest.fixture
def flood(world: World) -> FloodGuard:
    return world.instance.flood


@pytest.fixture
def refuser(world: World, flood: FloodGuard) -> Refuser:
    return Refuser(world.instance.journal, flood)


async def full(world: World) -> list[str | None]:
    return [event.decision_id for event in await world.rows(EventKind.REFUSAL)]


async def counted(world: World) -> list[tuple[str | None, int, str]]:
    """(id, count, code) of the counted rows."""
    rows = await world.rows(EventKind.REFUSALS)
    return [(row.decision_id, json.loads(row.body)["count"], json.loads(row.body)["code"]) for row in rows]


async def test_a_refusal_says_what_was_refused_at_which_step(world: World, refuser: Refuser) -> None:
    """Catches a row without its step or its reason, and a query (which may hold anything) in the log."""
    answer = refuser.refuse(UNKNOWN, RAW, client="bot", laps={"identify": 4})
    (event,) = await world.rows(EventKind.REFUSAL)
    assert event.decision_id == answer.decision_id
    assert json.loads(event.body) == {
        "client": "bot",
        "step": "endpoint",
        "code": "ENDPOINT_UNKNOWN",
        "retryable": False,
        "detail": UNKNOWN.detail,
        "door": "proxy",
        "method": "GET",
        "path": "/nowhere",
        "host": HOST,
        "latency_us": {"identify": 4},
    }


@pytest.mark.parametrize("code", DenyCode)
async def test_every_code_is_answered_with_its_status_and_id(refuser: Refuser, code: DenyCode) -> None:
    """Catches a refusal that a client could take for an answer of the exchange."""
    answer = refuser.refuse(Refusal(code, "seen"), RAW)
    body = json.loads(answer.body)
    assert (answer.status, body["code"], body["decision_id"]) == (CODES[code].status, code, answer.decision_id)
    assert body["message"] == "seen"
    assert (body["retryable"], "retry_at" in body) == (CODES[code].is_retryable, False)


async def test_a_known_moment_is_in_the_answer_and_in_the_row(world: World, refuser: Refuser) -> None:
    """Catches a counted refusal that lacks it: it is the flood's own answer that must end it."""
    full = Refusal(DenyCode.STREAMS_EXCEED_MAXIMUM, "too many", START_NS // 10**6 + 1_500)
    told = {json.loads(refuser.refuse(full, RAW).body)["retry_at"] for _ in range(FULL_ROWS + 2)}
    assert told == {utc_text(START_NS + 1_500_000_000)}
    assert {body["retry_at"] for body in await world.bodies(EventKind.REFUSAL)} == told
    world.gate.flush(everything=True)
    assert [body["retryable"] for body in await world.bodies(EventKind.REFUSALS)] == [2]


async def test_a_strangers_bytes_are_escaped_and_cut(world: World, refuser: Refuser) -> None:
    """Catches a log that a request can write lines into, or grow without end."""
    odd = replace(RAW, method="G\r\n" * 9, target="/\x1b[2J" + "\u00e9" * 5_000, connect=("h\n" * 500, 443))
    refuser.refuse(UNKNOWN, odd)
    (body,) = await world.bodies(EventKind.REFUSAL)
    shown = [body["method"], body["path"], body["host"]]
    assert all(text.isascii() and text.isprintable() for text in shown)
    assert [len(text) for text in shown] == [16, 200, 100]


async def test_what_was_no_request_has_a_row_too(world: World, refuser: Refuser) -> None:
    """Catches bytes that mitmproxy could not read and that leave no trace."""
    refuser.refuse(Refusal(DenyCode.REQUEST_MALFORMED, "bad request line"), None)
    (body,) = await world.bodies(EventKind.REFUSAL)
    assert body == {
        "client": None,
        "step": "destination",
        "code": "REQUEST_MALFORMED",
        "retryable": False,
        "detail": "bad request line",
    }


async def test_a_flood_is_ten_rows_and_one_counted_row_a_second(world: World, refuser: Refuser) -> None:
    """Catches a client that fills the disk, and one whose refusals are only partly counted."""
    answers = [refuser.refuse(UNKNOWN, RAW, client="bot") for _ in range(1_000)]
    assert len(await full(world)) == FULL_ROWS == 10
    assert await counted(world) == []
    world.time.pass_ms(1_000)
    world.gate.flush()
    assert await counted(world) == [(answers[-1].decision_id, 990, "ENDPOINT_UNKNOWN")]
    refuser.refuse(UNKNOWN, RAW, client="bot")
    assert len(await full(world)) == 11


async def test_every_id_in_a_clients_hand_is_in_the_log(world: World, refuser: Refuser) -> None:
    """Catches an id that the operator looks up and finds nothing for."""
    given: set[str | None] = set()
    for _ in range(5):
        given |= {refuser.refuse(UNKNOWN, RAW, client="bot").decision_id for _ in range(25)}
        world.time.pass_ms(700)
    world.gate.flush(everything=True)
    logged = set(await full(world)) | {name for name, *_ in await counted(world)}
    assert given == logged


async def test_clients_and_codes_are_counted_apart(world: World, refuser: Refuser) -> None:
    """Catches one noisy client that hides another one's refusals, or one code that hides another."""
    for client, refusal in (("bot", UNKNOWN), ("other", UNKNOWN), ("bot", STALE), (None, UNKNOWN)):
        for _ in range(FULL_ROWS + 2):
            refuser.refuse(refusal, RAW, client=client)
    world.gate.flush(everything=True)
    assert len(await full(world)) == 4 * FULL_ROWS
    bodies = await world.bodies(EventKind.REFUSALS)
    assert [(body["client"], body["code"], body["count"]) for body in bodies] == [
        ("bot", "ENDPOINT_UNKNOWN", 2),
        ("other", "ENDPOINT_UNKNOWN", 2),
        ("bot", "SIGNATURE_STALE", 2),
        (None, "ENDPOINT_UNKNOWN", 2),
    ]


async def test_a_new_window_writes_the_counts_of_the_last_one(world: World, refuser: Refuser) -> None:
    """Catches counts lost when the next second begins before the housekeeping came round."""
    for _ in range(FULL_ROWS + 3):
        refuser.refuse(UNKNOWN, RAW, client="bot")
    world.time.pass_ms(1_000)
    refuser.refuse(UNKNOWN, RAW, client="bot")
    assert [count for _, count, _ in await counted(world)] == [3]


async def test_nothing_is_lost_at_the_end(world: World, refuser: Refuser) -> None:
    """Catches counts of the last second that a stop forgets."""
    sent = 0
    for burst in (5, 40, 11, 10):
        sent += burst
        for _ in range(burst):
            refuser.refuse(UNKNOWN, RAW, client="bot")
        world.time.pass_ms(1_000)
        world.gate.flush()
    for _ in range(30):
        refuser.refuse(STALE, RAW, client="bot")
    world.gate.flush()
    world.gate.flush(everything=True)
    world.gate.flush(everything=True)
    total = len(await full(world)) + sum(count for _, count, _ in await counted(world))
    assert total == sent + 30


async def test_a_counted_row_says_from_when_to_when(world: World, refuser: Refuser) -> None:
    """The first and the last of those counted, in wall time."""
    for _ in range(FULL_ROWS):
        refuser.refuse(UNKNOWN, RAW, client="bot")
    for _ in range(3):
        world.time.pass_ms(100)
        refuser.refuse(UNKNOWN, RAW, client="bot")
    world.gate.flush(everything=True)
    (body,) = await world.bodies(EventKind.REFUSALS)
    moments = (utc_text(START_NS + 100_000_000), utc_text(START_NS + 300_000_000))
    assert (body["first_utc"], body["last_utc"], body["step"]) == (*moments, "endpoint")


async def test_a_clock_set_back_ends_no_window(world: World, refuser: Refuser) -> None:
    """Windows go by monotonic time. Catches a wall clock that, set back, counts for hours into one row."""
    for _ in range(FULL_ROWS + 1):
        refuser.refuse(UNKNOWN, RAW, client="bot")
    world.time.utc_ns -= 3_600 * 10**9
    world.time.mono_ns += 10**9
    world.gate.flush()
    assert [count for _, count, _ in await counted(world)] == [1]


async def test_a_refusal_is_answered_though_it_cannot_be_recorded(world: World, refuser: Refuser) -> None:
    """Nothing was sent, so nothing waits for the row. Catches a full disk that turns refusals into faults."""
    Disk(world).error = OSError("disk full")
    answers: list[Answer] = [refuser.refuse(UNKNOWN, RAW) for _ in range(12)]
    assert {answer.status for answer in answers} == {403}


async def test_a_fault_has_a_row_that_names_the_hook(world: World) -> None:
    """Catches a fault that only the process log knows: the client has its id in hand."""
    world.gate.note_fault("d-9", "request")
    assert await world.rows(EventKind.REFUSAL) == []
    world.gate.flush()
    (event,) = await world.rows(EventKind.REFUSAL)
    body = json.loads(event.body)
    assert (event.decision_id, body["code"], body["step"]) == ("d-9", "INTERNAL_FAULT", "fault")
    assert "request" in body["detail"]


async def test_a_storm_of_faults_keeps_a_bound(world: World) -> None:
    """Catches a fault in a loop that eats all memory."""
    for number in range(1_000):
        world.gate.note_fault(f"d-{number}", "request")
    world.gate.flush()
    assert len(await full(world)) == 100


def test_ids_are_plain_and_never_the_same() -> None:
    """Catches ids that can be guessed or that come twice."""
    ids = {new_decision_id() for _ in range(1_000)}
    assert len(ids) == 1_000
    assert all(len(name) == 18 and name.startswith("d-") and name.isascii() for name in ids)
