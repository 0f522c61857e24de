"""Room on the disk: what is taken with little left, and what the operator is told."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.builders import amend, order

from pretrade.gateway.machine.clock import Clock
from pretrade.gateway.machine.disk import LOOK_AGAIN_MS, DiskRoom, Watch
from pretrade.model.codes import DenyCode
from pretrade.model.orders import CancelAll, CancelOrder, CreateBatch, CreateOrder, Write

MORE_THAN_ANY_DISK = 2**62

WRITES: dict[str, tuple[Write, bool]] = {
    "create": (CreateOrder(order()), False),
    "batch": (CreateBatch((order(), order())), False),
    "amend": (amend(), False),
    "cancel": (CancelOrder("o-1"), True),
    "cancel all": (CancelAll(), True),
}


@pytest.mark.parametrize("name", WRITES)
def test_with_little_room_only_exits_pass(tmp_path: Path, name: str) -> None:
    """Catches: a floor for exits as well, or for none."""
    write, passes = WRITES[name]
    assert DiskRoom(tmp_path, Clock(), floor=1).refusal(write) is None
    refusal = DiskRoom(tmp_path, Clock(), floor=MORE_THAN_ANY_DISK).refusal(write)
    assert (refusal is None) is passes
    if refusal is not None:
        assert refusal.code is DenyCode.JOURNAL_UNAVAILABLE
        assert "Make room there" in refusal.detail


def test_a_disk_that_cannot_be_looked_at_has_no_room(tmp_path: Path) -> None:
    """Catches: unknown taken for enough."""
    refusal = DiskRoom(tmp_path / "gone", Clock(), floor=1).refusal(CreateOrder(order()))
    assert refusal is not None
    assert "cannot be looked at: No such file or directory" in refusal.detail


def test_room_is_looked_at_again_soon_and_the_want_of_it_at_once(tmp_path: Path) -> None:
    """Catches: orders taken on a disk that was found with room once; orders refused after room was made."""
    folder, now_ms = tmp_path / "state", [1_000]
    disk = DiskRoom(folder, Clock(monotonic_ns=lambda: now_ms[0] * 1_000_000), floor=1)

    def passes() -> bool:
        return disk.refusal(CreateOrder(order())) is None

    assert not passes()
    folder.mkdir()
    assert passes()
    folder.rmdir()
    now_ms[0] += LOOK_AGAIN_MS
    assert not passes()
    folder.mkdir()
    assert passes()
    assert disk.refusal(CancelOrder("o-1")) is None


@dataclass
class SomeJournal:
    last_error: str | None = None
    lost: int = 0


def test_trouble_is_told_when_it_begins_and_when_it_is_over(tmp_path: Path) -> None:
    """Catches: a line every second; an end that nobody hears of; a good start that is told as an end."""
    journal = SomeJournal()
    watch = Watch(journal, DiskRoom(tmp_path, Clock(), floor=1))  # type: ignore[arg-type]
    with capture_logs() as told:
        watch.look()
        journal.last_error = "disk I/O error"
        watch.look()
        watch.look()
        journal.last_error, journal.lost = None, 3
        watch.look()
        watch.look()
    assert [(line["event"], line["what"]) for line in told] == [("trouble", "journal"), ("trouble_over", "journal")]
    assert (told[0]["detail"], told[1]["lost_rows"]) == ("disk I/O error", 3)
