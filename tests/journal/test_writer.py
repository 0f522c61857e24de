"""The journal on the event loop: order, group commit, what a future promises, and how it ends."""

import asyncio
import gc
import itertools
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pysqlite3
import pytest
from tests.journal.support import open_journal

from pretrade.journal import writer
from pretrade.journal.chain import verify
from pretrade.journal.errors import JournalError, JournalUnavailable
from pretrade.journal.events import Draft, Event, EventKind
from pretrade.journal.reader import read_events
from pretrade.journal.store import Store
from pretrade.journal.writer import Journal

DEADLINE = 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
async def journal(path: Path) -> AsyncIterator[Journal]:
    journal = open_journal(path)
    yield journal
    await journal.close()


class Gate:
    """Holds every write back until it is opened, and can break writes; everything else is the real store."""

    def __init__(self, store: Store) -> None:
        self._append = store.append
        self._write = store._write
        self.batches: list[int] = []
        self.entered = threading.Event()
        self.opened = threading.Event()
        self.error: Exception | None = None
        store.append = self.append  # type: ignore[method-assign]
        store._write = self.write  # type: ignore[method-assign]

    def append(self, drafts: Sequence[Draft]) -> int:
        self.entered.set()
        if not self.opened.wait(DEADLINE):
            raise TimeoutError
        self.batches.append(len(drafts))
        return self._append(drafts)

    def write(self, events: Sequence[Event]) -> None:
        if self.error is not None:
            raise self.error
        self._write(events)


@pytest.fixture
def gate(journal: Journal) -> Gate:
    return Gate(journal._store)


def bodies(path: Path) -> list[str]:
    events = list(read_events(path))
    assert verify(events) is None
    return [event.body for event in events]


async def test_an_event_gets_its_number_clocks_and_id(path: Path) -> None:
    utc, mono = itertools.count(1_767_225_600_000_000_000, 1_000_000), itertools.count(5)
    journal = Journal.open(path, boot="b-7", utc_now_ns=lambda: next(utc), monotonic_ns=lambda: next(mono))
    assert await journal.append(EventKind.START, {"version": "1"}) == 1
    assert await journal.append(EventKind.DECISION, {"b": 2, "a": 1}, "d-1") == 2
    await journal.close()
    first, second = read_events(path)
    assert (first.utc, first.mono_ns, first.boot, first.kind) == ("2026-01-01T00:00:00.000000Z", 5, "b-7", "start")
    assert (first.decision_id, first.body) == (None, '{"version":"1"}')
    assert (second.utc, second.mono_ns, second.kind) == ("2026-01-01T00:00:00.001000Z", 6, EventKind.DECISION)
    assert (second.decision_id, second.body) == ("d-1", '{"a":1,"b":2}')


async def test_a_future_is_resolved_after_the_commit(path: Path, journal: Journal, gate: Gate) -> None:
    """Catches: resolving a future before the row is in the file. Another connection looks at the moment of waking."""
    gate.opened.set()

    def count() -> int:
        with closing(pysqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as other:
            (rows,) = other.execute("select count(*) from events").fetchone()
            return int(rows)

    for number in range(1, 30):
        future = journal.append(EventKind.READS, {})
        seen: list[int] = []
        future.add_done_callback(lambda _, seen=seen: seen.append(count()))
        assert await future == number
        assert seen == [number]


async def test_a_future_waits_for_the_commit(journal: Journal, gate: Gate) -> None:
    """Catches: resolving a future when its event is taken from the queue, whatever the disk does."""
    future = journal.append(EventKind.READS, {})
    assert await asyncio.to_thread(gate.entered.wait, DEADLINE)
    done, _ = await asyncio.wait([future], timeout=0.05)
    assert not done
    gate.opened.set()
    assert await future == 1


async def test_order_of_calls_is_order_of_rows(path: Path, journal: Journal) -> None:
    """Catches: journal order that is not decision order, on which every fold stands."""
    calls: list[int] = []
    rows: dict[int, int] = {}

    async def client(name: int) -> None:
        for _ in range(20):
            number = len(calls)
            calls.append(number)
            rows[number] = await journal.append(EventKind.DECISION, {"n": number}, f"d-{name}")

    await asyncio.gather(*(client(name) for name in range(32)))
    assert rows == {number: number + 1 for number in range(640)}
    assert bodies(path) == [f'{{"n":{number}}}' for number in range(640)]


async def test_what_waits_is_committed_together(path: Path, journal: Journal, gate: Gate) -> None:
    """Catches: one commit a row, which makes 32 waiting orders wait for 32 turns of the disk."""
    first = journal.append(EventKind.READS, {})
    assert await asyncio.to_thread(gate.entered.wait, DEADLINE)
    others = [journal.append(EventKind.READS, {}) for _ in range(100)]
    gate.opened.set()
    assert await asyncio.gather(first, *others) == list(range(1, 102))
    assert gate.batches == [1, 100]


async def test_what_is_decided_in_one_turn_is_handed_over_at_its_end(journal: Journal, gate: Gate) -> None:
    """Catches: a crowd's first decision that goes to the disk by itself, while the others were only just not made."""
    gate.opened.set()
    decisions = [journal.append(EventKind.DECISION, {}) for _ in range(3)]
    assert not gate.entered.wait(0.05), "the writer did not wait for the end of the turn"
    assert await asyncio.wait_for(asyncio.gather(*decisions), DEADLINE) == [1, 2, 3]


_WAITED_FOR = (EventKind.START, EventKind.STOP, EventKind.POLICY, EventKind.DECISION, EventKind.TRADING_STATE)


@pytest.fixture
def long_linger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "LINGER_S", 3600)


