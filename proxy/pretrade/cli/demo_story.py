"""What the demo shows, as a list of steps: which bot calls what, and what must come of it.

Rule of this file: a step that ends otherwise fails the demo. `order` remembers the id that an accepted create was
given.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

MARKET = "KXBTC-26DEC31-T100000"
CLOSED_MARKET = "KXFED-26DEC-T4.25"
PROXY = "async SDK, proxy door"
BASE_URL = "sync SDK, base-URL door"


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a bot, or one operator's command when `bot` is empty. `expected` is a denial code or an outcome."""

    title: str
    bot: str
    call: str
    expected: str
    arguments: Mapping[str, object] = field(default_factory=dict)
    order: str = ""


def _order(
    count: str, price: str, ticker: str = MARKET, time_in_force: str = "good_till_canceled"
) -> dict[str, object]:
    return {
        "ticker": ticker,
        "side": "bid",
        "count": count,
        "price": price,
        "time_in_force": time_in_force,
        "self_trade_prevention_type": "taker_at_cross",
    }


def _amend(count: str, price: str) -> dict[str, object]:
    return {"ticker": MARKET, "side": "bid", "count": count, "price": price}


BEFORE_HALT = (
    Step("read the markets", PROXY, "get_markets", "read", {"limit": 5}),
    Step("read the balance", BASE_URL, "get_balance", "read"),
    Step(
        "buy 10 at up to 0.90, at once", PROXY, "create_order_v2", "filled",
        _order("10.00", "0.9000", time_in_force="immediate_or_cancel"),
    ),
    Step("bid 10 at 0.05", BASE_URL, "create_order_v2", "resting", _order("10.00", "0.0500"), order="resting"),
    Step("a slip: 1000 contracts", PROXY, "create_order_v2", "ORDER_COUNT_EXCEEDS_MAXIMUM", _order("1000", "0.10")),
    Step("a slip: a price of 0.99", BASE_URL, "create_order_v2", "PRICE_OUTSIDE_BAND", _order("10", "0.99")),
    Step("a closed market", PROXY, "create_order_v2", "MARKET_NOT_ALLOWED", _order("1", "0.50", CLOSED_MARKET)),
    Step(
        "amend the bid to 500 contracts", BASE_URL, "amend_order_v2", "ORDER_COUNT_EXCEEDS_MAXIMUM",
        _amend("500", "0.0500"), order="resting",
    ),
    Step("amend the bid to 8 at 0.06", BASE_URL, "amend_order_v2", "resting", _amend("8", "0.0600"), order="resting"),
    Step("cancel the bid", BASE_URL, "cancel_order_v2", "canceled", order="resting"),
    Step("bid 5 at 0.04", PROXY, "create_order_v2", "resting", _order("5.00", "0.0400"), order="second"),
)  # fmt: skip

HALTED = (
    Step("operator halts trading", "", "halt", "HALTED", {"reason": "the demo pulls the switch"}),
    Step("buy 1 at 0.50", BASE_URL, "create_order_v2", "TRADING_HALTED", _order("1.00", "0.5000")),
    Step("cancel the second bid", PROXY, "cancel_order_v2", "canceled", order="second"),
    Step("operator resumes", "", "resume", "ACTIVE", {"by": "demo", "reason": "the demo goes on"}),
    Step(
        "buy 1 at up to 0.90, at once", BASE_URL, "create_order_v2", "filled",
        _order("1.00", "0.9000", time_in_force="immediate_or_cancel"),
    ),
)  # fmt: skip

STORY = BEFORE_HALT + HALTED


def outcome_of(step: Step, answer: Mapping[str, object]) -> str:
    """What a bot's answer amounts to, in the words of `Step.expected`."""
    if not answer["ok"]:
        return str(_body(answer).get("code") or f"HTTP {answer['status']}")
    result = answer["result"]
    if not isinstance(result, dict) or "order_id" not in result:
        return "read"
    if "reduced_by" in result:
        return "canceled"
    return "resting" if result.get("fill_count") in (None, "0.00") else "filled"


def _body(answer: Mapping[str, object]) -> dict[str, object]:
    body = json.loads(str(answer["body"]) or "{}")
    return body if isinstance(body, dict) else {}


def message_of(answer: Mapping[str, object]) -> str:
    """The sentence that came with a denial, or nothing."""
    return "" if answer["ok"] else str(_body(answer).get("message", ""))
