"""What a proxy knows after a restart: the day's count, its trading state, its dry-run orders."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pysqlite3 as sqlite
import pytest
from tests.e2e.clients import ORDERS
from tests.e2e.harness import OPEN, World, order
from tests.e2e.invariants import check_world
from tests.e2e.programs import Pretrade, eventually
from tests.roomy import ROOMY

NO_SUCH = "11111111-1111-1111-1111-111111111111"


def test_the_days_count_holds_for_all_clients_and_over_restarts_and_kills(make_world):
    """Catches: a count of requests instead of orders; a count that starts anew; an exit that a full day traps."""
    world = make_world(("max_orders: 25", "max_orders: 3"))
    bot = world.sync_bot()
    assert bot.call("batch_create_orders_v2", orders=[order(), order("2.00")]).ok
    too_many = bot.call("batch_create_orders_v2", orders=[order("3.00"), order("4.00")])
    assert too_many.code == "DAY_ORDERS_EXCEED_MAXIMUM"
    assert "this would be order 4 of the day, limits.day.max_orders is 3" in too_many.text
    world.proxy.kill()
    world.start_proxy()
    last = bot.call("create_order_v2", **order("5.00"))
    assert last.ok
    world.restart()
    with world.exchange_sees(0):
        denied = bot.call("create_order_v2", **order("6.00"))
        assert denied.code == bot.call("batch_create_orders_v2", orders=[order("7.00")]).code
    assert (denied.kind, denied.status, denied.code) == ("ForbiddenException", 403, "DAY_ORDERS_EXCEED_MAXIMUM")
    status = world.operate("status")
    assert (status["day_orders"], status["max_day_orders"]) == (3, 3)
    with world.exchange_sees(3):
        amend = {"order_id": last.result["order_id"], "ticker": OPEN, "side": "bid", "price": "0.0500", "count": "4.00"}
        assert bot.call("amend_order_v2", **amend).ok, "an amend is not a new order"
        assert bot.call("decrease_order_v2", order_id=last.result["order_id"], reduce_by="1.00").ok
        assert bot.call("cancel_all_orders", subaccount=0).ok


def test_a_dry_run_is_a_whole_exchange_that_nobody_trades_on(make_world):
    """Catches: a dry run that sends; a dry-run order that a restart forgets or that fills; real orders within reach."""
    world = make_world(mode="dry_run")
    bot = world.sync_bot()
    with world.exchange_sees(0):
        resting = bot.call("create_order_v2", **order("5.00", "0.9000", client_order_id="mine")).result
        assert (resting["fill_count"], resting["remaining_count"]) == ("0.00", "5.00"), "it never fills"
        taken = bot.call("create_order_v2", **order("5.00", "0.9000", time_in_force="immediate_or_cancel")).result
        assert (taken["fill_count"], taken["remaining_count"]) == ("0.00", "0.00")
        whole = bot.call("create_order_v2", **order("5.00", "0.9000", time_in_force="fill_or_kill"))
        assert (whole.kind, whole.status) == ("ConflictException", 409)
        assert whole.body["error"]["code"] == "fill_or_kill_insufficient_resting_volume"
        assert bot.call("create_order_v2", **order("1000.00")).code == "ORDER_COUNT_EXCEEDS_MAXIMUM"
        world.restart()
        _after_the_restart(world, bot, resting["order_id"])
    assert {row.body["state"] for row in world.events("outcome")} == {"dry_run"}
    assert world.operate("status")["mode"] == "dry_run"


def _after_the_restart(world, bot, name):
    twice = bot.call("create_order_v2", **order(client_order_id="mine"))
    assert (twice.kind, twice.body["error"]["code"]) == ("ConflictException", "order_already_exists")
    amend = {"order_id": name, "ticker": OPEN, "side": "bid", "price": "0.8000", "count": "4.00"}
    assert bot.call("amend_order_v2", **amend).result["remaining_count"] == "4.00"
    assert bot.call("decrease_order_v2", order_id=name, reduce_by="1.00").result["remaining_count"] == "3.00"
    assert bot.call("cancel_order_v2", order_id=name).result["reduced_by"] == "3.00"
    gone = bot.call("cancel_order_v2", order_id=name)
    assert (gone.kind, gone.status) == ("NotFoundException", 404)
    real = bot.call("cancel_order_v2", order_id=NO_SUCH)
    assert (real.kind, real.code) == ("ForbiddenException", "DRY_RUN_ORDER_UNKNOWN")
    assert bot.call("amend_order_v2", **amend | {"order_id": NO_SUCH}).code == "DRY_RUN_ORDER_UNKNOWN"
    assert bot.call("cancel_all_orders", subaccount=0).ok
    assert bot.call("get_balance").ok, "reads are the exchange's own"


def test_one_proxy_a_journal(make_world):
    """Catches: two proxies that each count to the limit."""
    world = make_world()
    text = world.policy.read_text()
    for port in (world.proxy_port, world.base_url_port):
        text = text.replace(f"127.0.0.1:{port}", "127.0.0.1:0")
    second = world.folder / "second.yaml"
    second.write_text(text)
    program = Pretrade("second", ("run", "-p", str(second)), world.root)
    assert program.wait(60) == 1
    assert f"in use by another process (pid {world.proxy.pid})" in program.err
    assert world.raw().send("POST", ORDERS, order()).status == 201, "the first goes on"


HALTS = {
    "command": lambda world: world.pretrade("halt", "--reason", "a test pulls the switch"),
    "file": lambda world: (world.state / "HALT").touch(),
    "signal": lambda world: world.proxy.signal(10),
    "environment": lambda world: world.restart(KALSHI_TRADE_KILL_SWITCH="1"),
}


@pytest.fixture(scope="module")
def halting(tmp_path_factory):
    with World(tmp_path_factory.mktemp("halting"), *ROOMY) as running:
        yield running
        check_world(running)


def _state(world):
    return world.operate("status")["trading_state"]


@pytest.mark.parametrize("way", HALTS)
def test_every_way_to_halt_halts_and_only_a_person_resumes(halting, way):
    """Catches: a halt that only some path looks at, that traps a cancel, or that a restart or a deleted file ends."""
    world = halting
    raw = world.raw()
    name = raw.send("POST", ORDERS, order()).body["order_id"]
    HALTS[way](world)
    with world.exchange_sees(0):
        denied = raw.send("POST", ORDERS, order("2.00"))
    assert (denied.status, denied.code) == (403, "TRADING_HALTED")
    (world.state / "HALT").unlink(missing_ok=True)
    assert _state(world) == "HALTED"
    if way in {"command", "file"}:
        world.restart()
        assert "trading is HALTED" in world.starts[-1]
    with world.exchange_sees(1):
        assert raw.send("POST", ORDERS, order("3.00")).code == "TRADING_HALTED"
        assert raw.send("DELETE", f"{ORDERS}/{name}").status == 200
    _resume(world)
    assert raw.send("POST", ORDERS, order("4.00")).status == 201
    halts = [row.body for row in world.events("trading_state")][-2:]
    assert [row["state"] for row in halts] == ["HALTED", "ACTIVE"]
    assert halts[0]["cause"] == {"command": "operator"}.get(way, way)
    assert halts[0]["reason"]
    assert (halts[1]["by"], halts[1]["reason"], halts[1]["previous"]) == ("Ada", "it was a test", "HALTED")
    assert halts[1]["actor"]


def _resume(world):
    done = world.pretrade("resume", "--by", "Ada", "--reason", "it was a test")
    assert (done.returncode, done.stdout) == (0, "trading state ACTIVE\n")
    assert _state(world) == "ACTIVE"


def test_a_halt_reaches_a_proxy_that_does_not_run(make_world):
    """Catches: `pretrade halt` that does nothing where nobody answers."""
    world = make_world()
    world.proxy.kill()
    done = world.pretrade("halt", "--reason", "nobody answers")
    assert done.returncode == 0
    assert (world.state / "HALT").exists()
    world.start_proxy()
    assert "trading is HALTED" in world.starts[-1]
    assert world.raw().send("POST", ORDERS, order()).code == "TRADING_HALTED"
    _resume(world)
    assert not (world.state / "HALT").exists()


@contextmanager
def _locked(journal):
    """The journal's write lock in other hands, as a backup tool could hold it; SQLite gives up after 250 ms."""
    with closing(sqlite.connect(journal, isolation_level=None)) as other:
        other.execute("begin immediate")
        yield


