"""What a day may lose: to the unit, by whose limit, and what a missing figure does."""

from typing import Any

import pytest
from tests.builders import TICKER, amend, facts_for, order, policy

from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Check
from pretrade.model.loss import LossSeen, MarkSeen
from pretrade.model.orders import AmendOrder, CancelOrder, CreateBatch, CreateOrder, Write
from pretrade.model.units import Count, Money, Price
from pretrade.risk.checks.case import case_of
from pretrade.risk.checks.loss_checks import check_day_loss

POLICY = policy(strict=True)
OWN = policy(("  momentum-bot:\n", '  momentum-bot:\n    limits: {day: {max_loss: "$20"}}\n'), strict=True)
"""The same with $20 of momentum-bot's own."""
LIMIT = 50_000_000
BUY = CreateOrder(order(count="10.00", price="0.5600"))
"""Above a bid of 0.54 by 20 cents in all, and 21 cents of fees at worst."""
MARKS = (MarkSeen(TICKER, Price(5_400), Price(4_400)),)


def seen(whole: int, own: int = 0, **changes: Any) -> tuple[LossSeen, ...]:
    return LossSeen(own=False, loss=Money(whole), age_ms=1_000, **changes), LossSeen(
        own=True, loss=Money(own), age_ms=1_000, **changes
    )


def judge(write: Write, loss: tuple[LossSeen, ...], rules: Any = POLICY, **changes: Any) -> dict[str, Check]:
    on = facts_for(write, **({"losses": loss, "marks": MARKS} | changes))
    return {check.rule: check for check in check_day_loss(case_of(write, on, rules))}


def shown(write: Write = BUY) -> int:
    """What a write would show, by finding the loss at which it is denied for the first time."""
    low, high = -(10**9), LIMIT
    while high - low > 1:
        middle = (low + high) // 2
        passed = judge(write, seen(middle))["limits.day.max_loss"].passed
        low, high = (middle, high) if passed else (low, middle)
    return LIMIT - high


def test_an_order_is_denied_when_the_loss_with_it_reaches_the_limit() -> None:
    """Catches a limit that lets its own value pass, an order that shows no fee, and one that shows its whole price."""
    fee = shown(CreateOrder(order(count="10.00", price="0.0100")))
    assert 0 < fee < 130_000
    assert 200_000 < shown() < 600_000
    assert judge(BUY, seen(LIMIT - shown() - 1))["limits.day.max_loss"].code is None
    denied = judge(BUY, seen(LIMIT - shown()))["limits.day.max_loss"]
    assert (denied.code, denied.observed, denied.limit) == (
        DenyCode.DAY_LOSS_EXCEEDS_MAXIMUM, "$50.00", "$50.00"
    )  # fmt: skip


def test_what_may_still_fill_counts_beside_it() -> None:
    """Catches a burst of orders that each fit alone."""
    with_others = seen(LIMIT - shown() - 10, may_show=Money(10))
    assert judge(BUY, with_others)["limits.day.max_loss"].code is DenyCode.DAY_LOSS_EXCEEDS_MAXIMUM


def test_a_batch_counts_all_its_legs() -> None:
    """Catches a batch whose legs are judged one by one."""
    both = CreateBatch((BUY.order, BUY.order))
    assert shown(both) == 2 * shown()


def test_an_amend_counts_as_an_order_at_its_new_terms() -> None:
    """Catches an amend as a way around the limit."""
    assert shown(amend(count="10.00", price="0.5600")) == shown()


def test_a_market_without_a_mark_shows_the_whole_price() -> None:
    """Catches a missing mark that costs nothing."""
    fits = seen(LIMIT - shown() - 1)
    without = judge(BUY, fits, marks=())["limits.day.max_loss"]
    assert without.code is DenyCode.DAY_LOSS_EXCEEDS_MAXIMUM
    assert judge(BUY, fits)["limits.day.max_loss"].passed


@pytest.mark.parametrize(
    ("whole", "own", "denied"),
    [
        (0, 0, set()),
        (0, 20_000_000, {"clients.momentum-bot.limits.day.max_loss"}),
        (LIMIT, 0, {"limits.day.max_loss"}),
        (LIMIT, 20_000_000, {"limits.day.max_loss", "clients.momentum-bot.limits.day.max_loss"}),
        (-LIMIT, 20_000_000, {"clients.momentum-bot.limits.day.max_loss"}),  # others' gains do not pay for it
    ],
)
def test_whose_limit_binds_is_named(whole: int, own: int, denied: set[str]) -> None:
    """Catches a client's limit that is held against everybody's loss, or hidden behind the account's."""
    found = judge(BUY, seen(whole, own), OWN)
    assert set(found) == {"limits.day.max_loss", "clients.momentum-bot.limits.day.max_loss"}
    assert {rule for rule, check in found.items() if not check.passed} == denied


@pytest.mark.parametrize(
    ("losses", "code"),
    [
        ((), DenyCode.DAY_LOSS_MISSING),
        ((LossSeen(own=True, loss=Money(0), age_ms=0),), DenyCode.DAY_LOSS_MISSING),
        ((LossSeen(own=False, loss=Money(0), age_ms=120_000),), None),
        ((LossSeen(own=False, loss=Money(0), age_ms=120_001),), DenyCode.DAY_LOSS_STALE),
        ((LossSeen(own=False, loss=Money(-(10**12)), age_ms=120_001),), DenyCode.DAY_LOSS_STALE),
    ],
)
def test_what_is_not_known_denies(losses: tuple[LossSeen, ...], code: DenyCode | None) -> None:
    """Catches a limit that a missing or an old figure disables."""
    assert judge(BUY, losses)["limits.day.max_loss"].code is code


@pytest.mark.parametrize("losses", [(), seen(10**12)])
def test_exits_and_what_only_reduces_are_not_judged(losses: tuple[LossSeen, ...]) -> None:
    """Catches a loss that traps what is held."""
    assert judge(CancelOrder("x-1"), losses) == {}
    assert judge(BUY, losses, reduces=(True,)) == {}
    half = CreateBatch((BUY.order, BUY.order))
    assert judge(half, losses, reduces=(True, False)) != {}


def test_a_waived_limit_asks_for_nothing() -> None:
    assert judge(BUY, (), policy()) == {}


def test_the_count_that_is_amended_to_is_what_counts() -> None:
    """Catches an amend that is judged by what it adds at the old price."""
    write: AmendOrder = amend(count="20.00", price="0.5600")
    assert write.count == Count(2_000)
    assert shown(write) > shown()
