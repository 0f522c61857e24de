"""What stops trading by itself, with real processes: whom it stops, that exits pass, that only a person resumes."""

import json
import sys

import pytest
from tests.e2e.clients import ORDERS
from tests.e2e.harness import OPEN, World, order
from tests.e2e.invariants import check_world
from tests.e2e.programs import eventually
from tests.e2e.test_reconcile import EVERY_SECOND, SharedAccount
from tests.haltkit import halting
from tests.roomy import ROOMY

from pretrade.cli.init import CLIENT
from pretrade.kalshi.keys import generate_private_key, private_pem_of, public_pem_of

OTHER = "other-bot"
_ENTRY = "    subaccount: 0\n"
_SHARING = f"{_ENTRY}    shares_subaccount: true\n"
_OTHER = f"  {OTHER}:\n    key_id: {OTHER}-key\n    public_key: keys/{OTHER}.pub.pem\n"
TWO_CLIENTS = (_ENTRY, f"{_SHARING}{_OTHER}{_SHARING}")
WRITER = "import sys; open(sys.argv[1], 'a').write(sys.stdin.read() + chr(10))"


class TwoClients(World):
    """A world with two clients, each with a key of its own."""

    def start_proxy(self, **more):
        if not self.other_key.exists():
            key = generate_private_key("rsa")
            self.other_key.write_bytes(private_pem_of(key))
            self.other_key.with_suffix(".pub.pem").write_bytes(public_pem_of(key.public_key()))
        return super().start_proxy(**more)

    @property
    def other_key(self):
        return self.folder / "keys" / f"{OTHER}.pem"

    def other(self):
        return self.raw(f"{OTHER}-key", self.other_key)

    def states(self):
        """The account's trading state, and those of stopped clients."""
        status = self.operate("status")
        return status["trading_state"], status["client_states"]


def hook(path):
    """The change to a policy that has a program write what it is told into this file."""
    return ("command: []", f"command: {json.dumps([sys.executable, '-c', WRITER, str(path)])}")


