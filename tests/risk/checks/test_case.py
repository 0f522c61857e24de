"""What of a write can trade, what of that can open, and where: the one place that every check asks."""

from dataclasses import replace

import pytest
from tests.builders import TICKER, amend, facts_for, order, policy
from tests.risk.marketkit import book, market

from pretrade.model.orders import CancelAll, CreateBatch, CreateOrder
from pretrade.model.pace import LegPace, PaceSeen
from pretrade.model.seen import OwnSeen
from pretrade.model.units import Count, Price
from pretrade.policy.combine import bounds_for
from pretrade.risk.checks.case import Case, case_of
from pretrade.risk.ledger.worst_case import cost, fee

POLICY = policy()
HERE, THERE = order(), order(ticker="KXBTC-26DEC3112-T60000")
BATCH = CreateBatch((HERE, THERE, HERE, THERE))


def case(*reduces: bool, pace: PaceSeen | None = None) -> Case:
    """The batch, each order of which can only close or may open."""
    return case_of(BATCH, replace(facts_for(BATCH), reduces=reduces, pace=pace), POLICY)


@pytest.mark.parametrize(
    ("reduces", "opening", "opens_in"),
    [
        ((), [0, 1, 2, 3], [0, 1]),
        ((False,) * 4, [0, 1, 2, 3], [0, 1]),
        ((True, False, False, True), [1, 2], [1, 2]),
        ((True, True), [2, 3], [2, 3]),
        ((True, False, True, False), [1, 3], [1]),
        ((True,) * 4, [], []),
    ],
)
def test_what_nobody_says_only_closes_opens(reduces: tuple[bool, ...], opening: list[int], opens_in: list[int]) -> None:
    """Catches an order of which nothing is known taken for one that closes, and a market whose first order only closes
    in which the next one, that opens, is not looked at."""
    found = case(*reduces)
    assert [leg.number for leg in found.legs] == [0, 1, 2, 3]
    assert [leg.number for leg in found.opening] == opening
    assert [leg.number for leg in found.opens_in] == opens_in
    assert {ticker: leg.number for ticker, leg in found.markets.items()} == {TICKER: 0, THERE.ticker: 1}
    assert found.only_reduces is (reduces == (True,) * 4 or reduces == (True, True))


def test_each_leg_has_its_own_pace_and_none_where_none_was_seen() -> None:
    """Catches a neighbour's pace, and a missing one taken for one without a past."""
    paces = LegPace(same=1), LegPace(same=2)
    assert [leg.pace for leg in case(pace=PaceSeen(0, (), paces)).legs] == [*paces, None, None]
    assert {leg.pace for leg in case().legs} == {None}


@pytest.mark.parametrize("write", [CreateOrder(HERE), amend("7.00", "0.4300")])
def test_a_leg_risks_its_cost_and_its_worst_fee_by_the_ceiling_of_the_policy(write: CreateOrder) -> None:
    """Catches a fee by another multiplier, and an amend that is not counted by its new terms."""
    (leg,) = case_of(write, facts_for(write), POLICY).legs
    one, ceiling = leg.order, POLICY.fees.multiplier_ceiling
    assert leg.fee == fee(one.side, one.price, one.count, ceiling)
    assert leg.risk == cost(one.side, one.price, one.count) + leg.fee
    assert (leg.number, leg.bounds) == (None, bounds_for(POLICY, "momentum-bot", TICKER))


def test_a_leg_sees_the_book_without_our_own_orders() -> None:
    """Catches a midpoint of our own making."""
    write = CreateOrder(HERE)
    own = OwnSeen(yes=((Price(5_500), Count(10_000)),))
    seen = replace(facts_for(write), markets=(market(book=book(), own=own),))
    (leg,) = case_of(write, seen, POLICY).legs
    assert leg.others is not None
    assert (leg.others.yes, leg.others.no, leg.quote) == ((), book().no, None)
    (blind,) = case_of(write, replace(seen, markets=()), POLICY).legs
    assert (blind.market, blind.others, blind.quote) == (None, None, None)


def test_an_exit_has_no_leg() -> None:
    """Catches a cancel that a limit on orders could see."""
    found = case_of(CancelAll(0), facts_for(CancelAll(0)), POLICY)
    assert (found.is_exit, found.only_reduces, found.legs, found.opening, found.opens_in) == (True, False, (), (), ())
