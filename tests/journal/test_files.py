"""The journal's files in the file system: what is refused, and who may have the journal."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pretrade.journal.errors import JournalError
from pretrade.journal.files import Lock, create_file, require_private
from pretrade.journal.store import Store


def test_new_files_are_private_whatever_the_umask(tmp_path: Path) -> None:
    """Catches: a journal that others can read. Its write-ahead log takes over its mode."""
    before = os.umask(0)
    try:
        store = Store.open(tmp_path / "journal.db")
        modes = {file.name: stat.S_IMODE(file.lstat().st_mode) for file in tmp_path.iterdir()}
        store.close()
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("journal.db", "journal.db-wal", "journal.db-shm", "journal.lock"), 0o600)


def test_create_never_takes_over_a_file(tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("there", "link"):
        with pytest.raises(FileExistsError):
            create_file(tmp_path / name)
    assert not (tmp_path / "elsewhere").exists()


def make_link(file: Path) -> None:
    file.with_name("elsewhere").touch(0o600)
    file.symlink_to("elsewhere")


def make_dangling_link(file: Path) -> None:
    file.symlink_to("nowhere")


def make_open_to_group(file: Path) -> None:
    file.touch()
    file.chmod(0o640)


def make_open_to_others(file: Path) -> None:
    file.touch()
    file.chmod(0o602)


def make_folder(file: Path) -> None:
    file.mkdir(0o700)


@pytest.mark.parametrize("name", ["journal.db", "journal.db-wal", "journal.db-shm"])
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (make_link, "is a symbolic link"),
        (make_dangling_link, "is a symbolic link"),
        (make_open_to_group, "has mode 0640.*chmod 600"),
        (make_open_to_others, "has mode 0602"),
        (make_folder, "is not a regular file"),
    ],
)
def test_a_file_that_is_not_ours_alone_is_refused(tmp_path: Path, name: str, make, message: str) -> None:
    """Catches: writing through a link that somebody laid, or into a file that others can change."""
    path = tmp_path / "journal.db"
    create_file(path)
    if name == path.name:
        path.unlink()
    make(tmp_path / name)
    with pytest.raises(JournalError, match=message):
        Store.open(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    create_file(path)
    os.chown(path, 12345, -1)
    with pytest.raises(JournalError, match="belongs to user 12345"):
        require_private(path)


OPEN_AND_WAIT = """
import sys, time
from pathlib import Path
from pretrade.journal.store import Store
store = Store.open(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    """Catches: two proxies on one journal, each counting its own orders only."""
    path = tmp_path / "journal.db"
    first = subprocess.Popen(
        [sys.executable, "-c", OPEN_AND_WAIT, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"open\n"
        with pytest.raises(JournalError, match=rf"in use by another process \(pid {first.pid}\)"):
            Store.open(path)
        first.kill()
    Store.open(path).close()


def test_the_lock_outlives_its_owner_only_as_a_file(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    lock = Lock(path)
    with pytest.raises(JournalError, match=rf"pid {os.getpid()}\)"):
        Lock(path)
    lock.release()
    Lock(path).release()


def test_a_lock_behind_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "journal.lock").symlink_to("elsewhere")
    with pytest.raises(JournalError, match="lock file"):
        Lock(tmp_path / "journal.db")


def test_a_failed_open_lets_the_lock_go(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.touch(0o644)
    with pytest.raises(JournalError, match="0644"):
        Store.open(path)
    path.chmod(0o600)
    Store.open(path).close()


def test_a_missing_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="No such file or directory"):
        Store.open(tmp_path / "missing" / "journal.db")
