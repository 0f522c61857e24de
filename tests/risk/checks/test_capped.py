"""What rests beside an order that the exchange caps at what is held."""

from itertools import count

import pytest
from tests.builders import TICKER, facts, order
from tests.risk.kit import NOW, TODAY, UNKNOWN, accepted, judged

from pretrade.gateway.way.records import approval_of
from pretrade.model.instance import Mode
from pretrade.model.orders import CancelAll, CreateBatch, CreateOrder, NewOrder, Side, TimeInForce
from pretrade.risk.checks.capped import crowded
from pretrade.risk.ledger.ledger import Ledger

CAPPED = {"time_in_force": TimeInForce.IMMEDIATE_OR_CANCEL, "reduce_only": True}
SELL = order(side=Side.ASK, **CAPPED)


class Desk:
    def __init__(self) -> None:
        self.ledger, self._names = Ledger(), count()

    def send(self, new: NewOrder, subaccount: int = 0) -> str:
        """An approved order that nobody has answered yet."""
        name, write = f"d-{next(self._names)}", CreateOrder(new)
        on = facts(now_ms=NOW, day=TODAY, subaccount=subaccount)
        self.ledger.approve(approval_of(judged(write, on), name))
        return name

    def rest(self, new: NewOrder, subaccount: int = 0) -> str:
        """One that rests."""
        name = self.send(new, subaccount)
        self.ledger.settle(name, accepted((f"x-{name}", 0, new.count)), NOW)
        return name

    def crowded(self, new: NewOrder = SELL) -> tuple[bool, ...]:
        return crowded(self.ledger, Mode.LIVE, 0, CreateOrder(new))


def test_whatever_may_fill_on_its_side_crowds_an_order() -> None:
    """Catches an order under way or of unknown end that is left out, and one of another side, market or subaccount that
    is not."""
    desk = Desk()
    assert desk.crowded() == (False,)
    desk.rest(order(side=Side.BID))
    desk.rest(order(side=Side.ASK, ticker="KX-OTHER"))
    desk.rest(order(side=Side.ASK), subaccount=1)
    assert desk.crowded() == (False,)
    for make in (desk.send, desk.rest):
        other = Desk()
        getattr(other, make.__name__)(order(side=Side.ASK))
        assert other.crowded() == (True,)
    name = desk.send(order(side=Side.ASK, reduce_only=True))
    desk.ledger.settle(name, UNKNOWN, NOW)
    assert desk.crowded() == (True,)


def test_one_that_is_capped_itself_crowds_nobody() -> None:
    """Catches an exit that must wait until the unknown end of the one before it is found: the exchange caps both."""
    desk = Desk()
    desk.ledger.settle(desk.send(SELL), UNKNOWN, NOW)
    desk.send(SELL)
    assert desk.crowded() == (False,)


@pytest.mark.parametrize(
    "write", [CancelAll(0), CreateOrder(order(side=Side.ASK)), CreateBatch((SELL, order(side=Side.ASK)))]
)
def test_what_is_not_capped_is_not_looked_at(write: CancelAll | CreateOrder | CreateBatch) -> None:
    desk = Desk()
    desk.rest(order(side=Side.ASK, ticker=TICKER))
    assert crowded(desk.ledger, Mode.LIVE, 0, write) == ()
