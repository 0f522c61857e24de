"""When orders may be opened: the market's status and close time and the exchange's, each by its code and its age."""

from dataclasses import replace

import pytest
from tests.builders import TICKER, amend, facts_for, order, policy
from tests.risk.marketkit import TRADING, market

from pretrade.model.codes import DenyCode
from pretrade.model.facts import Facts
from pretrade.model.instance import Mode
from pretrade.model.markets import MarketStatus
from pretrade.model.orders import (
    CancelAll,
    CancelBatch,
    CancelOrder,
    CreateBatch,
    CreateOrder,
    DecreaseOrder,
    Withdraw,
    Write,
)
from pretrade.model.seen import ExchangeSeen, MarketSeen
from pretrade.model.units import Count
from pretrade.policy.schema import Policy
from pretrade.risk.checks.case import case_of
from pretrade.risk.checks.market_checks import check_exchange, check_markets

STRICT = policy(strict=True)
"""Orders open nothing in the last five minutes."""
WAIVED = policy()
OTHER = "KXBTC-OTHER"
CREATE, AMEND = CreateOrder(order()), amend()
BATCH = CreateBatch((order(), order(ticker=OTHER), order(ticker=OTHER)))
EXITS: tuple[Write, ...] = (
    CancelOrder("x-1"),
    CancelBatch((CancelOrder("x-1"),)),
    CancelAll(0),
    DecreaseOrder("x-1", reduce_to=Count(1)),
    Withdraw("/trade-api/v2/communications/quotes/{quote_id}", ("q",)),
)
NOW = facts_for(CREATE).now_ms
NOT_OPEN, SOON, FACTS = DenyCode.MARKET_NOT_OPEN, DenyCode.MARKET_CLOSES_SOON, DenyCode.MARKET_FACTS_MISSING
PAUSED, UNKNOWN = DenyCode.EXCHANGE_NOT_TRADING, DenyCode.EXCHANGE_STATUS_MISSING


def on(write: Write, *seen: MarketSeen, **changes: object) -> Facts:
    """Facts with these markets seen and the exchange trading."""
    return replace(facts_for(write), markets=seen, **({"exchange": TRADING} | changes))


def codes(write: Write, *seen: MarketSeen, policy: Policy = STRICT, **changes: object) -> list[DenyCode | None]:
    """What is reported of the markets."""
    return [one.code for one in check_markets(case_of(write, on(write, *seen, **changes), policy))]


@pytest.mark.parametrize("status", MarketStatus)
@pytest.mark.parametrize("write", [CREATE, AMEND])
def test_orders_open_in_active_markets_alone(write: Write, status: MarketStatus) -> None:
    """Catches a status that nobody thought of."""
    expected = None if status is MarketStatus.ACTIVE else NOT_OPEN
    assert codes(write, market(status=status)) == [expected, None]
    told = check_markets(case_of(write, on(write, market(status=status)), STRICT))[0]
    assert (told.rule, told.observed, told.limit) == ("market.status", str(status), "active")


@pytest.mark.parametrize(
    ("left_ms", "strict", "waived"),
    [
        (300_000, None, None),
        (299_999, SOON, None),
        (1, SOON, None),
        (0, NOT_OPEN, NOT_OPEN),
        (-5, NOT_OPEN, NOT_OPEN),
        (None, FACTS, None),
    ],
)
@pytest.mark.parametrize("write", [CREATE, AMEND])
def test_nothing_opens_close_to_the_close(
    write: Write, left_ms: int | None, strict: DenyCode | None, waived: DenyCode | None
) -> None:
    """Catches an age off by one, a market that has closed, and a close time that nobody told taken for none."""
    seen = market(close_ms=None if left_ms is None else NOW + left_ms)
    assert codes(write, seen) == [None, strict]
    assert codes(write, seen, policy=WAIVED) == [None, waived]


def test_that_a_market_has_closed_is_no_limit_of_the_policys() -> None:
    """Catches an order that passes in a closed market where `no_open_before_close` is only observed, and is refused
    there where it is waived."""
    report = check_markets(case_of(CREATE, on(CREATE, market(close_ms=NOW)), STRICT))[1]
    assert (report.code, report.rule) == (NOT_OPEN, "market.close_time")


def test_the_tightest_time_before_the_close_is_named() -> None:
    """Catches a market's own rule that is left out, and a report that names another key."""
    own = policy(
        ('  - match: "KXBTC-*"\n    allow: true\n', '  - match: "KXBTC-*"\n    allow: true\n' + _OWN), strict=True
    )
    report = check_markets(case_of(CREATE, on(CREATE, market(close_ms=NOW + 599_999)), own))[1]
    assert (report.code, report.rule) == (SOON, "markets[0].limits.market.no_open_before_close")
    assert (report.observed, report.limit, report.unit) == ("599999", "600000", "milliseconds")


