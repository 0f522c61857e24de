"""docker-compose.yml: its form, what it must never say, and every service of it run for real."""

import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploy.compose.prepare import CONTAINER_USER, give
from tests.deploy.controller import Tool
from tests.deploy.engine import COMPOSE, KEYS, PASSPHRASE, Engine, compose, with_keys
from tests.e2e.programs import eventually
from tests.network.hosts import Network

from pretrade.cli.init import LIVE_SCOPES
from pretrade.kalshi.keys import generate_private_key, load_private_key, private_pem_of, public_pem_of
from pretrade.practice.api.keys import add_key
from pretrade.practice.certs import write_private

DESKS = ("w", "r", "abh")
_ROOTS = {"prepare"}
"""It gives the secrets to the user that all others run as, and has no network."""


def findings(read: dict[str, Any]) -> Iterator[str]:
    """What a compose file says that this one must never say."""
    for name, service in read["services"].items():
        yield from (f"{name}: {what}" for what in _of_service(name, service))
    for desk in DESKS:
        yield from (f"client-{desk}: {what}" for what in _of_desk(desk, read))
    yield from _of_keys(read)


def _of_service(name: str, service: dict[str, Any]) -> Iterator[str]:
    for key, wanted in (("read_only", True), ("cap_drop", ["ALL"]), ("security_opt", ["no-new-privileges:true"])):
        if service.get(key) != wanted:
            yield f"{key} is not {wanted}"
    if service["user"].startswith("0") != (name in _ROOTS):
        yield f"runs as user {service['user']}"
    if name not in _ROOTS and "cap_add" in service:
        yield "is given capabilities"
    if {"privileged", "devices", "pid", "ipc", "cgroup", "env_file", "extra_hosts"} & set(service):
        yield "shares something of the host"
    if "healthcheck" not in service or service["pull_policy"] != "build":
        yield "has no word on health, or may take an image that somebody else made"
    if any(not port.startswith("127.0.0.1:") for port in service.get("ports", ())):
        yield "is open to the world"
    if any(volume.startswith(("/", "~")) for volume in service.get("volumes", ())):
        yield "mounts a folder of the host"
    if any("PRIVATE" in str(value) or "PASS" in key for key, value in service.get("environment", {}).items()):
        yield "has a secret in its environment"


def _of_desk(desk: str, read: dict[str, Any]) -> Iterator[str]:
    services, networks = read["services"], read["networks"]
    client = services[f"client-{desk}"]
    if list(client["networks"]) != [f"desk-{desk}"]:
        yield f"is on {', '.join(client['networks'])}"
    network = networks[f"desk-{desk}"]
    if network.get("internal") is not True or network.get("enable_ipv6") is not False:
        yield "its network has a way out"
    if network["driver_opts"]["com.docker.network.bridge.gateway_mode_ipv4"] != "isolated":
        yield "its network has the host on it"
    on_it = [name for name, service in services.items() if f"desk-{desk}" in service.get("networks", {})]
    if sorted(on_it) != sorted([desk, f"client-{desk}"]):
        yield f"has {', '.join(on_it)} on its network"
    if client["dns"] != [services[desk]["networks"][f"desk-{desk}"]["ipv4_address"]]:
        yield "can ask a name server"
    if services[desk]["sysctls"].get("net.ipv4.ip_forward") != "0":
        yield "its sidecar may pass packets on"


def _of_keys(read: dict[str, Any]) -> Iterator[str]:
    for name, service in read["services"].items():
        own = name.removeprefix("client-")
        for one in service.get("secrets", ()):
            path = read["secrets"][one["source"]]["file"]
            if f"/made/{own}/" not in path:
                yield f"{name}: has {path}, which is another's"
            if name.startswith("client-") and not path.endswith(("/client/bot.pem", "/secrets/ca.crt")):
                yield f"{name}: has {path}, which is its sidecar's"
    live = {name for name, one in read["secrets"].items() if "live" in one["file"]}
    holders = [
        name
        for name, service in read["services"].items()
        if live & {one["source"] for one in service.get("secrets", ())}
    ]
    if not live or any(not name.startswith("w-key") for name in live) or holders != ["w"]:
        yield f"{', '.join(holders)} hold a live key"


def test_the_file_says_nothing_that_it_must_not() -> None:
    """Catches a service without its armour, a client with a second way out, a key in another's hands."""
    assert list(findings(compose())) == []


