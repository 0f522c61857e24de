"""`pretrade clients add`: the policy is changed in one place and stays good, or is not touched at all."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.builders import policy_text

from pretrade.cli.main import cli
from pretrade.gateway.config import load
from pretrade.kalshi.keys import generate_private_key, private_pem_of, public_pem_of

KEY = generate_private_key("ed25519")
BLOCK = """  momentum-bot:
    key_id: momentum-bot-key
    public_key: keys/momentum-bot.pub.pem
    subaccount: 0
"""


def add(folder: Path, *arguments: str, key: bytes = private_pem_of(KEY)) -> tuple[int, str]:
    (folder / "bot.pem").write_bytes(key)
    command = ["clients", "-p", str(folder / "policy.yaml"), "add", "--key", str(folder / "bot.pem"), *arguments]
    result = CliRunner().invoke(cli, command)
    return result.exit_code, result.output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "policy.yaml").write_text(policy_text(), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("key", [private_pem_of(KEY), public_pem_of(KEY.public_key())], ids=["private", "public"])
def test_only_the_public_half_is_kept(folder: Path, key: bytes) -> None:
    """Catches a private key copied into the proxy's folder."""
    assert add(folder, "swing", key=key)[0] == 0
    client = load(folder / "policy.yaml").policy.clients["swing"]
    assert (client.key_id, client.subaccount) == ("swing-key", 1)
    assert (folder / client.public_key).read_bytes() == public_pem_of(KEY.public_key())


def test_the_rest_of_the_policy_stays_as_it_was(folder: Path) -> None:
    """Catches comments lost, or an entry written in the wrong place."""
    before = (folder / "policy.yaml").read_text(encoding="utf-8").splitlines()
    add(folder, "swing", "--key-id", "my-own-id", "--subaccount", "7")
    after = (folder / "policy.yaml").read_text(encoding="utf-8").splitlines()
    assert [line for line in after if line not in before] == [
        "  swing:", "    key_id: my-own-id", "    public_key: keys/swing.pub.pem", "    subaccount: 7"
    ]  # fmt: skip
    assert [line for line in after if line in before] == before


def test_the_first_client_of_an_empty_list(tmp_path: Path) -> None:
    """`clients: {}` becomes a list of one."""
    text = policy_text((f"clients:\n{BLOCK}", "clients: {}\n"))
    (tmp_path / "policy.yaml").write_text(text, encoding="utf-8")
    assert add(tmp_path, "swing")[0] == 0
    assert list(load(tmp_path / "policy.yaml").policy.clients) == ["swing"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("momentum-bot",), "is set twice"),
        (("swing", "--subaccount", "0"), "subaccount"),
        (("swing", "--key-id", "momentum-bot-key"), "momentum-bot-key"),
        (("swing", "--key-id", "practice-live-key"), "practice-live-key"),
        (("Swing Bot",), "Swing Bot"),
        (("swing\n  evil",), ""),
    ],
)
def test_a_bad_client_changes_nothing(folder: Path, arguments: tuple[str, ...], says: str) -> None:
    """Catches a policy that is written before it was judged, and one that text in a name could change."""
    before = (folder / "policy.yaml").read_bytes()
    code, output = add(folder, *arguments)
    assert code == 1, output
    assert says in output
    assert (folder / "policy.yaml").read_bytes() == before
    assert not list(folder.glob("keys/*"))


def test_a_key_that_is_registered_already_is_refused(folder: Path) -> None:
    """Catches two clients that nobody could tell apart."""
    add(folder, "swing")
    code, output = add(folder, "other")
    assert (code, "registered already, for swing" in output) == (1, True)


@pytest.mark.parametrize("key", [b"", b"not a key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_file_that_is_no_key_says_so(folder: Path, key: bytes) -> None:
    """A clear sentence with the file's name, and no traceback."""
    code, output = add(folder, "swing", key=key)
    assert (code, "bot.pem" in output) == (1, True)
