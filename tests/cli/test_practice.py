"""`pretrade practice` as a person plays exchange with it: a real process, a raw client, and what the commands print."""

import http.client
import json
import re
import ssl
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.e2e.programs import Pretrade
from tests.practice.rawclient import API, ORDERS, order_body, signed_headers
from tests.practice.support import BTC, rsa_key

from pretrade.cli import practice_show
from pretrade.cli.main import cli
from pretrade.kalshi.keys import public_pem_of
from pretrade.practice.api.keys import add_key

ROOT = Path(__file__).parents[2]
OTHER = "KXBTC-26DEC31-T120000"
MINE = "KXBTC-26DEC31-T110000"
WORLD = ROOT / "proxy/pretrade/practice/worlds/default.yaml"


class Player:
    """A running exchange in a process of its own, a client of it, and somebody at the command line."""

    def __init__(self, folder, *options):
        self.folder = folder
        add_key(folder, "full", public_pem_of(rsa_key().public_key()), ["read", "write"])
        command = ("practice", "--folder", str(folder), "--port", "0", *options)
        self.process = Pretrade("practice", command, folder.parent)

    def wait_ready(self):
        self.process.wait_ready()
        return self

    def end(self):
        self.process.end()

    def call(self, method, path, body=None):
        place = (self.folder / "address").read_text().removeprefix("https://")
        trusting = ssl.create_default_context(cafile=str(self.folder / "ca.crt"))
        connection = http.client.HTTPSConnection(place, timeout=20, context=trusting)
        headers = signed_headers(method, path) | {"Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        status, text = answer.status, answer.read()
        connection.close()
        return status, json.loads(text) if text else None

    def says(self, *arguments, code=0):
        """What a command prints, on both outputs, with its spaces made single; it must end with this code."""
        done = CliRunner().invoke(cli, ["practice", "--folder", str(self.folder), *arguments])
        assert done.exit_code == code, done.output
        return re.sub(r"[ \n]+", " ", done.output).strip()


@pytest.fixture
def player(tmp_path):
    """On a world of its own: the default one, with another market's name."""
    world = tmp_path / "world.yaml"
    world.write_text(WORLD.read_text().replace(BTC, MINE))
    one = Player(tmp_path / "practice", "--world", str(world))
    try:
        yield one.wait_ready()
    finally:
        one.end()


@pytest.fixture(scope="module")
def shared_player(tmp_path_factory):
    one = Player(tmp_path_factory.mktemp("shared") / "practice")
    try:
        yield one.wait_ready()
    finally:
        one.end()


def test_a_whole_session(player):
    """Catches a command that says something else than what it did, and a world that is read but not used."""
    status, placed = player.call("POST", ORDERS, order_body(ticker=MINE, client_order_id="mine"))
    assert status == 201
    short = placed["order_id"][:8]
    assert player.says("fill", "mine", "4") == f"filled 4.00 of order {short} at $0.1000, 6.00 still rest"
    assert player.call("GET", f"{API}/portfolio/orders/{placed['order_id']}")[1]["order"]["fill_count_fp"] == "4.00"

    assert player.says("move", MINE, "0.45") == f"{MINE} moved to $0.4500, 10 quotes"
    assert player.call("GET", f"{API}/markets/{MINE}")[1]["market"]["yes_bid_dollars"] == "0.4400"
    assert player.says("move", MINE, "$0.05", "--trade").startswith(f"{MINE} moved to $0.0500, ")
    assert player.call("GET", f"{API}/portfolio/orders/{placed['order_id']}")[1]["order"]["status"] == "executed"

    assert player.says("pause") == "all trading paused"
    assert player.call("POST", ORDERS, order_body(ticker=MINE))[1]["error"]["code"] == "trading_is_paused"
    assert "trading is paused" in player.says("state")
    assert player.says("resume") == "all trading resumed"
    assert player.says("pause", MINE, "--for", "60") == f"market {MINE} paused for 60 s"
    assert player.says("resume", MINE) == f"market {MINE} resumed"

    shown = player.says("state")
    assert f"{MINE} 0 10.00 $1.00 $0.00" in shown, "the position"
    assert "0 0 $9999.00 $9999.00" in shown, "the purse"
    assert player.says("deposit", "$1").endswith("which has $10000.00 now")

    assert player.says("settle", MINE, "yes") == f"{MINE} settled: one YES pays $1.0000"
    assert player.call("GET", API + "/portfolio/settlements")[1]["settlements"][0]["revenue"] == 1_000
    assert player.call("GET", API + "/portfolio/balance")[1]["balance_dollars"] == "10010.0000"
    after = player.says("state")
    assert f"{MINE} finalized - - $0.1000" in after
    assert "position in" not in after


def test_faults_and_conditions(shared_player):
    player = shared_player
    assert player.says("fault", "status", "--status", "500", "--execute", "--method", "POST") == (
        "fault status waits for the next POST request: the answer is an error of 500"
    )
    assert player.says("faults") == "fault for times left options status POST / 1 execute True, status 500"
    assert player.call("POST", ORDERS, order_body())[0] == 500
    assert player.says("faults") == "no fault waits"
    assert "executed" in player.says("requests")
    assert f"POST {ORDERS} 500 yes status" in player.says("requests")
    assert player.says("requests", "--clear") == "no request has been seen"
    seen = json.loads(player.says("requests", "--json"))
    assert seen == []
    said = player.says("fault", "hold", "--seconds", "2.5", "--path", "*/batched", "--after", "3", "--always")
    assert said == (
        "fault hold waits for every request to */batched after 3 more: executed at once, answered 2.5 s later"
    )
    said = player.says("fault", "redirect", "--path", "/nowhere")
    assert said == "fault redirect waits for the next request to /nowhere: the answer is a 307 to where it went"
    assert player.says("stream-fault", "gap", "--channel", "fill", "--times", "2") == (
        "stream fault gap waits for 2 messages of channel fill"
    )
    assert "gap stream fill 2" in player.says("faults")
    assert player.says("faults", "--clear") == "no fault waits for a request no fault waits for a stream message"
    assert player.says("lag", "--fills", "3") == "reads are late: fills 3 s"
    assert player.says("clock", "-30", "--for", "90") == "the clock is 30 s behind for 90 s"
    assert player.call("GET", API + "/portfolio/balance")[0] == 401
    assert "the clock is 30 s behind" in player.says("state")
    assert player.says("clock", "0") == "the clock is right"
    assert player.says("lag") == "reads are current"


def test_keys_come_and_go(shared_player, tmp_path):
    player = shared_player
    pem = tmp_path / "public.pem"
    pem.write_bytes(public_pem_of(rsa_key().public_key()))
    assert player.says("keys", "add", "bot", str(pem), "--scope", "read") == "key bot signs for main with read"
    assert "bot main any read" in player.says("keys", "list")
    assert player.says("keys", "region", "60") == "account main is attested for 60 s more"
    assert player.says("keys", "remove", "bot") == "key bot is revoked"
    assert "bot" not in player.says("keys", "list")


def test_the_rest_of_a_markets_life(shared_player):
    player = shared_player
    assert player.says("structure", OTHER, "deci_cent") == f"{OTHER} has price grid deci_cent now"
    assert player.says("fee", "KXBTC-26DEC31", "0.5").endswith("fees of its own: multiplier 0.50")
    assert player.says("close", OTHER, "--in", "3600").startswith(f"{OTHER} closes at ")
    assert player.says("close", OTHER) == f"{OTHER} closed"
    assert player.says("determine", OTHER, "$0.35") == f"{OTHER} determined: $0.3500"


def test_the_exchanges_rarer_moods(shared_player):
    """Catches an action that the control endpoint has and the command line lacks."""
    player = shared_player
    assert player.says("tier", "basic") == ("account main has tier basic: 200 tokens a second to read, 100 to write")
    assert player.call("GET", API + "/account/limits")[1]["usage_tier"] == "basic"
    assert player.says("tier", "prestige").startswith("account main has tier prestige: ")
    assert player.says("cancel-all-lingers", "0.2") == (
        "a cancel-all comes again after 0.2 s, for orders placed meanwhile"
    )
    assert player.call("DELETE", ORDERS)[0] == 204
    _, placed = player.call("POST", ORDERS, order_body())
    deadline = time.monotonic() + 10
    while player.call("GET", f"{API}/portfolio/orders/{placed['order_id']}")[1]["order"]["status"] != "canceled":
        assert time.monotonic() < deadline, "the order outlived the cancel-all"
    assert player.says("cancel-all-lingers", "0") == "a cancel-all ends at once"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("settle", BTC, "2"), 1, "Error: settle: value: what a YES pays must be from $0 to $1"),
        (("pause", "--shard", "3"), 1, "Error: pause: there is no shard 3; there are 0"),
        (("tier", "gold"), 2, "'gold' is not one of 'basic', 'advanced'"),
        (("dispute", "KXBTC"), 1, "Error: dispute: there is no market KXBTC; did you mean"),
        (("dispute", BTC), 1, "it can be disputed when it is determined or amended"),
        (("fill", "nothing"), 1, "Error: fill: no resting order is called nothing; `pretrade practice state` lists"),
        (("move", "KXBTC", "0.45"), 1, "Error: move: there is no market KXBTC; did you mean KXBTC-26DEC31-T100000?"),
        (("move", BTC, "45"), 1, "Error: move: price: "),
        (("fault", "hodl"), 1, "Error: faults: kind cannot be 'hodl'; did you mean hold?"),
        (("fault", "hold", "--status", "500"), 1, "Error: faults: status means nothing to hold, which takes seconds"),
        (("stream-fault", "dorp"), 1, "Error: stream_faults: kind cannot be 'dorp'; did you mean drop?"),
        (("settle", BTC), 1, f"Error: settle: {BTC} has no result yet; say yes, no or what a YES pays"),
        (("pause", BTC, "--exchange"), 2, "name a market or --exchange, not both"),
        (("fault", "hold", "--times", "2", "--always"), 2, "name --times or --always, not both"),
        (("pauze",), 2, "No such command 'pauze'"),
        (("fill",), 2, "Missing argument 'ORDER'"),
    ],
)
def test_what_cannot_be_done_is_told_in_words(shared_player, arguments, code, words):
    assert words in shared_player.says(*arguments, code=code)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "8.8.8.8", "169.254.1.1", "localhost", "127.0.0.1:9443", ""])  # noqa: S104
