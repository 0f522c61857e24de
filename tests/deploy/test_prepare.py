"""What `prepare` makes for the containers: who gets what, and who may read it."""

import stat
from pathlib import Path

import pytest
import yaml
from deploy.compose.prepare import CLIENT, DESKS, main, policy_of

from pretrade.gateway.config import loads
from pretrade.gateway.keys.keyfile import open_private_key
from pretrade.kalshi.keys import public_pem_of
from pretrade.model.instance import Environment, Mode, Role


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepare") / "made"
    assert main([str(folder), "0"]) == 0
    return folder


def test_only_ws_key_can_trade_and_each_is_its_own(made: Path) -> None:
    """Catches a key that can trade on R or ABH, one key for two roles, and a private half at the exchange."""
    known = {one["key_id"]: one for one in yaml.safe_load((made / "practice" / "keys.yaml").read_text())}
    scopes = {key_id: one["scopes"] for key_id, one in known.items()}
    assert scopes == {
        "practice-w-key": ["read", "write::trade"],
        "practice-r-key": ["read"],
        "practice-abh-key": ["read"],
    }
    for desk in DESKS:
        key = open_private_key(made / desk.folder / "secrets" / desk.key_name)
        assert known[desk.key_id]["public_key"] == public_pem_of(key.public_key()).decode()
    assert len({one["public_key"] for one in known.values()}) == len(DESKS)


def test_each_folder_holds_its_own_and_closes_what_is_secret(made: Path) -> None:
    """Catches a secret of another role, a bot's key in its sidecar's folder, a secret that others can read."""
    for desk in DESKS:
        folder = made / desk.folder
        held = {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*.*")}
        secrets = {f"secrets/{desk.key_name}", "secrets/leaf.pem", "client/bot.pem"}
        public = {"secrets/ca.crt", "config/policy.yaml", "config/practice-ca.crt", f"config/{CLIENT}.pub.pem"}
        assert set(held) == secrets | public
        assert {name for name, mode in held.items() if not mode & 0o077} == secrets
    bodies = [path.read_text() for path in made.rglob("*.pem") if "PRIVATE" in path.read_text()]
    assert len(bodies) == len(set(bodies)) == 3 * len(DESKS) + 1, "no secret is there twice; one is the exchange's"


def test_the_policies_are_the_roles_own(made: Path) -> None:
    """Catches a role, a mode or an address in the wrong policy; each loads as it is."""
    told = {}
    for desk in DESKS:
        text = (made / desk.folder / "config" / "policy.yaml").read_text()
        assert text == policy_of(desk)
        policy = loads(text, source=desk.folder).policy
        told[policy.instance.role] = (policy.instance.environment, policy.instance.mode, policy.listen.proxy.host)
    assert told == {
        Role.W: (Environment.PRACTICE, Mode.LIVE, "10.77.1.2"),
        Role.R: (Environment.PRACTICE, Mode.LIVE, "10.77.2.2"),
        Role.ABH: (Environment.PRACTICE, Mode.DRY_RUN, "10.77.3.2"),
    }


def test_what_is_there_is_never_replaced(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Catches a second run that takes the only copy of a key away."""
    before = {path: path.read_bytes() for path in made.rglob("*") if path.is_file()}
    assert main([str(made), "0"]) == 1
    assert "is not empty" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in made.rglob("*") if path.is_file()} == before