def told(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def two(tmp_path):
    halts = halting("rejections", "denials", "exchange_errors", "clock_skew")
    with TwoClients(tmp_path, *ROOMY, TWO_CLIENTS, hook(tmp_path / "told"), *halts) as world:
        yield world
        check_world(world)


def test_rejections_stop_one_client_and_the_other_trades_on(two, tmp_path):
    """Catches: a client's cause that stops the account or nobody; an exit that is trapped; a resume by restart; a
    window that a resume does not clear; a hook that is not told."""
    its, others = two.raw(), two.other()
    taken = order(client_order_id="taken")
    name = its.send("POST", ORDERS, taken).body["order_id"]
    for _ in range(3):
        assert its.send("POST", ORDERS, taken).status == 409, "the exchange says no"
    with two.exchange_sees(1):
        assert its.send("POST", ORDERS, order("2.00")).code == "CLIENT_REDUCING"
        assert others.send("POST", ORDERS, order("2.00")).status == 201
    assert two.states() == ("ACTIVE", {CLIENT: "REDUCING"})
    shown = two.pretrade("status").stdout.splitlines()
    assert shown[0].split() == ["trading", "state", "ACTIVE"]
    assert shown[1].split()[:4] == ["stopped", "clients", CLIENT, "REDUCING"]
    assert its.send("DELETE", f"{ORDERS}/{name}").status == 200
    two.restart()
    assert two.states() == ("ACTIVE", {CLIENT: "REDUCING"})
    assert its.send("POST", ORDERS, order("2.00")).code == "CLIENT_REDUCING"
    whole = two.pretrade("resume", "--by", "Ada", "--reason", "not this one")
    assert (whole.returncode, whole.stdout.splitlines()[1]) == (0, f"trading state of {CLIENT} REDUCING")
    done = two.pretrade("resume", "--client", CLIENT, "--by", "Ada", "--reason", "its prices were mended")
    assert (done.returncode, done.stdout) == (0, f"trading state of {CLIENT} ACTIVE\ntrading state ACTIVE\n")
    assert its.send("POST", ORDERS, order(time_in_force="fill_or_kill")).status == 409
    assert its.send("POST", ORDERS, order("2.00")).status == 201, "what led to the stop stops nobody again"
    rows = [(row.body["client"], row.body["state"], row.body["cause"]) for row in two.events("trading_state")]
    assert rows == [(CLIENT, "REDUCING", "rejections"), ("", "ACTIVE", "operator"), (CLIENT, "ACTIVE", "operator")]
    eventually("the hook was told", lambda: len(told(tmp_path / "told")) == 3)
    assert [(one["notice"], one["client"], one["state"]) for one in told(tmp_path / "told")] == [
        ("trading_state", whose, state) for whose, state, _ in rows
    ]


def test_denials_stop_the_client_that_hammers(two):
    """A flood beyond what is written out in full."""
    its = two.raw()
    for _ in range(5):
        assert its.send("POST", ORDERS, order(price="0.9900")).code == "PRICE_OUTSIDE_BAND"
    assert its.send("POST", ORDERS, order()).code == "CLIENT_REDUCING"
    assert two.other().send("POST", ORDERS, order()).status == 201
    (row,) = two.events("trading_state")
    assert (row.body["cause"], row.body["reason"]) == ("denials", "5 writes refused by the proxy within 60 s")


def test_failures_of_the_exchange_stop_the_account(two):
    """Catches: an outage that is held against whoever met it; one that stops nobody; a proxy that resumes by itself
    when the exchange is well again."""
    resting = two.raw().send("POST", ORDERS, order("4.00")).body["order_id"]
    two.control("POST", "faults", {"kind": "status", "status": 500, "method": "POST", "path": ORDERS, "times": 3})
    senders = [two.raw(), two.other(), two.raw()]
    assert [one.send("POST", ORDERS, order(f"{n}.00")).code for n, one in enumerate(senders, 1)] == [
        "OUTCOME_UNKNOWN"
    ] * 3
    assert two.states() == ("REDUCING", {})
    assert two.other().send("POST", ORDERS, order("9.00")).code == "TRADING_REDUCING"
    assert two.raw().send("DELETE", f"{ORDERS}/{resting}?market_ticker={OPEN}").status == 200, "exits pass"
    assert two.events("trading_state")[-1].body["cause"] == "exchange_errors"
    two.operate("resume", by="Ada", reason="it is well again")
    assert two.raw().send("POST", ORDERS, order("9.00")).status == 201


def test_a_clock_that_is_off_stops_the_account(tmp_path):
    """Catches: ages and signatures by a clock that nobody compares between two preflights, an hour apart."""
    with World(tmp_path, *ROOMY, EVERY_SECOND, *halting("clock_skew")) as world:
        assert world.raw().send("POST", ORDERS, order()).status == 201
        world.control("POST", "clock", {"skew": 5})
        eventually("it stops", lambda: world.operate("status")["trading_state"] == "HALTED")
        assert world.raw().send("POST", ORDERS, order("2.00")).code == "TRADING_HALTED"
        (row,) = world.events("trading_state")
        assert (row.body["client"], row.body["cause"]) == ("", "clock_skew")
        assert "off the exchange's, by 3 answers in a row" in row.body["reason"]
        world.control("POST", "clock", {"skew": 0})
        world.operate("resume", by="Ada", reason="the clock was set")
        assert world.raw().send("POST", ORDERS, order("2.00")).status == 201
        check_world(world)


def test_one_client_is_stopped_by_a_file_where_no_proxy_answers(two):
    """Catches: `pretrade halt --client` that does nothing, or stops everybody, where nobody answers; a misspelt name
    that is taken for a stop."""
    assert two.pretrade("halt", "--client", "momentum-bto", "--reason", "a slip").returncode == 1
    two.proxy.kill()
    wrong = two.pretrade("halt", "--client", "momentum-bto", "--reason", "a slip")
    assert (wrong.returncode, list(two.state.glob("HALT*"))) == (1, [])
    done = two.pretrade("halt", "--client", CLIENT, "--reason", "nobody answers")
    assert (done.returncode, [path.name for path in two.state.glob("HALT*")]) == (0, [f"HALT.{CLIENT}"])
    two.start_proxy()
    assert two.raw().send("POST", ORDERS, order()).code == "CLIENT_HALTED"
    assert two.other().send("POST", ORDERS, order()).status == 201
    two.operate("resume", by="Ada", reason="it was a test", client=CLIENT)
    assert two.raw().send("POST", ORDERS, order()).status == 201


def test_an_order_past_the_proxy_stops_the_account(tmp_path):
    """Catches: somebody else with the live key, beside whom we trade on; an orphan that stops again after it was
    looked into, or after a restart."""
    with SharedAccount(tmp_path, *ROOMY, EVERY_SECOND, hook(tmp_path / "told"), *halting("breaks")) as world:
        eventually("it is reconciled", lambda: world.operate("status")["reconciliation"]["rounds"])
        name = world.outside("5.00", "0.0300")
        eventually("it stops", lambda: world.operate("status")["trading_state"] == "REDUCING")
        assert world.raw().send("POST", ORDERS, order()).code == "TRADING_REDUCING"
        (row,) = world.events("trading_state")
        assert (row.body["cause"], row.body["reason"]) == ("breaks", f"found in the exchange's record: orphan {name}")
        world.operate("resume", by="Ada", reason="my own test order")
        rounds = world.operate("status")["reconciliation"]["rounds"]
        eventually("it is read again", lambda: world.operate("status")["reconciliation"]["rounds"] > rounds + 1)
        assert world.raw().send("POST", ORDERS, order()).status == 201
        world.restart()
        assert world.raw().send("POST", ORDERS, order("2.00")).status == 201
        world.outside("6.00", "0.0300")
        eventually("the next one stops", lambda: world.operate("status")["trading_state"] == "REDUCING")
        eventually("the hook was told", lambda: "break" in [one["notice"] for one in told(tmp_path / "told")])
        check_world(world)


@pytest.mark.parametrize("command", ["missing", "failing", "hanging"])
def test_a_hook_that_does_not_work_blocks_nothing(make_world, tmp_path, command):
    """Catches: an order that waits for a hook, a proxy that cannot be stopped because of one, and a failure that nobody
    is told of."""
    commands = {"missing": ["/nowhere/hook"], "failing": ["/bin/false"], "hanging": ["/bin/sleep", "600"]}
    world = make_world(*ROOMY, ("command: []", f"command: {json.dumps(commands[command])}"))
    for n in range(3):
        world.operate("halt", reason="a test")
        assert world.raw().send("POST", ORDERS, order(f"{n + 1}.00")).code == "TRADING_HALTED"
        world.operate("resume", by="Ada", reason="it was a test")
        assert world.raw().send("POST", ORDERS, order(f"{n + 1}.00")).status == 201
    if command != "hanging":
        eventually("it is told", lambda: world.operate("status")["notify"]["failed"] >= 2, timeout=20)
        assert "notify_failed" in world.proxy.err
    assert world.proxy.end() == 0, "it stops at once"
    world.start_proxy()


def test_a_limit_that_fills_up_is_told(make_world, tmp_path):
    """Catches: thresholds that nobody looks at in a running proxy."""
    world = make_world(("max_orders: 25", "max_orders: 4"), hook(tmp_path / "told"))
    for n in range(3):
        assert world.raw().send("POST", ORDERS, order(f"{n + 1}.00", "0.0200")).status == 201
    (notice,) = eventually(
        "the hook was told", lambda: [one for one in told(tmp_path / "told") if one["rule"] == "limits.day.max_orders"]
    )
    assert (notice["level"], notice["used"], notice["limit"]) == (70, "3", "4")
    (shown,) = [one for one in world.operate("status")["notices"] if one["rule"] == "limits.day.max_orders"]
    assert shown["level"] == 70
    (line,) = [
        line for line in world.pretrade("status").stdout.splitlines() if " day.max_orders " in line and " 70 " in line
    ]
    assert line.split()[1:] == ["day.max_orders", "70", "3"]
    assert "limits.day.max_orders at 75 %" in world.pretrade("log", "tail").stdout
