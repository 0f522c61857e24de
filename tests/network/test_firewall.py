"""The firewall rules of deploy/ on hosts of our own: each holds where every other wall has been taken down."""

import re
import shutil
from pathlib import Path

import pytest
from deploy.compose.prepare import DESKS, EXCHANGE
from tests.e2e.programs import eventually
from tests.network.desks import DOORS, LISTENED, PAST, Lines, Sidecar, at_sidecar, reached, tried
from tests.network.hosts import Host, Network
from tests.network.probe import REACHED

RULES = Path(__file__).parents[2] / "deploy" / "nftables"
PROXY_USER, CLIENT_USER, ANOTHER = 9001, 9002, 9003
SSH, RESOLVER, TIME = 22, 53, 123

pytestmark = pytest.mark.skipif(shutil.which("nft") is None, reason="there is no `nft` (nftables)")


def _load(host: Host, name: str, **defined: object) -> None:
    """Load rules twice, as a service that is restarted does, with these values of their own."""
    text = (RULES / f"{name}.nft").read_text()
    for key, value in ({"proxy_user": PROXY_USER, "client_user": CLIENT_USER} | defined).items():
        text = re.sub(rf"(?m)^define {key} = .*$", f"define {key} = {value}", text)
    host.run("nft", "-c", "-f", "-", given=text)
    for _ in range(2):
        host.run("nft", "-f", "-", given=text)


def _doors(one: Sidecar) -> list[tuple[str, str, int]]:
    return [("tcp", one.desk.address, port) for port in DOORS]


@pytest.fixture
def open_lines(network: Network, tmp_path: Path) -> Lines:
    """A desk whose sidecar passes everything on, with something that answers on its doors and on other ports."""
    lines = Lines(network, tmp_path, DESKS[:1])
    one = lines.sidecars["W"]
    one.host.set("net.ipv4.ip_forward", "1")
    one.host.set("net.ipv6.conf.all.forwarding", "1")
    lines.listen(one.host, (*DOORS, *LISTENED, 9443), (one.desk.address, "127.0.0.1", "fd77:1::2"))
    eventually("every way leads there", lambda: len(reached(one.client, PAST)) == len(PAST), 30)
    return lines


@pytest.mark.parametrize("name", ["sidecar-host", "client-host"])
def test_either_hosts_rules_leave_the_doors_alone(open_lines: Lines, name: str) -> None:
    """Catches a rule that lets a packet past: each host's rules are the only wall, for forwarding is on. A client's own
    host says no at once, so that not even a packet without an answer leaves it. Seen red with `policy accept` in a
    sidecar's forward chain, and with a client's way out left open.
    """
    one = open_lines.sidecars["W"]
    _load(one.client if name == "client-host" else one.host, name)
    seen = len(open_lines.seen_from_clients())
    told = tried(one.client, (*PAST, *at_sidecar(one.desk), *(("tcp", "fd77:1::2", port) for port in (*DOORS, SSH))))
    assert REACHED not in told.values()
    at_once = {told[way] for way in at_sidecar(one.desk)}  # of IPv6 the kernel says no less often, to spare itself
    assert name == "sidecar-host" or "no answer" not in at_once, told
    assert len(open_lines.seen_from_clients()) == seen, "a packet got through, although its answer did not"
    assert reached(one.client, _doors(one)) == _doors(one)


def test_a_sidecars_rules_let_the_proxys_user_out_and_nobody_else(open_lines: Lines) -> None:
    """Catches rules that keep the proxy from the exchange, or let another user of its host there. Seen red
    without the user in that rule."""
    one = open_lines.sidecars["W"]
    _load(one.host, "sidecar-host")
    https = [("tcp", EXCHANGE, 443)]
    assert reached(one.host, PAST, PROXY_USER) == [way for way in PAST if way[0] == "tcp" and way[2] == 443]
    assert reached(one.host, https, ANOTHER) == reached(one.host, https) == []


def test_a_client_that_shares_the_host_is_held_to_the_doors(open_lines: Lines) -> None:
    """Catches a user's way out by IP, by IPv6, by the resolver on loopback; and rules that hold other users too.
    Seen red with all of loopback open."""
    host = open_lines.sidecars["W"].host
    doors = [("tcp", "127.0.0.1", port) for port in DOORS]
    elsewhere = [(how, "127.0.0.1", port) for how, port in (("tcp", SSH), ("udp", RESOLVER), ("tcp", 9443))]
    _load(host, "client-user")
    assert reached(host, (*PAST, *elsewhere, *doors), CLIENT_USER) == doors
    assert reached(host, (*PAST, *elsewhere, *doors), ANOTHER) == [*PAST, *elsewhere, *doors]


def test_an_admin_gets_in_where_the_rules_name_him(open_lines: Lines) -> None:
    """Catches rules that nobody could ever change again from afar, and an `admins` that holds for everybody. Seen red
    with SSH open to all."""
    one = open_lines.sidecars["W"]
    ssh = [("tcp", one.desk.address, SSH)]
    _load(one.host, "sidecar-host")
    assert reached(one.client, ssh) == []
    _load(one.host, "sidecar-host", admins="{ 10.77.1.3 }")
    assert reached(one.client, ssh) == ssh


def test_a_client_asks_the_time_where_the_rules_name_a_clock_and_nobody_else(open_lines: Lines) -> None:
    """Catches a client's host whose clock nothing sets, until all that it signs is stale; and a `clocks` that is a way
    out to others, or by other ports. Seen red without the rule, and with the address left out of it."""
    one = open_lines.sidecars["W"]
    clock = ("udp", one.desk.address, TIME)
    ways = (clock, ("udp", EXCHANGE, TIME), ("udp", one.desk.address, RESOLVER), ("tcp", one.desk.address, TIME))
    _load(one.client, "client-host")
    assert reached(one.client, ways) == []
    _load(one.client, "client-host", clocks=f"{{ {one.desk.address} }}")
    assert reached(one.client, ways) == [clock]
