"""Which limits on the day's loss a policy has, and when one of them stops trading."""

import pytest
from tests.builders import policy

from pretrade.model.units import Money
from pretrade.risk.checks.loss_limits import is_reached, loss_limits

DOLLAR = 1_000_000


@pytest.mark.parametrize(
    ("loss", "before", "stops"),
    [
        (49_999_999, None, False),
        (50_000_000, None, True),
        (50_000_001, 50_000_000, False),  # resumed at the same loss: a tick more does not stop it again
        (54_999_999, 50_000_000, False),
        (55_000_000, 50_000_000, True),  # a tenth of the limit more
        (57 * DOLLAR, 55 * DOLLAR, False),
        (60 * DOLLAR, 55 * DOLLAR, True),
        (120 * DOLLAR, 60 * DOLLAR, True),
        (50 * DOLLAR, 80 * DOLLAR, False),
        (-DOLLAR, None, False),
    ],
)
def test_each_tenth_of_a_limit_stops_once_a_day(loss: int, before: int | None, stops: bool) -> None:
    """Catches a limit that stops at its own value plus one, one that stops again at every tick after a person's resume,
    and one that never stops again however much more is lost."""
    assert is_reached(Money(loss), Money(50 * DOLLAR), None if before is None else Money(before)) == stops


def test_the_accounts_limit_comes_first_and_a_clients_own_is_its_subaccounts() -> None:
    found = loss_limits(policy(strict=True))
    assert [(one.rule, one.client, one.subaccount, one.limit) for one in found] == [
        ("limits.day.max_loss", "", None, 50 * DOLLAR)
    ]
