"""Bugs that hundreds of random runs of the ledger's machine may not meet, each with what does meet it."""

from collections.abc import Callable
from functools import partial

import pytest
from tests.risk.ledger import test_book
from tests.risk.ledger.test_machine import LedgerMachine
from tests.risk.machine import HIDDEN_MS, World
from tests.risk.planted import ELSEWHERE, PLANTED
from tests.risk.reconciling import test_reconciled_amends, test_reconciled_orphans, test_reconciled_positions

from pretrade.model.orders import AmendOrder, Side
from pretrade.model.units import Count, Price


def a_fill_beside_what_the_exchange_showed(machine: LedgerMachine) -> None:
    """Two reads show contracts that are not ours, which cannot be adopted while an order of ours is under way; then
    another one of ours fills."""
    machine.order("momentum-bot", "KXBTC-A1", Side.ASK, 9_000, 1, "sent", 0)
    machine.a_position_is_seen((0, "KXBTC-A1"), Side.BID, 5_000, snapshot=False)
    machine.read_whole(0, HIDDEN_MS)
    machine.order("momentum-bot", "KXBTC-A1", Side.BID, 5_000, 2, "answered", 2)


def an_amend_beside_a_read(machine: LedgerMachine) -> None:
    """The orders of a reading are from before an amend, and it is taken in when that is answered."""
    machine.order_that_rests("momentum-bot", "KXBTC-A1", Side.BID, 1_000, 1)
    machine.read_on(0, at_once=False)
    [order] = machine.world.exchange.orders.values()
    write = AmendOrder(order.order_id, "KXBTC-A1", Side.BID, Price(5_000), Count(300))
    machine.write("momentum-bot", write, "answered")
    machine.read_on(0, at_once=False)
    machine.read_on(0, at_once=False)


def a_clock_that_goes_back(machine: LedgerMachine) -> None:
    """An order of the second day, and one after the clock has gone back to the first."""
    machine.wait(100, skew_ms=None, days=1)
    machine.order_that_rests("momentum-bot", "KXBTC-A1", Side.BID, 1_000, 1)
    machine.wait(100, skew_ms=None, days=-1)
    machine.order_that_rests("momentum-bot", "KXBTC-A1", Side.BID, 1_000, 1)


def play(script: Callable[[LedgerMachine], None]) -> None:
    """The steps of a script, with all that must hold after them and in the end."""
    machine = LedgerMachine.__new__(LedgerMachine)
    machine.begin_with(World())
    script(machine)
    machine.holds()
    machine.teardown()


MET_BY: dict[str, Callable[[], None]] = {
    "a_position_is_adopted_while_orders_are_under_way": (
        test_reconciled_positions.test_a_figure_of_before_our_last_fill_proves_nothing
    ),
    "a_read_takes_amends_away_that_it_cannot_show": (
        test_reconciled_amends.test_what_a_decrease_may_have_brought_does_not_prove_an_amend
    ),
    "a_snapshot_forgets_what_the_exchange_shows": (
        test_reconciled_positions.test_what_the_orders_still_do_not_show_in_a_later_copy_counts_beside_them
    ),
    "an_answer_need_not_be_older_than_a_read": partial(play, an_amend_beside_a_read),
    "fills_do_not_move_what_the_exchange_showed": partial(play, a_fill_beside_what_the_exchange_showed),
    "the_day_goes_back_with_the_clock": partial(play, a_clock_that_goes_back),
    "the_fills_of_an_orphan_move_nothing": (
        test_reconciled_orphans.test_an_orphan_is_counted_once_and_told_until_it_is_explained
    ),
    "what_reduces_forgets_the_orders_that_reduce_already": partial(
        test_book.test_what_can_only_close, 300, None, ((Side.ASK, 5_000, 100),), Side.ASK, 201, expected=False
    ),
}
"""What meets each bug, whatever the seed: steps of the machine, or another room's test."""


def test_every_bug_that_is_met_elsewhere_is_met_here() -> None:
    """Catches a bug that neither the random runs nor anything else looks for."""
    assert set(MET_BY) == set(ELSEWHERE)


@pytest.mark.parametrize("name", MET_BY)
def test_a_bug_is_met(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches a rule of the ledger that nothing holds any more; without the bug all is well."""
    MET_BY[name]()
    PLANTED[name](monkeypatch)
    with pytest.raises(AssertionError):
        MET_BY[name]()