def test_it_listens_where_the_world_cannot_reach_it(tmp_path, host):
    """Catches an exchange with a control door that a whole network finds."""
    done = CliRunner().invoke(cli, ["practice", "--folder", str(tmp_path), "--host", host])
    assert (done.exit_code, "is not a loopback or private IP address" in done.output) == (2, True)


def test_start_options_are_not_for_commands(tmp_path):
    """Catches `--port 9000 state`, which would look as if another exchange had been asked."""
    for name, value in (
        ("--host", "::1"),
        ("--port", "1"),
        ("--seed", "2"),
        ("--tier", "basic"),
        ("--world", "w"),
        ("--state", "s"),
    ):
        done = CliRunner().invoke(cli, ["practice", name, value, "state"])
        assert (done.exit_code, f"{name} is for starting the exchange, not for state" in done.output) == (2, True)


def test_a_command_finds_no_exchange(tmp_path, shared_player):
    """Catches a traceback, or silence, where nothing runs."""
    nowhere = CliRunner().invoke(cli, ["practice", "state", "--folder", str(tmp_path)])
    assert nowhere.exit_code == 1
    assert f"no practice exchange runs on {tmp_path}" in nowhere.output
    assert "start one with `pretrade practice --folder DIR`" in nowhere.output
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("address", "ca.crt"):
        (copy / name).write_bytes((shared_player.folder / name).read_bytes())
    (copy / "control.token").write_text("wrong")
    assert "must carry the token" in CliRunner().invoke(cli, ["practice", "state", "--folder", str(copy)]).output
    (copy / "address").write_text("https://127.0.0.1:9")
    gone = CliRunner().invoke(cli, ["practice", "state", "--folder", str(copy)])
    assert (gone.exit_code, "no practice exchange answers for" in gone.output) == (1, True)


