"""What a person may settle, and what the record forbids."""

from dataclasses import replace

import pytest
from tests.builders import TICKER, amend, order
from tests.risk.kit import NOW, UNKNOWN, accepted, approve
from tests.risk.recordkit import Record, may_buy, terms, there

from pretrade.model.drop_copy import DropCopy, ExchangeOrder
from pretrade.model.orders import CancelOrder, CreateOrder, Side
from pretrade.model.units import Count, Price
from pretrade.risk.ledger.learning import learn
from pretrade.risk.reconciling.reconciliation_round import UNSEEN_MS
from pretrade.risk.reconciling.resolution import ResolutionError, Verdict, resolution

ABSENT, DONE = Verdict.ABSENT, Verdict.DONE
OURS = CreateOrder(order(client_order_id="c-1"))


def copy(*orders: ExchangeOrder, at_ms: int = UNSEEN_MS, gone: tuple[str, ...] = ()) -> DropCopy:
    """A reading as of so long after NOW."""
    return DropCopy(NOW + at_ms, NOW + at_ms, (), orders, frozenset(gone), (), (), (), (0,))


def settle(record: Record, name: str, verdict: Verdict, of: DropCopy) -> None:
    for change in resolution(record.ledger, name, verdict, of):
        learn(record.ledger, change)


def unknown_create() -> Record:
    record = Record()
    approve(record.ledger, "d-1", OURS)
    record.ledger.settle("d-1", UNKNOWN, NOW)
    return record


def resting() -> Record:
    record = Record()
    approve(record.ledger, "d-1", OURS)
    record.ledger.settle("d-1", accepted(("x-1", 400, 600)), NOW)
    return record


def unknown_amend() -> Record:
    record = resting()
    approve(record.ledger, "d-2", amend("20.00", "0.6000", order_id="x-1"))
    record.ledger.settle("d-2", UNKNOWN, NOW)
    return record


def unknown_cancel() -> Record:
    record = resting()
    approve(record.ledger, "d-2", CancelOrder("x-1", TICKER))
    record.ledger.settle("d-2", UNKNOWN, NOW)
    return record


def ghost() -> Record:
    record = resting()
    record.read(UNSEEN_MS, gone=("x-1",))
    return record


def orphan() -> Record:
    record = Record()
    record.read(1_000, there())
    return record


REST = there(filled=Count(400), remaining=Count(600))
AMENDED = there(filled=Count(400), remaining=Count(1_600), price=Price(6_000))


@pytest.mark.parametrize(
    ("case", "make", "name", "verdict", "of", "may_fill", "position"),
    [
        ("create, absent: given back", unknown_create, "d-1", ABSENT, copy(), 0, 0),
        ("create, done: counts as filled", unknown_create, "d-1", DONE, copy(), 0, 1_000),
        ("amend, absent", unknown_amend, "d-2", ABSENT, copy(REST), 600, 400),
        ("amend, done", unknown_amend, "d-2", DONE, copy(AMENDED), 1_600, 400),
        ("cancel, absent", unknown_cancel, "d-2", ABSENT, copy(), 600, 400),
        ("cancel, done: the order is the record's business", unknown_cancel, "d-2", DONE, copy(), 600, 400),
        ("ghost, absent", ghost, "d-1", ABSENT, copy(gone=("x-1",)), 0, 400),
        ("ghost, done: counts as filled", ghost, "d-1", DONE, copy(gone=("x-1",)), 0, 1_000),
        ("ghost by its key", ghost, "d-1/0", ABSENT, copy(gone=("x-1",)), 0, 400),
        ("orphan, explained: counts on", orphan, "x-1", DONE, copy(), 1_000, 0),
    ],
)
def test_what_a_person_says_is_taken(
    case: str, make: type, name: str, verdict: Verdict, of: DropCopy, may_fill: int, position: int
) -> None:
    """Catches a word that frees more than it says."""
    record = make()
    settle(record, name, verdict, of)
    book = record.ledger.live.book(0, TICKER)
    assert (book.may_fill(Side.BID), book.position) == (may_fill, position), case
    assert record.ledger.pending == {}
    assert record.ledger.orphans == {}


def test_an_order_under_our_id_that_cannot_be_ours_is_for_a_person_to_tell_apart() -> None:
    """The reconciliation never proves ours absent then. Catches an unknown order that nobody can ever settle."""
    record = unknown_create()
    settle(record, "d-1", ABSENT, copy(there(client_order_id="c-1", side=Side.ASK)))
    assert record.ledger.pending == {}


SHOWN = replace(REST, client_order_id="c-1")


@pytest.mark.parametrize(
    ("case", "make", "name", "verdict", "of", "words"),
    [
        ("it may still arrive", unknown_create, "d-1", ABSENT, copy(at_ms=UNSEEN_MS - 1), "1 s more"),
        ("the same for done", unknown_create, "d-1", DONE, copy(at_ms=1_000), "may still come"),
        ("the exchange shows it", unknown_create, "d-1", ABSENT, copy(SHOWN), "shows it as the order x-1"),
        ("shows it, done", unknown_create, "d-1", DONE, copy(SHOWN), "pretrade reconcile"),
        ("amend: the exchange shows its terms", unknown_amend, "d-2", ABSENT, copy(AMENDED), "with these terms"),
        ("amend: its order is not shown", unknown_amend, "d-2", DONE, copy(), "resolve d-1/0 first"),
        ("amend: too early", unknown_amend, "d-2", ABSENT, copy(REST, at_ms=0), "may still come"),
        ("no ghost", resting, "d-1", ABSENT, copy(), "nothing is open under d-1"),
        ("a ghost that is shown again", ghost, "d-1", ABSENT, copy(REST), "knows the order x-1"),
        ("an orphan is not absent", orphan, "x-1", ABSENT, copy(), "--as done"),
        ("nothing of that name", resting, "d-9", DONE, copy(), "nothing is open under d-9"),
    ],
)
def test_what_the_record_says_otherwise_is_refused(
    case: str, make: type, name: str, verdict: Verdict, of: DropCopy, words: str
) -> None:
    """Catches a hold that is freed by a person's error while the order is live or may still become so."""
    record = make()
    before = may_buy(record.ledger), list(record.ledger.pending), list(record.ledger.orphans)
    with pytest.raises(ResolutionError, match=words):
        resolution(record.ledger, name, verdict, of)
    assert before == (may_buy(record.ledger), list(record.ledger.pending), list(record.ledger.orphans)), case


@pytest.mark.parametrize("state", ["held", "sending"])
def test_what_is_in_flight_is_not_settled_by_hand(state: str) -> None:
    """Catches an order that is given up while its answer is on the way."""
    record = Record()
    approve(record.ledger, "d-1", OURS)
    if state == "sending":
        record.ledger.sending("d-1")
    with pytest.raises(ResolutionError, match="in flight"):
        resolution(record.ledger, "d-1", ABSENT, copy(at_ms=10 * UNSEEN_MS))


def test_another_amend_under_way_keeps_its_terms() -> None:
    """Catches terms of a second amend that go with the first one's."""
    record = unknown_amend()
    approve(record.ledger, "d-3", amend("30.00", "0.6000", order_id="x-1"))
    settle(record, "d-2", DONE, copy(AMENDED))
    assert terms(record.ledger) == [(6_000, 2_000), (6_000, 3_000)]
