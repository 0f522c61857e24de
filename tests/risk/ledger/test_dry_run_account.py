"""The account of the dry run: counted like the real one, settled at once, and forgotten when its orders end."""

import pytest
from tests.builders import TICKER, amend, order
from tests.risk.kit import NOW, TODAY, TOMORROW, approve, through_text

from pretrade.model.facts import NamedOrder
from pretrade.model.instance import Mode
from pretrade.model.orders import (
    CancelAll,
    CancelBatch,
    CancelOrder,
    CreateBatch,
    CreateOrder,
    DecreaseOrder,
    Side,
    TimeInForce,
    Write,
)
from pretrade.model.units import Count
from pretrade.risk.ledger.dry_run import order_id
from pretrade.risk.ledger.ledger import Ledger

COST = 5_600_000
X = order_id("d-1", 0)
SOON = NOW // 1000 + 60


def ask(ledger: Ledger, name: str, write: Write, **changes: object) -> None:
    approve(ledger, name, write, mode=Mode.DRY_RUN, **changes)


def rested(**changes: object) -> Ledger:
    """A dry run in which one order rests."""
    ledger = Ledger()
    ask(ledger, "d-1", CreateOrder(order(**changes)))
    return ledger


def counted(ledger: Ledger, day: str = TODAY) -> tuple[int, ...]:
    """(open orders, worst position, orders of the day, notional of the day); nothing live ever counts."""
    assert ledger.live.open_orders(None) == 0 and ledger.pending == {}
    account = ledger.dry.account
    use = account.days.orders(day, (None, "")), account.days.notional(day, (None, ""))
    return account.open_orders(None), account.worst_position(None, TICKER), *use


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (CreateOrder(order()), (2, 2_000, 2, 2 * COST)),
        (CreateBatch((order(), order("5"))), (3, 2_500, 3, 2 * COST + COST // 2)),
        (CreateOrder(order(time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL)), (1, 1_000, 2, COST)),
        (CreateOrder(order(time_in_force=TimeInForce.FILL_OR_KILL)), (1, 1_000, 2, COST)),
        (CancelOrder(X), (0, 0, 1, 0)),
        (CancelBatch((CancelOrder(X), CancelOrder("dry-none"))), (0, 0, 1, 0)),
        (CancelAll(0), (0, 0, 1, 0)),
        (DecreaseOrder(X, reduce_to=Count(400)), (1, 400, 1, COST)),
        (DecreaseOrder(X, reduce_by=Count(1_000)), (0, 0, 1, 0)),
        (amend("20", "0.5600", order_id=X), (1, 2_000, 1, 2 * COST)),
        (amend("10", "0.1000", order_id=X), (1, 1_000, 1, COST)),
        (amend("10", "0.5600", order_id="dry-none"), (1, 1_000, 1, COST)),
        (amend("20", "0.5600", order_id=X, side=Side.ASK), (1, 1_000, 1, COST)),
    ],
)
def test_what_counts_after_each_write(write: Write, expected: tuple[int, ...]) -> None:
    """Catches an order that ended and counts on, notional that is not given back, and an amend that changed nothing
    and counts."""
    ledger = rested()
    ask(ledger, "d-2", write)
    assert counted(ledger) == expected


def test_a_duplicate_counts_as_an_order_and_opens_nothing() -> None:
    """The exchange answers 409. Catches a second order that counts as open, and one that is no order of the day."""
    ledger = rested(client_order_id="c-1")
    ask(ledger, "d-2", CreateOrder(order(client_order_id="c-1")))
    assert counted(ledger) == (1, 1_000, 2, COST)


@pytest.mark.parametrize(("later_ms", "expected"), [(59_999, (1, 1_000)), (60_000, (0, 0))])
def test_an_order_counts_until_its_time_is_over(later_ms: int, expected: tuple[int, int]) -> None:
    """Catches an expired order that blocks the limits of the dry run, and one that frees a millisecond early."""
    ledger = rested(expiration_time=SOON)
    ledger.dry.expire(NOW + later_ms // 60_000 * 60_000 + later_ms % 60_000)
    assert counted(ledger)[:2] == expected


@pytest.mark.parametrize(
    ("expiry", "expected"),
    [(SOON + 60, [1, 1, 0]), (0, [1, 1, 1]), (SOON - 30, [0, 0, 0]), (None, [1, 0, 0])],
    ids=["later", "never", "sooner", "as it was"],
)
def test_an_amend_moves_the_time(expiry: int | None, expected: list[int]) -> None:
    """Catches an order that ends at its old time, or that never ends, after an amend of its expiry."""
    ledger = rested(expiration_time=SOON)
    ask(ledger, "d-2", amend(order_id=X, expiration_time=expiry))
    seen = []
    for seconds in (45, 60, 120):
        ledger.dry.expire(NOW + seconds * 1_000)
        seen.append(counted(ledger)[0])
    assert seen == expected


def test_a_write_lets_go_of_what_has_expired_first() -> None:
    """Catches an expired order that still counts when the next one is judged, and a cancel of it that is answered as
    if it rested."""
    ledger = rested(expiration_time=SOON)
    ask(ledger, "d-2", CreateOrder(order("1")), now_ms=NOW + 60_000)
    assert counted(ledger)[:2] == (1, 100)


def test_times_come_back_with_a_snapshot() -> None:
    """Catches an order that never expires after a restart."""
    again = through_text(rested(expiration_time=SOON))
    assert again.dry.expiries == ((SOON * 1_000, X),)
    again.dry.expire(NOW + 60_000)
    assert counted(again)[:2] == (0, 0)


def test_an_amend_counts_on_its_own_day() -> None:
    """Catches tomorrow's amends that are counted on today, where nobody looks any more."""
    ledger = rested()
    ask(ledger, "d-2", amend("20", "0.5600", order_id=X), day=TOMORROW)
    assert (counted(ledger)[3], counted(ledger, TOMORROW)[3]) == (COST, COST)


@pytest.mark.parametrize(
    ("name", "client", "expected"),
    [
        (X, "momentum-bot", NamedOrder(X, "momentum-bot", TICKER, Side.BID)),
        (X, "other", NamedOrder(X, None, TICKER, Side.BID)),
        ("dry-none", "momentum-bot", NamedOrder("dry-none", None)),
    ],
)
def test_whose_a_dry_run_order_is(name: str, client: str, expected: NamedOrder) -> None:
    """Catches another's dry-run order that a client may cancel."""
    assert rested().dry.named(name, client) == expected
