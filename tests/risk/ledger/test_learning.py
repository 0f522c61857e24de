"""What reads of the exchange's record change in the ledger, one kind of change at a time."""

import pytest
from tests.builders import TICKER, amend, order
from tests.risk.kit import NOW, PLACE, TODAY, UNKNOWN, Rows, accepted, approve, contracts, live_order, state

from pretrade.model.facts import Place
from pretrade.model.orders import CancelOrder, CreateBatch, CreateOrder, Side
from pretrade.model.units import Count, Money, Price
from pretrade.risk.ledger import learning as learning_module
from pretrade.risk.ledger.book import Held
from pretrade.risk.ledger.changes import (
    AmendAbsent,
    BaselineRead,
    Change,
    GroupsRead,
    MoneyRead,
    OrderAbsent,
    OrderRead,
    OrphanExplained,
    OrphanOrder,
    PlaceLearned,
    PositionAdopted,
    PositionSeen,
    Silent,
    WriteResolved,
)
from pretrade.risk.ledger.learning import learn, legs_open
from pretrade.risk.ledger.ledger import Ledger
from pretrade.risk.ledger.live_order import OrderState

COST = 5_600_000
BOOK = (0, TICKER)
LATER = NOW + 60_000


def unknown() -> Ledger:
    """A ledger with one order of unknown fate."""
    ledger = Ledger()
    approve(ledger, "d-1")
    ledger.settle("d-1", UNKNOWN, NOW)
    return ledger


def amending() -> Ledger:
    """A ledger with an order that rests as x-1, and an amend of it (20 at 30 cents) of unknown fate."""
    ledger = Ledger()
    approve(ledger, "d-1")
    ledger.settle("d-1", accepted(("x-1", 0, 1_000)), NOW)
    approve(ledger, "d-2", amend("20", "0.3000", order_id="x-1"))
    ledger.settle("d-2", UNKNOWN, NOW)
    return ledger


def counted(ledger: Ledger) -> tuple[int, ...]:
    """(open orders, worst position, position, notional of the day)."""
    live = ledger.live
    notional = live.days.notional(TODAY, (None, ""))
    return live.open_orders(None), live.worst_position(None, TICKER), live.book(*BOOK).position, notional


