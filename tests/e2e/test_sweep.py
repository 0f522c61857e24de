"""`pretrade halt --cancel`: all that rests is canceled, and only the exchange's own record says that it is gone."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.e2e.clients import ORDERS
from tests.e2e.harness import OPEN, order
from tests.e2e.invariants import check_world
from tests.e2e.programs import eventually
from tests.e2e.test_auto_halt import OTHER, TWO_CLIENTS, TwoClients
from tests.e2e.test_reconcile import EVERY_SECOND, SharedAccount
from tests.e2e.test_several_keys import public_half, write_key
from tests.roomy import ROOMY

from pretrade.cli.init import CLIENT, LIVE_SCOPES
from pretrade.cli.sweep import SWEEPING_S
from pretrade.gateway.operator.admin import ask

DARK = ("--reason", "lights out", "--cancel")


def resting(world):
    """The ids that the exchange's own list has as resting."""
    return {one["order_id"] for one in world.raw().send("GET", f"{ORDERS_LIST}?status=resting").body["orders"]}


ORDERS_LIST = "/trade-api/v2/portfolio/orders"


class OwnKey(TwoClients):
    """The first of the two has a live key of its own."""

    def start_proxy(self, **more):
        path = self.folder / "keys" / "own.pem"
        if not path.exists():
            write_key(path)
            key = {"key_id": "own-live", "public_key": public_half(path), "account": "main", "scopes": LIVE_SCOPES}
            self.control("POST", "add_key", key)
        return super().start_proxy(**more)


@pytest.fixture
def shared(tmp_path):
    with SharedAccount(tmp_path, *ROOMY, EVERY_SECOND) as world:
        eventually("it is reconciled", lambda: world.operate("status")["reconciliation"]["rounds"])
        yield world
        check_world(world)


def test_everything_goes_ours_the_lost_and_what_came_past_us(shared):
    """Catches: a kill switch that leaves orders resting; one that knows only the orders whose id it was told; a cancel
    without a row, or whose row does not say who wanted it."""
    raw = shared.raw()
    for count in ("3.00", "4.00"):
        assert raw.send("POST", ORDERS, order(count)).status == 201
    shared.fault("close_after_read", execute=True)
    assert raw.send("POST", ORDERS, order("5.00")).code == "OUTCOME_UNKNOWN"
    shared.outside("6.00", "0.0300")
    swept = shared.pretrade("halt", *DARK)
    assert swept.returncode == 0, swept.stderr
    assert "nothing rests, by the exchange's own record" in swept.stdout
    assert "gone: 4" in swept.stdout
    assert resting(shared) == set()
    assert shared.operate("status")["trading_state"] == "HALTED"
    cancels = [row.body for row in shared.events("decision") if row.body["door"] == "operator"]
    assert {(row["operation"], row["verdict"], row["subaccount"]) for row in cancels} == {
        ("CancelAllOrders", "approved", 0)
    }
    assert all(row["by"] for row in cancels)
    assert shared.pretrade("halt", *DARK).returncode == 0, "nothing to do is fine"


@pytest.mark.parametrize(
    ("times", "code"), [pytest.param(1, 0, id="once"), pytest.param(1000, 1, id="always", marks=pytest.mark.long)]
)
def test_an_answer_is_not_believed(shared, times, code):
    """Catches: a 2xx to a cancel taken for its end. The first time it is sent again; in the end what rests is named."""
    name = shared.raw().send("POST", ORDERS, order("7.00")).body["order_id"]
    shared.fault("empty_success", method="DELETE", execute=False, times=times)
    swept = shared.pretrade("halt", *DARK)
    assert swept.returncode == code, swept.stderr
    assert (resting(shared) == {name}) is bool(code)
    if code:
        assert name in swept.stdout
        assert "1 may still rest. Run this again, or cancel at the exchange's own page." in swept.stderr


def test_what_fills_meanwhile_is_told(shared):
    """Catches: an order that was filled while it was being canceled and is told as canceled."""
    name = shared.raw().send("POST", ORDERS, order("8.00", "0.0900")).body["order_id"]
    shared.fault("late_execution", method="DELETE", seconds=2)
    before = len(shared.exchange_requests())
    shared.operate("halt", reason="lights out")
    with ThreadPoolExecutor() as pool:
        sweeping = pool.submit(lambda: asyncio.run(ask(shared.state, "sweep", {}, SWEEPING_S)))
        eventually("the cancel is there", lambda: len(shared.exchange_requests()) > before)
        shared.control("POST", "fill", {"order_id": name, "count": "2"})
        swept = sweeping.result()
    assert (swept["gone_count"], swept["left"], swept["problems"]) == (1, [], [])
    assert swept["moved"] == [{"subaccount": 0, "ticker": OPEN, "before": "0.00", "after": "2.00"}]


