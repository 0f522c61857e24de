"""Who owns what at the start: purses, positions in pairs, orders in the order of the file, and reasons for refusal."""

import pytest
from tests.practice.worlds.kit import API, HEAD, QUIET, example, world

from pretrade.model.orders import Side
from pretrade.practice.api.keystore import ApiKey, KeyStore
from pretrade.practice.core.fees import CENT_STEP
from pretrade.practice.simulation import START_US, Simulation
from pretrade.practice.worlds.opening import OpeningError

A = "KXS-E-A"
MARKET = f"markets:\n  - ticker: {A}\n    event: KXS-E\n    yes_sub_title: A\n    closes: +1d\n"


def test_purses_lie_where_the_file_says():
    sim = Simulation(example("sharded"))
    account = sim.account()
    cash = {place: purse.cash for place, purse in account.purses.items()}
    assert cash == {
        (0, 0): 2_000_000_000, (0, 1): 500_000_000, (1, 0): 300_000_000, (1, 1): 200_000_000, (2, 0): 50_000_000,
    }  # fmt: skip
    assert (account.subaccounts, account.balance_step) == ({0, 1, 2}, CENT_STEP)
    assert sim.practice.dispatcher.limiter.tier_of("main") == "basic"
    assert sim.practice.dispatcher.keys["only-sub-1"].subaccount == 1
    assert sim.practice.dispatcher.keys.region_expiration("main") == START_US // 1_000_000 + 30 * 86_400


def test_positions_come_in_pairs_and_have_been_paid_for():
    """Catches positions out of nothing: a settlement would pay dollars that nobody ever put in."""
    yes, no = (
        "{market: KXS-E-A, leg: 'yes', count: 20, price: $0.40}",
        "{market: KXS-E-A, leg: 'no', count: 5, price: $0.70}",
    )
    held = f"positions: [{yes}, {no}]"
    text = HEAD.replace("main: {cash: $1000}", f"main: {{cash: $1000, {held}}}") + MARKET
    sim = Simulation(world(text))
    exchange = sim.practice.exchange
    mine, house = exchange.accounts["main"].positions[0, A], exchange.accounts["house"].positions[0, A]
    # 20 YES at $0.40, of which 5 NO at $0.70 close 5: 15 YES are left
    assert (mine.count, mine.cost, house.count) == (1_500, 15 * 400_000, -1_500)
    assert exchange.open_interest(A) == 1_500
    assert exchange.accounts["main"].cash_of(0, 0) == 1_000_000_000
    assert sum(p.count for a in exchange.accounts.values() for p in a.positions.values()) == 0


def test_starting_orders_rest_in_the_order_of_the_file():
    level = "      - {account: crowd, side: bid, price: $0.40, count: "
    sim = Simulation(world(HEAD + "maker: {kind: none}\n" + MARKET + f"    book:\n{level}3}}\n{level}4}}\n"))
    orders = sim.account("crowd").orders.values()
    assert [order.remaining for order in orders] == [300, 400]
    assert sim.practice.exchange.markets[A].book.depth(Side.BID) == [(4_000, 700)]


REFUSED = [
    ("{account: crowd, side: bid, price: $0.90, count: 2000}", r"markets\[0\].book\[0\]: .*insufficient balance"),
    ("{account: crowd, side: bid, price: $0.40, count: 1, subaccount: 7}", "subaccount not found"),
]


@pytest.mark.parametrize(("level", "why"), REFUSED)
def test_an_order_that_the_exchange_refuses_is_told_with_its_place_and_reason(level, why):
    with pytest.raises(OpeningError, match=why):
        Simulation(world(HEAD + MARKET + f"    book: [{level}]\n"))


def test_a_key_brings_its_account_and_its_subaccount_with_it():
    """Catches a bound key whose subaccount was never opened: it could do nothing at all."""
    known = Simulation(example("sharded")).practice.dispatcher.keys["all-of-main"].public_key
    keys = KeyStore([ApiKey("k", "newcomer", known, ("read", "write"), subaccount=5)])
    sim = Simulation(example("quiet"), keys=keys)
    assert sim.account("newcomer").cash_of(0, 0) == 10_000_000_000
    assert sim.account("newcomer").subaccounts == {0, 5}


def test_a_market_that_opens_later_was_not_made_later():
    """Catches a created_time and an updated_time in the future, where the world does not say when it was made."""
    later = QUIET.replace("mid: $0.50}", "mid: $0.50, opens: +3s}")
    simulation = Simulation(world(later))
    shown = simulation.body("GET", f"{API}/markets/KXS-E-A")["market"]
    assert (shown["status"], shown["open_time"]) == ("initialized", "2027-01-01T00:00:03Z")
    assert shown["created_time"] == shown["updated_time"] == "2027-01-01T00:00:00Z"
    early = Simulation(world(later.replace("opens: +3s", "opens: +3s, created: -1d")))
    assert early.body("GET", f"{API}/markets/KXS-E-A")["market"]["created_time"] == "2026-12-31T00:00:00Z"


def test_a_shard_where_somebody_has_cash_exists():
    """Catches cash on a shard without a market: no balance showed it and no transfer could bring it back."""
    purses = "main: {cash: $1000, purses: [{shard: 3, cash: $5}]}"
    simulation = Simulation(world(QUIET.replace("main: {cash: $1000}", purses)))
    balance = simulation.body("GET", f"{API}/portfolio/balance")
    assert balance["balance_breakdown"] == [
        {"exchange_index": 0, "balance": "1000.0000"},
        {"exchange_index": 3, "balance": "5.0000"},
    ]
    there = {"source": "event_contract", "destination": "event_contract", "source_exchange_shard": 3, "amount": 50_000}
    simulation.body("POST", f"{API}/portfolio/intra_exchange_instance_transfer", there)
    assert simulation.body("GET", f"{API}/portfolio/balance?exchange_index=0")["balance_dollars"] == "1005.0000"
