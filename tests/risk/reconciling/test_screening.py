"""Thousands of orders that rest as they are known: what is found of them a few at a time proves nothing that has
changed since."""

from dataclasses import replace

import pytest
from tests.builders import order
from tests.risk.kit import NOW, UNKNOWN, approve, live_order, through_text
from tests.risk.recordkit import MINUTE, Record, ended, there

from pretrade.model.orders import AmendOrder, CreateOrder, Side
from pretrade.model.units import Count, Price
from pretrade.risk.ledger.ledger import Ledger
from pretrade.risk.ledger.live_order import OrderState
from pretrade.risk.reconciling import reconciled_orders
from pretrade.risk.reconciling.reconciliation_round import UNSEEN_MS
from pretrade.risk.reconciling.screening import Screening

MANY = 5_000


def resting(number: int) -> Record:
    """A ledger in which so many orders rest."""
    record = Record()
    for name in range(number):
        one = live_order(f"d-{name}/0", order_id=f"x-{name}", client_order_id=f"c-{name}")
        record.ledger.live.put(one, NOW)
    return record


def screened(ledger: Ledger, *orders: object) -> Screening:
    screening = Screening()
    screening.look(ledger, orders)  # type: ignore[arg-type]
    return screening


def test_what_rests_as_it_is_known_is_not_gone_through_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches a round that holds every order up while it goes through all that rest, of which one has changed."""
    record, seen = resting(MANY), []
    take_in = reconciled_orders._take_in_own
    monkeypatch.setattr(reconciled_orders, "_take_in_own", lambda *all_: (seen.append(all_[1].key), take_in(*all_)))
    rows = [there(f"x-{name}", client_order_id=f"c-{name}") for name in range(MANY)]
    rows[7] = replace(rows[7], filled=Count(100), remaining=Count(900))
    found = record.read(MINUTE, *rows, screening=screened(record.ledger, *rows))
    assert seen == ["d-7/0"]
    assert record.ledger.live.orders["d-7/0"].filled == 100
    assert "order_read" in [one.kind for one in found.changes]


CHANGED = {
    "filled": {"filled": Count(100)},
    "amended by hand": {"price": Price(5_000)},
    "smaller": {"remaining": Count(500)},
    "another side": {"side": Side.ASK},
    "another market": {"ticker": "KXBTC-OTHER"},
    "another subaccount": {"subaccount": 1},
}


@pytest.mark.parametrize("changes", CHANGED.values(), ids=CHANGED)
def test_an_order_that_is_otherwise_tells_something(changes: dict[str, object]) -> None:
    """Catches a difference that the screening passes over."""
    ledger = resting(1).ledger
    shown = there("x-0", **changes)
    assert screened(ledger, shown).others(ledger, (shown,)) == (shown,)
    gone = ended("x-0", 0)
    assert screened(ledger, gone).others(ledger, (gone,)) == (gone,)


OURS = {
    "an amend may hold": {"terms": live_order().terms * 2},
    "unknown": {"state": OrderState.UNKNOWN},
    "missed before": {"silent": 1},
}


@pytest.mark.parametrize("changes", OURS.values(), ids=OURS)
def test_an_order_about_which_something_is_open_is_gone_through(changes: dict[str, object]) -> None:
    """Catches an order of which a read decides something, and that the screening passes over."""
    ledger = resting(0).ledger
    ledger.live.put(live_order(order_id="x-0", **changes), NOW)
    shown = there("x-0")
    assert screened(ledger, shown).others(ledger, (shown,)) == (shown,)


def test_an_order_past_us_is_screened_and_still_proves_that_its_id_is_taken() -> None:
    """Thousands of them may rest, too. Catches the screening that hides one under whose id an order of ours is unknown:
    the exchange has an order with that id, and whether it is ours is for a person to say."""
    record = Record()
    past_us = there("x-0", client_order_id="c-1", price=Price(1_000), subaccount=1)
    record.read(0, past_us)
    approve(record.ledger, "d-1", CreateOrder(order(client_order_id="c-1")))
    record.ledger.settle("d-1", UNKNOWN, NOW)
    for at_ms in (UNSEEN_MS + 10, UNSEEN_MS + 2_000, UNSEEN_MS + 4_000):
        screening = screened(record.ledger, past_us)
        assert screening.others(record.ledger, (past_us,)) == ()
        record.read(at_ms, past_us, screening=screening)
        assert list(record.ledger.pending) == ["d-1"]


def test_what_changed_after_it_was_screened_is_gone_through() -> None:
    """Catches a finding that outlives the order that it was about: an amend came between, or the order ended."""
    record, shown = resting(2), there("x-0")
    screening = screened(record.ledger, shown, there("x-1"))
    new = live_order()
    amend = AmendOrder("x-0", new.ticker, new.side, Price(6_000), Count(1_200))
    approve(record.ledger, "d-9", amend)
    assert screening.others(record.ledger, (shown, there("x-1"))) == (shown,)
    record.ledger.end("d-1/0", NOW)
    assert len(screening.others(record.ledger, (shown, there("x-1")))) == 2


def test_a_ledger_is_the_same_with_and_without() -> None:
    """Catches a round that leaves out what it has to note: the place of a market, the end of a write."""
    rows = [there(f"x-{name}", client_order_id=f"c-{name}", filled=Count(0 if name % 3 else 100)) for name in range(9)]
    one, other = resting(10), resting(10)
    for at_ms in (0, MINUTE, MINUTE + 2_000):
        with_ = one.read(at_ms, *rows, gone=("x-9",), screening=screened(one.ledger, *rows))
        without = other.read(at_ms, *rows, gone=("x-9",))
        assert (with_.changes, with_.breaks, with_.soon) == (without.changes, without.breaks, without.soon)
    assert through_text(one.ledger).live.orders == through_text(other.ledger).live.orders