@pytest.mark.parametrize(("file", "name"), [(KEYS, r"live-[a-z0-9-]+\.pem"), (PASSPHRASE, r"live\.pass")])
def test_a_file_of_further_secrets_adds_them_to_w_alone(file: Path, name: str) -> None:
    """Catches a further secret in another's hands, without a file, or not where the page says that policies look."""
    read, more = compose(), yaml.safe_load(file.read_text())
    assert list(more["services"]) == ["w"]
    assert set(more) == {"services", "secrets"}
    assert list(more["services"]["w"]) == ["secrets"]
    added = more["services"]["w"]["secrets"]
    assert [one["target"] for one in added] == [Path(more["secrets"][one["source"]]["file"]).name for one in added]
    assert all(re.fullmatch(name, one["target"]) for one in added)
    both = with_keys(read, more)
    assert list(findings(both)) == []
    both["services"]["r"]["secrets"].append(added[0])
    assert len(list(findings(both))) == 2, "the control: R holds it, and it is another's"


def _second_network(read: dict[str, Any]) -> None:
    read["services"]["client-w"]["networks"]["upstream"] = None


def _way_out(read: dict[str, Any]) -> None:
    read["networks"]["desk-r"]["internal"] = False


def _third_on_the_desk(read: dict[str, Any]) -> None:
    read["services"]["exchange"]["networks"]["desk-abh"] = None


def _live_key_on_r(read: dict[str, Any]) -> None:
    read["services"]["r"]["secrets"].append({"source": "w-key", "target": "live.pem"})


def _writable(read: dict[str, Any]) -> None:
    read["services"]["w"]["read_only"] = False


def _privileged(read: dict[str, Any]) -> None:
    read["services"]["abh"]["privileged"] = True


def _open_to_the_world(read: dict[str, Any]) -> None:
    read["services"]["audit"]["ports"] = ["8001:8001"]


def _root(read: dict[str, Any]) -> None:
    read["services"]["r"]["user"] = "0:0"


def _router(read: dict[str, Any]) -> None:
    del read["services"]["w"]["sysctls"]["net.ipv4.ip_forward"]


def _name_server(read: dict[str, Any]) -> None:
    read["services"]["client-w"]["dns"] = ["9.9.9.9"]


def _sidecars_key_on_its_client(read: dict[str, Any]) -> None:
    read["services"]["client-r"]["secrets"].append({"source": "r-key", "target": "read.pem"})


@pytest.mark.parametrize(
    "plant",
    [
        _second_network, _way_out, _third_on_the_desk, _live_key_on_r, _writable, _privileged, _open_to_the_world,
        _root, _router, _name_server, _sidecars_key_on_its_client,
    ],
)  # fmt: skip
def test_a_hole_in_the_file_is_found(plant: Callable[[dict[str, Any]], None]) -> None:
    """The control of the table above: each hole alone is one finding."""
    read = copy.deepcopy(compose())
    plant(read)
    assert len(list(findings(read))) >= 1


def test_the_file_has_the_specifications_form(tool: Tool, tmp_path: Path) -> None:
    """Catches a key that Compose does not know, by the specification's own schema: a misspelt one alone is told."""
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(COMPOSE.read_text().replace("read_only: true", "readonly: true"))
    schema = ("--builtin-schema", "vendor.compose-spec", "--output-format", "json")
    told = json.loads(tool("check-jsonschema", *schema, str(COMPOSE), str(KEYS), str(PASSPHRASE), str(wrong)).stdout)
    assert {error["filename"] for error in told["errors"]} == {str(wrong)}
    assert told["parse_errors"] == []


