"""Invariant 6 in every state that can be reached: the ledger's machine wanders, and wherever it stops is a way out.

Rule of this file: the wandering is the machine's own (`test_machine`), without what it claims of the ledger; the claim
here is that exits and what strictly reduces pass, with everything else that a check looks at broken.
"""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import settings
from tests.builders import fresh_pace
from tests.risk.exits import at_worst, tightest
from tests.risk.ledger.test_machine import LedgerMachine
from tests.risk.machine import CLIENTS, PLACES, World, new_order

from pretrade.model.decisions import Approved
from pretrade.model.orders import CancelAll, CancelOrder, CreateOrder, DecreaseOrder, Side, Write
from pretrade.model.units import Count
from pretrade.risk.checks.engine import decide

_OTHER_CLIENT = """  spread-bot:
    key_id: spread-bot-key
    public_key: keys/momentum-bot.pub.pem
    subaccount: 1

# How much may be asked for"""
TIGHTEST = tightest(("\n# How much may be asked for", _OTHER_CLIENT))


def exits_pass(machine: LedgerMachine) -> int:
    """Every order that a client can name can be canceled and made smaller; returns how many there were."""
    known = machine.known()
    for client, order in known:
        place = {"market_ticker": order.where[1], "subaccount": order.where[0]}
        exits: tuple[Write, ...] = (
            CancelOrder(order.order_id, **place),
            DecreaseOrder(order.order_id, reduce_to=Count(1), **place),
            CancelAll(order.where[0]),
        )
        for write in exits:
            assert isinstance(decide(write, at_worst(machine.world.facts(client, write)), TIGHTEST), Approved), write
    return len(known)


def reducing_passes(world: World) -> int:
    """An order of one contract passes exactly where it strictly reduces; returns how many do."""
    found = 0
    for client, ticker, side in product(CLIENTS, PLACES, Side):
        write = CreateOrder(new_order(ticker, side, 5_000, 1, client, "way-out", rests=True))
        facts = replace(world.facts(client, write), reconciled_ms=0, pace=fresh_pace(write, 0))
        passes = isinstance(decide(write, at_worst(facts), TIGHTEST), Approved)
        assert passes is all(facts.reduces), (write, facts)
        found += passes
    return found


class WaysOut(LedgerMachine):
    """The machine's wandering, and a look around where it ends."""

    def begin_with(self, world: World, *, tainted: bool = False) -> None:
        """As the machine begins, without its claim on what a read may raise."""
        super().begin_with(world, tainted=True)

    def holds(self) -> None:
        """What the machine claims after every step is its own test's."""

    def most_paid(self, write: Write) -> int:
        """The same of what it claims of an amend."""
        return 0

    def teardown(self) -> None:
        """Nothing is trapped in the state that was reached."""
        if hasattr(self, "world"):
            exits_pass(self)
            reducing_passes(self.world)


TestWaysOut = WaysOut.TestCase
TestWaysOut.settings = settings(stateful_step_count=20)
TestWaysOut.pytestmark = [pytest.mark.timeout(900)]


def test_the_look_around_meets_ways_out() -> None:
    """Catches a search above that never meets an order to cancel or a position to reduce."""
    world, machine = World(), WaysOut.__new__(WaysOut)
    world.exchange.move((0, "KXBTC-A1"), Side.BID, 1_000, 300)
    world.exchange.move((1, "KXBTC-B1"), Side.ASK, 1_000, 300)
    machine.begin_with(world)
    machine.order("momentum-bot", "KXBTC-A2", Side.BID, 1_000, 1, "answered", 0)
    machine.read_whole(0, 40_000)
    assert exits_pass(machine) == 1
    assert reducing_passes(world) == 2
