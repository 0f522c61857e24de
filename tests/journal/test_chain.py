"""The chain over events in memory: each way of tampering has its finding. On files: test_tampering.py."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.journal.support import chain

from pretrade.journal.chain import GENESIS, Head, event_hash, link, verify
from pretrade.journal.events import Draft, Event, EventKind

EVENTS = chain(6)


def draft_with(body: str) -> Draft:
    return Draft("2026-01-01T00:00:00.000000Z", 7, "b", EventKind.DECISION, "d-1", body)


def documented_hash(body: bytes) -> str:
    fields = [b"3", b"2026-01-01T00:00:00.000000Z", b"7", b"b", b"decision", b"=d-1", body, b"f" * 64]
    recipe = b"pretrade journal event v1\n" + b"".join(len(field).to_bytes(8, "big") + field for field in fields)
    return hashlib.sha256(recipe).hexdigest()


def test_hash_is_the_documented_one() -> None:
    """Catches: a change of the hash's recipe, which would make every journal written so far look altered."""
    assert event_hash(draft_with('{"a":"b"}'), 3, "f" * 64) == documented_hash(b'{"a":"b"}')
    assert documented_hash(b'{"a":"b"}') == "8dd5bb98f39de3f01b76cef7d4135b3c9c0efd308852b188a0a7827bc38f5beb"


def test_a_row_of_any_length_is_hashed_whole() -> None:
    """Catches: what is hashed piece by piece with its last piece, or a byte between two of them, left out. Seen red
    with the end of the last piece not asked for."""
    for size in range(4_300):
        assert event_hash(draft_with("x" * size), 3, "f" * 64) == documented_hash(b"x" * size), size


def test_first_row_follows_genesis() -> None:
    assert (EVENTS[0].seq, EVENTS[0].prev_hash, GENESIS) == (1, "0" * 64, "0" * 64)


def test_whole_chain_holds() -> None:
    assert verify(EVENTS) is None
    assert verify([]) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("utc", "2026-01-01T00:00:00.000001Z"),
        ("mono_ns", 8),
        ("boot", "boot-2"),
        ("kind", EventKind.OUTCOME),
        ("decision_id", "d-9"),
        ("decision_id", None),
        ("decision_id", ""),
        ("body", '{"number":3}'),
        ("prev_hash", "0" * 64),
        ("hash", "0" * 64),
    ],
)
def test_a_changed_field_is_altered(field: str, value: object) -> None:
    """Catches: a field left out of the hash."""
    events = [*EVENTS[:2], replace(EVENTS[2], **{field: value}), *EVENTS[3:]]
    finding = verify(events)
    assert finding is not None
    assert (finding.kind, finding.seq) == ("altered", 3)


def relink(events: list[Event], after: Event) -> list[Event]:
    """What a forger does who can compute hashes: give events new places behind a row."""
    head, linked = Head(after.seq, after.hash), []
    for event in events:
        draft = Draft(event.utc, event.mono_ns, event.boot, event.kind, event.decision_id, event.body)
        linked.append(link(draft, head))
        head = Head(linked[-1].seq, linked[-1].hash)
    return linked


@pytest.mark.parametrize(
    ("case", "events", "kind", "seq"),
    [
        ("a row deleted", [*EVENTS[:2], *EVENTS[3:]], "missing", 3),
        ("the first row deleted", EVENTS[1:], "missing", 1),
        ("two rows changed places", [EVENTS[0], EVENTS[2], EVENTS[1], *EVENTS[3:]], "missing", 2),
        ("a row again", [*EVENTS[:3], EVENTS[2], *EVENTS[3:]], "misordered", 3),
        ("the history again at its end", [*EVENTS, EVENTS[0]], "misordered", 1),
        ("numbers changed places", [EVENTS[0], replace(EVENTS[2], seq=2), *EVENTS[3:]], "altered", 2),
        ("a row forged with its own hash", [*EVENTS[:2], *relink(EVENTS[4:5], EVENTS[1]), *EVENTS[3:]], "forked", 4),
        ("a row removed, the next relinked", [*EVENTS[:2], *relink(EVENTS[3:4], EVENTS[1]), *EVENTS[3:]], "forked", 4),
    ],
)
def test_tampering_has_its_finding(case: str, events: list[Event], kind: str, seq: int) -> None:
    finding = verify(events)
    assert finding is not None, case
    assert (finding.kind, finding.seq) == (kind, seq), case


@pytest.mark.parametrize("kept", range(6))
def test_a_cut_tail_is_not_seen(kept: int) -> None:
    """Known and documented: without a head noted elsewhere, a shorter history is a whole one."""
    assert verify(EVENTS[:kept]) is None


def test_a_tail_forged_to_its_end_is_not_seen() -> None:
    """Known and documented: whoever can compute hashes can write another history behind any row."""
    assert verify([*EVENTS[:2], *relink(EVENTS[3:], EVENTS[1])]) is None


@given(st.lists(st.integers(0, 5), min_size=1, max_size=6))
def test_only_a_beginning_of_the_history_holds(numbers: list[int]) -> None:
    """Any selection of rows in any order is found, unless it is the history from its first row on."""
    holds = verify([EVENTS[number] for number in numbers]) is None
    assert holds == (numbers == list(range(len(numbers))))
