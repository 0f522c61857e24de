"""`pretrade keys check --place-and-cancel`: one small order at a real exchange, and nothing left of it, or told."""

import signal
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from tests.e2e.harness import CLOSED, OPEN, World
from tests.e2e.invariants import check_world
from tests.e2e.programs import Pretrade, eventually, pretrade
from tests.e2e.test_several_keys import CHANGES, SECOND, Desk
from tests.e2e.test_sweep import ORDERS_LIST
from tests.roomy import ROOMY

from pretrade.cli.init import CLIENT


def trying(policy: Path) -> tuple[str, ...]:
    return ("keys", "check", "-p", str(policy), "--place-and-cancel")


class Bench(World):
    """A world without a proxy; its folder is as a person has it before the first start."""

    def tried(self, *arguments: str, policy: Path | None = None) -> CompletedProcess[str]:
        return pretrade(*trying(policy or self.policy), *arguments)

    def orders(self) -> list[dict[str, str]]:
        """Every order that the exchange has, seen through a proxy: the one of the try is its client's own."""
        self.start_proxy()
        return self.raw().send("GET", ORDERS_LIST).body["orders"]


def steps(done: CompletedProcess[str]) -> list[str]:
    """The steps that were told after the preflight's lines."""
    words = [line.split()[0] for line in done.stdout.splitlines() if line]
    return words[words.index("order") :] if "order" in words else []


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench(tmp_path, *ROOMY) as world:
        assert world.proxy.end() == 0, world.proxy.err
        yield world


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Bench]:
    """The default policy as it is, but live."""
    with Bench(tmp_path, strict=True) as world:
        assert world.proxy.end() == 0, world.proxy.err
        yield world


def test_it_rests_and_is_gone_under_the_policy_that_everybody_has(strict):
    """Catches: an order far from the market that the default collar denies; one that could trade at once; a row that
    does not say who wanted it; a cancel on the first shard of a market that is on another; an order left behind; a
    journal that does not end as a proxy's does."""
    with strict.exchange_sees(2) as seen:
        done = strict.tried()
    assert done.returncode == 0, done.stdout + done.stderr
    assert steps(done) == ["order", "placed", "rests", "cancel", "gone"]
    assert [one["method"] for one in seen] == ["POST", "DELETE"]
    assert seen[1]["query"] == f"subaccount=0&market_ticker={OPEN}", "no shard: that the market finds"
    assert f"bid of 1.00 at $0.4500 in {OPEN}" in done.stdout, "10 cents below the middle of 0.54 and 0.56"
    rows = strict.events("decision")[-2:]
    assert [(row.body["door"], row.body["client"], row.body["verdict"]) for row in rows] == [
        ("operator", CLIENT, "approved")
    ] * 2
    assert all(row.body["by"] for row in rows)
    assert rows[0].body["request"]["orders"][0]["post_only"] is True
    assert [row.kind for row in strict.events()][-2:] == ["snapshot", "stop"]
    assert strict.events("stop")[-1].body == {"reason": "keys check --place-and-cancel"}
    (order,) = strict.orders()
    assert (order["status"], order["fill_count_fp"]) == ("canceled", "0.00")
    check_world(strict)


def test_what_was_placed_without_an_answer_is_found_and_canceled(bench):
    """Catches: an order that rests because its answer was lost. Planted: a try that ends with the unknown answer."""
    bench.fault("close_after_read", execute=True)
    done = bench.tried()
    assert done.returncode == 0, done.stdout + done.stderr
    assert steps(done) == ["order", "unanswered", "rests", "cancel", "gone"]
    assert [order["status"] for order in bench.orders()] == ["canceled"]


def test_what_nobody_knows_is_told_with_its_id(bench):
    """Catches: a try that ends well, or in silence, while an order may still come to rest."""
    bench.fault("close_after_read", execute=False)
    done = bench.tried()
    assert done.returncode == 1
    assert steps(done) == ["order", "unanswered"]
    asked = bench.events("decision")[-1].body["request"]["orders"][0]["client_order_id"]
    assert f"client_order_id {asked}, subaccount 0. Cancel it at the exchange's own page" in done.stderr
    assert f"pretrade halt --client {CLIENT} --cancel" in done.stderr


