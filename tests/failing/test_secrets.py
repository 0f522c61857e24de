"""The canary: after a session with everything in it, no secret is in anything that the session left or said.

The session trades, reads, is denied, sends rubbish, meets a lying exchange and a full journal, is halted, stopped,
killed, and started with a broken key. What is searched: journal and its write-ahead log, HALT file, process logs, all
that commands print, every answer, and what the kernel shows of the process. The control plants each secret, in each
spelling, and finds it.
"""

import resource
import signal
import socket
import sys
from pathlib import Path

import pytest
from tests.e2e.clients import API, ORDERS
from tests.e2e.harness import order
from tests.e2e.programs import Program, pretrade
from tests.failing.canary import files_below, hits, live_signatures, secrets_of, spellings
from tests.failing.conftest import GENEROUS
from tests.failing.machine import Machine, limited, machine

RUBBISH = (
    b"GET / HTTP/1.1\r\n\r\n",
    b"\x16\x03\x01\x00\x05hello",
    b"POST " + b"/" * 9000 + b" HTTP/1.1\r\n\r\n",
    b"CONNECT 169.254.169.254:80 HTTP/1.1\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\0" * 100,
)
FAULTS = ("close_after_read", "html", "gzip", "redirect", "duplicate_keys", "wrong_types", "clock_skew")


def _session(m: Machine, said: dict[str, bytes]) -> None:
    """A day in the life of a proxy; everything that anybody is told goes into `said`."""
    raw = m.raw()
    for door in ("base_url", "proxy"):
        for method, target, body in (
            ("GET", f"{API}/portfolio/balance", None),
            ("POST", ORDERS, order(client_order_id=f"canary-{door}")),
            ("POST", ORDERS, order("1000.00")),
            ("POST", ORDERS, {"ticker": 1}),
            ("POST", f"{API}/portfolio/transfers", {}),
            ("TRACE", ORDERS, None),
            ("DELETE", f"{ORDERS}/11111111-1111-1111-1111-111111111111", None),
        ):
            said[f"{door} {method} {target} {body}"] = raw.send(method, target, body, door=door).raw
    for number, kind in enumerate(FAULTS):
        more = {"skew": 60.0, "lasting": 0.2} if kind == "clock_skew" else {}
        m.fault(kind, **more)
        said[f"fault {kind}"] = raw.send("POST", ORDERS, order(client_order_id=f"fault-{number}")).raw
    m.control("DELETE", "faults")
    for port in (m.base_url_port, m.proxy_port):
        for number, data in enumerate(RUBBISH):
            said[f"rubbish {port} {number}"] = _answer_to(port, data)
    with limited(m.proxy.pid, resource.RLIMIT_FSIZE, 4096):
        said["no journal"] = raw.send("POST", ORDERS, order()).raw
    proc = Path(f"/proc/{m.proxy.pid}")
    said |= {f"kernel: {name}": (proc / name).read_bytes() for name in ("environ", "cmdline", "maps", "status")}
    for command, arguments in (
        ("halt", ("--reason", "canary")),
        ("status", ()),
        ("resume", ("--by", "Ada", "--reason", "canary")),
        ("check", ()),
    ):
        done = m.pretrade(command, *arguments)
        said[command] = (done.stdout + done.stderr).encode()
    (decision,) = {row.decision_id for row in m.events("decision") if "canary-proxy" in str(row.body["request"])}
    for arguments in (("tail", "-n", "1000", "--all"), ("show", str(decision))):
        done = pretrade("log", "-p", str(m.policy), *arguments)
        assert done.returncode == 0, done.stderr
        said[f"log {arguments[0]}"] = (done.stdout + done.stderr).encode()


