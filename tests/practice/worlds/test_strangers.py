"""Strangers: trades nobody here asked for, by chance but from the seed, and never in the way of a pause."""

from tests.practice.worlds.kit import HEAD, ORDERS, example, place, world

from pretrade.practice.play.actions import perform
from pretrade.practice.simulation import Simulation

A = "KXS-E-A"
TEXT = (
    HEAD
    + "maker: {kind: static, levels: 2, smallest: 50, largest: 50}\n"
    + "noise: {every: 2s, smallest: 1, largest: 4}\n"
    + f"markets:\n  - {{ticker: {A}, event: KXS-E, yes_sub_title: A, closes: +1h}}\n"
)


def test_they_trade_about_as_often_as_said_in_sizes_as_said():
    sim = Simulation(world(TEXT))
    sim.advance(1_000)
    trades = sim.practice.exchange.trades
    assert 400 < len(trades) < 600
    assert {trade.count for trade in trades} == {100, 200, 300, 400}
    assert {trade.price for trade in trades} == {4_900, 5_100}


def test_they_wait_while_trading_is_paused_and_go_on_after_it():
    sim = Simulation(world(TEXT))
    perform(sim.practice, "pause", {"what": "trading"})
    sim.advance(100)
    assert sim.practice.exchange.trades == []
    perform(sim.practice, "resume", {"what": "trading"})
    sim.advance(100)
    assert sim.practice.exchange.trades


def test_they_leave_when_the_market_closes():
    sim = Simulation(world(TEXT))
    while sim.advance_to_next():
        pass
    assert sim.practice.exchange.trades[-1].at_us <= sim.practice.exchange.markets[A].market.close_us


def test_they_leave_an_order_alone_that_rests_off_a_new_grid():
    """Catches an order at a price that no order may have any more: refused, it took the exchange's clock with it."""
    alone = TEXT.replace("kind: static", "kind: none")
    sim = Simulation(world(alone.replace("closes: +1h", "closes: +1h, structure: deci_cent")))
    for side, price in (("bid", "0.4550"), ("ask", "0.5550")):
        sim.body("POST", ORDERS, place(A, side, price, "200").body)
    sim.advance(100)
    before = len(sim.practice.exchange.trades)
    perform(sim.practice, "structure", {"market": A, "structure": "linear_cent"})
    sim.advance(100)
    assert 0 < before == len(sim.practice.exchange.trades)
    sim.body("POST", ORDERS, place(A, "bid", "0.4600", "200").body)
    sim.advance(100)
    assert len(sim.practice.exchange.trades) > before


def test_a_wild_afternoon_goes_through_all_its_steps():
    """Catches a step of a shipped example that cannot be done."""
    sim = Simulation(example("wild"))
    sim.advance(460)
    told = sim.practice.told
    assert [(step.name, step.failed) for step in told] == [
        ("move", False),
        ("pause", False),
        ("pause", False),
        ("resume", False),
        ("structure", False),
        ("fault", False),
        ("move", False),
        ("determine", False),
    ]
    exchange = sim.practice.exchange
    assert exchange.markets["KXWILD-A-UP"].status(sim.now_us) == "finalized"
    assert [settled.revenue for settled in sim.account().settlements] == [20_000_000]
    assert exchange.markets["KXWILD-A-DOWN"].market.structure == "deci_cent"