@pytest.mark.parametrize(
    ("times", "code"), [pytest.param(1, 0, id="once"), pytest.param(1000, 1, id="always", marks=pytest.mark.long)]
)
def test_an_answer_to_the_cancel_is_not_believed(bench, times, code):
    """Catches: a 2xx to the cancel taken for its end. Planted: a try that ends with the cancel's answer."""
    bench.fault("empty_success", method="DELETE", execute=False, times=times)
    done = bench.tried()
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stdout.count("\ncancel ") == (3 if code else 2)
    (order,) = bench.orders()
    assert (order["status"] == "resting") is bool(code)
    assert (order["order_id"] in done.stderr) is bool(code)


def test_what_filled_meanwhile_is_told(bench):
    """Catches: an order that filled before its cancel and is told as canceled: somebody has a contract then."""
    bench.fault("late_execution", method="DELETE", seconds=4)
    program = Pretrade("try", trying(bench.policy), bench.root)
    rows = eventually("the cancel is on record", lambda: bench.events("decision")[1:])
    bench.control("POST", "fill", {"order_id": rows[0].body["request"]["order_id"], "count": "1"})
    assert program.wait(60) == 1
    assert f"is yours: the position in {OPEN} was 0.00 and is 1.00" in program.err


def test_asked_to_end_it_says_what_may_rest(bench):
    """Catches: an order left at the exchange by a shutdown, of which nobody was told, and a log without its stop.
    Planted: SIGTERM left to the system, which ends the process on the spot."""
    bench.fault("late_execution", seconds=3)
    program = Pretrade("try", trying(bench.policy), bench.root)
    eventually("the order is on record", lambda: bench.events("decision"), 30)
    program.signal(signal.SIGTERM)
    assert program.wait(60) == 1
    (told,) = [line for line in program.out.splitlines() if line.startswith("stopped")]
    assert "it may rest, nobody can say: bid of 1.00" in told
    assert "Traceback" not in program.err
    assert bench.events()[-1].body == {"reason": "keys check --place-and-cancel"}
    (order,) = bench.orders()
    assert order["client_order_id"] in told


def test_each_client_is_tried_by_its_own_key(tmp_path):
    """Catches: a try in another client's place, and one that says nothing of the key that this client signs with."""
    with Desk(tmp_path, *ROOMY, *CHANGES) as desk:
        assert desk.proxy.end() == 0, desk.proxy.err
        assert pretrade(*trying(desk.policy)).returncode == 2
        done = pretrade(*trying(desk.policy), "--client", SECOND)
        assert done.returncode == 0, done.stdout + done.stderr
        bodies = [row.body for row in desk.events("decision")]
        assert [(body["client"], body["subaccount"], body["key_id"]) for body in bodies] == [
            (SECOND, 1, "second-live")
        ] * 2


def test_a_denial_names_its_rule_and_sends_nothing(bench):
    """Catches: a try that goes around the policy."""
    dear = bench.policy_with(('    min: "$0.02"', '    min: "$0.60"'))
    with bench.exchange_sees(0):
        priced = bench.tried(policy=dear)
        elsewhere = bench.tried("--market", CLOSED)
        (bench.state / "HALT").touch()
        halted = bench.tried()
    for done, said in (
        (priced, "PRICE_OUTSIDE_BAND"),
        (elsewhere, "MARKET_NOT_ALLOWED"),
        (halted, "TRADING_HALTED"),
    ):
        assert done.returncode == 1
        assert f"it was not placed: 403 {said}: " in done.stderr


def test_beside_a_running_proxy_nothing_is_tried(bench):
    """Catches: two programs on one journal and one account."""
    bench.start_proxy()
    with bench.exchange_sees(0):
        done = bench.tried()
    assert done.returncode == 1
    assert "nothing was placed" in done.stderr
    assert "a proxy that runs on this journal must be stopped first" in done.stderr
    assert bench.proxy.running


WRONG = [
    ((("mode: live", "mode: dry_run"),), (), "needs `mode: live`"),
    (
        (("environment: practice", "environment: production"), ("allow_production: false", "allow_production: true")),
        (),
        "in production it would be a real order",
    ),
    ((), ("--client", "nobody"), f"known are {CLIENT}"),
]


def test_where_it_must_not_be_tried_nobody_is_asked(bench):
    """Catches: a real order in production. Planted: no look at the environment."""
    for changes, arguments, said in WRONG:
        rows = len(bench.events())
        done = bench.tried(*arguments, policy=bench.policy_with(*changes))
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
        assert done.stdout == ""
        assert len(bench.events()) == rows
    assert pretrade("keys", "check", "-p", str(bench.policy), "--market", OPEN).returncode == 2
