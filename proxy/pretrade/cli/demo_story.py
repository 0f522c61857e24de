"""What the demo shows, as chapters of steps: which bot calls what, and what must come of it.

Rule of this file: a step that ends otherwise fails the demo. The figures fit demo_world.yaml and the limits that the
demo changes. `order` remembers the id that an accepted create was given.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

MARKET = "KXBTC-26DEC31-T100000"
CLOSED_MARKET = "KXFED-26DEC-T4.25"
PROXY = "async SDK, proxy door"
BASE_URL = "sync SDK, base-URL door"
ROLE_R = "sync SDK, role R"
ROLE_ABH = "sync SDK, role ABH"
CHANGES = (
    ("mode: dry_run", "mode: live"),
    ('max_notional: "$200"', 'max_notional: "$55"'),
    ('max_loss: "$50"', 'max_loss: "$9"'),
)
"""What the demo changes in the default policy, besides its ports."""
AS_TOLD = "as told"
"""Instead of a count: the largest one that would pass, as the last denial named it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a bot, or one operator's act when `bot` is empty. `expected` is a denial code or an outcome."""

    title: str
    bot: str
    call: str
    expected: str
    arguments: Mapping[str, object] = field(default_factory=dict)
    order: str = ""


def _rest(count: str, price: str, ticker: str = MARKET) -> dict[str, object]:
    return {
        "ticker": ticker,
        "side": "bid",
        "count": count,
        "price": price,
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
    }


def _take(count: str, price: str, side: str = "bid") -> dict[str, object]:
    return _rest(count, price) | {"side": side, "time_in_force": "immediate_or_cancel"}


def _amend(count: str, price: str) -> dict[str, object]:
    return {"ticker": MARKET, "side": "bid", "count": count, "price": price}


def _create(title: str, bot: str, expected: str, arguments: Mapping[str, object], order: str = "") -> Step:
    return Step(title, bot, "create_order_v2", expected, arguments, order)


ROLES = (
    Step("read the markets", PROXY, "get_markets", "read", {"limit": 5}),
    Step("read the balance", ROLE_R, "get_balance", "read"),
    _create("buy 5 at up to 0.60, on W", BASE_URL, "filled", _take("5.00", "0.6000")),
    _create("buy 5 at up to 0.60, on R", ROLE_R, "ROLE_READ_ONLY", _take("5.00", "0.6000")),
    _create("buy 5 at up to 0.60, on ABH", ROLE_ABH, "dry run", _take("5.00", "0.6000")),
    Step("count what reached the exchange", "", "count_orders", "1 order, signed on W"),
)  # fmt: skip

LIMITS = (
    _create("a slip: 1000 contracts", PROXY, "ORDER_COUNT_EXCEEDS_MAXIMUM", _rest("1000", "0.5000")),
    _create("a slip: a price of 0.99", BASE_URL, "PRICE_OUTSIDE_BAND", _rest("1", "0.9900")),
    _create("a closed market", PROXY, "MARKET_NOT_ALLOWED", _rest("1", "0.6000", CLOSED_MARKET)),
    _create("buy 40 of the 50 that are offered", PROXY, "DEPTH_SHARE_EXCEEDS_MAXIMUM", _take("40.00", "0.6000")),
    _create("buy as many as it says would pass", PROXY, "filled", _take(AS_TOLD, "0.6000")),
    _create("bid 5 at 0.46", BASE_URL, "resting", _rest("5.00", "0.4600"), "first"),
    Step(
        "amend the bid to 500 contracts", BASE_URL, "amend_order_v2", "ORDER_COUNT_EXCEEDS_MAXIMUM",
        _amend("500", "0.4600"), "first",
    ),
    Step("amend the bid to 4 at 0.47", BASE_URL, "amend_order_v2", "resting", _amend("4", "0.4700"), "first"),
)  # fmt: skip

HALTED = (
    Step("operator halts trading", "", "halt", "HALTED", {"reason": "the demo pulls the switch"}),
    _create("buy 1 at up to 0.60", BASE_URL, "TRADING_HALTED", _take("1.00", "0.6000")),
    Step("cancel the bid", PROXY, "cancel_order_v2", "canceled", order="first"),
    Step("operator resumes", "", "resume", "ACTIVE", {"by": "demo", "reason": "the demo goes on"}),
    _create("buy 1 at up to 0.60", BASE_URL, "filled", _take("1.00", "0.6000")),
)  # fmt: skip

COUNTED = (
    _create("bid 60 at 0.46", BASE_URL, "resting", _rest("60.00", "0.4600"), "large"),
    _create("10 more: over 100 if all of it fills", PROXY, "POSITION_EXCEEDS_MAXIMUM", _rest("10.00", "0.4600")),
    Step("cancel the large bid", BASE_URL, "cancel_order_v2", "canceled", order="large"),
    Step("read the exchange's record: it is so", "", "reconcile", "no breaks"),
    _create("buy 25 at up to 0.60", PROXY, "filled", _take("25.00", "0.6000")),
    Step("operator restarts the proxy", "", "restart", "ready"),
    _create("bid 42 at 0.54: the day's money is spent", BASE_URL, "DAY_NOTIONAL_EXCEEDS_MAXIMUM", _rest("42", "0.54")),
    Step("the exchange will lose an answer", "", "lose_answer", "planned"),
    _create("bid 2 at 0.46", BASE_URL, "OUTCOME_UNKNOWN", _rest("2.00", "0.4600")),
    Step("wait: the record shows that bid", "", "find", "found"),
)  # fmt: skip
"""What one order alone does not show: the position with what rests, the day over a restart, an order without an answer.
"""

FALLING = (
    Step("the market falls to 0.48", "", "move", "seen", {"market": MARKET, "price": "$0.48"}),
    _create("buy 1 at up to 0.60, as before", PROXY, "PRICE_OUTSIDE_COLLAR", _take("1.00", "0.6000")),
    Step("the market falls to 0.40", "", "move", "seen", {"market": MARKET, "price": "$0.40"}),
    Step("wait: the day's loss stops trading", "", "wait_for", "REDUCING", {"state": "REDUCING"}),
    _create("buy 1 at up to 0.41", BASE_URL, "TRADING_REDUCING", _take("1.00", "0.4100")),
    _create("sell 20 of what is held", PROXY, "filled", _take("20.00", "0.3600", "ask")),
)  # fmt: skip

STORY: Mapping[str, tuple[Step, ...]] = {
    "The same order on three proxies: only W can trade": ROLES,
    "Slips, and a market with little in it": LIMITS,
    "An operator halts: nothing is opened, and whoever is in can get out": HALTED,
    "What rests and what is unknown counts too": COUNTED,
    "The market falls: prices are held to the book, losses stop trading, exits pass": FALLING,
}
