"""Snapshots: taken when there is reason to, never in between, and a start from the last one is the same ledger."""

from pathlib import Path

import pytest
from tests.gateway.fakes import LIVE, Disk, NoEnds, always, open_world, until
from tests.risk.kit import state, totals

from pretrade.gateway.account import snapshots
from pretrade.gateway.account.restore import FOLDED, fold
from pretrade.gateway.account.snapshots import Snapshots, last
from pretrade.journal.errors import JournalError
from pretrade.journal.events import EventKind
from pretrade.journal.reader import read_events
from pretrade.kalshi.client import Unknown
from pretrade.kalshi.wire import describe
from pretrade.model.orders import UNKNOWN_FLAGS
from pretrade.risk.ledger.state import STATE, state_of

NO_ANSWER = always(Unknown("no whole answer came before the deadline"))


async def test_a_start_from_a_snapshot_gives_the_ledger_of_all_rows(tmp_path: Path) -> None:
    """Orders that rest, one of unknown fate, and more after the snapshot. Catches a snapshot that forgets any of it, or
    rows that are folded twice."""
    world = open_world(tmp_path, LIVE)
    await world.ask(world.order(client_order_id="c-1"))
    world.upstream.on_send = NO_ANSWER
    await world.ask(world.order(client_order_id="c-2", count="2.00"))
    seq = await Snapshots(world.instance).take()
    await world.ask(world.order(client_order_id="c-3", count="3.00"))
    await world.instance.journal.settled()
    snapshot = last(world.path)
    assert snapshot.seq == seq and len(snapshot.ledger.pending) == 1
    whole = fold(read_events(world.path, kinds=FOLDED))
    rest = fold((event for event in read_events(world.path, kinds=FOLDED) if event.seq > seq), snapshot.ledger)
    assert state(rest) == state(whole) and totals(rest) == totals(whole)
    assert len(rest.pending) == 2
    await world.close()


def test_without_a_snapshot_a_start_reads_everything(tmp_path: Path) -> None:
    """Catches a first start that fails, or begins past its rows."""
    world = open_world(tmp_path, LIVE)
    snapshot = last(world.path)
    assert (snapshot.seq, snapshot.ledger.pending, snapshot.unread) == (0, {}, ())


async def test_a_snapshot_that_cannot_be_read_is_no_empty_ledger(tmp_path: Path) -> None:
    """Catches a start that trades with nothing counted because a row was of another form."""
    world = open_world(tmp_path, LIVE)
    await world.instance.journal.append(EventKind.SNAPSHOT, {"ledger": {"trading_state": "ACTIVE"}, "unread": []})
    with pytest.raises(JournalError, match=r"row 1 \(snapshot\) cannot be read back"):
        last(world.path)
    await world.close()


async def test_a_snapshot_of_before_flags_were_kept_is_read(tmp_path: Path) -> None:
    """Catches a log that an upgrade cannot start on, and an order of then that is taken for one with a policy's
    flags."""
    world = open_world(tmp_path, LIVE)
    await world.ask(world.order(post_only=True))
    body = STATE.dump_python(state_of(world.instance.ledger, describe), mode="json")
    for order in body["live"]["orders"]:
        assert order.pop("flags")[0] is True
    await world.instance.journal.append(EventKind.SNAPSHOT, {"ledger": body, "unread": []})
    (order,) = last(world.path).ledger.live.orders.values()
    assert order.flags == UNKNOWN_FLAGS
    await world.close()


async def taken(path: Path) -> int:
    return sum(1 for _ in read_events(path, kinds=(EventKind.SNAPSHOT,)))


async def test_one_is_taken_after_so_many_rows_and_when_a_day_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Catches a start that has to read a week, and a snapshot every second."""
    monkeypatch.setattr(snapshots, "EVERY_ROWS", 4)
    world = open_world(tmp_path, LIVE)
    taking = Snapshots(world.instance)
    seen = []
    for number in range(3):
        await world.ask(world.order(client_order_id=f"c-{number}"))
        taking.look()
        taking.look()
        await world.instance.journal.settled()
        seen.append(await taken(world.path))
    assert seen == [0, 1, 1]  # an order is two rows
    world.instance.ledger.live.days.begin("2026-11-22")
    taking.look()
    taking.look()
    await world.instance.journal.settled()
    assert await taken(world.path) == 2
    await world.close()


async def test_none_is_taken_while_a_withdrawal_is_on_its_way_to_disk(tmp_path: Path) -> None:
    """Its hold is in the ledger and the row that ends it stands before the snapshot. Catches a hold that comes back
    with a snapshot and that nothing frees any more."""
    world = open_world(tmp_path, LIVE)
    disk, taking = Disk(world), Snapshots(world.instance)
    disk.error = OSError("no space left on device")
    await world.ask(world.order(client_order_id="c-1"))
    assert world.instance.endings.withdrawn
    await taking.take_last()
    taking.look()
    disk.error = None
    world.gate.flush(everything=True)
    await until(lambda: not world.instance.endings.withdrawn)
    assert await taken(world.path) == 0
    await taking.take_last()
    await world.instance.journal.settled()
    assert await taken(world.path) == 1 and last(world.path).ledger.pending == {}
    await world.close()


async def test_an_end_that_was_not_recorded_is_tried_again_before_the_last_snapshot(tmp_path: Path) -> None:
    """Catches a stop after which the snapshot knows how an order ended and no row tells it: an auditor would see an
    order without an end (found by a simulated world)."""
    world = open_world(tmp_path, LIVE)
    disk = NoEnds(world)
    await world.ask(world.order(client_order_id="c-1"))
    await until(lambda: not world.instance.journal.healthy)
    disk.refuses = False
    await Snapshots(world.instance).take_last()
    await world.instance.journal.settled()
    whole = fold(read_events(world.path, kinds=FOLDED))
    assert await taken(world.path) == 1 and state(last(world.path).ledger) == state(whole)
    assert await world.outcomes() == ["accepted"]
    await world.close()


async def test_none_is_taken_while_an_end_cannot_be_recorded(tmp_path: Path) -> None:
    """The next start asks the exchange instead. Catches what the test above does, where the disk stays as it is."""
    world = open_world(tmp_path, LIVE)
    disk, taking = NoEnds(world), Snapshots(world.instance)
    await world.ask(world.order(client_order_id="c-1"))
    await taking.take_last()
    world.instance.ledger.live.days.begin("2026-11-22")
    taking.look()
    await world.instance.journal.settled()
    assert await taken(world.path) == 0
    disk.refuses = False
    await taking.take_last()
    await world.instance.journal.settled()
    assert (await taken(world.path), await world.outcomes()) == (1, ["accepted"])
    await world.close()
