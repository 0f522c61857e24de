"""What is frozen for the type checker is otherwise what the standard library would have made."""

import dataclasses

import pytest
from tests.builders import facts, order

from pretrade.model.frozen import replace
from pretrade.model.orders import CreateOrder, Side
from pretrade.model.units import Count
from pretrade.risk.ledger.live_order import LiveOrder, OrderState, Terms

TERMS = Terms(order().price, Count(100))
REST = LiveOrder("d-1/0", "bot", 0, "KXBTC-1", Side.BID, (TERMS,), OrderState.HELD, 10_000, 5)


@pytest.mark.parametrize("one", [REST, TERMS, order(), facts()], ids=lambda one: type(one).__name__)
def test_a_changed_value_differs_in_that_alone(one: LiveOrder) -> None:
    """Each field in turn. Catches a value in another's place, and one that is changed where it stands."""
    before = dataclasses.asdict(one)
    for name in before:
        changed = replace(one, **{name: "new"})
        assert changed == dataclasses.replace(one, **{name: "new"})
        assert (type(changed), getattr(changed, name)) == (type(one), "new")
    assert dataclasses.asdict(one) == before


def test_what_is_no_field_is_refused() -> None:
    """Catches a misspelt change that changes nothing."""
    with pytest.raises(KeyError):
        replace(REST, remaining=Count(1))  # type: ignore[call-arg]


def test_equal_values_are_one_key() -> None:
    """Catches values that are equal and not found again, or that are told apart by their identity."""
    assert {CreateOrder(order())} == {CreateOrder(order())}
    assert CreateOrder(order()) != CreateOrder(order("11.00"))
    assert CreateOrder(order()) != (order(),)
