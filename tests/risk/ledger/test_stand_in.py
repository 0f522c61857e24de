"""Amends of orders whose own rows were lost: a start must be possible, and must count the worse."""

import pytest
from tests.builders import TICKER, amend, order
from tests.risk.kit import NOT_SENT, NOW, REJECTED, TODAY, TOMORROW, accepted, approve, through_text
from tests.risk.recordkit import Record, broken, ended, held, kinds, may_buy, terms, there

from pretrade.model.orders import CreateOrder
from pretrade.model.units import Count, parse_price
from pretrade.risk.ledger.ledger import Ledger
from pretrade.risk.ledger.live_order import OrderState
from pretrade.risk.reconciling.reconciliation_round import UNSEEN_MS

ALL = (None, "")
COST = 5_600_000
"""Ten contracts at 56 cents; the amend is to twelve at 60."""
AMENDED = 7_200_000
LATE_MS = UNSEEN_MS + 10


def restarted(*, amended_on: str = TODAY, create: bool = True) -> Record:
    """What a start makes of the rows of a create and of an amend of it, where the row between them is lost that told of
    the order's id: by an answer or by a reading."""
    record = Record()
    if create:
        approve(record.ledger, "d-1", CreateOrder(order(client_order_id="c-1")))
    approve(record.ledger, "d-2", amend("12.00", "0.6000", order_id="x-1"), day=amended_on)
    record.ledger.lose_sight(NOW)
    return record


def notional(ledger: Ledger, day: str = TODAY) -> int:
    return ledger.live.days.notional(day, ALL)


def test_a_start_counts_an_amend_of_an_order_whose_row_was_lost() -> None:
    """Catches a start that refuses because of a lost row, and an order that goes uncounted until it is read."""
    record = restarted()
    assert may_buy(record.ledger) == 1_000 + 1_200
    assert notional(record.ledger) == COST + AMENDED
    named = record.ledger.named("x-1", "momentum-bot", 0, shares=True)
    assert named.owner == "momentum-bot"  # else its exits would be trapped
    restored = through_text(record.ledger)
    assert restored.live.orders == record.ledger.live.orders


def test_a_read_finds_the_create_that_it_stands_for() -> None:
    """Catches a create that is told to its client as never come, because what stood for it was read in its place; an
    order counted twice for ever; an amend that is dropped although it may still come."""
    record = restarted()
    found = record.read(8_000, there(client_order_id="c-1"))
    assert "order_read" in kinds(found)
    assert not broken(found)
    (own,) = record.ledger.live.orders.values()
    assert (own.key, own.order_id, own.state) == ("d-1/0", "x-1", OrderState.RESTING)
    assert terms(record.ledger) == [(parse_price("0.5600"), 1_000), (parse_price("0.6000"), 1_200)]
    assert (may_buy(record.ledger), notional(record.ledger)) == (1_200, AMENDED)
    assert record.ledger.live.days.orders(TODAY, ALL) == 1
    record.read(LATE_MS, there(client_order_id="c-1"))
    record.read(LATE_MS + 2_000, there(client_order_id="c-1"))
    assert not record.ledger.pending
    assert (may_buy(record.ledger), notional(record.ledger)) == (1_000, COST)


def test_it_has_ended_meanwhile() -> None:
    """Catches what stood for it going on to count once the order itself is over."""
    record = restarted()
    record.read(8_000, ended(client_order_id="c-1", filled=300), positions=(held(300, 1_680_000),))
    assert not record.ledger.live.orders
    assert record.ledger.live.book(0, TICKER).position == 300
    assert record.ledger.live.worst_position(None, TICKER) == 300
    assert record.ledger.live.open_orders(None) == 0
    record.read(10_000)
    assert not record.ledger.pending


def test_an_order_of_nobodys_stays_counted_until_it_is_read() -> None:
    """It was an order past the proxy, which a lost row had made known. Catches one that is given up unread."""
    record = restarted(create=False)
    assert may_buy(record.ledger) == 1_200
    record.read(8_000)
    assert may_buy(record.ledger) == 1_200
    record.read(9_000, there(remaining=Count(500)))
    assert may_buy(record.ledger) == 1_200  # the amend may still come
    for at_ms in (LATE_MS, LATE_MS + 2_000):
        record.read(at_ms, there(remaining=Count(500)))
    assert may_buy(record.ledger) == 500
    assert not record.ledger.pending


@pytest.mark.parametrize("end", [REJECTED, NOT_SENT], ids=str)
def test_a_refused_amend_leaves_the_order(end: object) -> None:
    """Catches an order without terms, and one that is forgotten with its amend."""
    record = restarted(create=False)
    record.ledger.settle("d-2", end, NOW)  # type: ignore[arg-type]
    assert may_buy(record.ledger) == 1_200
    assert notional(record.ledger) == AMENDED


def test_the_answer_to_the_create_comes_after_the_amend() -> None:
    """Its row stands behind that of the amend. Catches two orders under one id, of which one is never read again."""
    record = restarted()
    record.ledger.settle("d-1", accepted(("x-1", 0, 1_000)), NOW + 10)
    assert list(record.ledger.live.orders) == ["d-1/0"]
    assert record.ledger.live.by_order_id("x-1") is record.ledger.live.orders["d-1/0"]
    assert terms(record.ledger) == [(parse_price("0.5600"), 1_000), (parse_price("0.6000"), 1_200)]
    assert notional(record.ledger) >= AMENDED


def test_what_counts_on_a_later_day_stays_there() -> None:
    """Catches a merge that gives back on one day what was counted on another."""
    record = restarted(amended_on=TOMORROW)
    record.read(8_000, there(client_order_id="c-1"))
    assert (notional(record.ledger), notional(record.ledger, TOMORROW)) == (COST, AMENDED)
