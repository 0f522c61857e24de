"""Who may write, where, to which orders, and what must be known first: each check by its code."""

from dataclasses import replace

import pytest
from tests.builders import TICKER, amend, facts_for, order, policy

from pretrade.model.codes import DenyCode
from pretrade.model.facts import NamedOrder, Place
from pretrade.model.instance import Mode
from pretrade.model.orders import (
    CancelAll,
    CancelBatch,
    CancelOrder,
    CreateBatch,
    CreateOrder,
    DecreaseOrder,
    Side,
    Withdraw,
    Write,
)
from pretrade.model.units import Count
from pretrade.risk.checks.case import case_of
from pretrade.risk.checks.checks import CheckFunction
from pretrade.risk.checks.standing_checks import (
    check_group,
    check_own_order,
    check_place,
    check_reconciled,
    check_same_order,
    check_subaccount,
)

POLICY = policy()
CREATE = CreateOrder(order())
BATCH = CreateBatch((order(), order(ticker="KXBTC-OTHER")))
CANCEL, CANCELS = CancelOrder("x-1"), CancelBatch((CancelOrder("x-1"), CancelOrder("x-2")))
LESS = DecreaseOrder("x-1", reduce_to=Count(1))
AMEND = amend(order_id="x-1")
MINE = NamedOrder("x-1", "momentum-bot", TICKER, Side.BID)
THEIRS, NOBODYS = NamedOrder("x-1", "other", TICKER, Side.BID), NamedOrder("x-1", None)
ENDED = NamedOrder("x-1", "momentum-bot")
NOT_OWNED, NOT_KNOWN = DenyCode.ORDER_NOT_OWNED, DenyCode.ORDER_NOT_KNOWN


def codes(check: CheckFunction, write: Write, **state: object) -> list[DenyCode | None]:
    """What one check reports, leg by leg."""
    return [one.code for one in check(case_of(write, facts_for(write, **state), POLICY))]


@pytest.mark.parametrize(
    ("write", "known", "shares", "expected"),
    [
        (CANCEL, MINE, False, [None]),
        (CANCEL, THEIRS, False, [NOT_OWNED]),
        (CANCEL, THEIRS, True, [NOT_OWNED]),
        (CANCEL, NOBODYS, False, [None]),  # not ours to count: an exit is never trapped
        (CANCEL, NOBODYS, True, [NOT_OWNED]),  # it may be the other client's
        (LESS, THEIRS, False, [NOT_OWNED]),
        (LESS, NOBODYS, False, [None]),
        (AMEND, MINE, False, [None]),
        (AMEND, THEIRS, False, [NOT_OWNED]),
        (AMEND, NOBODYS, False, [NOT_KNOWN]),  # what is not counted cannot be amended
        (AMEND, NOBODYS, True, [NOT_KNOWN]),
        (CANCELS, MINE, False, [None, None]),
        (CANCELS, MINE, True, [None, NOT_OWNED]),
        (CANCELS, THEIRS, False, [NOT_OWNED, None]),
        (CREATE, MINE, False, []),
        (CancelAll(0), THEIRS, False, []),
    ],
)
def test_a_client_changes_its_own_orders(
    write: Write, known: NamedOrder, shares: bool, expected: list[DenyCode | None]
) -> None:
    """Catches a client that cancels or amends another's order, a leg of a batch that hides one, and an exit that is
    trapped because nobody here knows the order."""
    assert codes(check_own_order, write, orders=(known,), shares_subaccount=shares) == expected


def test_an_order_that_the_facts_leave_out_is_nobodys() -> None:
    """Missing is not mine. Catches a named order without facts that passes as one's own."""
    assert codes(check_own_order, AMEND, orders=()) == [NOT_KNOWN]
    assert codes(check_own_order, CANCEL, orders=(), shares_subaccount=True) == [NOT_OWNED]
    assert codes(check_own_order, CANCEL, orders=(), mode=Mode.DRY_RUN) == [DenyCode.DRY_RUN_ORDER_UNKNOWN]


@pytest.mark.parametrize(
    ("known", "is_denied"),
    [
        (MINE, False),
        (replace(MINE, ticker="KXBTC-OTHER"), True),
        (replace(MINE, side=Side.ASK), True),
        (ENDED, True),
    ],
)
def test_an_amend_names_the_market_and_side_that_its_order_has(known: NamedOrder, is_denied: bool) -> None:
    """Catches an amend judged as a bid in a roomy market that changes an ask in a full one, and one of an order that
    has ended, of which nothing is known to count."""
    found = [code for code in codes(check_same_order, AMEND, orders=(known,)) if code]
    assert bool(found) is is_denied
    assert codes(check_same_order, CREATE, orders=(known,)) == []