def test_what_an_operator_did_is_there_after_a_restart_and_gone_after_a_reset(tmp_path):
    """Catches an action that is not noted in the state file: the exchange would come back as another one. And a reset
    that keeps a position, a fault or the state file, or that moves to another port."""
    states = []
    for _ in range(2):
        one = Player(tmp_path / "practice", "--state", str(tmp_path / "state.db"))
        try:
            one.wait_ready()
            if not states:
                one.call("POST", ORDERS, order_body(client_order_id="mine"))
                one.says("fill", "mine", "4")
                one.says("move", BTC, "0.30")
                one.says("fill", "nothing", code=1)
                one.says("deposit", "$7")
                one.says("pause")
                one.says("settle", "KXFED-26DEC-T4.25", "no")
            states.append(json.loads(one.says("state", "--json")))
            if len(states) == 2:
                resets(one)
        finally:
            one.end()
    first, second = states
    assert first | {"now": "", "writes_seen": 0} == second | {"now": "", "writes_seen": 0}


def resets(one):
    place = (one.folder / "address").read_text()
    one.says("fault", "hold")
    assert one.says("reset") == "the exchange starts anew"
    assert (one.folder / "address").read_text() == place
    state = json.loads(one.says("state", "--json"))
    [main] = [account for account in state["accounts"] if account["name"] == "main"]
    assert (main["resting"], main["positions"], state["faults"]) == ([], [], 0)
    assert main["purses"][0]["cash_dollars"] == "10000.000000"
    assert one.call("POST", ORDERS, order_body(client_order_id="mine"))[0] == 201


def test_a_bad_world_starts_nothing(tmp_path):
    world = tmp_path / "world.yaml"
    world.write_text(WORLD.read_text().replace("\nmarkets:", "\nmarkts:"))
    done = CliRunner().invoke(cli, ["practice", "--folder", str(tmp_path / "other"), "--world", str(world)])
    assert done.exit_code == 1
    assert "the practice exchange cannot start" in done.output
    assert "markts" in done.output


def test_tables_are_never_cut():
    """Catches an order id cut to the width of a pipe."""
    assert practice_show.console().width >= 150
