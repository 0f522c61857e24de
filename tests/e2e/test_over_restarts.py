"""What a client sends again after the proxy was started anew: an order is placed once, whoever ended in between."""

import signal
import time

from tests.e2e.clients import ORDERS
from tests.e2e.harness import order
from tests.e2e.programs import eventually

AHEAD_MS = 4_900


def test_a_signature_of_before_a_kill_places_no_second_order(make_world):
    """A client whose clock runs ahead signs into the next run. Catches a replay memory that a restart empties."""
    world = make_world()
    raw = world.raw()
    headers = raw.signed("POST", ORDERS, age_ms=-AHEAD_MS)
    made = time.monotonic()
    assert raw.send("POST", ORDERS, order(), headers=headers).status == 201
    world.proxy.kill()
    world.start_proxy()
    with world.exchange_sees(0):
        again = raw.send("POST", ORDERS, order(), headers=headers)
        other = raw.send("POST", ORDERS, order("2.00"), headers=headers)
    assert (again.status, other.status) == (403, 403)
    if time.monotonic() - made < (AHEAD_MS + 4_000) / 1000:  # else it is stale by now, which is as good
        assert (again.code, other.code) == ("SIGNATURE_REPLAYED", "SIGNATURE_REPLAYED")


def test_an_answer_that_nobody_read_is_kept_over_a_restart(make_world):
    """The client hangs up, the order is accepted, the proxy restarts, the client posts it again: it gets that answer.

    Catches a delivery that is not recorded (a second order), and one that is never used up (no third order ever).
    """
    world = make_world()
    raw = world.raw()
    world.fault("hold", method="POST", seconds=1.5, execute=True)
    with world.exchange_sees(1):
        connection = raw.connection()
        raw.start(connection, "POST", ORDERS, order("3.00"))
        eventually("the exchange has the order", world.exchange_requests)
        connection.close()
        eventually("the unread answer is on record", lambda: world.events("delivery"))
    (accepted,) = world.events("outcome")
    world.restart()
    with world.exchange_sees(0):
        first = raw.send("POST", ORDERS, order("3.00"))
        assert (first.status, first.body["order_id"]) == (201, accepted.body["legs"][0]["order_id"])
        assert (first.body["fill_count"], first.body["remaining_count"]) == ("0.00", "3.00")
    with world.exchange_sees(1):
        second = raw.send("POST", ORDERS, order("3.00"))
        assert second.body["order_id"] != first.body["order_id"], "read once, it is another order from then on"
    world.restart()
    with world.exchange_sees(1):
        third = raw.send("POST", ORDERS, order("3.00"))
        assert third.body["order_id"] not in (first.body["order_id"], second.body["order_id"])


def test_halt_works_while_the_policy_is_being_edited(make_world):
    """A typo in the file must not switch the kill switch off. Catches a halt that asks for a good policy first."""
    world = make_world()
    good = world.policy.read_text(encoding="utf-8")
    world.policy.write_text(good.replace("max_orders:", "max_order:"), encoding="utf-8")
    done = world.pretrade("halt", "--reason", "a typo at the wrong time")
    assert (done.returncode, "trading state HALTED" in done.stdout) == (0, True), done.stderr
    assert "is not good at the moment" in done.stderr
    with world.exchange_sees(0):
        assert world.raw().send("POST", ORDERS, order()).code == "TRADING_HALTED"
    world.proxy.signal(signal.SIGTERM)
    assert world.proxy.wait() == 0
    left = world.pretrade("halt", "--reason", "and nobody answers")
    assert (left.returncode, (world.state / "HALT").exists()) == (0, True), left.stderr
    world.policy.write_text(good, encoding="utf-8")
    world.start_proxy()
    assert world.operate("status")["trading_state"] == "HALTED"
