"""Market makers: each market quoted in its own manner, on the grid, within limits, never taking."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.practice.worlds.kit import HEAD, ORDERS, place, world

from pretrade.model.orders import Side
from pretrade.practice.core import lifecycle
from pretrade.practice.core.instruments import PriceStructure
from pretrade.practice.play.actions import perform
from pretrade.practice.simulation import Simulation

A = "KXS-E-A"


def simulation(maker, more="", seed=1):
    text = HEAD + f"maker: {maker}\nmarkets:\n  - {{ticker: {A}, event: KXS-E, yes_sub_title: A, closes: +1d{more}}}\n"
    return Simulation(world(text), seed)


def prices(sim):
    book = sim.practice.exchange.markets[A].book
    return [price for price, _ in book.depth(Side.BID)], [price for price, _ in book.depth(Side.ASK)]


def take(sim, side, price, count="1"):
    body = place(A, side, price, count, time_in_force="immediate_or_cancel").body
    assert sim.body("POST", ORDERS, body)["fill_count"] == f"{count}.00"


QUOTES = [
    ("{kind: none}", "", ([], [])),
    ("{kind: static, levels: 2}", "", ([4_900, 4_800], [5_100, 5_200])),
    ("{kind: static, levels: 2, gap: 3}", "", ([4_700, 4_600], [5_300, 5_400])),
    ("{kind: static, levels: 3}", ", mid: $0.02", ([100], [300, 400, 500])),
    ("{kind: static, levels: 2}", ", mid: $0.10, structure: tapered_deci_cent", ([990, 980], [1_100, 1_200])),
    ("{kind: none}", ", maker: {kind: static, levels: 1}", ([4_900], [5_100])),
]


@pytest.mark.parametrize(("maker", "more", "expected"), QUOTES)
def test_first_quotes(maker, more, expected):
    assert prices(simulation(maker, more)) == expected


REACTIONS = [("static", ([4_900], [5_100])), ("reactive", ([5_000], [5_200])), ("walk, every: 1d", ([4_900], [5_100]))]


@pytest.mark.parametrize(("kind", "expected"), REACTIONS)
def test_after_a_hit_only_the_reactive_one_moves_and_all_are_whole_again(kind, expected):
    sim = simulation(f"{{kind: {kind}, levels: 1, smallest: 7, largest: 7}}")
    take(sim, "bid", "0.5100", "3")
    assert prices(sim) == expected
    assert [count for _, count in sim.practice.exchange.markets[A].book.depth(Side.ASK)] == [700]


def test_quotes_that_still_stand_where_they_should_keep_their_place_in_the_queue():
    """Catches a maker that goes to the back of every queue whenever it moves a tick."""
    sim = simulation("{kind: reactive, levels: 3}")
    before = set(sim.account("maker").resting[0, A])
    take(sim, "bid", "0.5100")
    after = set(sim.account("maker").resting[0, A])
    assert len(before & after) == 4
    assert len(after) == 6


@pytest.mark.parametrize("limit", [15, 20], ids=["over", "exactly"])
def test_an_inventory_at_its_limit_stops_the_side_that_adds_to_it(limit):
    """Catches a maker that buys without end from whoever sells."""
    sim = simulation(f"{{kind: static, levels: 1, smallest: 10, largest: 10, inventory_limit: {limit}}}")
    take(sim, "ask", "0.4900", "10")
    assert prices(sim) == ([4_900], [5_100])
    take(sim, "ask", "0.4900", "10")
    assert prices(sim) == ([], [5_100])
    take(sim, "bid", "0.5100", "10")
    assert prices(sim) == ([4_900], [5_100])


@settings(max_examples=15)
@given(
    seed=st.integers(0, 10**6),
    pull=st.sampled_from(["0", "0.3", "1"]),
    mid=st.sampled_from(["$0.03", "$0.50", "$0.97"]),
)
def test_a_walk_stays_on_the_grid_with_both_sides_quoted(seed, pull, mid):
    sim = simulation(f"{{kind: walk, every: 1s, levels: 2, pull: {pull}}}", f", mid: {mid}", seed)
    market = sim.practice.exchange.markets[A].market
    for _ in range(40):
        sim.advance(1)
        bids, asks = prices(sim)
        assert bids
        assert asks
        assert bids[0] < asks[0]
        assert all(market.on_grid(price) for price in bids + asks)


def test_a_walk_is_drawn_to_its_mean():
    sim = simulation("{kind: walk, every: 1s, levels: 1, pull: 1, mean: $0.60}")
    sim.advance(11)
    assert sim.practice.makers.mid(A) == 6_000
    sim.advance(100)
    assert prices(sim) == ([5_900], [6_100])


def test_a_market_that_opens_later_is_quoted_from_then_on():
    sim = simulation("{kind: static, levels: 1}", ", opens: +1h")
    assert prices(sim) == ([], [])
    sim.advance(3_600)
    assert prices(sim) == ([4_900], [5_100])


def test_after_a_pause_of_the_market_it_quotes_again_although_nobody_calls():
    """Catches a market that stays empty after a pause, because resuming cancels every resting order."""
    sim = simulation("{kind: static, levels: 1}")
    perform(sim.practice, "pause", {"what": "market", "market": A, "lasting": 5.0})
    sim.advance(10)
    assert prices(sim) == ([4_900], [5_100])


def test_while_trading_is_paused_a_walk_goes_on_without_quoting():
    """Catches a step of the walk that places an order, is refused, and takes the clock's thread down with it."""
    sim = simulation("{kind: walk, every: 1s, levels: 1}")
    perform(sim.practice, "pause", {"what": "exchange"})
    before = prices(sim)
    sim.advance(30)
    assert prices(sim) == before
    perform(sim.practice, "resume", {"what": "exchange"})
    sim.advance(30)
    assert prices(sim)[0]


def test_after_a_change_of_the_grid_it_quotes_on_the_new_one():
    sim = simulation("{kind: static, levels: 2}")
    lifecycle.set_structure(sim.practice.exchange, A, PriceStructure.DECI_CENT)
    sim.advance(0.001)
    assert prices(sim) == ([4_990, 4_980], [5_010, 5_020])


def test_a_move_says_how_many_quotes_stand_and_none_where_nobody_makes_the_market():
    assert simulation("{kind: static, levels: 2}").practice.makers.move(A, 3_000) == 4
    assert simulation("{kind: none}").practice.makers.move(A, 3_000) == 0


def test_the_walk_ends_with_its_market():
    """Catches a timetable that never runs dry: a clock that jumps to the next thing would jump for ever."""
    sim = simulation("{kind: walk, every: 1h, levels: 1}")
    jumps = 0
    while sim.advance_to_next():
        jumps += 1
        assert jumps < 200
    assert sim.practice.exchange.markets[A].status(sim.now_us) == "closed"
