"""One order: what of it may still fill, at the worst terms that it may have."""

from dataclasses import replace

import pytest
from tests.risk.kit import contracts, live_order

from pretrade.model.orders import UNKNOWN_FLAGS, Side
from pretrade.model.units import Count, Money, Price
from pretrade.risk.ledger.live_order import LiveOrder, Terms
from pretrade.risk.ledger.worst_case import fee


def order(side: Side, *terms: tuple[int, int], filled: int = 0, spent: int = 0) -> LiveOrder:
    """An order with these terms (price, whole contracts), the later ones by amends."""
    made = tuple(
        Terms(Price(price), contracts(total), f"d-{n}" if n else None) for n, (price, total) in enumerate(terms)
    )
    return live_order(side=side, terms=made, filled=Count(filled), spent=Money(spent))


@pytest.mark.parametrize(
    ("side", "terms", "filled", "price", "remaining", "leg"),
    [
        (Side.BID, ((5_600, 10),), 0, 5_600, 1_000, 5_600),
        (Side.ASK, ((5_600, 10),), 0, 5_600, 1_000, 4_400),
        (Side.BID, ((5_600, 10),), 400, 5_600, 600, 5_600),
        (Side.BID, ((5_600, 10), (3_000, 20)), 0, 5_600, 2_000, 5_600),
        (Side.BID, ((5_600, 10), (9_000, 5)), 0, 9_000, 1_000, 9_000),
        (Side.ASK, ((5_600, 10), (9_000, 5)), 0, 5_600, 1_000, 4_400),
        (Side.ASK, ((5_600, 10), (3_000, 5)), 0, 3_000, 1_000, 7_000),
        (Side.BID, ((5_600, 10), (3_000, 20), (4_000, 2)), 500, 5_600, 1_500, 5_600),
        (Side.BID, ((5_600, 10),), 1_100, 5_600, 0, 5_600),  # filled past its total: nothing, and never below
    ],
)
def test_the_worst_of_its_terms_counts(
    side: Side, terms: tuple[tuple[int, int], ...], filled: int, price: int, remaining: int, leg: int
) -> None:
    """Catches the new terms alone, the old ones alone, and the better price for an ask."""
    made = order(side, *terms, filled=filled)
    assert (made.price, made.remaining, made.leg) == (price, remaining, leg)
    assert made.worst_fee == (fee(side, Price(price), Count(remaining), 10_000) if remaining else 0)
    assert made.is_amending is (len(terms) > 1)


def test_the_worst_cost_keeps_what_was_spent() -> None:
    """Catches fills that are priced anew by an amend, and a fee for what has filled."""
    made = order(Side.BID, (4_000, 10), filled=500, spent=2_800_000)
    assert made.worst_cost == 2_800_000 + 2_000_000
    done = replace(made, filled=Count(1_000), spent=Money(4_800_000))
    assert (done.worst_cost, done.worst_fee) == (4_800_000, 0)


def test_an_amend_comes_and_goes_by_its_decision() -> None:
    """Catches an amend whose refusal takes another's terms away, or the order's own."""
    made = order(Side.BID, (5_600, 10))
    for number, price in ((1, 3_000), (2, 9_000)):
        made = made.amended(Terms(Price(price), contracts(10), f"d-{number}", sent_ms=number))
    assert [terms.price for terms in made.without_amend("d-2").terms] == [5_600, 3_000]
    assert [terms.price for terms in made.without_amend("d-9").terms] == [5_600, 3_000, 9_000]
    answered = made.amend_answered("d-1", 77)
    assert [terms.answered_ms for terms in answered.terms] == [None, 77, None]
    assert (answered.answered_ms, answered.price, answered.remaining) == (77, 9_000, 1_000)


@pytest.mark.parametrize(
    ("rests_until", "stated", "meanwhile", "then"),
    [
        (0, None, 0, 0),
        (0, 50, 0, 50),
        (90, 50, 90, 50),
        (50, 90, 90, 90),
        (50, 0, 0, 0),
        (50, None, 50, 50),
        (None, 50, None, 50),
        (None, None, None, None),
    ],
)
def test_an_amend_moves_the_end_of_an_order(
    rests_until: int | None, stated: int | None, meanwhile: int | None, then: int | None
) -> None:
    """Until the exchange has said yes, the later of both ends counts; zero is none. Catches an order that is taken for
    one that ends soon because an amend under way says so, and one whose end is cleared and goes unnoticed."""
    made = replace(order(Side.BID, (5_600, 10)), flags=UNKNOWN_FLAGS._replace(rests_until=rests_until))
    under_way = made.amended(Terms(Price(5_600), contracts(12), "d-1"), stated)
    assert under_way.flags.rests_until == meanwhile
    assert under_way.amend_answered("d-1", 1, stated).flags.rests_until == then


def test_an_end_is_not_known_while_another_amend_is_under_way() -> None:
    """Which of the two came first at the exchange nobody knows. Catches the answer that came first taken for it: the
    other one may have cleared the end."""
    made = replace(order(Side.BID, (5_600, 10)), flags=UNKNOWN_FLAGS._replace(rests_until=50))
    for decision_id, stated in (("d-1", 90), ("d-2", 0)):
        made = made.amended(Terms(Price(5_600), contracts(12), decision_id), stated)
    made = made.amend_answered("d-1", 1, 90)
    assert made.flags.rests_until == 0
    assert made.amend_answered("d-2", 2, 0).flags.rests_until == 0


@pytest.mark.parametrize(("sent_ms", "then"), [(3, 0), (5, 0), (6, 90), (7, 90)])
def test_of_amends_that_were_under_way_together_the_last_answer_does_not_tell_the_end(sent_ms: int, then: int) -> None:
    """The one that is answered first may have come last. Catches a client that has an order rest for ever past what the
    policy lets it: it sends an amend that clears the end beside one that states a short one."""
    made = replace(order(Side.BID, (5_600, 10)), flags=UNKNOWN_FLAGS._replace(rests_until=50))
    made = made.amended(Terms(Price(5_600), contracts(12), "d-1", sent_ms=1), 0)
    if sent_ms >= 6:
        made = made.amend_answered("d-1", 6, 0)
    made = made.amended(Terms(Price(5_600), contracts(12), "d-2", sent_ms=sent_ms), 90)
    if sent_ms < 6:
        made = made.amend_answered("d-1", 6, 0)
    assert made.amend_answered("d-2", 9, 90).flags.rests_until == then
