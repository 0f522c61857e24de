"""`pretrade keys new`: one new file that only its owner reads, and a public half to register."""

import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pretrade.cli.main import cli
from pretrade.kalshi.keys import algorithm_of, load_private_key, load_public_key, public_pem_of


def new(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["keys", "new", *arguments])


@pytest.mark.parametrize(("kind", "algorithm"), [("ed25519", "ed25519"), ("rsa", "rsa-2048")])
def test_a_pair_is_made(tmp_path: Path, kind: str, algorithm: str) -> None:
    """Catches: a private half that others can read or that is printed; a public half of another key."""
    out = tmp_path / "live.pem"
    made = new("--type", kind, "--out", str(out))
    assert made.exit_code == 0, made.output
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    private = load_private_key(out.read_bytes())
    assert algorithm_of(private) == algorithm
    assert public_pem_of(load_public_key(made.stdout.encode())) == public_pem_of(private.public_key())
    assert "PRIVATE" not in made.output
    assert "read and write::trade" in made.stderr
    assert "about 20 times faster" in made.stderr


@pytest.mark.parametrize("there", ["a file", "a link to a file", "a link to nothing", "a folder"])
def test_what_is_there_is_never_overwritten(tmp_path: Path, there: str) -> None:
    """Catches the loss of a key that exists nowhere else, and a key written where a link leads."""
    out, target = tmp_path / "live.pem", tmp_path / "target"
    if there == "a folder":
        out.mkdir()
    elif there == "a file":
        out.write_text("precious")
    else:
        out.symlink_to(target)
        if there == "a link to a file":
            target.write_text("precious")
    made = new("--out", str(out))
    assert made.exit_code != 0
    assert "BEGIN" not in made.output
    assert not target.exists() or target.read_text() == "precious"
    assert there != "a file" or out.read_text() == "precious"


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    made = new("--out", str(tmp_path / "none" / "live.pem"))
    assert (made.exit_code, "cannot be made: No such file or directory" in made.output) == (1, True)


def test_a_client_s_key_is_never_for_the_exchange(tmp_path: Path) -> None:
    """Catches a client's key that is registered at the exchange because the program said so: with it the client trades
    past the proxy."""
    out = tmp_path / "bot.pem"
    made = new("--client", "quoter", "--out", str(out))
    assert made.exit_code == 0, made.output
    assert f"pretrade clients add quoter --key {out}" in made.stderr
    assert "Never register it at the exchange" in made.stderr
    assert "write::trade" not in made.stderr
    assert "move it nowhere else" not in made.stderr, "it is for its client, who needs it"