@pytest.mark.parametrize(
    ("write", "groups", "mode", "expected"),
    [
        (CREATE, (), Mode.LIVE, []),
        (CreateOrder(order(order_group_id="g-1")), ("g-1",), Mode.LIVE, [None]),
        (CreateOrder(order(order_group_id="g-1")), (), Mode.LIVE, [DenyCode.ORDER_GROUP_NOT_OWNED]),
        (CreateOrder(order(order_group_id="g-1")), ("g-2",), Mode.LIVE, [DenyCode.ORDER_GROUP_NOT_OWNED]),
        (CreateOrder(order(order_group_id="g-1")), (), Mode.DRY_RUN, []),
        (
            CreateBatch((order(), order(order_group_id="g-1"), order(order_group_id="g-2"))),
            ("g-1",),
            Mode.LIVE,
            [None, DenyCode.ORDER_GROUP_NOT_OWNED],
        ),
    ],
)
def test_an_order_joins_its_own_groups(
    write: Write, groups: tuple[str, ...], mode: Mode, expected: list[DenyCode | None]
) -> None:
    """Catches an order in another's group, whose limit may cancel it, and one in a group that nobody knows."""
    assert codes(check_group, write, groups=groups, mode=mode) == expected


MAX_AGE = POLICY.reconcile.max_age


@pytest.mark.parametrize(("age", "denied"), [(0, False), (MAX_AGE, False), (MAX_AGE + 1, True), (None, True)])
@pytest.mark.parametrize("write", [CREATE, BATCH, AMEND])
def test_orders_wait_for_the_exchanges_record(write: Write, age: int | None, denied: bool) -> None:
    """Catches an account that nobody has read and that is traded, to the last millisecond."""
    expected = [DenyCode.LEDGER_NOT_RECONCILED if denied else None]
    assert codes(check_reconciled, write, reconciled_ms=age) == expected
    assert codes(check_reconciled, write, reconciled_ms=age, mode=Mode.DRY_RUN) == []


@pytest.mark.parametrize(
    "write", [CANCEL, CANCELS, LESS, CancelAll(0), Withdraw("/trade-api/v2/communications/quotes/{quote_id}", ("q",))]
)
def test_no_exit_waits_for_anything(write: Write) -> None:
    """Catches a cancel that is trapped while the record cannot be read, or a market's facts are missing."""
    assert codes(check_reconciled, write, reconciled_ms=None) == []
    assert codes(check_place, write, places=()) == []


def test_what_can_only_close_waits_for_the_record_and_not_for_the_market() -> None:
    """An order that reduces is bound by reconciliation, not by the market's facts (design, invariant 6)."""
    state = {"reduces": (True,), "places": (), "reconciled_ms": None}
    assert codes(check_place, CREATE, **state) == []
    assert codes(check_reconciled, CREATE, **state) == [DenyCode.LEDGER_NOT_RECONCILED]
    assert codes(check_place, CREATE, reduces=(False,), places=()) == [DenyCode.MARKET_FACTS_MISSING]


@pytest.mark.parametrize(
    ("place", "expected", "observed"),
    [
        (Place(TICKER, "E", "S", 10_000), None, "1.0"),
        (Place(TICKER, "E", "S", 9_999), None, "0.9999"),
        (Place(TICKER, "E", "S", 10_001), DenyCode.FEE_MULTIPLIER_EXCEEDS_CEILING, "1.0001"),
        (Place(TICKER, "E", "S", 0), None, "0.0"),
        (Place(TICKER, "E", "S", 0, has_flat_fee=True), DenyCode.FEE_MULTIPLIER_EXCEEDS_CEILING, "a flat fee"),
        (Place("KXBTC-OTHER", "E", "S", 10_000), DenyCode.MARKET_FACTS_MISSING, TICKER),
    ],
)
def test_the_market_must_be_known_and_its_fee_within_what_is_reckoned(
    place: Place, expected: DenyCode | None, observed: str
) -> None:
    """Catches a fee above the ceiling by the least there is, a flat fee that no formula bounds, and another market's
    facts taken for this one's."""
    (report,) = check_place(case_of(CREATE, facts_for(CREATE, places=(place,)), POLICY))
    assert (report.code, report.observed) == (expected, observed)


def test_every_market_of_a_batch_must_be_known_once() -> None:
    """Catches a second leg's market that nobody looks up, and one that is reported twice."""
    known = facts_for(BATCH).places
    assert codes(check_place, BATCH) == [None, None]
    assert codes(check_place, BATCH, places=known[:1]).count(DenyCode.MARKET_FACTS_MISSING) == 1
    assert codes(check_place, CreateBatch((order(), order()))) == [None]
    assert codes(check_place, AMEND, places=()) == [DenyCode.MARKET_FACTS_MISSING]


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (CancelAll(0), [None]),
        (CancelAll(1), [DenyCode.SUBACCOUNT_NOT_OWNED]),
        (replace(CANCEL, subaccount=1), [DenyCode.SUBACCOUNT_NOT_OWNED]),
        (replace(LESS, subaccount=1), [DenyCode.SUBACCOUNT_NOT_OWNED]),
        (replace(AMEND, subaccount=1), [DenyCode.SUBACCOUNT_NOT_OWNED]),
        (CancelBatch((CANCEL, replace(CANCEL, subaccount=1))), [None, DenyCode.SUBACCOUNT_NOT_OWNED]),
        (CREATE, [None]),
        (Withdraw("/trade-api/v2/communications/quotes/{quote_id}", ("q",)), []),
    ],
)
def test_a_client_stays_in_its_subaccount(write: Write, expected: list[DenyCode | None]) -> None:
    """Catches an exit that reaches into another's subaccount: a cancel-all there takes everybody's orders."""
    assert codes(check_subaccount, write) == expected
