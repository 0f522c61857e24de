"""The journal's files as the operating system sees them: who owns them, whether they are still the same, who has them.

Rule of this file: a database file is looked at with stat only. Closing any descriptor of it in this process would drop
SQLite's locks, so the one open() here makes the file, before SQLite has ever seen it.
"""

import fcntl
import os
import re
import stat
from contextlib import suppress
from pathlib import Path

from pretrade.journal.errors import JournalError

type Identity = tuple[int, int]
"""Device and inode: the same file as long as both are."""

_PID_WIDTH = 32
_NOTE = re.compile(rb" {0,19}([0-9]{1,20}) ([0-9a-f]{64})\n")


def create_file(path: Path) -> None:
    """Make an empty file of our own where there is none; never through a symbolic link.

    Raises FileExistsError, OSError.
    """
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))


def require_private(path: Path) -> None:
    """Refuse a database, or a file that SQLite keeps beside it, that somebody else could read or have put there.

    Raises JournalError; a file that is not there is fine.
    """
    for file in (path, wal_of(path), path.with_name(path.name + "-shm")):
        with suppress(FileNotFoundError):
            _require_own(file, os.lstat(file))


def _require_own(file: Path, found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise JournalError(f"{file} is a symbolic link; the journal must be a file of its own")
    if not stat.S_ISREG(found.st_mode):
        raise JournalError(f"{file} is not a regular file")
    if found.st_uid != os.geteuid():
        raise JournalError(f"{file} belongs to user {found.st_uid}, this program runs as user {os.geteuid()}")
    if found.st_mode & 0o077:
        mode = stat.S_IMODE(found.st_mode)
        raise JournalError(f"{file} has mode {mode:04o}, so others may reach it; expected 0600: chmod 600 {file}")


def wal_of(path: Path) -> Path:
    """The write-ahead log that SQLite keeps beside a database."""
    return path.with_name(path.name + "-wal")


def identity(path: Path) -> Identity:
    """Which file a name stands for now. Raises OSError when none is there."""
    found = os.lstat(path)
    return found.st_dev, found.st_ino


class Lock:
    """One process a journal: an advisory lock on `NAME.lock` beside the database, held until release or death.

    The file also says how far the journal had come, for the next run: a journal that has gone, or went back, is one
    that has forgotten orders. `noted` is what the last run left: a row's number and hash, or None.
    """

    def __init__(self, path: Path) -> None:
        """Take the lock for the journal at `path`. Raises JournalError when another process has it."""
        file = path.with_suffix(".lock")
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            self._file = os.fdopen(os.open(file, flags, 0o600), "r+b", buffering=0)
        except OSError as e:
            raise JournalError(f"cannot open the journal's lock file {file}: {e.strerror}") from e
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as e:
            holder = self._file.read(_PID_WIDTH).decode("ascii", "replace").strip() or "unknown"
            self._file.close()
            raise JournalError(f"{path} is in use by another process (pid {holder}); one proxy a journal") from e
        found = _NOTE.fullmatch(self._file.read(_PID_WIDTH + 100)[_PID_WIDTH:])
        self.noted: tuple[int, str] | None = (int(found[1]), found[2].decode()) if found else None
        self._write(f"{os.getpid():<{_PID_WIDTH - 1}}\n", 0)

    def note(self, seq: int, row_hash: str) -> None:
        """Note a row that is on the disk. What cannot be noted is left as it was: an older note is true as well."""
        self._write(f"{seq:>20} {row_hash}\n", _PID_WIDTH)

    def _write(self, text: str, at: int) -> None:
        with suppress(OSError):
            os.pwrite(self._file.fileno(), text.encode("ascii"), at)

    def release(self) -> None:
        """Let another process take the journal. The file stays, so that nobody can lock a second one of that name."""
        self._file.close()