def _answer_to(port: int, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := client.recv(4096):
            answer += piece
    return answer


def _start_with_broken_keys(m: Machine, said: dict[str, bytes]) -> None:
    """Each way in which a key file can be wrong, which is where a message might quote it."""
    good = m.live_key.read_bytes()
    broken = {
        "cut": good[: len(good) * 2 // 3],
        "another word": good.replace(b"PRIVATE KEY", b"PRIVATE THING"),
        "no armour": b"".join(good.splitlines()[1:-1]),
        "twice": good + good,
        "bad letter": good.replace(good.splitlines()[1][5:6], b"!"),
    }
    for name, data in broken.items():
        m.live_key.write_bytes(data)
        said[f"key {name}"] = m.try_to_start().encode() if name != "twice" else b""
    m.live_key.write_bytes(good)
    m.live_key.chmod(0o644)
    said["open key"] = m.try_to_start().encode()
    m.live_key.chmod(0o600)


def _secret_files(m: Machine) -> list[Path]:
    """What is there to hold secrets: keys, leaf, the exchange's own folder, and the wire-tap, which is the witness."""
    return [m.folder / "keys", m.folder / "certs" / "leaf.pem", m.folder / "practice", m.tap_record]


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """A session's secrets and everything that it left behind or said."""
    said: dict[str, bytes] = {}
    with machine(tmp_path_factory.mktemp("canary"), *GENEROUS, tap=True) as m:
        _session(m, said)
        said |= {f"running: {name}": data for name, data in files_below(m.root, *_secret_files(m)).items()}
        (m.state / "HALT").write_text("canary")
        said["halted"] = m.raw().send("POST", ORDERS, order()).raw
        m.proxy.kill()
        _start_with_broken_keys(m, said)
        m.start_proxy()
        assert m.proxy.end() == 0
        said |= files_below(m.root, *_secret_files(m))
        signatures = live_signatures(m.tap_record)
        assert len(signatures) > 10
        secrets = secrets_of(m) | {f"live signature {n}": signature for n, signature in enumerate(signatures)}
        yield secrets, said


def test_no_secret_is_in_anything_that_a_session_left_or_said(session):
    """Catches: a key in a traceback or an error page; a signature in a log, a row or an answer; a token on a command
    line; a secret in an environment that the same user may read."""
    secrets, said = session
    assert any(name.endswith("journal.db-wal") for name in said), "the write-ahead log was there"
    assert hits(secrets, said) == []


def test_control_every_planted_secret_is_found(session):
    """The search itself: each secret, in each spelling, cut to a half, in the middle of a line of each kind."""
    secrets, said = session
    name, around = next((name, data) for name, data in said.items() if name.endswith("journal.db-wal"))
    around = around[:2000]
    middle = len(around) // 2
    for secret_name, secret in list(secrets.items())[:12]:
        for spelling in spellings(secret):
            half = spelling[len(spelling) // 4 : len(spelling) * 3 // 4 + 12]
            planted = around[:middle] + half + around[middle:]
            assert (secret_name, name) in hits({secret_name: secret}, {name: planted}), (secret_name, spelling)


DUMPS = """
import os, sys, resource
resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
key = open(sys.argv[1], "rb").read()
print("\\nready", flush=True)
os.kill(os.getpid(), 6)
"""


def _core_pattern_is_local() -> bool:
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    return not pattern.startswith("|") and "/" not in pattern


@pytest.mark.long
@pytest.mark.skipif(not _core_pattern_is_local(), reason="core dumps go to a program or folder of this machine's")
def test_a_crash_leaves_no_core_with_the_key_in_it(tmp_path):
    """Catches: a process that may dump core, or whose memory another process of the user may read. The control is a
    program without our hardening, whose core is there and has the key in it."""
    with machine(tmp_path, *GENEROUS) as m:
        secrets = {"live key": secrets_of(m)["live key"]}
        control, ours = m.root / "control", m.root / "ours"
        control.mkdir()
        ours.mkdir()
        at = ["env", "-C", str(control), sys.executable, "-c", DUMPS, str(m.live_key)]
        program = Program("control", at, m.root)
        assert program.wait() == -signal.SIGABRT
        assert hits(secrets, files_below(control)), "a program without our hardening leaves its key in its core"
        m.proxy.end()
        lifted = ["prlimit", "--core=unlimited:unlimited", "env", "-C", str(ours), sys.executable, "-m", "pretrade"]
        m.proxy = Program("proxy", [*lifted, "run", "-p", str(m.policy)], m.root)  # type: ignore[assignment]
        m.proxy.wait_ready()
        assert resource.prlimit(m.proxy.pid, resource.RLIMIT_CORE) == (0, 0)
        m.proxy.signal(signal.SIGSEGV)
        assert m.proxy.wait() == -signal.SIGSEGV
        assert list(ours.iterdir()) == []