def read(filled: int, total: int, *, is_open: bool = True, keep: tuple[str, ...] = (), price: int = 5_600) -> OrderRead:
    """A read of x-1."""
    return OrderRead("d-1/0", "x-1", Count(filled), Count(total), Price(price), is_open, LATER, keep)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (read(0, 1_000), (1, 1_000, 0, COST)),
        (read(400, 1_000), (1, 1_000, 400, COST)),
        (read(400, 600), (1, 600, 400, COST * 6 // 10)),  # decreased since: the rest comes back
        (read(1_000, 1_000, is_open=False), (0, 1_000, 1_000, COST)),
        (read(400, 400, is_open=False), (0, 400, 400, COST * 4 // 10)),
        (read(0, 0, is_open=False), (0, 0, 0, 0)),
        (OrderAbsent("d-1/0", LATER), (0, 0, 0, 0)),
    ],
)
def test_an_unknown_order_is_found_or_proven_absent(change: Change, expected: tuple[int, ...]) -> None:
    """Catches fills that a read shows and the ledger does not take, an order that counts on after its end, and
    notional that is not given back, or too much of it."""
    ledger = unknown()
    learn(ledger, change)
    assert counted(ledger) == expected
    assert ledger.live.days.orders(TODAY, (None, "")) == (0 if isinstance(change, OrderAbsent) else 1)


def test_a_found_order_rests_under_the_exchanges_id() -> None:
    """Catches an order that is found and still called unknown, or whose silence is held against it later."""
    ledger = unknown()
    learn(ledger, Silent("d-1", "d-1/0"))
    learn(ledger, read(0, 1_000))
    (found,) = ledger.live.orders.values()
    assert (found.order_id, found.state, found.silent) == ("x-1", OrderState.RESTING, 0)


@pytest.mark.parametrize(
    ("change", "terms", "notional"),
    [
        (read(0, 1_000, keep=("d-2",)), [(5_600, 1_000), (3_000, 2_000)], 8_600_000),
        (read(0, 2_000, price=3_000), [(3_000, 2_000)], 6_000_000),
        (read(0, 1_000), [(5_600, 1_000)], COST),
        (AmendAbsent("d-1/0", "d-2", LATER), [(5_600, 1_000)], COST),
        (AmendAbsent("d-1/0", "d-9", LATER), [(5_600, 1_000), (3_000, 2_000)], 8_600_000),
    ],
)
def test_an_amend_is_decided_by_a_read(change: Change, terms: list[tuple[int, int]], notional: int) -> None:
    """Catches terms that a read could not have shown and that are dropped, those that it disproves and that stay, and
    the notional of either."""
    ledger = amending()
    learn(ledger, change)
    (found,) = ledger.live.orders.values()
    assert [(one.price, one.total) for one in found.terms] == terms
    assert counted(ledger)[3] == notional


@pytest.mark.parametrize(
    ("is_open", "filled", "since", "expected"),
    [
        (True, 0, 0, (1, 1_000, 0, 0)),
        (True, 400, 400, (1, 1_000, 400, 0)),
        (True, 400, 0, (1, 600, 0, 0)),  # filled before the ledger began: in the position already
        (False, 1_000, 1_000, (0, 1_000, 1_000, 0)),
        (False, 1_000, 0, (0, 0, 0, 0)),
    ],
)
def test_an_orphan_counts_with_its_fills(is_open: bool, filled: int, since: int, expected: tuple[int, ...]) -> None:
    """Catches an order past us that does not count, and one whose fills move the position twice or never."""
    ledger = Ledger()
    learn(ledger, BaselineRead(NOW))
    orphan = live_order("exchange/x-9", client=None, order_id="x-9", filled=Count(filled), day="", notional=Money(0))
    learn(ledger, OrphanOrder(orphan, is_open=is_open, at_ms=LATER, filled_since=Count(since)))
    assert counted(ledger) == expected
    assert set(ledger.orphans) == {"x-9"}
    assert ("x-9" in ledger.ended) is not is_open
    learn(ledger, OrphanExplained("x-9"))
    assert ledger.orphans == {} and counted(ledger) == expected  # explained is not gone


@pytest.mark.parametrize(
    ("baseline", "created", "is_news"), [(None, NOW, False), (NOW, NOW - 1, False), (NOW, NOW, True)]
)
def test_what_was_there_before_the_ledger_is_no_news(baseline: int | None, created: int, is_news: bool) -> None:
    """Catches an alarm for every order of before the start, and none for one made since."""
    ledger = Ledger()
    ledger.baseline_ms = baseline
    learn(
        ledger,
        OrphanOrder(
            live_order("exchange/x-9", client=None, order_id="x-9", approved_ms=created), is_open=True, at_ms=LATER
        ),
    )
    assert bool(ledger.orphans) is is_news
    assert ledger.live.open_orders(None) == 1


def test_orphans_are_kept_up_to_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches a list that grows with every order past us; all of them count all the same."""
    monkeypatch.setattr(learning_module, "ORPHANS_KEPT", 2)
    ledger = Ledger()
    learn(ledger, BaselineRead(NOW))
    for number in range(4):
        one = live_order(f"exchange/x-{number}", client=None, order_id=f"x-{number}")
        learn(ledger, OrphanOrder(one, is_open=True, at_ms=LATER))
    assert list(ledger.orphans) == ["x-2", "x-3"] and ledger.live.open_orders(None) == 4


def test_silence_is_counted_where_it_belongs() -> None:
    """Catches the silence about an amend that is held against its order, and one about a write that is lost."""
    ledger = unknown()
    learn(ledger, Silent("d-1"))
    learn(ledger, Silent("", "d-1/0"))
    assert (ledger.pending["d-1"].silent, ledger.live.orders["d-1/0"].silent) == (1, 1)
    ledger = amending()
    learn(ledger, Silent("d-2", "d-1/0"))
    (one,) = ledger.live.orders.values()
    assert ([terms.silent for terms in one.terms], one.silent, ledger.pending["d-2"].silent) == ([0, 1], 0, 0)


def test_a_resolved_write_is_pending_no_more() -> None:
    """Catches a cancel of unknown fate that hangs for ever, and one whose end frees its order."""
    ledger = amending()
    approve(ledger, "d-3", CancelOrder("x-1"))
    before = counted(ledger)
    learn(ledger, WriteResolved("d-3"))
    assert set(ledger.pending) == {"d-2"} and counted(ledger) == before


def test_positions_are_seen_and_adopted() -> None:
    """Catches a change for one subaccount that is applied to another, or to nothing."""
    ledger = Ledger()
    learn(ledger, PositionSeen(0, TICKER, Held(contracts(3), Money(900_000))))
    assert counted(ledger)[1:3] == (300, 0)
    learn(ledger, PositionAdopted(0, TICKER, Held(contracts(-2), Money(900_000))))
    assert counted(ledger)[1:3] == (200, -200) and not ledger.live.book(*BOOK).has_seen
    learn(ledger, PositionSeen(0, TICKER, None))
    assert counted(ledger)[1:3] == (200, -200)


def test_what_is_only_told_is_kept() -> None:
    """Places, money, groups and the baseline. Catches one that is lost, or a group that has gone and stays."""
    ledger, place = Ledger(), Place("OTHER", "E", "S")
    for change in (
        PlaceLearned(place),
        MoneyRead(3, Money(5), Money(-7), Money(1)),
        GroupsRead((("g-1", 0), ("g-2", 3))),
        GroupsRead((("g-2", 3),)),
        BaselineRead(NOW),
    ):
        learn(ledger, change)
    assert ledger.live.place("OTHER") == place
    assert (ledger.money, ledger.live.groups.owners(), ledger.baseline_ms) == ({3: (5, -7, 1)}, {"g-2": 3}, NOW)


GONE: list[Change] = [
    OrderRead("d-0/0", "x-0", Count(5), Count(10), Price(1), is_open=True, at_ms=LATER),
    OrderRead("d-0/0", "x-0", Count(5), Count(5), Price(1), is_open=False, at_ms=LATER),
    OrderAbsent("d-0/0", LATER),
    AmendAbsent("d-0/0", "d-9", LATER),
    AmendAbsent("d-1/0", "d-1", LATER),
    WriteResolved("d-0"),
    Silent("d-0", "d-0/0"),
    PositionSeen(9, "NEVER", None),
    OrphanExplained("x-0"),
]


@pytest.mark.parametrize("change", GONE, ids=lambda change: type(change).__name__)
def test_news_about_what_is_gone_changes_nothing(change: Change) -> None:
    """Catches a fault, or a figure that moves, when the order of a read has ended meanwhile."""
    ledger = unknown()
    before = state(ledger)
    learn(ledger, change)
    assert state(ledger) == before


def test_changes_are_folded_from_their_text() -> None:
    """Every kind of change through its row. Catches one that the journal gives back as something else."""
    rows, ledger = Rows(), Ledger()
    changes = (
        BaselineRead(NOW - 1),
        PlaceLearned(PLACE),
        OrphanOrder(live_order("exchange/x-9", client=None, order_id="x-9"), is_open=True, at_ms=LATER),
        PositionSeen(0, TICKER, Held(contracts(3), Money(900_000))),
        PositionSeen(0, "OTHER", None),
        PositionAdopted(3, TICKER, Held(contracts(-3), Money(900_000))),
        MoneyRead(0, Money(1), Money(-2), Money(3)),
        GroupsRead((("g-1", 0),)),
        *GONE,
    )
    for change in changes:
        learn(ledger, change)
    rows.read(*changes)
    assert state(rows.fold()) == state(ledger)


def test_the_open_legs_of_a_write_are_those_nobody_knows() -> None:
    """Catches a leg that has an answer and is looked for, and one without that is not."""
    ledger = Ledger()
    approve(ledger, "d-1", CreateBatch((order(), order("5"), order("3", side=Side.ASK))))
    pending = ledger.pending["d-1"]
    learn(ledger, read(0, 1_000))
    assert [leg.key for leg in legs_open(ledger, pending)] == ["d-1/1", "d-1/2"]
    ledger.settle("d-1", accepted(("x-1", 0, 1_000), ("x-2", 500, 0)), NOW)
    assert [leg.key for leg in legs_open(ledger, pending)] == ["d-1/2"]
    approve(ledger, "d-2", CreateOrder(order()))
    assert [leg.key for leg in legs_open(ledger, ledger.pending["d-2"])] == ["d-2/0"]
