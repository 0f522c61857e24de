"""Small makers of valid things: a test states only what it is about."""

import functools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tests.waived import waive

from pretrade.gateway.config import loads
from pretrade.model.facts import Facts, Measure, NamedOrder, Place
from pretrade.model.instance import Mode, Role, TradingState
from pretrade.model.loss import LossSeen, MarkSeen
from pretrade.model.markets import MarketStatus, PriceRange
from pretrade.model.orders import AmendOrder, NewOrder, SelfTradePrevention, Side, TimeInForce, Write, orders_of
from pretrade.model.pace import BucketSeen, LegPace, PaceSeen, kind_of, paced_legs
from pretrade.model.seen import BookSeen, ExchangeSeen, Level, MarketSeen, Source
from pretrade.model.units import Count, Money, Price, parse_count, parse_price
from pretrade.policy.schema import Policy
from pretrade.risk.checks.standing_checks import named_orders
from pretrade.risk.ledger.account import Account
from pretrade.risk.ledger.live_order import LiveOrder, OrderState, Terms
from pretrade.risk.ledger.preview import Asked, preview

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
        reconciled_ms=1_000,
    )
    return replace(base, **changes)


def facts_for(write: Write, *, used: Mapping[Measure, int] | None = None, **changes: object) -> Facts:
    """The facts for a write on an account where these measures are used so far and nothing else is; every market that
    it names is known and good, the exchange trades, and every order is the client's own."""
    base = facts(**changes)
    account, amended = Account(), write if isinstance(write, AmendOrder) else None
    if amended is not None:
        account.put(resting(amended, base), base.now_ms)
    tickers = {new.ticker for new in orders_of(write)} | ({amended.ticker} if amended else set())
    places = tuple(Place(ticker, f"{ticker}-E", f"{ticker}-S", 10_000) for ticker in sorted(tickers))
    seen = preview(account, Asked(write, base.subaccount, base.day, 10_000, places, own=True))
    more = used or {}
    usages = tuple(
        u._replace(before=u.before + more.get(u.measure, 0), after=u.after + more.get(u.measure, 0))
        for u in seen.usages
    )
    names = dict.fromkeys(name for _, name in named_orders(write))
    ticker, side = (amended.ticker, amended.side) if amended else ("", None)
    known = {
        "usages": usages,
        "reduces": seen.reduces,
        "places": places,
        "orders": tuple(NamedOrder(name, base.client, ticker, side) for name in names),
        "groups": tuple(sorted({new.order_group_id for new in orders_of(write) if new.order_group_id})),
        "pace": fresh_pace(write, base.now_ms),
        "losses": tuple(LossSeen(own, Money(0), 1_000) for own in (True, False)),
        "markets": markets_for(write, base.now_ms),
        "exchange": EXCHANGE,
        "marks": tuple(MarkSeen(ticker, parse_price("0.54"), parse_price("0.44")) for ticker in sorted(tickers)),
    }
    return replace(base, **(known | changes))


def fresh_pace(write: Write, now_ms: int) -> PaceSeen:
    """The pace of a client that has sent nothing yet, for whatever the policy limits."""
    legs = paced_legs(write, ())
    markets = ("", *dict.fromkeys(one.ticker for _, one in legs))
    buckets = tuple(BucketSeen(kind_of(write), own, of, 0, 0, 0) for own in (False, True) for of in markets)
    return PaceSeen(now_ms, buckets, (LegPace(),) * len(legs))


EXCHANGE = ExchangeSeen(is_active=True, is_trading=True, age_ms=1_000)
_A_DAY_MS = 86_400_000


def markets_for(write: Write, now_ms: int) -> tuple[MarketSeen, ...]:
    """The markets of a write, each good: active, open for a day, on the finest grid, with a fresh deep book whose
    midpoint is the price of the write's first order there."""
    priced = (write,) if isinstance(write, AmendOrder) else orders_of(write)
    prices = {new.ticker: new.price for new in reversed(priced)}
    return tuple(market_seen(ticker, prices[ticker], now_ms) for ticker in sorted(prices))


def market_seen(ticker: str, price: Price, now_ms: int) -> MarketSeen:
    """A good market around a price."""
    grid = (PriceRange(Price(0), Price(10_000), Price(1)),)
    book = BookSeen(_levels(price), _levels(Price(10_000 - price)), 100, Source.FEED)
    return MarketSeen(
        ticker,
        MarketStatus.ACTIVE,
        now_ms + _A_DAY_MS,
        grid,
        1_000,
        is_trading=True,
        volume_24h=Count(10**8),
        open_interest=Count(10**8),
        book=book,
    )


def _levels(mid: Price) -> tuple[Level, ...]:
    """Five levels of bids below a midpoint, a cent apart where there is room."""
    step = min(100, max(1, (min(mid, 10_000 - mid) - 1) // 5))
    return tuple((Price(mid - step * n), Count(1_000_000)) for n in range(1, 6) if mid - step * n > 0)


def resting(write: AmendOrder, on: Facts) -> LiveOrder:
    """The order that an amend names, as it rests before: one contract at the amend's own price."""
    return LiveOrder(
        key="d-0/0",
        client=on.client,
        subaccount=on.subaccount,
        ticker=write.ticker,
        side=write.side,
        terms=(Terms(write.price, Count(100)),),
        state=OrderState.RESTING,
        multiplier=10_000,
        approved_ms=0,
        day=on.day,
        order_id=write.order_id,
    )


def policy_text(*changes: tuple[str, str], strict: bool = False) -> str:
    """The default policy's text with parts replaced; each part must occur. Unless it is `strict`, it waives every limit
    but those on what one order may be and what adds up."""
    text = (ROOT / "policy.yaml").read_text(encoding="utf-8")
    text = text if strict else waive(text)
    for old, new in changes:
        if old not in text:
            raise ValueError(f"the default policy has no {old!r}")
        text = text.replace(old, new)
    return text


@functools.cache
def policy(*changes: tuple[str, str], strict: bool = False) -> Policy:
    """The default policy with parts replaced, as `policy_text` makes it."""
    return loads(policy_text(*changes, strict=strict), source="policy.yaml").policy


ROOMY = (
    ('max_notional: "$200"', 'max_notional: "$10000000"'),
    ('max_position: "100"', 'max_position: "1000000"'),
    ('max_exposure: "$200"', 'max_exposure: "$10000000"'),
    ('max_exposure: "$400"', 'max_exposure: "$10000000"'),
    ('max_exposure: "$600"', 'max_exposure: "$10000000"'),
    ('max_exposure: "$1000"', 'max_exposure: "$10000000"'),
    ("max_open_orders: 50", "max_open_orders: 1000000"),
)
"""Changes to the default policy after which nothing that adds up is in the way."""
