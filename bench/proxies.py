"""The programs of the benchmark: origin, mitmdump in both roles, one pretrade for each kind of live key, and the load.

Rule of this file: every program it starts is ended when its block is left, and everything it writes is in one folder.
"""

import datetime as dt
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from load import Job, Target, Window, key_file

from pretrade.cli.processes import free_ports, plain_environment, pretrade_command
from pretrade.gateway.keys import certs
from pretrade.kalshi.hosts import all_names
from pretrade.kalshi.keys import KeyKind, generate_private_key, private_pem_of, public_pem_of
from pretrade.policy.waivers import LIMITS
from pretrade.practice.certs import ensure_certificates, write_private

MITMDUMP = "mitmdump"
REVERSE = "mitmdump reverse"
PROXY_PY = "proxy.py"

CLIENTS = 32
READY_S = 30.0
END_S = 12.0
_HERE = Path(__file__).parent
_EXCHANGE_NAME = "external-api.kalshi.com"

_POLICY = """\
version: 1
instance: {{role: W, environment: practice, mode: live, allow_production: false}}
listen: {{proxy: "127.0.0.1:{proxy}", base_url: "127.0.0.1:{base_url}"}}
exchange:
  practice: {{url: "https://127.0.0.1:{origin}", ca: "{ca}"}}
signing: {{key_id: live-key, key_file: live.pem}}
state_dir: state
certs_dir: certs
clients:
{clients}
limits:
  order: {{max_count: "100", max_risk: "$200"}}
  day: {{timezone: America/New_York, max_orders: 1000000, max_notional: "$1000000000"}}
  market: {{max_position: "100000000", max_exposure: "$1000000000"}}
  event: {{max_exposure: "$1000000000"}}
  series: {{max_exposure: "$1000000000"}}
  account: {{max_exposure: "$1000000000", max_open_orders: 1000000}}
unlimited_on_purpose:
{waivers}
price:
  band: {{min: "$0.02", max: "$0.98"}}
liquidity: {{below_grade: deny, max_age: 2s}}
require:
  post_only: false
  reduce_only: false
  expiration_within: never
  self_trade_prevention: any
  cancel_order_on_pause: false
confirm: {{approvals: 1, within: 5m}}
order_groups: {{may_loosen: false}}
notify: {{at: [], command: []}}
fees: {{multiplier_ceiling: "1.0"}}
reconcile: {{every: 15s, max_age: 2m}}
markets:
  - {{match: "KXHIGHNY-*", allow: true, limits: {{order: {{max_count: "20"}}}}}}
  - {{match: "KXBTC-*", allow: true}}
  - {{match: "*", allow: false}}
end: policy
"""


_STATED = ("limits.order", "limits.day.max_orders", "limits.day.max_notional", "limits.market.max", "limits.event")
_WAIVED = tuple(
    limit for limit in LIMITS if not limit.startswith((*_STATED, "limits.series", "limits.account", "price.band"))
)
"""What the benchmark's policy leaves out: every limit that is not in its text."""


class ProgramError(Exception):
    """A program that did not start or ended by itself; the message has the end of what it printed."""


