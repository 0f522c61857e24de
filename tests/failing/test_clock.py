"""The wall clock of the proxy's machine is set, while the exchange's and the world's go on."""

import pytest
from tests.e2e.clients import ORDERS
from tests.e2e.harness import order

from pretrade.journal import reader
from pretrade.journal.chain import verify

HOUR, DAY = 3600, 86_400


@pytest.fixture
def m(make_machine, shim):
    """A machine of its own: its rows may say other times than the exchange's."""
    return make_machine(("max_orders: 25", "max_orders: 3"), shim=shim)


def _order(m, count, *, off_s=0):
    """An order by a client whose clock is off by as much."""
    raw = m.raw()
    headers = raw.signed("POST", ORDERS, age_ms=-off_s * 1000)
    return raw.send("POST", ORDERS, order(count=count), headers=headers)


def test_a_clock_that_is_set_gives_no_budget_back_and_lets_nothing_old_in(m):
    """Catches: a day's count that starts anew when a clock goes forward and back; a signature that comes to life again
    when a clock is set back; rows out of order; a proxy that stays confused once the clock is right again."""
    raw = m.raw()
    first = raw.signed("POST", ORDERS)
    assert raw.send("POST", ORDERS, order(count="1.00"), headers=first).status == 201
    for off_s in (-HOUR, HOUR):
        with m.shim.failing(clock_off_s=off_s), m.exchange_sees(0):
            assert _order(m, "2.00").code == "SIGNATURE_STALE", "the client's clock and ours differ"
            assert raw.send("POST", ORDERS, order(count="9.00"), headers=first).code == "SIGNATURE_REPLAYED"
    with m.shim.failing(clock_off_s=-HOUR), m.exchange_sees(0):
        back = _order(m, "2.00", off_s=-HOUR)
        assert (back.status, back.code) == (403, "SIGNATURE_STALE"), "from before the start: it may be an old run's"
        assert "if this clock was set back, restart it" in back.body["message"]
    with m.shim.failing(clock_off_s=DAY):
        assert _order(m, "3.00", off_s=DAY).code == "LIVE_KEY_REFUSED", "the exchange's clock is another"
        tomorrow = m.operate("status")
    today = m.operate("status")
    assert (today["day"], today["day_orders"]) == (tomorrow["day"], 1), "a day that was counted on is not left again"
    assert _order(m, "4.00").status == 201
    assert _order(m, "5.00").status == 201
    assert _order(m, "6.00").code == "DAY_ORDERS_EXCEED_MAXIMUM"
    m.restart()
    assert _order(m, "7.00").code == "DAY_ORDERS_EXCEED_MAXIMUM", "nor by a restart"
    assert verify(reader.read_events(m.journal)) is None


def test_a_proxy_whose_clock_was_set_back_does_not_start_until_it_is_right(m):
    """Catches: a start that signs what the exchange must refuse; one that takes its last run's rows for the future's,
    and so refuses when the clock is right again."""
    assert m.proxy.end() == 0
    with m.shim.failing(clock_off_s=-HOUR):
        refused = m.start_proxy(wait=False)
        assert refused.wait(30) == 1
        assert "preflight: clock: it is at least 3599." in refused.err or "at least 3600." in refused.err, refused.err
    m.start_proxy()
    assert _order(m, "3.00").status == 201