def test_one_of_two_that_share_loses_its_own_orders_alone(tmp_path):
    """Catches: one client's stop that cancels the orders of another in the same subaccount; everybody's that leaves
    those of one."""
    with TwoClients(tmp_path, *ROOMY, TWO_CLIENTS, EVERY_SECOND) as world:
        mine = world.raw().send("POST", ORDERS, order("3.00")).body["order_id"]
        other = world.other().send("POST", ORDERS, order("4.00")).body["order_id"]
        swept = world.pretrade("halt", *DARK, "--client", CLIENT)
        assert swept.returncode == 0, swept.stderr
        assert (mine in swept.stdout, other in swept.stdout) == (True, False)
        assert resting(world) == {other}
        assert world.states() == ("ACTIVE", {CLIENT: "HALTED"})
        world.operate("resume", client=CLIENT, by="ann", reason="once more")
        assert world.raw().send("POST", ORDERS, order("5.00")).status == 201
        assert world.pretrade("halt", *DARK).returncode == 0
        assert resting(world) == set()
        check_world(world)


def test_a_revoked_key_of_one_keeps_nobody_s_orders_where_another_s_cancels(tmp_path):
    """Catches: everybody's orders left resting because the subaccount is canceled in the place of the one client whose
    live key is gone, each time. Planted: the first client taken at every turn."""
    signed = (f"  {OTHER}:\n", f"    signing: own\n  {OTHER}:\n")
    keyed = (
        "  key_file: keys/live.pem\n",
        "  key_file: keys/live.pem\n  keys: {own: {key_id: own-live, key_file: keys/own.pem}}\n",
    )
    with OwnKey(tmp_path, *ROOMY, TWO_CLIENTS, signed, keyed, EVERY_SECOND) as world:
        for bot, count in ((world.raw(), "3.00"), (world.other(), "4.00")):
            assert bot.send("POST", ORDERS, order(count)).status == 201
        world.control("POST", "remove_key", {"key_id": "own-live"})
        swept = world.pretrade("halt", *DARK)
        assert swept.returncode == 0, swept.stderr
        assert world.other().send("GET", f"{ORDERS_LIST}?status=resting").body["orders"] == []
        assert "LIVE_KEY_REFUSED" in swept.stderr
        assert "gone: 2" in swept.stdout


def test_a_resume_ends_it(shared):
    """Catches: orders canceled that were placed after trading was resumed. Planted: the halt looked for once."""
    name = shared.raw().send("POST", ORDERS, order("3.00")).body["order_id"]
    shared.fault("empty_success", method="DELETE", execute=False, times=3)
    shared.operate("halt", reason="lights out")
    before = len(shared.exchange_requests())
    with ThreadPoolExecutor() as pool:
        sweeping = pool.submit(lambda: asyncio.run(ask(shared.state, "sweep", {}, SWEEPING_S)))
        eventually("the cancel is there", lambda: len(shared.exchange_requests()) > before)
        shared.operate("resume", by="ann", reason="never mind")
        resumed = len(shared.exchange_requests())
        swept = sweeping.result()
    assert len(shared.exchange_requests()) <= resumed + 1, "at most the one that was on its way"
    assert resting(shared) == {name}
    assert swept["left_count"] == 1
    assert "trading was resumed meanwhile, so that nothing more was canceled" in swept["problems"]


def test_it_needs_a_halt_and_a_proxy_that_sends(make_world):
    """Catches: orders that are canceled while their bots place them anew; a dry run that sends; a proxy that is down
    and a command that ends well."""
    world = make_world(("mode: live", "mode: dry_run"))
    with world.exchange_sees(0):
        dry = world.pretrade("halt", *DARK)
    assert dry.returncode == 1
    assert "runs in dry_run and sends nothing" in dry.stderr
    assert world.operate("status")["trading_state"] == "HALTED", "the halt stands all the same"
    assert world.pretrade("halt", *DARK, "--reducing").returncode == 2
    world.proxy.kill()
    dead = world.pretrade("halt", *DARK)
    assert dead.returncode == 1
    assert "nothing was canceled" in dead.stderr
    assert (world.state / "HALT").exists()


def test_without_a_halt_nothing_is_canceled(shared):
    """Catches: the command over the socket alone, which a client's order would overtake."""
    name = shared.raw().send("POST", ORDERS, order("3.00")).body["order_id"]
    with shared.exchange_sees(0), pytest.raises(Exception, match="trading is not halted"):
        shared.operate("sweep")
    assert resting(shared) == {name}