_OWN = "    limits:\n      market: {no_open_before_close: 10m}\n"


@pytest.mark.parametrize("seen", [(), (market(age_ms=60_001),), (market(ticker=OTHER),)])
@pytest.mark.parametrize("write", [CREATE, AMEND])
@pytest.mark.parametrize("policy", [STRICT, WAIVED])
def test_what_is_not_known_of_a_market_denies(write: Write, seen: tuple[MarketSeen, ...], policy: Policy) -> None:
    """Missing is not open. Catches a market that nobody saw, one seen too long ago, another one's facts."""
    assert codes(write, *seen, policy=policy) == [FACTS]
    assert TICKER in check_markets(case_of(write, on(write, *seen), policy))[0].observed


def test_a_market_is_believed_for_a_minute() -> None:
    """Catches an age off by one."""
    assert codes(CREATE, market(age_ms=60_000)) == [None, None]


def test_every_market_of_a_batch_is_looked_at_once() -> None:
    """Catches a second market that nobody looks at, a third report of it, and the wrong leg named."""
    reports = check_markets(
        case_of(BATCH, on(BATCH, market(), market(ticker=OTHER, status=MarketStatus.CLOSED)), STRICT)
    )
    assert [(one.code, one.leg) for one in reports] == [(None, 0), (None, 0), (NOT_OPEN, 1), (None, 1)]


SHUT = market(status=MarketStatus.CLOSED, close_ms=NOW - 1, is_trading=False)
DOWN = ExchangeSeen(is_active=False, is_trading=False, age_ms=0)


@pytest.mark.parametrize("seen", [(), (SHUT,), (market(age_ms=10**9),)])
@pytest.mark.parametrize("exchange", [None, DOWN, replace(TRADING, age_ms=10**9)])
@pytest.mark.parametrize("write", [*EXITS, CREATE, AMEND, CreateBatch((order(), order()))])
def test_no_exit_waits_for_a_market_or_for_the_exchange(
    write: Write, seen: tuple[MarketSeen, ...], exchange: ExchangeSeen | None
) -> None:
    """Invariant 6. Catches a cancel or a closing order that is trapped by a pause, a close or a status nobody read."""
    now = on(write, *seen, exchange=exchange, reduces=(True, True) if isinstance(write, CreateBatch) else (True,))
    assert (*check_markets(case_of(write, now, STRICT)), *check_exchange(case_of(write, now, STRICT))) == ()


def test_a_closing_leg_does_not_free_its_neighbour() -> None:
    """Catches a batch let through by its first leg."""
    write = CreateBatch((order(), order()))
    now = on(write, SHUT, reduces=(True, False))
    assert [(one.code, one.leg) for one in check_markets(case_of(write, now, STRICT))] == [(NOT_OPEN, 1), (NOT_OPEN, 1)]
    assert [(one.code, one.leg) for one in check_exchange(case_of(write, now, STRICT))] == [(PAUSED, 1)]


@pytest.mark.parametrize(
    ("exchange", "shard", "expected"),
    [
        (TRADING, True, None),
        (TRADING, False, PAUSED),
        (TRADING, None, UNKNOWN),
        (DOWN, True, None),  # another shard is down than the market's
        (DOWN, False, PAUSED),
        (replace(TRADING, age_ms=30_000), True, None),
        (replace(TRADING, age_ms=30_001), True, UNKNOWN),
        (None, True, UNKNOWN),
    ],
)
@pytest.mark.parametrize("write", [CREATE, AMEND])
@pytest.mark.parametrize("mode", Mode)
def test_orders_open_while_the_exchange_says_that_it_trades(
    write: Write, exchange: ExchangeSeen | None, shard: bool | None, expected: DenyCode | None, mode: Mode
) -> None:
    """Catches a pause that orders run into, another shard's pause, and a status that is not known taken for trading."""
    now = on(write, market(is_trading=shard), exchange=exchange, mode=mode)
    assert [one.code for one in check_exchange(case_of(write, now, STRICT))] == [expected]


@pytest.mark.parametrize(
    ("exchange", "expected"),
    [
        (TRADING, None),
        (replace(TRADING, is_trading=False), PAUSED),
        (replace(TRADING, is_active=False), PAUSED),
    ],
)
def test_of_an_unknown_market_the_exchanges_own_word_counts(exchange: ExchangeSeen, expected: DenyCode | None) -> None:
    """Catches either of the two words left out."""
    assert [one.code for one in check_exchange(case_of(CREATE, on(CREATE, exchange=exchange), STRICT))] == [expected]
