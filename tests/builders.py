"""Small makers of valid things: a test states only what it is about."""

from dataclasses import replace
from pathlib import Path

from pretrade.gateway.config import loads
from pretrade.model.facts import Facts
from pretrade.model.instance import Mode, Role, TradingState
from pretrade.model.orders import AmendOrder, NewOrder, SelfTradePrevention, Side, TimeInForce
from pretrade.model.units import parse_count, parse_price
from pretrade.policy.schema import Policy

TICKER = "KXBTC-26DEC31-T100000"
ROOT = Path(__file__).parent.parent


def order(count: str = "10.00", price: str = "0.5600", **changes: object) -> NewOrder:
    """A good-till-canceled bid on an allowed market, with these changes."""
    base = NewOrder(
        ticker=TICKER,
        side=Side.BID,
        count=parse_count(count),
        price=parse_price(price),
        time_in_force=TimeInForce.GOOD_TILL_CANCELED,
        self_trade_prevention_type=SelfTradePrevention.TAKER_AT_CROSS,
    )
    return replace(base, **changes)


def amend(count: str = "10.00", price: str = "0.5600", **changes: object) -> AmendOrder:
    """An amend of a resting order, with these changes."""
    base = AmendOrder("order-1", TICKER, Side.BID, parse_price(price), parse_count(count))
    return replace(base, **changes)


def facts(**changes: object) -> Facts:
    """A live W instance that may trade, on a day without orders yet, with these changes."""
    base = Facts(
        now_ms=1_795_226_000_000,
        role=Role.W,
        mode=Mode.LIVE,
        trading_state=TradingState.ACTIVE,
        client="momentum-bot",
        subaccount=0,
        day="2026-11-21",
        day_orders=0,
    )
    return replace(base, **changes)


def policy_text(*changes: tuple[str, str]) -> str:
    """The default policy's text with parts replaced; each part must occur."""
    text = (ROOT / "policy.yaml").read_text(encoding="utf-8")
    for old, new in changes:
        if old not in text:
            raise ValueError(f"the default policy has no {old!r}")
        text = text.replace(old, new)
    return text


def policy(*changes: tuple[str, str]) -> Policy:
    """The default policy with parts replaced."""
    return loads(policy_text(*changes), source="policy.yaml").policy
