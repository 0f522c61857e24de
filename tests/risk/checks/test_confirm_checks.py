"""Orders that wait for a person because they could lose much."""

import pytest
from tests.builders import amend, facts, order, policy

from pretrade.model.orders import CancelAll, CreateBatch, CreateOrder, Side, Write
from pretrade.risk.checks.case import case_of
from pretrade.risk.checks.confirm_checks import check_confirmation

POLICY = policy(strict=True)


@pytest.mark.parametrize(
    ("write", "codes"),
    [
        (CreateOrder(order("120.00", "0.9000")), ["CONFIRMATION_REQUIRED"]),
        (CreateOrder(order("100.00", "0.9800", side=Side.ASK)), [None]),
        (CreateOrder(order("100.00", "0.9000", side=Side.ASK)), [None]),
        (CreateOrder(order("120.00", "0.1000", side=Side.ASK)), ["CONFIRMATION_REQUIRED"]),
        (CreateBatch((order("1.00"), order("110.00", "0.9500"))), [None, "CONFIRMATION_REQUIRED"]),
        (amend("110.00", "0.9500"), ["CONFIRMATION_REQUIRED"]),
        (CancelAll(0), []),
    ],
    ids=["a bid", "a cheap ask", "ten dollars of risk", "a dear ask", "one of two legs", "an amend", "an exit"],
)
def test_what_could_lose_more_than_that_waits(write: Write, codes: list[str | None]) -> None:
    assert [report.code for report in check_confirmation(case_of(write, facts(), POLICY))] == codes


def test_the_report_has_both_figures() -> None:
    (report,) = check_confirmation(case_of(CreateOrder(order("150.00", "0.7000")), facts(), POLICY))
    assert (report.rule, report.limit, report.unit) == ("confirm.above_risk", "$100.00", "dollars")
    assert report.observed.startswith("$10")


def test_what_a_person_has_confirmed_passes() -> None:
    big = CreateOrder(order("150.00", "0.9000"))
    yes = facts(confirmed="d-1", confirmed_for=((None, "confirm.above_risk"),))
    assert [r.code for r in check_confirmation(case_of(big, yes, POLICY))] == [None]


@pytest.mark.parametrize(
    "questions",
    [(), ((None, "liquidity.min_grade"),), ((0, "confirm.above_risk"),), ((None, "clients.bot.confirm.above_risk"),)],
    ids=["nothing", "another rule", "another leg", "another one's rule"],
)
def test_a_yes_to_another_question_is_none(questions: tuple[tuple[int | None, str], ...]) -> None:
    """Catches an approval that is good for whatever is asked."""
    big, yes = CreateOrder(order("150.00", "0.9000")), facts(confirmed="d-1", confirmed_for=questions)
    assert [r.code for r in check_confirmation(case_of(big, yes, POLICY))] == ["CONFIRMATION_REQUIRED"]


def test_a_yes_to_one_leg_is_none_to_another() -> None:
    both = CreateBatch((order("150.00", "0.9000"), order("110.00", "0.9500")))
    yes = facts(confirmed="d-1", confirmed_for=((1, "confirm.above_risk"),))
    found = [r.code for r in check_confirmation(case_of(both, yes, POLICY))]
    assert found == ["CONFIRMATION_REQUIRED", None]


def test_a_row_of_before_is_judged_as_it_was() -> None:
    """Its facts do not say what was asked, and its order passed (invariant 8)."""
    big = CreateOrder(order("150.00", "0.9000"))
    yes = facts(confirmed="d-1", confirmed_for=None)
    assert [r.code for r in check_confirmation(case_of(big, yes, POLICY))] == [None]


def test_what_only_closes_waits_for_nobody() -> None:
    """Catches an exit that is trapped until somebody comes (invariant 6)."""
    assert check_confirmation(case_of(CreateOrder(order("150.00", "0.9000")), facts(reduces=(True,)), POLICY)) == ()


def test_a_waived_limit_asks_for_nobody() -> None:
    assert check_confirmation(case_of(CreateOrder(order("150.00", "0.9000")), facts(), policy())) == ()
