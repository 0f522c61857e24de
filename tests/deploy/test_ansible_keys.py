"""Several live keys, delivered by real playbooks: to W alone, as its policy says, and none that it does not name."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from deploy.compose.prepare import CLIENT
from tests.deploy.controller import PRETRADE, ROLES, Controller, files_of
from tests.deploy.sandbox import settings
from tests.e2e.programs import free_ports

from pretrade.cli.processes import plain_environment
from pretrade.kalshi.keys import generate_private_key, private_pem_of, public_pem_of

SIGNING = """  keys:
    momentum: {key_id: momentum-live, key_file: /run/pretrade/live-momentum.pem, subaccount: 0}
    maker: {key_id: maker-live, key_file: /run/pretrade/live-maker.pem, passphrase_file: /run/pretrade/live-maker.pass}
"""
MAKER = """  maker:
    key_id: maker-key
    public_key: maker.pub.pem
    subaccount: 1
    signing: maker
"""
PASSPHRASE = "a passphrase of the maker's"
GENERAL_PASSPHRASE = "another one, of the general key"
DROP_IN = "etc/systemd/system/pretrade-w.service.d/keys.conf"
ADDED_FILES = ("live.pass", "live-momentum.pem", "live-maker.pem", "live-maker.pass")

pytestmark = pytest.mark.timeout(900)  # a playbook starts a Python for each task


def named_keys() -> dict[str, Any]:
    """What a vault has for two named keys, one of them encrypted."""
    locked = private_pem_of(generate_private_key("ed25519"), PASSPHRASE.encode()).decode()
    keys = {"momentum": private_pem_of(generate_private_key("ed25519")).decode(), "maker": locked}
    return {"pretrade_live_keys": keys, "pretrade_live_passphrases": {"maker": PASSPHRASE}}


def locked_key(role: str) -> dict[str, Any]:
    """What a role's vault has where its one key is encrypted."""
    pem = private_pem_of(generate_private_key("ed25519"), GENERAL_PASSPHRASE.encode()).decode()
    return {f"pretrade_{ROLES[role].key_name.removesuffix('.pem')}_key": pem, "pretrade_passphrase": GENERAL_PASSPHRASE}


def lock_in_policy(controller: Controller, role: str) -> None:
    """Say in a role's policy where the passphrase of its one key will be."""
    policy, key = controller.inventory(role) / "policy.yaml", f"/run/pretrade/{ROLES[role].key_name}\n"
    text = policy.read_text()
    assert text.count(key) == 1
    policy.write_text(text.replace(key, f"{key}  passphrase_file: {key.replace('.pem', '.pass').strip()}\n"))


def name_in_policy(controller: Controller, role: str, signing: str = SIGNING) -> None:
    """Name both keys in a role's policy, each with a client of its own."""
    inventory, general = controller.inventory(role), f"/run/pretrade/{ROLES[role].key_name}\n"
    policy = inventory / "policy.yaml"
    text = policy.read_text()
    assert text.count(general) == text.count("    subaccount: 0\n") == 1
    text = text.replace(general, general + signing)
    policy.write_text(text.replace("    subaccount: 0\n", f"    subaccount: 0\n    signing: momentum\n{MAKER}"))
    (inventory / "maker.pub.pem").write_bytes(public_pem_of(generate_private_key("rsa").public_key()))
    public = inventory / "group_vars" / f"pretrade_{role}" / "vars.yml"
    told = next(line for line in public.read_text().splitlines() if f"{CLIENT}.pub.pem" in line)
    public.write_text(public.read_text() + told.replace(CLIENT, "maker") + "\n")


def hand_over(controller: Controller, folder: Path) -> Path:
    """Do with what W's host was given as systemd does at a start, by the unit's own lines and those added to it; gives
    what lies in /run/pretrade then. Fails where systemd would."""
    host, given, run = controller.host("w"), folder / "credentials", folder / "run"
    given.mkdir()
    run.mkdir(mode=0o700)
    asked = [settings(host / "etc/systemd/system/pretrade-w.service"), settings(host / DROP_IN)]
    for name, source in (line.split(":") for one in asked for line in one["LoadCredential"]):
        shutil.copy(f"{host}{source}", given / name)
    for line in (line for one in asked for line in one["ExecStartPre"]):
        command = line.replace("%d", str(given)).replace("/run/pretrade", str(run)).split()
        subprocess.run(command, check=True, timeout=60)
    return run


def start(controller: Controller, run: Path) -> str:
    """Start W with what was delivered, at an exchange that is not there, and give why it refuses to."""
    etc = controller.host("w") / "etc/pretrade"
    policy = run.parent / "policy.yaml"
    text = (etc / "policy.yaml").read_text().replace("/run/pretrade", str(run))
    for old, port in zip(("10.77.1.2:8080", "10.77.1.2:8081", "10.77.9.9:9443"), free_ports(3), strict=True):
        text = text.replace(old, f"127.0.0.1:{port}")
    policy.write_text(text.replace("/var/lib/pretrade", str(run.parent / "state")))
    for path in (*etc.glob("*.pub.pem"), controller.made / "w/config/practice-ca.crt"):
        shutil.copy(path, run.parent)
    done = subprocess.run([str(PRETRADE), "run", "-p", str(policy)], env=plain_environment(), capture_output=True,
                          text=True, timeout=120)  # fmt: skip
    assert done.returncode == 1, done.stdout
    return done.stderr


