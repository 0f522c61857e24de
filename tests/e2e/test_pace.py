"""The pace of a client through a real proxy: cancels pass a throttle, a loop is stopped over a kill, twins wait."""

import threading

import pytest
from tests.e2e.clients import ORDERS
from tests.e2e.harness import order
from tests.e2e.programs import eventually
from tests.paced import paced

GROUPS = "/trade-api/v2/portfolio/order_groups"


def test_a_throttle_lets_cancels_through(make_world):
    """Catches a client that cannot take back what rests because it was too fast."""
    world = make_world(*paced(throttle="place: 0.1/s, amend: 0.1/s, burst: 3"))
    raw = world.raw()
    placed = [raw.send("POST", ORDERS, order(price=f"0.0{number}00")) for number in range(3, 6)]
    assert [answer.status for answer in placed] == [201] * 3
    with world.exchange_sees(0):
        assert raw.send("POST", ORDERS, order(price="0.0900")).code == "PLACE_RATE_EXCEEDS_MAXIMUM"
    with world.exchange_sees(3):
        for answer in placed:
            assert raw.send("DELETE", f"{ORDERS}/{answer.body['order_id']}").status == 200
    assert raw.send("POST", ORDERS, order(price="0.0900")).code == "PLACE_RATE_EXCEEDS_MAXIMUM"


def test_a_loop_is_stopped_over_a_kill_and_a_restart_until_a_person_resumes_it(make_world):
    """Catches a stop, or a window, that a crash forgets: the loop would go on at every start."""
    world = make_world(*paced(repeat="max_same_order: 3, within: 1h, allow_in_flight: false"))
    raw = world.raw()
    for number in range(3):
        assert raw.send("POST", ORDERS, order(client_order_id=f"loop-{number}")).status == 201
    with world.exchange_sees(0):
        assert raw.send("POST", ORDERS, order(client_order_id="loop-3")).code == "ORDER_REPEATED"
        assert raw.send("POST", ORDERS, order("2.00")).code == "CLIENT_REDUCING"
        world.proxy.kill()
        world.start_proxy()
        assert raw.send("POST", ORDERS, order("2.00")).code == "CLIENT_REDUCING"
        world.restart()
        assert raw.send("POST", ORDERS, order("2.00")).code == "CLIENT_REDUCING"
    resumed = world.pretrade("resume", "--client", "momentum-bot", "--by", "Ann", "--reason", "the loop is found")
    assert resumed.returncode == 0, resumed.stderr
    with world.exchange_sees(1):
        assert raw.send("POST", ORDERS, order("2.00")).status == 201
        assert raw.send("POST", ORDERS, order(client_order_id="loop-4")).code == "ORDER_REPEATED"


def test_a_twin_under_another_id_waits_while_the_first_has_no_answer(make_world):
    """The exchange is slow, the client gives up and sends anew with a new id. Catches the second order."""
    world = make_world(*paced(repeat="max_same_order: 3, within: 10s, allow_in_flight: false"))
    raw, answers = world.raw(), []
    world.fault("hold", seconds=3, execute=True)
    with world.exchange_sees(1):
        first = threading.Thread(
            target=lambda: answers.append(world.raw().send("POST", ORDERS, order(client_order_id="t-1")))
        )
        first.start()
        eventually("the exchange has the order", world.exchange_requests)
        twin = raw.send("POST", ORDERS, order(client_order_id="t-2"))
        first.join()
    assert (twin.status, twin.code, answers[0].status) == (403, "DUPLICATE_IN_FLIGHT", 201)
    assert f"decision {world.decision_of('t-1').decision_id}" in twin.body["message"]
    assert raw.send("POST", ORDERS, order(client_order_id="t-3")).status == 201


def test_order_groups_become_tighter_and_nothing_else(make_world):
    """Made, used, tightened, over a restart; never loosened, reset, triggered or deleted."""
    world = make_world()
    raw = world.raw()
    made = raw.send("POST", f"{GROUPS}/create", {"contracts_limit": 50})
    assert (made.status, made.body["subaccount"]) == (201, 0)
    one = f"{GROUPS}/{made.body['order_group_id']}"
    assert raw.send("POST", ORDERS, order(order_group_id=made.body["order_group_id"])).status == 201
    assert raw.send("PUT", f"{one}/limit", {"contracts_limit_fp": "40.00"}).status == 200
    world.restart()
    with world.exchange_sees(0):
        assert raw.send("PUT", f"{one}/limit", {"contracts_limit": 41}).code == "ORDER_GROUP_LOOSENED"
        for method, act in (("PUT", "/reset"), ("PUT", "/trigger"), ("DELETE", "")):
            assert raw.send(method, one + act, {} if act else None).code == "ORDER_GROUP_LOOSENED"
        other = f"{GROUPS}/11111111-1111-1111-1111-111111111111/limit"
        assert raw.send("PUT", other, {"contracts_limit": 1}).code == "ORDER_GROUP_NOT_OWNED"
    assert raw.send("PUT", f"{one}/limit", {"contracts_limit": 5}).status == 200
    assert raw.send("GET", one).body["contracts_limit_fp"] == "5.00"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/trade-api/v2/communications/rfqs"),
        ("POST", "/trade-api/v2/communications/quotes"),
        ("PUT", "/trade-api/v2/communications/quotes/q-1/accept"),
        ("PUT", "/trade-api/v2/communications/quotes/q-1/confirm"),
        ("POST", "/trade-api/v2/communications/block-trade-proposals"),
        ("POST", "/trade-api/v2/communications/block-trade-proposals/b-1/accept"),
    ],
)
def test_what_trades_without_a_price_stays_closed(world, method, path):
    """RFQs, quotes and block trades carry nothing that a limit could hold."""
    with world.exchange_sees(0):
        assert world.raw().send(method, path, {}).code == "ENDPOINT_NOT_ALLOWED"


def test_a_quote_can_be_withdrawn(world):
    """Withdrawing lowers what is at risk, so it passes to the exchange, which knows no such quote."""
    with world.exchange_sees(1):
        assert world.raw().send("DELETE", "/trade-api/v2/communications/quotes/q-1").status == 404
