"""Amends of which nobody knows, held against reads of their order."""

import pytest
from tests.builders import TICKER, amend, order
from tests.risk.kit import NOW, PLACE, TODAY, UNKNOWN, accepted, approve
from tests.risk.recordkit import Record, may_buy, there

from pretrade.model.drop_copy import DropCopy, ExchangeOrder, OrderStatus
from pretrade.model.instance import Mode
from pretrade.model.orders import CreateOrder, Side, Write
from pretrade.model.outcomes import LegOutcome, Outcome, OutcomeState
from pretrade.model.units import Count, Money, parse_price
from pretrade.risk.ledger.ledger import Approval, Ledger
from pretrade.risk.reconciling.reconciliation import reconcile
from pretrade.risk.reconciling.reconciliation_round import SETTLE_MS, UNSEEN_MS, Findings, Round

BEFORE = "0.5600"
LATE_MS = UNSEEN_MS + 10


def _approve(ledger: Ledger, name: str, write: Write) -> None:
    ledger.approve(Approval(name, "momentum-bot", 0, Mode.LIVE, TODAY, write, NOW, 10_000, (PLACE,)))


def _ledger(price: str) -> Ledger:
    """An order of 10 contracts at 0.56 which rests, and an amend to this price whose end nobody knows."""
    ledger = Ledger()
    _approve(ledger, "d-1", CreateOrder(order(client_order_id="c-1")))
    leg = LegOutcome(OutcomeState.ACCEPTED, "order-1", "c-1", "0.00", "10.00")
    ledger.settle("d-1", Outcome(OutcomeState.ACCEPTED, 201, (leg,)), NOW)
    _approve(ledger, "d-2", amend(price=price))
    ledger.settle("d-2", Outcome(OutcomeState.UNKNOWN), NOW)
    return ledger


def _read(ledger: Ledger, shown: str, at_ms: int, before_ms: int) -> Findings:
    """Take in a copy in which the order has this price."""
    rests = ExchangeOrder(
        order_id="order-1", client_order_id="c-1", subaccount=0, ticker=TICKER, side=Side.BID, price=parse_price(shown),
        status=OrderStatus.RESTING, filled=Count(0), remaining=Count(1000), created_ms=NOW, updated_ms=None,
        order_group_id=None, cost=Money(0), fees=Money(0), exchange_index=0,
    )  # fmt: skip
    copy = DropCopy(NOW + at_ms, NOW + at_ms, (), (rests,), frozenset(), (), (), (), (0,))
    places = {TICKER: PLACE}
    return reconcile(ledger, Round(copy, NOW - 60_000, NOW, NOW + before_ms, places, frozenset(), {}, 10_000))


@pytest.mark.parametrize(
    ("asked", "shown", "decided_at"),
    [
        ("0.6000", "0.6000", 0),  # it has come
        ("0.6000", BEFORE, 1),  # it has not, and two reads say so
        (BEFORE, BEFORE, 1),  # it asked for what the order had: nothing will ever tell the two apart
    ],
)
def test_an_unknown_amend_is_decided_by_what_the_read_shows(asked: str, shown: str, decided_at: int) -> None:
    """Catches: one that stays unknown for ever because its terms and the order's are the same, and one that is given
    up by a first read, or by reads that came too early."""
    ledger = _ledger(asked)
    if decided_at:
        _read(ledger, shown, UNSEEN_MS - 1, 0)
        assert "d-2" in ledger.pending
    for number in range(decided_at + 1):
        assert "d-2" in ledger.pending
        _read(ledger, shown, LATE_MS + 2_000 * number, LATE_MS + 2_000 * (number - 1))
    assert not ledger.pending
    (own,) = ledger.live.orders.values()
    assert [(terms.price, terms.total, terms.decision_id) for terms in own.terms] == [(parse_price(shown), 1000, None)]
    assert ledger.live.days.notional(TODAY, (None, "")) >= own.worst_cost


SENT_MS = 8_100


def _amended(count: str, price: str = "0.5600") -> Record:
    """An order of ten contracts at 0.56 which rests, and an amend of it whose end nobody knows."""
    record = Record()
    approve(record.ledger, "d-1", CreateOrder(order(client_order_id="c-1")))
    record.ledger.settle("d-1", accepted(("x-1", 0, 1_000)), NOW)
    record.read(8_000, _rests(1_000))
    approve(record.ledger, "d-2", amend(count, price, order_id="x-1"), now_ms=NOW + SENT_MS)
    record.ledger.settle("d-2", UNKNOWN, NOW + SENT_MS)
    return record


def _rests(total: int, filled: int = 0) -> ExchangeOrder:
    return there(client_order_id="c-1", filled=Count(filled), remaining=Count(total - filled))


def test_what_a_decrease_may_have_brought_does_not_prove_an_amend() -> None:
    """The order was made smaller by its client, to the very count of an amend that is still under way; then amended to
    less. Catches the read that takes the decrease for the amend: the amend came after all that, and eight contracts
    could fill of an order that counted four."""
    record = _amended("8.00")
    record.read(16_000, _rests(800))
    assert "d-2" in record.ledger.pending
    approve(record.ledger, "d-3", amend("4.00", order_id="x-1"), now_ms=NOW + 16_100)
    record.ledger.settle("d-3", accepted(("x-1", 0, 400)), NOW + 16_200)
    record.read(24_000, _rests(400))
    assert may_buy(record.ledger) == 800
    for at_ms in (SENT_MS + LATE_MS, SENT_MS + LATE_MS + 2_000):
        record.read(at_ms, _rests(400))
    assert (may_buy(record.ledger), dict(record.ledger.pending)) == (400, {})


@pytest.mark.parametrize(("count", "price"), [("12.00", "0.5600"), ("8.00", "0.5700"), ("8.00", "0.5500")])
def test_what_nothing_but_an_amend_can_bring_proves_it_at_once(count: str, price: str) -> None:
    """A decrease makes no order larger and changes no price. Catches an amend that waits although it was seen."""
    record = _amended(count, price)
    total = Count(100 * int(count[:-3]))
    record.read(16_000, there(client_order_id="c-1", price=parse_price(price), remaining=total))
    assert "d-2" not in record.ledger.pending


def test_a_read_may_be_older_than_the_one_before() -> None:
    """Each is at least as new as the moment that it states, and may be newer: the next one may state a later moment and
    show less. Catches an amend that one read has proven and the next takes back, while the larger order rests."""
    record = _amended("12.00")
    record.read(20_000, _rests(1_200))
    assert "d-2" not in record.ledger.pending
    record.read(20_300, _rests(1_000))
    assert may_buy(record.ledger) == 1_200
    record.read(20_300 + SETTLE_MS, _rests(1_000))
    assert may_buy(record.ledger) == 1_000