@pytest.mark.long
def test_w_gets_each_named_key_and_starts_with_all_or_not_at_all(controller: Controller, tmp_path: Path) -> None:
    """Catches a named key, or a passphrase, that others can read or that is printed, one that the unit does not hand
    over or not where the policy looks for it, a proxy that trades on without one; and a key that stays when it has left
    the vault.
    """
    named, locked = named_keys(), locked_key("w")
    controller.fill("w", **named, **locked)
    name_in_policy(controller, "w")
    lock_in_policy(controller, "w")
    done = controller.deliver("w", "-vvv", "--diff")
    assert done.returncode == 0, done.stdout + done.stderr
    wanted = files_of("w", "live.pem") | {f"etc/pretrade/keys/{file}": "0o600" for file in ADDED_FILES}
    assert controller.delivered("w") == wanted | {DROP_IN: "0o644", "etc/pretrade/maker.pub.pem": "0o644"}
    for secret in (*named["pretrade_live_keys"].values(), PASSPHRASE, *locked.values()):
        assert secret.splitlines()[-2:][0] not in done.stdout + done.stderr, "a secret was printed"
    assert "changed=0 " in controller.deliver("w").stdout, "a second run changed something"

    run = hand_over(controller, tmp_path)
    assert {path.name for path in run.iterdir()} == {"live.pem", "leaf.pem", "ca.crt", *ADDED_FILES}
    assert "preflight: exchange: no answer" in start(controller, run), "all keys opened, and there is no exchange"
    for file, place in (
        ("live.pass", "signing"),
        ("live-momentum.pem", "signing.keys.momentum"),
        ("live-maker.pass", "signing.keys.maker"),
    ):
        (run / file).rename(tmp_path / file)
        why = start(controller, run)
        assert f"{place}.key_file: {run / file} cannot be opened: No such file or directory" in why
        (tmp_path / file).rename(run / file)
    (controller.host("w") / "etc/pretrade/keys/live-maker.pem").unlink()
    shutil.rmtree(run.parent / "credentials")
    shutil.rmtree(run)
    with pytest.raises(FileNotFoundError, match=r"live-maker\.pem"):
        hand_over(controller, tmp_path)

    controller.fill("w")
    assert controller.deliver("w").returncode == 0
    left = files_of("w", "live.pem") | {"etc/pretrade/maker.pub.pem": "0o644"}
    assert controller.delivered("w") == left, "a key that the policy no longer names lies there still"


def _refused(controller: Controller, role: str, words: str) -> None:
    done = controller.deliver(role)
    assert (done.returncode, words in done.stdout) == (2, True), done.stdout
    assert controller.delivered(role) == {}


@pytest.mark.long
def test_a_reading_key_s_passphrase_is_delivered_as_its_policy_says_or_nothing_is(controller: Controller) -> None:
    """Catches an encrypted key on R that nobody can open there: its proxy would be stopped for it. And the passphrase
    left behind, on the host or in the unit, once the key is not encrypted any more. Planted: the passphrase not among
    what is added, and not asked of the policy."""
    controller.fill("r", **locked_key("r"))
    _refused(controller, "r", "signing.passphrase_file of")
    lock_in_policy(controller, "r")
    assert controller.deliver("r").returncode == 0
    added, secret = "etc/systemd/system/pretrade-r.service.d/keys.conf", "etc/pretrade/keys/read.pass"
    assert controller.delivered("r") == files_of("r", "read.pem") | {added: "0o644", secret: "0o600"}
    asked = settings(controller.host("r") / added)
    assert asked == {
        "LoadCredential": [f"read.pass:/{secret}"],
        "ExecStartPre": ["/usr/bin/install --mode=0600 %d/read.pass /run/pretrade"],
    }
    controller.fill("r")
    assert controller.deliver("r").returncode == 0
    assert controller.delivered("r") == files_of("r", "read.pem")


@pytest.mark.parametrize("role", [pytest.param("r", marks=pytest.mark.long), "abh"])
def test_named_keys_are_never_delivered_to_another_role(controller: Controller, role: str) -> None:
    """Catches a key that can trade for a client in R's or ABH's vault: nothing is touched."""
    controller.fill(role, **named_keys())
    name_in_policy(controller, role)
    _refused(controller, role, "Only W is given pretrade_live_keys")


@pytest.mark.long
@pytest.mark.parametrize("role", ["w", "r"])
def test_a_policy_that_names_a_key_that_is_not_in_the_vault_does_not_land(controller: Controller, role: str) -> None:
    """Catches a proxy that could not be started again: its running one would be stopped for it."""
    controller.fill(role)
    name_in_policy(controller, role)
    _refused(controller, role, "The vault has none")


@pytest.mark.long
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/run/pretrade/live-maker.pem", "/run/pretrade/maker.pem"),
        (", passphrase_file: /run/pretrade/live-maker.pass", ""),
        ("momentum: {", "momentum-two: {"),
    ],
)
def test_a_policy_that_looks_elsewhere_than_the_keys_will_be_does_not_land(
    controller: Controller, old: str, new: str
) -> None:
    """Catches a path, a passphrase or a name on which policy and vault do not agree."""
    controller.fill("w", **named_keys())
    assert old in SIGNING
    name_in_policy(controller, "w", SIGNING.replace(old, new))
    _refused(controller, "w", "The vault has maker, momentum")


@pytest.mark.long
def test_a_name_leads_out_of_no_folder(controller: Controller) -> None:
    """Catches a key written where its name leads, and a passphrase without a key."""
    key = private_pem_of(generate_private_key("ed25519")).decode()
    for wrong in ({"pretrade_live_keys": {"../../maker": key}}, {"pretrade_live_passphrases": {"maker": "word"}}):
        controller.fill("w", **wrong)
        _refused(controller, "w", "Their names are those of signing.keys")
