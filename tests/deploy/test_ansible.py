"""The Ansible role with real playbooks and real vaults, into folders in the place of hosts: what lands where."""

import pytest
from tests.deploy.controller import ROLES, Controller, files_of

pytestmark = pytest.mark.timeout(900)  # a playbook starts a Python for each task


@pytest.mark.long
def test_each_host_gets_its_own_keys_and_nothing_else(controller: Controller) -> None:
    """Catches a key on another role's host, a secret that others can read or that the controller prints; and a task
    that acts again in a second run: a restart for nothing in the middle of a day.
    """
    said = ""
    for role, desk in ROLES.items():
        controller.fill(role)
        done = controller.deliver(role, "-vvv", "--diff")
        assert done.returncode == 0, done.stdout + done.stderr
        said += done.stdout + done.stderr
        assert controller.delivered(role) == files_of(role, desk.key_name)
    for role in ROLES:
        for name, secret in controller.secrets(role).items():
            body = secret.splitlines()[1]
            assert controller.hosts_with(body) == {role}, f"{role}'s {name}"
            assert body not in said, f"{role}'s {name} was printed"
    again = controller.deliver("w")
    assert (again.returncode, "changed=0 " in again.stdout) == (0, True), "a second run changed something"
    left = [path for path in (controller.folder / ".ansible").rglob("*") if path.is_file()]
    assert not [path for path in left if b"PRIVATE KEY" in path.read_bytes()], "a secret was left on the controller"


def test_the_live_key_cannot_be_delivered_to_another_role(controller: Controller) -> None:
    """Catches the live key in R's vault: nothing is touched."""
    controller.fill("r", pretrade_live_key=controller.secrets("w")["pretrade_live_key"])
    done = controller.deliver("r")
    assert (done.returncode, "none is given the other" in done.stdout) == (2, True), done.stdout
    assert controller.delivered("r") == {}


@pytest.mark.long
def test_two_inventories_in_one_run_are_refused(controller: Controller) -> None:
    """Catches a run in which what W may know is known to R."""
    controller.fill("r")
    controller.fill("w")
    also_w = ("-i", str(controller.inventory("w") / "hosts.yml"), "--vault-id", controller.password("w"))
    done = controller.deliver("r", *also_w)
    assert (done.returncode, "Name one inventory" in done.stdout) == (2, True), done.stdout
    assert controller.delivered("r") == controller.delivered("w") == {}


@pytest.mark.long
def test_the_guards_are_what_holds(controller: Controller) -> None:
    """The control: without them that run puts the live key on R, and the search of the tests above finds it there."""
    role = controller.deploy / "ansible" / "roles" / "pretrade"
    (role / "tasks" / "refuse.yml").write_text("[]\n")
    planted = role / "vars" / "main.yml"
    planted.write_text(planted.read_text().replace("if pretrade_role == 'w' else pretrade_read_key", "if true else ''"))
    live = controller.secrets("w")["pretrade_live_key"]
    controller.fill("r", pretrade_live_key=live)
    assert controller.deliver("r").returncode == 0
    assert controller.hosts_with(live.splitlines()[1]) == {"r"}


@pytest.mark.long
def test_a_vault_opens_by_its_own_password_alone(controller: Controller) -> None:
    """Catches one password for all vaults: who delivers R must not be able to read W's key."""
    controller.fill("w")
    done = controller.deliver("w", password_of="r")
    assert done.returncode != 0
    assert "Decryption failed" in done.stdout + done.stderr
    assert controller.delivered("w") == {}
    vault = (controller.inventory("w") / "group_vars" / "pretrade_w" / "vault.yml").read_text()
    assert vault.startswith("$ANSIBLE_VAULT;1.2;AES256;w\n")


@pytest.mark.long
def test_what_does_not_belong_is_taken_away(controller: Controller) -> None:
    """Catches a host that was W once and still holds the live key and W's unit after it has become R."""
    keys, units = (controller.host("r") / name for name in ("etc/pretrade/keys", "etc/systemd/system"))
    keys.mkdir(parents=True)
    units.mkdir(parents=True)
    added = units / "pretrade-w.service.d"
    added.mkdir()
    remainders = (keys / "live.pem", keys / "live-momentum.pem", keys / ".old", added / "keys.conf")
    for path in (*remainders, units / "pretrade-w.service"):
        path.write_text("a remainder")
    (keys / "link").symlink_to("/etc/hostname")
    controller.fill("r")
    assert controller.deliver("r").returncode == 0
    assert controller.delivered("r") == files_of("r", "read.pem")
    assert not (keys / "link").is_symlink()
    assert not added.exists()


@pytest.mark.long
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("role: R ", "role: W ", "must say role R"),
        ("/run/pretrade/read.pem", "keys/read.pem", "key_file /run/pretrade/read.pem"),
        ("max_count:", "max_cuont:", "failed to validate"),
    ],
)
def test_a_policy_that_is_wrong_here_does_not_land(controller: Controller, old: str, new: str, words: str) -> None:
    """Catches W's policy on R's host, and a policy with which the proxy would not start again."""
    controller.fill("r")
    policy = controller.inventory("r") / "policy.yaml"
    policy.write_text(policy.read_text().replace(old, new))
    done = controller.deliver("r")
    assert (done.returncode, words in done.stdout) == (2, True), done.stdout
    assert "etc/pretrade/policy.yaml" not in controller.delivered("r")