@pytest.mark.usefixtures("long_linger")
@pytest.mark.parametrize("kind", _WAITED_FOR)
async def test_what_permits_something_goes_to_the_disk_at_once(journal: Journal, kind: EventKind) -> None:
    """Catches: a decision that lingers, so that every order waits, or a halt that is lost when the power fails."""
    assert await asyncio.wait_for(journal.append(kind, {}), DEADLINE) == 1


@pytest.mark.usefixtures("long_linger")
async def test_an_outcome_goes_to_the_disk_with_the_next_decision(path: Path, journal: Journal, gate: Gate) -> None:
    """Catches: a commit for each row, so that a decision waits for the outcome before it; and a change of order."""
    gate.opened.set()
    for number in range(3):
        outcome = journal.append(EventKind.OUTCOME, {"n": 2 * number}, "d-1")
        done, _ = await asyncio.wait([outcome], timeout=0.02)
        assert not done
        decision = journal.append(EventKind.DECISION, {"n": 2 * number + 1}, "d-2")
        assert await asyncio.wait_for(decision, DEADLINE) == 2 * number + 2
        assert outcome.done()
    assert gate.batches == [2, 2, 2]
    assert bodies(path) == [f'{{"n":{number}}}' for number in range(6)]


@pytest.mark.parametrize("kind", [kind for kind in EventKind if kind not in _WAITED_FOR])
async def test_what_lingers_goes_to_the_disk_by_itself(journal: Journal, kind: EventKind) -> None:
    """Catches: the last outcome of a quiet day that is not in the file before the next order comes."""
    assert await asyncio.wait_for(journal.append(kind, {}), DEADLINE) == 1
    assert await asyncio.wait_for(journal.append(kind, {}), DEADLINE) == 2


@pytest.mark.usefixtures("long_linger")
async def test_what_lingers_at_the_end_is_written(path: Path) -> None:
    """Catches: a clean stop that forgets how the last orders ended."""
    journal = open_journal(path)
    futures = [journal.append(EventKind.OUTCOME, {"n": number}) for number in range(3)]
    await journal.close()
    assert [future.result() for future in futures] == [1, 2, 3]
    assert bodies(path) == ['{"n":0}', '{"n":1}', '{"n":2}']


@pytest.mark.usefixtures("long_linger")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_what_lingers_learns_of_a_dead_writer(path: Path) -> None:
    """Catches: an outcome that nobody keeps for later, because it is neither written nor refused."""
    journal = open_journal(path)
    gate = Gate(journal._store)
    gate.error = ZeroDivisionError("a bug")
    first = journal.append(EventKind.DECISION, {})
    assert await asyncio.to_thread(gate.entered.wait, DEADLINE)
    lingering = journal.append(EventKind.OUTCOME, {})
    gate.opened.set()
    for future in (first, lingering):
        with pytest.raises(JournalUnavailable, match="fault in the program"):
            await asyncio.wait_for(future, DEADLINE)
    assert journal.lost == 2
    await journal.close()


