"""What a day's notional keeps and gives back where orders are amended: single stories with their sums written out.

Rule of this file: an order counts what it can cost; what has filled keeps the price that it may have filled at.
"""

from fractions import Fraction

import pytest
from tests.oracle.intents import Amend, Asker, New
from tests.oracle.product import Product
from tests.oracle.scenes import CLIENTS, DAYS, PLACES

TICKER = "KXA-1-T1"
FIRST, SECOND = (Asker("ann", *CLIENTS["ann"], "W", "ACTIVE", day) for day in DAYS)
WHOLE = Fraction(1)


def dollars(text: str) -> Fraction:
    """An amount."""
    return Fraction(text)


def resting(price: str, count: int, filled: int = 0) -> Product:
    """An account with one resting bid of the first day, of which some has filled."""
    product = Product(PLACES)
    product.approve("d1", (New(TICKER, "bid", dollars(price), Fraction(count)),), FIRST, WHOLE)
    product.answer("d1", [("d1/0", Fraction(filled), Fraction(count - filled))])
    return product


def amend(product: Product, price: str, count: int, asker: Asker = FIRST) -> None:
    """An amend of the order is approved."""
    product.approve("d2", Amend("d1/0", TICKER, "bid", dollars(price), Fraction(count)), asker, WHOLE)


def notional(product: Product, asker: Asker = FIRST) -> Fraction:
    """What the asker's day counts."""
    return product.figures(asker.day)["day_notional", None, ""]


@pytest.mark.parametrize("asker", [FIRST, SECOND])
def test_what_an_amend_adds_counts_on_the_day_of_the_amend(asker: Asker) -> None:
    """Catches an order of an older day that is amended upwards for ever while today counts nothing."""
    product = resting("0.40", 10)
    before = notional(product, asker)
    amend(product, "0.50", 12, asker)
    assert notional(product, asker) == before + dollars("2.00")


@pytest.mark.parametrize("ending", ["rejected", "not_sent"])
def test_an_amend_that_did_not_happen_takes_back_what_it_added(ending: str) -> None:
    """Catches the day's budget eaten by amends that the exchange refused."""
    product = resting("0.40", 10)
    amend(product, "0.50", 10)
    product.end("d2", ending)
    assert notional(product) == dollars("4.00")


@pytest.mark.parametrize("ending", ["accepted", "unknown"])
def test_an_amend_that_may_have_happened_keeps_what_it_added(ending: str) -> None:
    """Catches an amend's silence, or its bare yes, read as an end."""
    product = resting("0.40", 10)
    amend(product, "0.50", 10)
    product.end("d2", ending)
    assert notional(product) == dollars("5.00")


def test_what_has_filled_keeps_the_price_it_filled_at() -> None:
    """Catches a read or a cancel that prices what filled at 0.50 at the 0.40 that the rest has now."""
    product = resting("0.50", 10, filled=5)
    amend(product, "0.40", 10)
    product.end("d2", "accepted")
    product.read("d1/0", dollars("0.40"), Fraction(10), Fraction(5))
    assert notional(product) == dollars("4.50")
    product.canceled("d1/0")
    assert notional(product) == dollars("2.50")


def test_what_fills_while_an_amend_is_under_way_counts_at_the_worse_price() -> None:
    """Catches a fill of either terms reckoned at the cheaper ones."""
    product = resting("0.40", 10)
    amend(product, "0.50", 10)
    product.fill("d1/0", Fraction(4))
    product.canceled("d1/0")
    assert notional(product) == dollars("2.00")


def test_a_later_day_keeps_what_an_amend_added_to_it() -> None:
    """Catches a day that gives back what another one had counted."""
    product = resting("0.40", 10)
    amend(product, "0.50", 10, SECOND)
    product.canceled("d1/0")
    assert notional(product, SECOND) == dollars("1.00")
    assert notional(product, FIRST) == 0


def fills_of_both(old: tuple[Fraction, int], new: tuple[Fraction, int]) -> Fraction:
    """The most that an order can come to cost: so many contracts fill at the old terms, then the amend holds."""
    (old_price, old_total), (new_price, new_total) = old, new
    return max(
        old_price * before + new_price * max(0, new_total - before if amended else 0)
        for before in range(old_total + 1)
        for amended in (False, True)
    )


@pytest.mark.parametrize("old", ["0.10", "0.50", "0.90"])
@pytest.mark.parametrize("new", ["0.10", "0.50", "0.90"])
def test_an_amend_counts_whatever_mix_of_both_terms_may_fill(old: str, new: str) -> None:
    """Catches two at 0.90 amended to four at 0.10 that count as nothing more: two may fill before it, two after."""
    for total in range(1, 5):
        for wanted in range(1, 7):
            product = resting(old, total)
            amend(product, new, wanted)
            worst = fills_of_both((dollars(old), total), (dollars(new), wanted))
            dear, cheap = sorted(((dollars(old), total), (dollars(new), wanted)), reverse=True)
            assert notional(product) >= worst, (total, wanted)
            assert notional(product) == dear[0] * dear[1] + cheap[0] * max(0, cheap[1] - dear[1]), (total, wanted)