def test_an_independent_judge_finds_what_is_known_and_no_more(tool: Tool) -> None:
    """Catches a new weakness: local images have no digest, `prepare` is root, and a key's id is no secret."""
    told = tool("compose-lint", "--format", "json", str(COMPOSE)).stdout
    assert set(re.findall(r'"rule_id": "(CL-\d+)"', told)) == {"CL-0019", "CL-0018", "CL-0020"}, told


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("tool")
def test_every_service_runs_as_the_file_says(network: Network, tmp_path: Path) -> None:
    """Catches a command line, a path, a mode or a user in the file with which a service would not start, a health check
    that never passes, a role that does not hold, a log that Datasette cannot show: each runs in a root of its own.
    """
    engine = Engine(network, tmp_path)
    assert "is filled" in engine.run("prepare")
    engine.start_all("exchange", *DESKS)
    for service in ("exchange", *DESKS):
        assert engine.healthy(service), f"{service} does not pass its health check"

    done = ["read the balance: done", "place a bid: done", "cancel it: done"]
    eventually("W has read the exchange's record", lambda: engine.run("client-w").splitlines() == done, 60)
    assert engine.run("client-abh").splitlines() == done
    read, refused = engine.run("client-r").splitlines()
    assert (read, "ROLE_READ_ONLY" in refused) == (done[0], True)
    seen = engine.inside("exchange", ["pretrade", "practice", "requests", "--json", "--folder", "/var/lib/practice"])
    assert [one["method"] for one in json.loads(seen.stdout)] == ["POST", "DELETE"], "W's bid and its cancel alone"

    keys = {desk: engine.inside(desk, ["ls", "/run/secrets"]).stdout.split() for desk in DESKS}
    assert keys.pop("w") == ["ca.crt", "leaf.pem", "live.pem"]
    assert all(held == ["ca.crt", "leaf.pem", "read.pem"] for held in keys.values())
    for place in ("/etc/pretrade/policy.yaml", "/run/secrets/live.pem", "/new", "/usr/new"):
        assert engine.inside("w", ["touch", place]).returncode == 1, f"W can write {place}"

    for desk in DESKS:
        assert "views decisions" in engine.run(f"copy-{desk}")
    engine.start("audit")
    eventually("Datasette is healthy", lambda: engine.healthy("audit"), 60)
    ask = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8001/{}').read().decode())"
    denials = engine.inside("audit", ["python", "-c", ask.format("r/denials.json?_shape=array")])
    assert json.loads(denials.stdout)[0]["code"] == "ROLE_READ_ONLY"
    assert engine.inside("audit", ["touch", "/var/lib/pretrade-audit/w.db"]).returncode == 1


def _give_momentum_a_key(made: Path) -> None:
    """As the page says: a key of its own for W's client; the general one, encrypted, may only read from here on."""
    practice, secrets, policy = made / "practice", made / "w" / "secrets", made / "w" / "config" / "policy.yaml"
    own, general = generate_private_key("ed25519"), load_private_key((secrets / "live.pem").read_bytes())
    write_private(secrets / "live-momentum.pem", private_pem_of(own))
    (secrets / "live.pem").unlink()
    write_private(secrets / "live.pem", private_pem_of(general, b"a secret"))
    write_private(secrets / "live.pass", b"a secret\n")
    add_key(practice, "momentum-live", public_pem_of(own.public_key()), LIVE_SCOPES, subaccount=0)
    add_key(practice, "practice-w-key", public_pem_of(general.public_key()), ("read",))
    named = "  passphrase_file: /run/secrets/live.pass\n"
    named += "  keys:\n    momentum: {key_id: momentum-live, key_file: /run/secrets/live-momentum.pem, subaccount: 0}\n"
    text = policy.read_text()
    for old, new in (("/run/secrets/live.pem\n", named), ("    subaccount: 0\n", "    signing: momentum\n")):
        assert text.count(old) == 1
        text = text.replace(old, old + new)
    policy.write_text(text)
    give(made, CONTAINER_USER)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("tool")
def test_w_trades_with_its_clients_own_key_and_does_not_start_without(network: Network, tmp_path: Path) -> None:
    """Catches a further key that the container does not get, cannot read, or gets where its policy does not look."""
    read = compose()
    engine = Engine(network, tmp_path, read)
    engine.run("prepare")
    _give_momentum_a_key(engine.made)
    engine.start_all("exchange")
    for file, place, name in (
        (PASSPHRASE, "signing", "live.pass"),
        (KEYS, "signing.keys.momentum", "live-momentum.pem"),
    ):
        refused = engine.start("w")
        assert refused.wait(120) == 1
        assert f"{place}.key_file: /run/secrets/{name} cannot be opened: No such file" in refused.err
        read.update(with_keys(read, yaml.safe_load(file.read_text())))
    engine.start_all("w")
    done = ["read the balance: done", "place a bid: done", "cancel it: done"]
    eventually("W has read the exchange's record", lambda: engine.run("client-w").splitlines() == done, 60)
    assert "live-momentum.pem" in engine.inside("w", ["ls", "/run/secrets"]).stdout.split()
