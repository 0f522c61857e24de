"""What is used of each limit: the figures of the checks, the tightest market of each."""

from dataclasses import replace

from tests.builders import TICKER, order, policy
from tests.risk.kit import NOW, TODAY, accepted, approve

from pretrade.model.facts import Place
from pretrade.model.orders import CreateOrder
from pretrade.policy.figures import FIGURES
from pretrade.risk.checks.limit_use import LimitUse, limits_used
from pretrade.risk.ledger.ledger import Ledger

OTHER = "KXHIGHNY-26DEC31-T40"
PLACES = (Place(TICKER, "E1", "S1", 10_000), Place(OTHER, "E2", "S1", 10_000))
TIGHT = policy(
    (
        "    subaccount: 0\n",
        "    subaccount: 0\n    limits:\n      account: {max_open_orders: 3}\n      day: {max_orders: 4}\n",
    ),
    ('        max_count: "20"\n', '        max_count: "20"\n      market: {max_open_orders: 2}\n'),
)


def used(ledger: Ledger, day: str = TODAY) -> dict[str, LimitUse]:
    return {use.rule: use for use in limits_used(ledger.live, TIGHT, day)}


def busy() -> Ledger:
    """Three resting contracts at 10 cents in one market, one in another."""
    ledger = Ledger()
    for number, (ticker, count) in enumerate([(TICKER, "3.00"), (OTHER, "1.00")]):
        new = order(count, "0.1000", ticker=ticker, client_order_id=f"c-{number}")
        approve(ledger, f"d-{number}", CreateOrder(new), places=PLACES)
        ledger.settle(f"d-{number}", accepted((f"x-{number}", 0, new.count)), NOW)
    return ledger


def test_nothing_used_is_every_limit_with_all_of_it_left() -> None:
    """Catches a limit that the status leaves out until something uses it."""
    free = used(Ledger())
    assert {str(figure.key) for figure in FIGURES} <= set(free)
    assert all(use.used == 0 and use.left == use.limit and use.of == "" for use in free.values())
    assert free["clients.momentum-bot.limits.account.max_open_orders"].client == "momentum-bot"


def test_each_limit_has_the_market_with_the_least_left() -> None:
    """Catches a figure of another market, event or scope than the checks take."""
    figures = {rule: (use.of, use.used) for rule, use in used(busy()).items()}
    cost, other_cost = 3 * 100_000, 100_000
    market, event = figures["limits.market.max_exposure"], figures["limits.event.max_exposure"]
    assert figures["limits.market.max_position"] == (TICKER, 300)
    assert (market[0], event) == (TICKER, ("E1", market[1]))
    assert market[1] > cost
    assert figures["limits.series.max_exposure"] == ("S1", figures["limits.account.max_exposure"][1])
    assert figures["limits.account.max_exposure"][1] > cost + other_cost
    assert figures["limits.account.max_open_orders"] == ("", 2)
    assert figures["clients.momentum-bot.limits.account.max_open_orders"] == ("", 2)
    assert figures["limits.day.max_orders"] == ("", 2)
    assert figures["limits.day.max_notional"] == ("", cost + other_cost)
    assert figures["markets[1].limits.market.max_open_orders"] == (OTHER, 1)


def test_another_day_has_all_of_its_own() -> None:
    """Catches yesterday's orders in today's figures, and positions that a new day forgets."""
    tomorrow = used(busy(), "2026-11-22")
    assert tomorrow["limits.day.max_orders"].used == 0
    assert tomorrow["limits.market.max_position"].used == 300


def test_a_clients_own_figure_is_its_subaccounts() -> None:
    """Catches an order of another subaccount that uses up a client's own limit."""
    ledger = busy()
    other = replace(next(iter(ledger.live.orders.values())), key="d-9/0", subaccount=1, order_id="x-9")
    ledger.live.put(other, NOW)
    figures = used(ledger)
    assert figures["limits.account.max_open_orders"].used == 3
    assert figures["clients.momentum-bot.limits.account.max_open_orders"].used == 2
