"""Orders that have no row of ours."""

import pytest
from tests.builders import TICKER
from tests.risk.kit import NOW
from tests.risk.recordkit import BEGAN, MINUTE, Record, broken, ended, held, kinds, may_buy, there

from pretrade.model.drop_copy import ExchangeOrder, OrderStatus
from pretrade.model.units import Count
from pretrade.risk.ledger.changes import OrphanExplained
from pretrade.risk.ledger.learning import learn

FILLED = there(status=OrderStatus.EXECUTED, filled=Count(1_000), remaining=Count(0), cost=Count(5_600_000))


@pytest.mark.parametrize(
    ("case", "shown", "left", "position", "is_told"),
    [
        ("rests", there(created_ms=NOW), 1_000, 0, True),
        ("filled in part", there(filled=Count(400), remaining=Count(600)), 600, 400, True),
        ("over before anybody looked", FILLED, 0, 1_000, True),
        ("canceled at once", ended(), 0, 0, True),
        ("from before, rests", there(created_ms=BEGAN - 1, filled=Count(400), remaining=Count(600)), 600, 0, False),
        ("from before, ended", ended(filled=400, created_ms=BEGAN - 1), 0, 0, False),
        ("made as the ledger began", there(created_ms=BEGAN), 1_000, 0, True),
    ],
)
def test_an_order_past_us_counts_with_its_fills(
    case: str, shown: ExchangeOrder, left: int, position: int, *, is_told: bool
) -> None:
    """Catches: an order past the proxy that is in no limit; fills that are in the position already and count again."""
    record = Record()
    found = record.read(1_000, shown)
    book = record.ledger.live.book(0, TICKER)
    assert (may_buy(record.ledger), book.position) == (left, position), case
    assert broken(found) == ([("orphan", "x-1")] if is_told else []), case


def test_the_first_copy_ever_is_where_the_ledger_begins() -> None:
    """What is there before us is no break, and its position is in the positions. Catches a newcomer who is greeted with
    an alarm for every order they have, or whose position counts twice."""
    record = Record(is_new=True)
    shown = (there(filled=Count(400), remaining=Count(600)), FILLED.__class__(**_renamed(FILLED, "x-2")))
    found = record.read(1_000, *shown, positions=(held(1_400, 7_000_000),))
    assert kinds(found) == ["orphan_order", "position_adopted", "baseline_read"]
    assert broken(found) == []
    book = record.ledger.live.book(0, TICKER)
    assert (book.position, may_buy(record.ledger)) == (1_400, 600)
    assert broken(record.read(2_000, *shown, positions=(held(1_400, 7_000_000),))) == []


def _renamed(shown: ExchangeOrder, order_id: str) -> dict[str, object]:
    return {name: getattr(shown, name) for name in ExchangeOrder.__slots__} | {"order_id": order_id}


def test_an_orphan_is_counted_once_and_told_until_it_is_explained() -> None:
    """Catches: fills that count again with every copy; an alarm that goes away by itself."""
    record = Record()
    for number in range(3):
        found = record.read(1_000 + number * 1_000, FILLED, positions=(held(1_000, 5_600_000),))
        assert broken(found) == [("orphan", "x-1")]
    assert record.ledger.live.book(0, TICKER).position == 1_000
    assert broken(record.read(600_000, positions=(held(1_000, 5_600_000),))) == [("orphan", "x-1")]
    learn(record.ledger, OrphanExplained("x-1"))
    assert broken(record.read(601_000, positions=(held(1_000, 5_600_000),))) == []
    assert record.ledger.live.book(0, TICKER).position == 1_000


def test_an_orphan_that_rests_is_followed_to_its_end() -> None:
    """Catches an orphan whose later fills are seen by nobody."""
    record = Record()
    record.read(1_000, there())
    record.read(10_000, there(filled=Count(300), remaining=Count(700)))
    assert (may_buy(record.ledger), record.ledger.live.book(0, TICKER).position) == (700, 300)
    record.read(20_000, ended(filled=500))
    assert (may_buy(record.ledger), record.ledger.live.book(0, TICKER).position) == (0, 500)


@pytest.mark.parametrize(("made_ms", "counts"), [(-MINUTE - 1, False), (-MINUTE, True)])
def test_what_ended_and_was_made_before_the_last_copy_was_in_it(made_ms: int, *, counts: bool) -> None:
    """Where an old write is unknown, orders are read from long ago: those of ours that ended are forgotten in time.
    Catches an alarm about them, and fills that count twice."""
    record = Record()
    record.read(0)
    found = record.read(1_000, ended(filled=300, created_ms=NOW + made_ms))
    assert broken(found) == ([("orphan", "x-1")] if counts else [])
