"""The command line as its users type it: what works, what is refused, in which words and with which exit code."""

import datetime as dt
import json
import os
import shutil
import sqlite3
import sys
from contextlib import closing

import pytest
from tests.e2e.clients import API, ORDERS
from tests.e2e.harness import make_folder, order
from tests.e2e.programs import free_ports, pretrade, run

from pretrade.cli.init import CLIENT, CLIENT_KEY_ID
from pretrade.gateway.keys import certs
from pretrade.kalshi.hosts import all_names
from pretrade.kalshi.keys import generate_private_key, load_private_key, private_pem_of, public_pem_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A working folder on which nothing runs; its tests put back what they change."""
    made = tmp_path_factory.mktemp("commands") / "work"
    proxy, base_url, exchange = free_ports(3)
    make_folder(made, (), mode="live", proxy=proxy, base_url=base_url, exchange=exchange)
    return made


def test_init_makes_a_folder_that_check_takes_and_does_not_touch_one_that_is_in_use(tmp_path):
    target = tmp_path / "new"
    made = pretrade("init", str(target))
    assert made.returncode == 0
    assert f"{target} is ready" in made.stdout
    again = pretrade("init", str(target))
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr == f"Error: {target} is not empty; name a new folder\n"
    assert pretrade("check", str(target / "policy.yaml")).returncode == 0
    secrets = [target / "keys" / "live.pem", target / "keys" / f"{CLIENT}.pem"]
    assert [path.stat().st_mode & 0o777 for path in secrets] == [0o600, 0o600]


def test_check_names_the_place_and_the_nearest_key(tmp_path, folder):
    policy = tmp_path / "policy.yaml"
    policy.write_text((folder / "policy.yaml").read_text().replace('max_count: "100"', 'max_cuont: "100"'))
    line = next(n for n, text in enumerate(policy.read_text().splitlines(), 1) if "max_cuont" in text)
    done = pretrade("check", str(policy))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{policy}:{line}:5" in done.stderr
    assert "max_cuont" in done.stderr
    assert "max_count" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("chekc",),
        ("halt",),
        ("resume", "--by", "Ada"),
        ("log", "show"),
        ("clients", "add", "bot"),
        ("exec", "--client", "x"),
        ("check", "a", "b"),
        ("practice", "--port", "x"),
        ("status", "--yes"),
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2(folder, arguments):
    command, *rest = arguments
    placed = [command, "-p", str(folder / "policy.yaml")] if command in {"log", "clients"} else [command]
    done = pretrade(*placed, *rest)
    assert done.returncode == 2
    assert "Usage: pretrade" in done.stderr
    assert "Traceback" not in done.stderr


def _replace(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def _no_key(folder):
    (folder / "keys" / "live.pem").rename(folder / "keys" / "away.pem")


def _expired(folder):
    certs.make(folder / "certs", all_names(), dt.datetime.now(dt.UTC) - dt.timedelta(days=2000), force=True)


def _no_certs(folder):
    for path in (folder / "certs").iterdir():
        path.unlink()


def _live_as_client(folder):
    live = load_private_key((folder / "keys" / "live.pem").read_bytes())
    (folder / "keys" / f"{CLIENT}.pub.pem").write_bytes(public_pem_of(live.public_key()))


def _loose_journal(folder):
    (folder / "state" / "journal.db").touch(mode=0o644)
    (folder / "state" / "journal.db").chmod(0o644)


REFUSED_STARTS = {
    "no key": (_no_key, ("signing.key_file", "live.pem cannot be opened: No such file or directory")),
    "a key for all to read": (
        lambda folder: (folder / "keys" / "live.pem").chmod(0o644),
        ("open to group or others (mode 0644)", "chmod 600"),
    ),
    "a key that is none": (lambda folder: (folder / "keys" / "live.pem").write_text("nothing"), ("live.pem",)),
    "expired certificates": (_expired, ("certificates in", "the leaf ended on", "`pretrade certs` makes new ones")),
    "no certificates": (_no_certs, ("certificates in", "`pretrade certs` makes new ones")),
    "production that the policy forbids": (
        lambda folder: _replace(folder / "policy.yaml", "environment: practice", "environment: production"),
        ("allow_production",),
    ),
    "the live key as a client's": (
        _live_as_client, ("clients.momentum-bot.public_key", "live key's own public half"),
    ),
    "an address of another machine": (
        lambda folder: _replace(folder / "policy.yaml", 'proxy: "127.0.0.1:', 'proxy: "192.168.255.254:'),
        ("listen.proxy: cannot listen on 192.168.255.254:", "this machine has no such address"),
    ),
    "no policy": (lambda folder: (folder / "policy.yaml").unlink(), ("there is no", "pretrade init")),
    "a policy cut short": (
        lambda folder: _replace(folder / "policy.yaml", "end: policy", ""), ("policy.yaml", "end: policy"),
    ),
    "a world-readable journal": (_loose_journal, ("mode 0644", "chmod 600")),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED_STARTS)
def test_a_start_that_cannot_be_is_refused_in_a_clear_sentence(tmp_path, case):
    """Catches: a start with a key that others can read, with a production key, on a file that somebody else made."""
    spoil, words = REFUSED_STARTS[case]
    proxy, base_url, exchange = free_ports(3)
    make_folder(tmp_path / "work", (), mode="live", proxy=proxy, base_url=base_url, exchange=exchange)
    spoil(tmp_path / "work")
    _assert_refused(pretrade("run", "-p", str(tmp_path / "work" / "policy.yaml")), *words)


def _assert_refused(done, *words):
    assert done.returncode == 1, done.stderr
    assert "ready" not in done.stdout
    assert done.stderr.startswith("Error: ")
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def test_a_start_that_would_leak_or_is_in_the_way_is_refused(world):
    policy = str(world.policy)
    _assert_refused(pretrade("run", "-p", policy, SSLKEYLOGFILE="/tmp/keys"), "SSLKEYLOGFILE is set", "Unset it")
    _assert_refused(pretrade("run", "-p", policy), f"listen.proxy: cannot listen on 127.0.0.1:{world.proxy_port}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be root")
@pytest.mark.parametrize("command", [("run",), ("keys", "check")])
def test_root_is_refused_unless_told(tmp_path, command):
    """Catches: a proxy that clients reach, on the real exchange, as the user whom nothing holds. That no exchange can
    be reached shows that it is the next obstacle once it is told. Planted: no look at the user."""
    proxy, base_url, exchange = free_ports(3)
    make_folder(tmp_path / "work", (), mode="live", proxy=proxy, base_url=base_url, exchange=exchange)
    policy = tmp_path / "work" / "policy.yaml"
    _replace(policy, "environment: practice", "environment: demo")
    _assert_refused(pretrade(*command, "-p", str(policy)), "this is root", "PRETRADE_AS_ROOT=1")
    (tmp_path / "work" / "keys" / "live.pem").unlink()
    _assert_refused(pretrade(*command, "-p", str(policy), PRETRADE_AS_ROOT="1"), "live.pem cannot be opened")


def test_a_registered_bot_trades_after_a_restart(make_world, tmp_path):
    """`clients add` keeps the public half only; the bot keeps its key and is nobody until the proxy is started anew."""
    world = make_world()
    key = tmp_path / "bot.pem"
    key.write_bytes(private_pem_of(generate_private_key("rsa")))
    key.chmod(0o600)
    done = world.pretrade("clients", "add", "second-bot", "--key", str(key), "--subaccount", "1")
    assert (done.returncode, "registered second-bot: key id second-bot-key, subaccount 1" in done.stdout) == (0, True)
    assert b"PRIVATE" not in (world.folder / "keys" / "second-bot.pub.pem").read_bytes()
    bot = world.raw("second-bot-key", key)
    assert bot.send("POST", ORDERS, order()).code == "CLIENT_UNKNOWN"
    world.restart()
    with world.exchange_sees(1) as seen:
        placed = bot.send("POST", ORDERS, order(client_order_id="of-the-second"))
    assert '"subaccount":1' in seen[0]["body"], placed.body
    assert world.decision_of("of-the-second").body["client"] == "second-bot"
    assert world.raw().send("POST", ORDERS, order(subaccount=1)).code == "SUBACCOUNT_NOT_OWNED"
    assert "second-bot  key id second-bot-key  subaccount 1" in world.pretrade("clients").stdout
    again = world.pretrade("clients", "add", "second-bot", "--key", str(key))
    assert (again.returncode, "second-bot" in again.stderr) == (1, True)


SHOW = "import json, os; print(json.dumps(dict(os.environ)))"
WANTED = ("HTTPS_PROXY", "https_proxy", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
LEADS_ASTRAY = {"NO_PROXY": "*", "no_proxy": "kalshi.com", "ALL_PROXY": "socks5://elsewhere:1", "SSL_CERT_DIR": "/etc"}


@pytest.mark.parametrize("way", ["exec", "env"])
def test_exec_and_env_lead_a_client_to_the_proxy_and_nowhere_else(world, way):
    """Catches: a NO_PROXY that is left and leads a client past the proxy. `env` is read by a real sh."""
    policy = str(world.policy)
    show = [sys.executable, "-c", SHOW]
    if way == "exec":
        done = pretrade("exec", "-p", policy, "--client", CLIENT, "--", *show, **LEADS_ASTRAY)
    else:
        lines = pretrade("env", "-p", policy, "--client", CLIENT).stdout
        done = run(["sh", "-c", 'eval "$LINES_OF_ENV"; exec "$@"', "sh", *show], LINES_OF_ENV=lines, **LEADS_ASTRAY)
    assert done.returncode == 0, done.stderr
    environment = json.loads(done.stdout)
    assert not set(LEADS_ASTRAY) & set(environment)
    proxy = f"http://127.0.0.1:{world.proxy_port}"
    ca = str(world.folder / "certs" / "ca.crt")
    assert [environment[name] for name in WANTED] == [proxy, proxy, ca, ca, ca]
    assert environment["KALSHI_API_KEY_ID"] == CLIENT_KEY_ID
    assert environment["PRETRADE_BASE_URL"] == f"http://127.0.0.1:{world.base_url_port}{API}"


def test_exec_ends_as_its_command_does_and_names_what_it_cannot_run(world):
    policy = str(world.policy)
    assert pretrade("exec", "-p", policy, "--client", CLIENT, "--", "sh", "-c", "exit 7").returncode == 7
    missing = pretrade("exec", "-p", policy, "--client", CLIENT, "--", "no-such-program")
    assert (missing.returncode, "cannot run no-such-program" in missing.stderr) == (1, True)
    stranger = pretrade("exec", "-p", policy, "--client", "momentum", "--", "true")
    assert (stranger.returncode, "registered: momentum-bot" in stranger.stderr) == (1, True)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed here")
def test_curl_comes_in_by_the_environment_alone(world):
    """A client that is no Python: it follows the proxy variable, trusts our CA, and is told what it lacks."""
    curl = ["curl", "-sS", "--max-time", "10", f"https://api.elections.kalshi.com{API}/exchange/status"]
    done = pretrade("exec", "-p", str(world.policy), "--client", CLIENT, "--", *curl)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["code"] == "SIGNATURE_MISSING"


def test_the_log_is_told_shown_and_copied(world, tmp_path):
    raw = world.raw()
    denied = raw.send("POST", ORDERS, order("500.00", client_order_id="too-many")).body["decision_id"]
    placed = raw.send("POST", ORDERS, order(client_order_id="just-right", price="0.0900"))
    assert placed.status == 201
    world.outcome(world.decision_of("just-right").decision_id)
    told = world.pretrade("log", "tail", "-n", "50").stdout
    assert f"{denied} momentum-bot denied CreateOrderV2 ORDER_COUNT_EXCEEDS_MAXIMUM" in told
    shown = world.pretrade("log", "show", denied).stdout
    assert '"observed": "500.00"' in shown
    assert world.pretrade("log", "show", "d-nothing").returncode == 1
    target = tmp_path / "auditor.db"
    assert world.pretrade("log", "copy", str(target)).returncode == 0
    assert world.pretrade("log", "copy", str(target)).returncode == 1, "a file that is there is not replaced"
    _ask_the_copy(target, denied)


def _ask_the_copy(target, denied):
    """With the standard library's own SQLite, as an auditor would."""
    with closing(sqlite3.connect(target)) as copied:
        (row,) = copied.execute(
            "select client, code, observed, limit_value from denials where decision_id = ?", (denied,)
        ).fetchall()
        assert row == (CLIENT, "ORDER_COUNT_EXCEEDS_MAXIMUM", "500.00", "100.00")
        (row,) = copied.execute(
            "select verdict, outcome, price, remaining_count from orders where client_order_id = 'just-right'"
        ).fetchall()
        assert row == ("approved", "accepted", "0.0900", "1.00")
        (verdict,) = copied.execute("select verdict from decisions where decision_id = ?", (denied,)).fetchone()
        assert verdict == "denied"


