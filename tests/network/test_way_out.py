"""A client's host reaches the exchange through its sidecar, and in no other way: shown on hosts of our own."""

from pathlib import Path
from typing import Any

from deploy.compose.prepare import DESKS, EXCHANGE, prepare
from tests.e2e.clients import API, HOST, ORDERS, Answer
from tests.e2e.harness import order
from tests.e2e.programs import eventually
from tests.network.desks import PAST, Client, Lines, at_sidecar, reached, through_proxy_door, tried
from tests.network.hosts import Network

from pretrade.cli.practice_client import Operator


def _here(made: Path) -> None:
    """What `prepare` made for containers, with their paths as they are on this machine."""
    for desk in DESKS:
        policy = made / desk.folder / "config" / "policy.yaml"
        text = policy.read_text()
        for old, new in (
            ("/run/secrets", made / desk.folder / "secrets"), ("/var/lib/pretrade", made / desk.folder / "state"),
        ):  # fmt: skip
            assert old in text
            text = text.replace(old, str(new))
        policy.write_text(text)


def _start_all(lines: Lines, made: Path) -> None:
    """The practice exchange and a sidecar a desk, each on its own host."""
    practice = ("practice", "--folder", str(made / "practice"), "--host", EXCHANGE)
    programs = [lines.exchange.pretrade("practice", practice, lines.folder)]
    for one in lines.sidecars.values():
        policy = made / one.desk.folder / "config" / "policy.yaml"
        programs.append(one.host.pretrade(one.desk.folder, ("run", "-p", str(policy)), lines.folder))
    for program in programs:
        program.wait_ready()


def _order(client: Client, door: str) -> Answer:
    """What is said to a bid that rests, once the sidecar has read the exchange's record."""

    def judged() -> Answer | None:
        answer = client.said("POST", ORDERS, order(price="0.5000"), door=door)
        return None if answer.code == "LEDGER_NOT_RECONCILED" else answer

    return eventually(f"an order is judged at the {door} door", judged, 30)


def _writes(lines: Lines, made: Path) -> list[dict[str, Any]]:
    """Every write that arrived at the exchange."""
    operator = Operator(made / "practice")
    return lines.exchange.do(lambda: operator.ask("GET", "requests")["requests"])


def test_a_client_trades_through_its_sidecar_and_by_no_other_way(network: Network, tmp_path: Path) -> None:
    """Catches a sidecar host that passes packets on, a door that opens more than the exchange's names, a role that
    sends what it must not: real processes on a client, a W, an R, an ABH and an exchange host.
    """
    made = tmp_path / "made"
    prepare(made)
    _here(made)
    lines = Lines(network, tmp_path)
    _start_all(lines, made)

    for one in lines.sidecars.values():
        asked = through_proxy_door(one.desk)
        assert reached(one.client, (*PAST, *at_sidecar(one.desk))) == [], f"{one.client.name} got past its sidecar"
        told = tried(one.client, asked)
        assert set(told.values()) == {"403 DESTINATION_NOT_ALLOWED"}, "our refusal, not a door that is shut"
    w, r, abh = (Client(lines.sidecars[desk.role], made) for desk in DESKS)
    quick = {"RES_OPTIONS": "timeout:1 attempts:1"}
    assert lines.sidecars["W"].client.try_to("getent", "hosts", HOST, environment=quick).stdout == "", (
        "a name was found"
    )

    for door in ("proxy", "base_url"):
        for client in (w, r, abh):
            assert client.said("GET", API + "/portfolio/balance", door=door).status == 200
        assert _order(r, door).code == "ROLE_READ_ONLY"
        assert _order(abh, door).status == 201, "as the exchange would answer"
        assert _order(w, door).status == 201
    keys = [value for write in _writes(lines, made) for name, value in write["headers"] if name == "KALSHI-ACCESS-KEY"]
    assert keys == ["practice-w-key"] * 2
    assert lines.seen_from_clients() == [], "a client's packet crossed a sidecar"


def test_a_router_in_the_sidecars_place_is_noticed(network: Network, tmp_path: Path) -> None:
    """The control: with forwarding on, every way of the table leads to the exchange, so that the table can fail."""
    lines = Lines(network, tmp_path, DESKS[:1])
    one = lines.sidecars["W"]
    assert reached(one.client, PAST) == []
    assert lines.seen_from_clients() == []
    one.host.set("net.ipv4.ip_forward", "1")
    one.host.set("net.ipv6.conf.all.forwarding", "1")
    eventually("every way leads there", lambda: len(reached(one.client, PAST)) == len(PAST), 30)
    assert lines.seen_from_clients() != []
