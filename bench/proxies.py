"""The programs of the benchmark: origin, mitmdump, one pretrade for each kind of live key, and the load.

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
from pathlib import Path

from load import Job, Target, Window, key_file

from pretrade.cli.processes import free_ports, plain_environment, pretrade_command
from pretrade.gateway import certs
from pretrade.kalshi.hosts import all_names
from pretrade.kalshi.keys import KeyKind, generate_private_key, private_pem_of, public_pem_of
from pretrade.practice.certs import ensure_certificates, write_private

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
  day: {{timezone: America/New_York, max_orders: 1000000}}
price:
  band: {{min: "$0.02", max: "$0.98"}}
fees: {{multiplier_ceiling: "1.0"}}
markets:
  - {{match: "KXHIGHNY-*", allow: true, limits: {{order: {{max_count: "20"}}}}}}
  - {{match: "KXBTC-*", allow: true}}
  - {{match: "*", allow: false}}
end: policy
"""


class ProgramError(Exception):
    """A program that did not start or ended by itself; the message has the end of what it printed."""


class Load:
    """The load generator, one window at a time."""

    def __init__(self, process: subprocess.Popen[str], keys: Path, origin_pid: int, log: Path) -> None:
        self._process = process
        self._log = log
        self._keys = keys
        self._origin_pid = origin_pid

    def measure(self, target: Target, what: str, concurrency: int, seconds: float) -> Window:
        """Load one target for some seconds. Raises ProgramError when the load ends instead of answering."""
        job = Job(target, what, concurrency, seconds, f"c{concurrency}", str(self._keys), self._origin_pid)
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
        targets["mitmdump"] = stack.enter_context(_mitmdump(folder, ca, port))
        journals: dict[str, Path] = {}
        for kind in keys:
            name = pretrade_name(kind)
            targets[name] = stack.enter_context(_pretrade(folder, name, kind, ca, port))
            journals[name] = folder / name / "state" / "journal.db"
        load = stack.enter_context(_program([sys.executable, str(_HERE / "load.py")], folder))
        yield Running(targets, Load(load, folder, origin.pid, folder / "programs.log"), journals)


def pretrade_name(kind: KeyKind) -> str:
    """What the pretrade with this kind of live key is called in every table."""
    return f"pretrade {kind}"


def _make_client_keys(folder: Path) -> None:
    for number in range(CLIENTS):
        key, path = generate_private_key("ed25519"), key_file(folder, number)
        write_private(path, private_pem_of(key))
        path.with_suffix(".pub").write_bytes(public_pem_of(key.public_key()))


@contextmanager
def _mitmdump(folder: Path, ca: Path, origin: int) -> Iterator[Target]:
    """Bare `mitmdump -q`: no script, its default options, the origin's CA to believe."""
    (port,) = free_ports(1)
    confdir = folder / "mitmproxy"
    settings = ("--set", f"confdir={confdir}", "--set", f"ssl_verify_upstream_trusted_ca={ca}")
    program = str(Path(sys.executable).parent / "mitmdump")
    listen = ("--listen-host", "127.0.0.1", "--listen-port", str(port))
    with _program([program, "-q", *listen, *settings], folder) as process:
        _wait_for(port, process, folder)
        ca_file = str(confdir / "mitmproxy-ca-cert.pem")
        yield Target("mitmdump", port, f"127.0.0.1:{origin}", "127.0.0.1", ca_file, process.pid)


@contextmanager
def _pretrade(folder: Path, name: str, kind: KeyKind, ca: Path, origin: int) -> Iterator[Target]:
    """`pretrade run` as an operator starts it, on a policy with room for every order."""
    proxy, base_url = free_ports(2)
    own = folder / name
    own.mkdir(mode=0o700)
    certs.make(own / "certs", all_names(), dt.datetime.now(dt.UTC))
    write_private(own / "live.pem", private_pem_of(generate_private_key(kind)))
    clients = "\n".join(
        f'  bot-{number}: {{key_id: bot-{number}, public_key: "{key_file(folder, number).with_suffix(".pub")}", '
        f"subaccount: {number}}}"
        for number in range(CLIENTS)
    )
    policy = own / "policy.yaml"
    policy.write_text(_POLICY.format(proxy=proxy, base_url=base_url, origin=origin, ca=ca, clients=clients))
    with _program(pretrade_command("run", "-p", str(policy)), folder) as process:
        _wait_for(proxy, process, folder)
        yield Target(
            name, proxy, f"{_EXCHANGE_NAME}:443", _EXCHANGE_NAME, str(own / "certs" / certs.CA_NAME), process.pid
        )


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
