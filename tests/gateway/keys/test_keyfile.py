"""The live key's file: every looseness is refused with what to do about it, and never with its content."""

import os
import stat
from pathlib import Path

import pytest

from pretrade.gateway.keys.keyfile import MAX_FILE_BYTES, KeyFileError, open_private_key, read_secret
from pretrade.kalshi import keys

KEY = keys.generate_private_key("ed25519")
PEM = keys.private_pem_of(KEY)
PUBLIC_PEM = keys.public_pem_of(KEY.public_key())
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    return write(tmp_path / "live.pem", PEM)


def write(path: Path, content: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_closed_file_of_ones_own_is_opened(key_file, mode):
    key_file.chmod(mode)
    assert keys.public_pem_of(open_private_key(key_file).public_key()) == PUBLIC_PEM


@pytest.mark.parametrize("bit", [0o040, 0o020, 0o010, 0o004, 0o002, 0o001])
def test_an_open_mode_is_refused_with_the_command_that_closes_it(key_file, bit):
    """Catches a mode check that forgets one of group's or others' bits."""
    key_file.chmod(0o600 | bit)
    with pytest.raises(KeyFileError, match=rf"\(mode 06{bit:02o}\); run: chmod 600 {key_file}"):
        open_private_key(key_file)


def test_a_symbolic_link_is_refused(key_file, tmp_path):
    """Catches an open that follows a link to where somebody else can write."""
    link = tmp_path / "link.pem"
    link.symlink_to(key_file)
    with pytest.raises(KeyFileError, match="is a symbolic link"):
        open_private_key(link)


@pytest.mark.parametrize("kind", ["folder", "pipe", "device"])
def test_what_is_no_regular_file_is_refused_at_once(tmp_path, kind):
    """Catches an open that waits on a pipe for ever."""
    tmp_path.chmod(0o700)
    path = tmp_path / "live.pem"
    if kind == "folder":
        path.mkdir(mode=0o700)
    elif kind == "pipe":
        os.mkfifo(path, 0o600)
    else:
        path = Path("/dev/null")
    with pytest.raises(KeyFileError, match="not a regular file"):
        open_private_key(path)


@AS_ROOT
def test_another_users_file_is_refused(key_file):
    os.chown(key_file, 65534, -1)
    with pytest.raises(KeyFileError, match="belongs to user 65534, pretrade runs as 0; run: chown 0"):
        open_private_key(key_file)


@AS_ROOT
def test_another_users_folder_is_refused(key_file):
    os.chown(key_file.parent, 65534, -1)
    with pytest.raises(KeyFileError, match="could swap the file"):
        open_private_key(key_file)


@pytest.mark.parametrize(("mode", "is_fine"), [(0o755, True), (0o770, False), (0o707, False), (0o722, False)])
def test_a_folder_that_others_can_write_to_is_refused(key_file, mode, is_fine):
    key_file.parent.chmod(mode)
    if is_fine:
        assert read_secret(key_file) == PEM
        return
    with pytest.raises(KeyFileError, match=rf"mode {mode:04o}\); run: chmod go-w {key_file.parent}"):
        read_secret(key_file)


def test_a_sticky_folder_is_fine(key_file):
    key_file.parent.chmod(0o777 | stat.S_ISVTX)
    assert read_secret(key_file) == PEM


@pytest.mark.parametrize("content", [b"", b"x" * (MAX_FILE_BYTES + 1)], ids=["empty", "huge"])
def test_a_size_that_no_key_has_is_refused(key_file, content):
    write(key_file, content)
    with pytest.raises(KeyFileError, match="is empty or larger than"):
        open_private_key(key_file)


def test_a_missing_file_or_folder_is_said_so(tmp_path):
    tmp_path.chmod(0o700)
    for path in (tmp_path / "none.pem", tmp_path / "none" / "live.pem"):
        with pytest.raises(KeyFileError, match="cannot be opened: No such file"):
            open_private_key(path)


@pytest.mark.parametrize("line_end", [b"", b"\n", b"\r\n"])
def test_an_encrypted_key_is_opened_with_its_passphrase_file(key_file, tmp_path, line_end):
    write(key_file, keys.private_pem_of(KEY, b"correct horse"))
    passphrase = write(tmp_path / "pass", b"correct horse" + line_end)
    assert keys.public_pem_of(open_private_key(key_file, passphrase).public_key()) == PUBLIC_PEM


def test_the_passphrase_file_passes_the_same_checks(key_file, tmp_path):
    write(key_file, keys.private_pem_of(KEY, b"correct horse"))
    passphrase = write(tmp_path / "pass", b"correct horse", 0o644)
    with pytest.raises(KeyFileError, match=f"chmod 600 {passphrase}"):
        open_private_key(key_file, passphrase)


@pytest.mark.parametrize(
    ("content", "passphrase", "says"),
    [
        (b"canary-canary-canary", None, "not a readable private key"),
        (keys.private_pem_of(KEY, b"right"), None, "no passphrase was given"),
        (keys.private_pem_of(KEY, b"right"), b"canary-wrong", "passphrase is wrong"),
        (PEM, b"canary-needless", "not encrypted"),
        (PUBLIC_PEM, None, "not a readable private key"),
    ],
)
def test_an_error_names_the_file_and_shows_nothing_of_it(key_file, tmp_path, content, passphrase, says):
    """Catches an error text that quotes the file or the passphrase."""
    write(key_file, content)
    passphrase_file = None if passphrase is None else write(tmp_path / "pass", passphrase)
    with pytest.raises(KeyFileError, match=says) as caught:
        open_private_key(key_file, passphrase_file)
    text = str(caught.value)
    assert text.startswith(f"{key_file}: ")
    assert "canary" not in text
    assert not any(line in text for line in content.decode().splitlines() if len(line) > 20)
    assert caught.value.__cause__ is None
