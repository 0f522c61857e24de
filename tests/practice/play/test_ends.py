"""Conditions that end by themselves: each ends what it began, and nothing that has happened since."""

import pytest
from tests.practice.worlds.kit import API, ORDERS, QUIET, place, world

from pretrade.practice.play.action import ActionError
from pretrade.practice.play.actions import perform
from pretrade.practice.simulation import Simulation

A = "KXS-E-A"


@pytest.fixture
def sim():
    return Simulation(world(QUIET))


def status(sim):
    return sim.body("GET", f"{API}/markets/{A}")["market"]["status"]


@pytest.mark.parametrize(
    ("action", "arguments", "found"),
    [
        ("resume", {"what": "market", "market": A}, "active"),
        ("close", {"market": A}, "closed"),
        ("close", {"market": A, "within": 3}, "closed"),
        ("settle", {"market": A, "result": "yes"}, "finalized"),
    ],
)
def test_a_pause_ends_quietly_in_a_market_that_is_not_paused_any_more(sim, action, arguments, found):
    """Catches an end that is refused at its moment: it took the server's clock, or the next request, down with it."""
    perform(sim.practice, "pause", {"what": "market", "market": A, "lasting": 5})
    sim.advance(1)
    perform(sim.practice, action, arguments)
    sim.advance(10)
    assert status(sim) == found


def test_a_pause_of_a_market_that_was_paused_again_ends_when_the_later_one_does(sim):
    """Catches the end of the first pause that ends the second."""
    perform(sim.practice, "pause", {"what": "market", "market": A, "lasting": 5})
    perform(sim.practice, "resume", {"what": "market", "market": A})
    perform(sim.practice, "pause", {"what": "market", "market": A, "lasting": 20})
    sim.advance(10)
    assert status(sim) == "inactive"
    sim.advance(11)
    assert status(sim) == "active"


def lag(sim):
    return sim.practice.dispatcher.portfolio.lag.longest_us // 1_000_000


def skew(sim):
    return sim.practice.dispatcher.clock_window.skew_ms // 1_000


def paused(sim):
    return int(not sim.practice.exchange.trading_active)


@pytest.mark.parametrize(
    ("action", "first", "second", "seen", "value"),
    [
        ("lag", {"seconds": 2}, {"seconds": 3}, lag, 3),
        ("clock", {"skew": 20}, {"skew": 30}, skew, 30),
        ("pause", {"what": "trading"}, {"what": "trading"}, paused, 1),
    ],
)
@pytest.mark.parametrize("until", [None, 60])
def test_the_end_of_an_earlier_condition_leaves_a_later_one_alone(sim, action, first, second, seen, value, until):
    """Catches a condition without an end, or with a later one, that is over when the earlier one's time has run."""
    perform(sim.practice, action, first | {"lasting": 5})
    sim.advance(1)
    perform(sim.practice, action, second | ({} if until is None else {"lasting": until}))
    sim.advance(10)
    assert seen(sim) == value
    sim.advance(100)
    assert seen(sim) == (value if until is None else 0)


def test_a_pause_of_the_exchange_ends_beside_one_of_trading(sim):
    """Catches conditions that are taken for one because they are of one action."""
    perform(sim.practice, "pause", {"what": "exchange", "lasting": 5})
    perform(sim.practice, "pause", {"what": "trading"})
    sim.advance(10)
    assert sim.practice.exchange.exchange_active
    assert not sim.practice.exchange.trading_active


def test_a_resume_cannot_last(sim):
    """Catches an argument that is taken and means nothing."""
    with pytest.raises(ActionError, match="unknown field lasting; there are what, market, shard"):
        perform(sim.practice, "resume", {"lasting": 5})


def test_a_move_with_trades_goes_through_an_order_group_that_it_triggers(sim):
    """Catches a move that stops half-way, with a refusal, at an order that the fill before it took away."""
    group = sim.body("POST", f"{API}/portfolio/order_groups/create", {"contracts_limit": 1})["order_group_id"]
    for price in ("0.4900", "0.4800", "0.4700"):
        sim.body("POST", ORDERS, place(A, price=price, count="2", order_group_id=group).body)
    sim.body("POST", ORDERS, place(A, price="0.4600", count="1").body)
    done = perform(sim.practice, "move", {"market": A, "price": "0.40", "trade": True})
    assert done.details["traded"] == "3.00"
    orders = sim.body("GET", f"{API}/portfolio/orders")["orders"]
    found = [(order["yes_price_dollars"], order["status"]) for order in reversed(orders)]
    assert found == [("0.4900", "executed"), ("0.4800", "canceled"), ("0.4700", "canceled"), ("0.4600", "executed")]