def test_status_says_what_runs_and_that_nothing_does(world, folder):
    done = world.pretrade("status", "--json")
    status = json.loads(done.stdout)
    assert (status["trading_state"], status["role"], status["mode"], status["journal"]) == ("ACTIVE", "W", "live", "ok")
    table = world.pretrade("status").stdout
    assert table.split()[:3] == ["trading", "state", "ACTIVE"]
    down = pretrade("status", "-p", str(folder / "policy.yaml"))
    assert (down.returncode, down.stdout) == (1, "")
    assert "no proxy answers at" in down.stderr
    assert "is `pretrade run` up with this policy?" in down.stderr


def test_the_start_tells_what_a_client_must_set(world):
    text = world.starts[0]
    assert "pretrade: role W, live on practice" in text
    assert f"HTTPS_PROXY=http://127.0.0.1:{world.proxy_port} SSL_CERT_FILE={world.folder / 'certs' / 'ca.crt'}" in text
    assert f"http://127.0.0.1:{world.base_url_port}{API}" in text


def test_the_journal_and_the_socket_are_nobody_elses(world):
    modes = {path.name: path.stat().st_mode & 0o777 for path in world.state.iterdir()}
    assert modes["journal.db"] == 0o600
    assert modes["admin.sock"] == 0o660
    assert {mode & 0o007 for mode in modes.values()} == {0}


def test_certificates_are_shown_and_not_replaced_by_accident(folder):
    policy = str(folder / "policy.yaml")
    assert "valid until" in pretrade("certs", "-p", policy, "show").stdout
    again = pretrade("certs", "-p", policy)
    assert (again.returncode, "--force" in again.stderr) == (1, True)


def test_a_renewal_keeps_the_ca_of_before(folder):
    """Catches a renewal after which nobody can be told of the new CA before the new leaf is shown."""
    policy, ca = str(folder / "policy.yaml"), folder / "certs" / "ca.crt"
    before = ca.read_bytes()
    done = pretrade("certs", "-p", policy, "renew")
    assert (done.returncode, "give every client the new ca.crt, then restart" in done.stdout) == (0, True)
    assert ca.read_bytes().endswith(before)
    assert ca.read_bytes().count(b"BEGIN CERTIFICATE") == before.count(b"BEGIN CERTIFICATE") + 1
    assert "valid until" in pretrade("certs", "-p", policy, "show").stdout
