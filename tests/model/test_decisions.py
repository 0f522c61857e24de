"""A decision's checks and reasons."""

from tests.builders import order

from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Check, Denied
from pretrade.model.orders import CreateOrder


def test_reasons_are_the_checks_that_object_in_their_order() -> None:
    """Catches a reason left out, a passed check shown as one, and an order of reasons that hides the first."""
    role = Check("instance.role", "W", "W or ABH")
    band = Check("price.band", "0.9900", "0.0200 to 0.9800", DenyCode.PRICE_OUTSIDE_BAND)
    count = Check("limits.order.max_count", "101.00", "100.00", DenyCode.ORDER_COUNT_EXCEEDS_MAXIMUM, leg=1)
    denied = Denied(CreateOrder(order()), (band, role, count))
    assert denied.reasons == (band, count)
    assert [check.passed for check in denied.checks] == [False, True, False]
