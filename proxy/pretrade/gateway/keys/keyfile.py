"""Opening the live key's file: what anybody else could read, replace or redirect is refused (threats 44).

Rule of this file: an error says which check failed, what was seen and what to do, and never a byte of the content.
"""

import errno
import os
import stat
from pathlib import Path

from pretrade.kalshi.keys import KeyFormatError, PrivateKey, load_private_key

MAX_FILE_BYTES = 64 * 1024
"""Far above any key, far below what hurts to read."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_ROOT = 0


class KeyFileError(Exception):
    """A key file that is not opened, or whose content is no key."""


def open_private_key(path: Path, passphrase_file: Path | None = None) -> PrivateKey:
    """Read a private key from a PEM file, decrypting it with the passphrase in a second file. Raises KeyFileError.

    Both files pass the same checks: see `read_secret`. A line end after the passphrase does not belong to it.
    """
    pem = read_secret(path)
    passphrase = None if passphrase_file is None else read_secret(passphrase_file).rstrip(b"\r\n")
    try:
        return load_private_key(pem, passphrase)
    except KeyFormatError as e:
        raise KeyFileError(f"{path}: {e}") from None


def read_secret(path: Path) -> bytes:
    """Read a small file that only this process's user can read and replace. Raises KeyFileError.

    It must be a regular file and no symbolic link, owned by the process's user, closed to group and others, not empty;
    its folder must not let others swap it. The checks look at what was opened, not at what the name means later.
    """
    folder_fd = _open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _check_folder(path.parent, os.fstat(folder_fd))
        # O_NONBLOCK, so that a pipe of that name cannot hold the start for ever.
        file_fd = _open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, folder_fd)
    finally:
        os.close(folder_fd)
    try:
        _check_file(path, os.fstat(file_fd))
        content = os.read(file_fd, MAX_FILE_BYTES + 1)
    finally:
        os.close(file_fd)
    if not 0 < len(content) <= MAX_FILE_BYTES:
        raise KeyFileError(f"{path} is empty or larger than {MAX_FILE_BYTES} bytes; a key file was expected")
    return content


def _open(path: Path, flags: int, folder_fd: int | None = None) -> int:
    name = path if folder_fd is None else path.name
    try:
        return os.open(name, flags | os.O_CLOEXEC, dir_fd=folder_fd)
    except OSError as e:
        if e.errno == errno.ELOOP:
            raise KeyFileError(f"{path} is a symbolic link; name the file itself") from e
        raise KeyFileError(f"{path} cannot be opened: {e.strerror}") from e


def _check_folder(path: Path, seen: os.stat_result) -> None:
    if seen.st_uid not in (os.geteuid(), _ROOT):
        raise KeyFileError(f"the folder {path} belongs to user {seen.st_uid}, who could swap the file; move the key")
    if seen.st_mode & _OTHERS_WRITE and not seen.st_mode & stat.S_ISVTX:
        mode = stat.S_IMODE(seen.st_mode)
        raise KeyFileError(f"others can write to the folder {path} (mode {mode:04o}); run: chmod go-w {path}")


def _check_file(path: Path, seen: os.stat_result) -> None:
    if not stat.S_ISREG(seen.st_mode):
        raise KeyFileError(f"{path} is not a regular file")
    if seen.st_uid != os.geteuid():
        user = os.geteuid()
        raise KeyFileError(f"{path} belongs to user {seen.st_uid}, pretrade runs as {user}; run: chown {user} {path}")
    if seen.st_mode & _OTHERS:
        mode = stat.S_IMODE(seen.st_mode)
        raise KeyFileError(f"{path} is open to group or others (mode {mode:04o}); run: chmod 600 {path}")