class Load:
    """The load generator, one window at a time."""

    def __init__(self, process: subprocess.Popen[str], keys: Path, origin_pid: int, log: Path) -> None:
        self._process = process
        self._log = log
        self._keys = keys
        self._origin_pid = origin_pid

    def measure(
        self, target: Target, what: str, concurrency: int, seconds: float, *, status: int, fresh: bool = False
    ) -> Window:
        """Load one target for some seconds. Raises ProgramError when the load ends instead of answering."""
        tag, keys = f"c{concurrency}", str(self._keys)
        job = Job(target, what, fresh, status, concurrency, seconds, tag, keys, self._origin_pid)
        if self._process.stdin is None or self._process.stdout is None:
            raise ProgramError("the load has no standard input and output")
        self._process.stdin.write(json.dumps(asdict(job)) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()  # bounded: the load gives up by itself
        if not line:
            raise ProgramError(f"the load failed on {target.name}:\n{_end_of(self._log)}")
        return Window(**json.loads(line))


@dataclass(frozen=True, slots=True)
class Running:
    """Everything that runs, and where each pretrade keeps its journal."""

    targets: dict[str, Target]
    load: Load
    journals: dict[str, Path]


@contextmanager
def running(folder: Path, keys: Sequence[KeyKind]) -> Iterator[Running]:
    """Origin, load, mitmdump and a pretrade for each kind of live key, until the block is left. Raises ProgramError."""
    ca, server = ensure_certificates(folder, dt.datetime.now(dt.UTC))
    _make_client_keys(folder)
    with ExitStack() as stack:
        (port,) = free_ports(1)
        origin = stack.enter_context(
            _program([sys.executable, str(_HERE / "origin.py"), str(port), str(server)], folder)
        )
        _wait_for(port, origin, folder)
        targets = {"direct": Target("direct", port, "", "localhost", str(ca), 0)}
        for name in (MITMDUMP, REVERSE):
            targets[name] = stack.enter_context(_mitmdump(folder, name, ca, port))
        if find_spec("proxy") is not None:
            targets[PROXY_PY] = stack.enter_context(_proxy_py(folder, ca, port))
        journals: dict[str, Path] = {}
        for kind in keys:
            name = pretrade_name(kind)
            targets |= stack.enter_context(_pretrade(folder, name, kind, ca, port))
            journals[name] = folder / name / "state" / "journal.db"
        load = stack.enter_context(_program([sys.executable, str(_HERE / "load.py")], folder))
        yield Running(targets, Load(load, folder, origin.pid, folder / "programs.log"), journals)


def pretrade_name(kind: KeyKind) -> str:
    """What the pretrade with this kind of live key is called in every table."""
    return f"pretrade {kind}"


def base_url_name(kind: KeyKind) -> str:
    """The same program's base-URL door."""
    return f"{pretrade_name(kind)} base URL"


def _make_client_keys(folder: Path) -> None:
    for number in range(CLIENTS):
        key, path = generate_private_key("ed25519"), key_file(folder, number)
        write_private(path, private_pem_of(key))
        path.with_suffix(".pub").write_bytes(public_pem_of(key.public_key()))


@contextmanager
def _mitmdump(folder: Path, name: str, ca: Path, origin: int) -> Iterator[Target]:
    """Bare `mitmdump -q`, as a proxy or in the role of the base-URL door: no script, its default options, the origin's
    CA to believe."""
    (port,) = free_ports(1)
    confdir = folder / "mitmproxy"
    settings = ("--set", f"confdir={confdir}", "--set", f"ssl_verify_upstream_trusted_ca={ca}")
    program = str(Path(sys.executable).parent / "mitmdump")
    listen = ("--listen-host", "127.0.0.1", "--listen-port", str(port))
    mode = ("--mode", f"reverse:https://localhost:{origin}") if name == REVERSE else ()
    with _program([program, "-q", *mode, *listen, *settings], folder) as process:
        _wait_for(port, process, folder)
        if name == REVERSE:
            yield Target(name, port, "", f"127.0.0.1:{port}", "", process.pid)
        else:
            ca_file = str(confdir / "mitmproxy-ca-cert.pem")
            yield Target(name, port, f"127.0.0.1:{origin}", "127.0.0.1", ca_file, process.pid)


@contextmanager
def _proxy_py(folder: Path, ca: Path, origin: int) -> Iterator[Target]:
    """proxy.py, which opens TLS as well, with certificates by mitmproxy's CA. One process, as the others."""
    (port,) = free_ports(1)
    own, both = folder / "proxy.py", folder / "mitmproxy" / "mitmproxy-ca.pem"
    own.mkdir(mode=0o700)
    write_private(own / "leaf.pem", private_pem_of(generate_private_key("rsa")))
    keys = ("--ca-key-file", str(both), "--ca-cert-file", str(both), "--ca-signing-key-file", str(own / "leaf.pem"))
    places = ("--data-dir", str(own), "--ca-cert-dir", str(own), "--ca-file", str(ca))
    listen = ("--hostname", "127.0.0.1", "--port", str(port), "--num-workers", "1", "--num-acceptors", "1")
    command = [sys.executable, "-m", "proxy", *listen, *keys, *places, "--log-level", "ERROR"]
    with _program(command, folder) as process:
        _wait_for(port, process, folder)
        ca_file = str(folder / "mitmproxy" / "mitmproxy-ca-cert.pem")
        yield Target(PROXY_PY, port, f"localhost:{origin}", "localhost", ca_file, process.pid)


@contextmanager
def _pretrade(folder: Path, name: str, kind: KeyKind, ca: Path, origin: int) -> Iterator[dict[str, Target]]:
    """`pretrade run` as an operator starts it, on a policy with room for every order: its two doors."""
    proxy, base_url = free_ports(2)
    own = folder / name
    own.mkdir(mode=0o700)
    certs.make(own / "certs", all_names(), dt.datetime.now(dt.UTC))
    write_private(own / "live.pem", private_pem_of(generate_private_key(kind)))
    clients = "\n".join(
        f'  bot-{number}: {{key_id: bot-{number}, public_key: "{key_file(folder, number).with_suffix(".pub")}", '
        "subaccount: 0, shares_subaccount: true}"
        for number in range(CLIENTS)
    )
    policy = own / "policy.yaml"
    waivers = "\n".join(f"  - {{limit: {limit}, reason: room for every order, until: 2999-12-31}}" for limit in _WAIVED)
    ports = {"proxy": proxy, "base_url": base_url, "origin": origin}
    policy.write_text(_POLICY.format(ca=ca, clients=clients, waivers=waivers, **ports))
    with _program(pretrade_command("run", "-p", str(policy)), folder) as process:
        _wait_for(proxy, process, folder)
        ca_file = str(own / "certs" / certs.CA_NAME)
        host = f"127.0.0.1:{base_url}"
        yield {
            name: Target(name, proxy, f"{_EXCHANGE_NAME}:443", _EXCHANGE_NAME, ca_file, process.pid),
            base_url_name(kind): Target(base_url_name(kind), base_url, "", host, "", process.pid),
        }


@contextmanager
def _program(command: Sequence[str], folder: Path) -> Iterator[subprocess.Popen[str]]:
    with (folder / "programs.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=plain_environment(),
            text=True,
            start_new_session=True,  # ^C is for us, and we end what we started
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _wait_for(port: int, process: subprocess.Popen[str], folder: Path) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise ProgramError(f"{process.args!r} does not listen on port {port}:\n{_end_of(folder / 'programs.log')}")


def _end_of(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-2000:]