def test_an_order_that_waits_to_be_sent_is_stopped_by_a_halt(halting):
    """Catches: the second look at the trading state dropped, so that an order judged before a halt leaves after it."""

    def stopped_in_time():
        with ThreadPoolExecutor() as pool, _locked(world.journal):
            sent = pool.submit(raw.send, "POST", ORDERS, order())
            eventually("the order is judged", lambda: world.operate("status")["in_flight"] or sent.done())
            (world.state / "HALT").touch()
        answer = sent.result()
        world.operate("resume", by="Ada", reason="once more")
        return answer if answer.status == 201 or "before the order was sent" in answer.body["message"] else None

    world, raw = halting, halting.raw()
    with world.exchange_sees(0):
        answer = eventually("a halt between judgement and sending", stopped_in_time, 30)
    assert (answer.status, answer.code) == (403, "TRADING_HALTED")
    assert world.outcome(answer.body["decision_id"])["state"] == "not_sent"


def test_what_cannot_be_recorded_is_not_sent(halting):
    """Catches: an order that is signed and sent while its row waits, or after it failed."""
    world, raw = halting, halting.raw()
    with world.exchange_sees(0), _locked(world.journal):
        answer = raw.send("POST", ORDERS, order())
    assert (answer.status, answer.code) == (503, "JOURNAL_UNAVAILABLE")
    with world.exchange_sees(1):
        assert raw.send("POST", ORDERS, order()).status == 201, "the next one finds the journal well again"