async def test_a_batch_has_its_bound(path: Path, journal: Journal, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches: what is beyond the bound lost, written twice or out of its turn."""
    monkeypatch.setattr(writer, "MAX_BATCH", 10)
    futures = [journal.append(EventKind.READS, {"n": number}) for number in range(25)]
    gate.opened.set()
    assert await asyncio.wait_for(asyncio.gather(*futures), DEADLINE) == list(range(1, 26))
    assert gate.batches == [10, 10, 5]
    assert bodies(path) == [f'{{"n":{number}}}' for number in range(25)]


async def test_what_is_beyond_the_bound_at_the_end_is_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches: a stop in the middle of what was handed over in one turn."""
    monkeypatch.setattr(writer, "MAX_BATCH", 10)
    journal = open_journal(path)
    futures = [journal.append(EventKind.DECISION, {"n": number}) for number in range(25)]
    await journal.close()
    assert [future.result() for future in futures] == list(range(1, 26))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_what_is_beyond_the_bound_learns_of_a_dead_writer(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches: events that the writer had taken and not begun on, and that nobody resolves when it dies."""
    monkeypatch.setattr(writer, "MAX_BATCH", 2)
    journal = open_journal(path)
    gate = Gate(journal._store)
    gate.error = ZeroDivisionError("a bug")
    futures = [journal.append(EventKind.DECISION, {}) for _ in range(5)]
    gate.opened.set()
    results = await asyncio.wait_for(asyncio.gather(*futures, return_exceptions=True), DEADLINE)
    assert {type(result) for result in results} == {JournalUnavailable}
    assert journal.lost == 5
    await journal.close()


async def test_too_many_waiting_events_are_refused_at_once(
    journal: Journal, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Catches: a stuck disk that fills the memory, and a refusal that comes only when the disk is back."""
    monkeypatch.setattr(writer, "MAX_WAITING", 5)
    futures = [journal.append(EventKind.READS, {}) for _ in range(5)]
    refused = journal.append(EventKind.READS, {})
    assert refused.done()
    with pytest.raises(JournalUnavailable, match="5 events are waiting"):
        await refused
    gate.opened.set()
    assert await asyncio.gather(*futures) == [1, 2, 3, 4, 5]
    assert await journal.append(EventKind.READS, {}) == 6


@pytest.mark.parametrize(
    "error",
    [pysqlite3.OperationalError("disk I/O error"), OSError(28, "No space left on device"), JournalError("gone")],
)
async def test_a_fault_fails_its_events_and_passes(path: Path, journal: Journal, gate: Gate, error: Exception) -> None:
    """Catches: a writer that dies of the first fault, or that reports events of a failed commit as recorded."""
    gate.opened.set()
    await journal.append(EventKind.READS, {"n": 0})
    assert (journal.healthy, journal.last_error, journal.lost) == (True, None, 0)
    gate.error = error
    futures = [journal.append(EventKind.READS, {"n": 1}) for _ in range(3)]
    results = await asyncio.gather(*futures, return_exceptions=True)
    assert {type(result) for result in results} == {JournalUnavailable}
    assert str(error) in str(results[0])
    assert len({id(result) for result in results}) == 3, "one exception object for each who waits"
    assert (journal.healthy, journal.lost) == (False, 3)
    assert str(error) in str(journal.last_error)
    gate.error = None
    assert await journal.append(EventKind.READS, {"n": 2}) == 2
    assert (journal.healthy, journal.last_error, journal.lost) == (True, None, 3)
    assert bodies(path) == ['{"n":0}', '{"n":2}']


async def test_a_cancelled_waiter_harms_nobody(path: Path, journal: Journal, gate: Gate) -> None:
    """Catches: an answer to a future that is done, which would end the whole batch; the event is recorded."""
    futures = [journal.append(EventKind.READS, {"n": number}) for number in range(4)]
    waiter = asyncio.ensure_future(asyncio.wait_for(futures[1], DEADLINE))
    await asyncio.sleep(0)
    waiter.cancel()
    futures[2].cancel()
    gate.opened.set()
    assert await futures[0] == 1
    assert await futures[3] == 4
    assert futures[1].cancelled()
    assert bodies(path) == [f'{{"n":{number}}}' for number in range(4)]


async def test_settled_waits_for_all_that_was_handed_in(
    journal: Journal, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Catches: what counts as settled because the last event was refused at once, or because nobody waits for it any
    more, while those before it are still on their way."""
    monkeypatch.setattr(writer, "MAX_WAITING", 3)
    futures = [journal.append(EventKind.DECISION, {"n": number}) for number in range(3)]
    futures[-1].cancel()
    assert journal.append(EventKind.READS, {}).done()
    settled = [asyncio.ensure_future(journal.settled()) for _ in range(2)]
    await asyncio.to_thread(gate.entered.wait, DEADLINE)
    settled[0].cancel()
    assert not settled[1].done() and not futures[0].done()
    gate.opened.set()
    await asyncio.wait_for(settled[1], DEADLINE)
    assert [future.done() for future in futures] == [True] * 3
    await journal.settled()


async def test_nobody_needs_to_look(journal: Journal, gate: Gate) -> None:
    """Catches: a warning of asyncio for every event of a flood that nobody waits for."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    gate.error = pysqlite3.OperationalError("disk I/O error")
    gate.opened.set()
    for _ in range(50):
        journal.record(EventKind.READS, {})
    with pytest.raises(JournalUnavailable):
        await journal.append(EventKind.READS, {})
    gate.error = None  # its traceback keeps the batch alive, and asyncio complains when a future is forgotten
    await asyncio.sleep(0)
    gc.collect()
    assert complaints == []
    assert journal.lost == 51


@pytest.mark.parametrize(
    ("body", "decision_id", "error"),
    [
        ({"price": 0.5}, None, TypeError),
        ({"a": 2**64}, None, ValueError),
        ({}, "", ValueError),
        ({}, "d\n", ValueError),
    ],
)
async def test_what_cannot_be_written_exactly_is_refused_at_once(
    path: Path, journal: Journal, body: dict[str, Any], decision_id: str | None, error: type[Exception]
) -> None:
    """Catches: one bad event that makes the whole batch of others fail."""
    with pytest.raises(error):
        journal.append(EventKind.READS, body, decision_id)
    assert await journal.append(EventKind.READS, {}) == 1


async def test_a_body_is_fixed_when_it_is_handed_in(path: Path, journal: Journal) -> None:
    body = {"n": 1}
    future = journal.append(EventKind.READS, body)
    body["n"] = 2
    await future
    assert bodies(path) == ['{"n":1}']


async def test_close_writes_what_waits_and_leaves_one_file(path: Path) -> None:
    journal = open_journal(path)
    futures = [journal.append(EventKind.READS, {"n": number}) for number in range(500)]
    await journal.close()
    assert [future.result() for future in futures] == list(range(1, 501))
    assert sorted(file.name for file in path.parent.iterdir()) == ["journal.db", "journal.lock"]
    await journal.close()
    with pytest.raises(JournalUnavailable, match="closed"):
        await journal.append(EventKind.STOP, {})
    assert not journal.healthy
    again = open_journal(path, "boot-2")
    assert await again.append(EventKind.START, {}) == 501
    await again.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_bug_in_the_writer_leaves_nobody_waiting(path: Path) -> None:
    """Catches: a dead thread whose queue is filled for ever, so that orders wait instead of being denied."""
    journal = open_journal(path)
    gate = Gate(journal._store)
    first = journal.append(EventKind.READS, {})
    assert await asyncio.to_thread(gate.entered.wait, DEADLINE)
    others = [journal.append(EventKind.READS, {}) for _ in range(3)]
    gate.error = ZeroDivisionError("a bug")
    gate.opened.set()
    for future in (first, *others):
        with pytest.raises(JournalUnavailable, match="fault in the program"):
            await asyncio.wait_for(future, DEADLINE)
    with pytest.raises(JournalUnavailable, match="fault in the program"):
        await journal.append(EventKind.READS, {})
    assert (journal.healthy, journal.lost) == (False, 5)
    await journal.close()
    reopened = open_journal(path)
    assert await reopened.append(EventKind.READS, {}) == 1
    await reopened.close()


async def test_one_journal_a_process(path: Path, journal: Journal) -> None:
    with pytest.raises(JournalError, match="in use by another process"):
        open_journal(path)


async def test_a_nameless_run_is_refused(path: Path) -> None:
    with pytest.raises(ValueError, match="the name of the run"):
        open_journal(path, "")
