"""The three desks and the exchange as hosts: a client, its sidecar, the exchange behind that.

A client's only wire ends at its sidecar, which is also its default route; the sidecar has a second one to the exchange.
The exchange knows the way back, so that a packet which gets there would be answered.
"""

import asyncio
import http.client
import json
import ssl
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.compose.prepare import CLIENT_KEY_ID, DESKS, EXCHANGE, Desk
from tests.e2e.clients import HOST, Answer, RawClient
from tests.e2e.programs import Program
from tests.network.hosts import Host, Network
from tests.network.probe import REACHED, Way, try_all

from pretrade.cli.processes import plain_environment
from pretrade.kalshi.hosts import CLEARING_HOSTS, FIX_HOSTS, FIX_PORTS, all_names

HERE = Path(__file__).parent
EXCHANGE_6 = "fd77:9::9"
PUBLIC, PUBLIC_6 = "192.0.2.10", "2001:db8::10"
"""Where the exchange would be for the world; the addresses are the documentation's, which belong to nobody."""
DOORS = (8080, 8081)
LISTENED = (22, 53, 80, 123, 443, 8443, *FIX_PORTS)

PAST: tuple[Way, ...] = (
    *(("tcp", EXCHANGE, port) for port in LISTENED),
    *(("tcp", address, 443) for address in (PUBLIC, EXCHANGE_6, PUBLIC_6)),
    *(("udp", address, port) for address in (EXCHANGE, EXCHANGE_6, PUBLIC, PUBLIC_6) for port in (53, 123, 443)),
    *(("ping", address, 0) for address in (EXCHANGE, PUBLIC)),
)
"""Straight to the exchange with the sidecar as a router: every port, UDP (DNS, QUIC, time), ICMP, IPv6."""


def at_sidecar(desk: Desk) -> tuple[Way, ...]:
    """Anything of the sidecar that is not a door: other ports, a resolver, its address on the far side."""
    far = f"10.77.9.{DESKS.index(desk) + 1}"
    return (
        *(("tcp", desk.address, port) for port in (22, 53, 443, 9443, *FIX_PORTS)),
        ("udp", desk.address, 53),
        *(("tcp", far, port) for port in (*DOORS, 9443)),
    )


def through_proxy_door(desk: Desk) -> tuple[Way, ...]:
    """What the proxy door is asked to open and must not: FIX, addresses, other names, other ports, itself."""
    door = f"http://{desk.address}:8080"
    wanted = (
        *((name, port) for name in FIX_HOSTS for port in FIX_PORTS),
        *((name, 443) for name in CLEARING_HOSTS),
        *((address, port) for address in (EXCHANGE, PUBLIC, f"[{EXCHANGE_6}]") for port in (443, 9443)),
        *((name, 8443) for name in all_names()),
        ("dns.example", 443), ("127.0.0.1", 9443), ("localhost", 8081), (desk.address, 8081),
    )  # fmt: skip
    return tuple((door, host, port) for host, port in wanted)


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A desk's two hosts."""

    desk: Desk
    client: Host
    host: Host


class Lines:
    """The hosts with their wires and routes, and a witness at the exchange."""

    def __init__(self, network: Network, folder: Path, desks: Sequence[Desk] = DESKS) -> None:
        self.folder = folder
        self.exchange = network.host("exchange")
        self._upstream = network.switch("upstream")
        network.wire(self.exchange, (f"{EXCHANGE}/24", f"{EXCHANGE_6}/64"), self._upstream)
        self.exchange.run("ip", "address", "add", f"{PUBLIC}/32", "dev", "lo")
        self.exchange.run("ip", "address", "add", f"{PUBLIC_6}/128", "dev", "lo")
        self.sidecars = {desk.role: self._desk(network, desk) for desk in desks}
        self._witness = self._start_witness()

    def _desk(self, network: Network, desk: Desk) -> Sidecar:
        number, name = DESKS.index(desk) + 1, desk.folder
        client, host = network.host(f"client-{name}"), network.host(name)
        near = (f"{desk.address}/24", f"fd77:{number}::2/64")
        network.wire(client, (f"10.77.{number}.3/24", f"fd77:{number}::3/64"), host, near)
        network.wire(host, (f"10.77.9.{number}/24", f"fd77:9::{number}/64"), self._upstream)
        _as_delivered(host)
        _routes(client, f"default via {desk.address}", f"default via fd77:{number}::2")
        _routes(host, f"{PUBLIC} via {EXCHANGE}", f"{PUBLIC_6} via {EXCHANGE_6}")
        _routes(self.exchange, f"10.77.{number}.0/24 via 10.77.9.{number}", f"fd77:{number}::/64 via fd77:9::{number}")
        return Sidecar(desk, client, host)

    def _start_witness(self) -> Program:
        return self.listen(self.exchange, LISTENED, (EXCHANGE, EXCHANGE_6, PUBLIC, PUBLIC_6))

    def listen(self, host: Host, ports: Sequence[int], addresses: Sequence[str]) -> Program:
        """Something that answers on a host, by TCP and UDP."""
        command = (sys.executable, str(HERE / "witness.py"), ",".join(map(str, ports)), ",".join(addresses))
        witness = host.start(f"witness-{host.name}", command, self.folder, plain_environment())
        witness.wait_ready()
        return witness

    def seen_from_clients(self) -> list[dict[str, object]]:
        """The packets of clients that arrived at the exchange, as its wire saw them."""
        packets = [json.loads(line) for line in self._witness.out.splitlines() if line.startswith("{")]
        clients = tuple(
            f"{start}{number}{end}" for number in (1, 2, 3) for start, end in (("10.77.", "."), ("fd77:", ":"))
        )
        return [packet for packet in packets if packet["from"].startswith(clients)]


def _as_delivered(host: Host) -> None:
    """Set what deploy/sysctl.conf sets, on a host that passed everything on before."""
    host.set("net.ipv4.ip_forward", "1")
    host.set("net.ipv6.conf.all.forwarding", "1")
    for line in (HERE.parents[1] / "deploy" / "sysctl.conf").read_text().splitlines():
        key, _, value = line.partition(" = ")
        if key.startswith("net."):  # the others are the whole machine's
            host.set(key, value)


def _routes(host: Host, *routes: str) -> None:
    host.run("ip", "-batch", "-", given="".join(f"route add {route}\n" for route in routes))


def tried(host: Host, ways: Sequence[Way], user: int = 0) -> dict[Way, str]:
    """What came of each way that was tried from a host."""
    return host.do(lambda: asyncio.run(try_all(ways)), user)


def reached(host: Host, ways: Sequence[Way], user: int = 0) -> list[Way]:
    """The ways that led somewhere."""
    return [way for way, told in tried(host, ways, user).items() if told == REACHED]


class Client(RawClient):
    """A client on its desk's own host, which knows its sidecar's two doors."""

    def __init__(self, one: Sidecar, made: Path) -> None:
        folder = made / one.desk.folder
        super().__init__(*reversed(DOORS), folder / "secrets" / "ca.crt", CLIENT_KEY_ID, folder / "client" / "bot.pem")
        self._at = one

    def connection(self, door: str = "base_url", timeout: float = 20) -> http.client.HTTPConnection:
        address = self._at.desk.address
        if door == "base_url":
            return http.client.HTTPConnection(address, self._base_url_port, timeout=timeout)
        context = ssl.create_default_context(cafile=str(self._ca_file))
        tunnel = http.client.HTTPSConnection(address, self._proxy_port, timeout=timeout, context=context)
        tunnel.set_tunnel(HOST, 443)
        return tunnel

    def said(self, method: str, target: str, body: Any = None, *, door: str) -> Answer:
        """The answer to one request, made from the client's host."""
        return self._at.client.do(lambda: self.send(method, target, body, door=door))
