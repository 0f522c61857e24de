"""Taking from a book: the golden vectors of the liquidity page, both directions, and the traps of its origin.

Prices of the books are written in cents and whole contracts, as the page has them.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pretrade.model.seen import BookSeen, Level, Source
from pretrade.model.units import Count, Price
from pretrade.risk.checks.liquidity import (
    WEIGHT_ONE,
    Depth,
    Quote,
    Slippage,
    Taking,
    Walk,
    beyond,
    depth,
    levels_for,
    max_safe_size,
    quote,
    walk,
    within,
)


def book(yes: str, no: str) -> BookSeen:
    """A fresh book; a side is written `47x100 46x100`, best first, in cents and contracts of its own leg."""
    return BookSeen(_side(yes), _side(no), 0, Source.FEED)


def _side(text: str) -> tuple[Level, ...]:
    pairs = (item.split("x") for item in text.split())
    return tuple((Price(round(float(price) * 100)), Count(round(float(count) * 100))) for price, count in pairs)


def contracts(count: int) -> Count:
    return Count(100 * count)


B1 = book("47x100 46x100 45x100", "52x100 51x100 50x100")
B2 = book("47x50", "52x50 40x500")
THREE_CENTS = Slippage(most=Price(300))


def test_the_spread_and_the_midpoint_of_the_golden_book() -> None:
    assert quote(B1) == Quote(Price(4_700), Price(4_800))
    assert (quote(B1).spread, quote(B1).twice_mid) == (100, 9_500)


def test_the_depth_of_the_golden_books() -> None:
    near = depth(B1)
    assert (near.yes, near.no, near.total, near.imbalance) == (30_000, 30_000, 60_000, (0, 60_000))
    assert round(near.weighted / WEIGHT_ONE / 100, 4) == 518.1818
    assert round(depth(B2).weighted / WEIGHT_ONE / 100, 4) == 95.4545


@pytest.mark.parametrize(
    ("taking", "count", "average", "slip", "percent", "levels"),
    [
        (Taking.BUY_YES, 100, 48, 0, 0, 1),
        (Taking.BUY_YES, 150, 48.3333, 0.3333, 0.694, 2),
        (Taking.BUY_YES, 250, 48.8, 0.8, 1.667, 3),
        (Taking.SELL_YES, 200, 46.5, 0.5, 1.064, 2),
        (Taking.BUY_NO, 200, 53.5, 0.5, 0.943, 2),
        (Taking.SELL_NO, 200, 51.5, 0.5, 0.962, 2),
    ],
)
def test_the_golden_walks(taking: Taking, count: int, average: float, slip: float, percent: float, levels: int) -> None:
    took = walk(levels_for(B1, taking), contracts(count))
    assert (took.filled, took.remainder, took.levels) == (contracts(count), 0, levels)
    assert round(took.cost / took.filled / 100, 4) == average
    assert round(took.excess / took.filled / 100, 4) == slip
    assert round(took.excess / took.filled / took.best * 100, 3) == percent


def test_what_the_book_does_not_have_remains() -> None:
    took = walk(levels_for(B1, Taking.BUY_YES), contracts(301))
    assert (took.filled, took.remainder, took.worst) == (contracts(300), contracts(1), 5_000)


def test_a_cliff_is_walked_over() -> None:
    took = walk(levels_for(B2, Taking.BUY_YES), contracts(100))
    assert (took.cost, took.excess) == (contracts(100) * 5_400, contracts(100) * 600)
    assert not took.keeps(Slippage(percent=1_249))
    assert took.keeps(Slippage(percent=1_250))


@pytest.mark.parametrize(("most", "safe"), [(300, 300), (100, 300), (0, 100)])
def test_the_golden_safe_sizes(most: int, safe: int) -> None:
    assert max_safe_size(levels_for(B1, Taking.BUY_YES), Slippage(most=Price(most))) == contracts(safe)


def test_the_safe_sizes_of_the_cliff_to_the_last_hundredth() -> None:
    """The page has 66 whole contracts; the exchange counts in hundredths."""
    assert max_safe_size(levels_for(B2, Taking.BUY_YES), THREE_CENTS) == 6_666
    assert max_safe_size(levels_for(B2, Taking.BUY_NO), THREE_CENTS) == contracts(50)


def test_a_safe_size_exists_in_every_direction() -> None:
    """Trap 5: the origin had one for buys alone, though selling YES opens NO."""
    sizes = {taking: max_safe_size(levels_for(B2, taking), THREE_CENTS) for taking in Taking}
    assert sizes == {
        Taking.BUY_YES: 6_666,
        Taking.SELL_YES: contracts(50),
        Taking.BUY_NO: contracts(50),
        Taking.SELL_NO: 6_666,
    }


def test_cents_and_percent_are_bounded_apart() -> None:
    """Trap 6: one cent is half of two cents and a hundredth of ninety-five."""
    cheap, dear = levels_for(book("1x1", "98x10 97x10"), Taking.BUY_YES), levels_for(
        book("1x1", "5x10 4x10"), Taking.BUY_YES
    )  # fmt: skip
    both = Slippage(most=Price(100), percent=500)
    assert max_safe_size(cheap, Slippage(most=Price(100))) == contracts(20)
    assert max_safe_size(cheap, both) == 1_111  # 1 cent on 11.11 contracts is 10 % of 2 cents for each of the last 1.11
    assert max_safe_size(dear, both) == contracts(20)


@pytest.mark.parametrize(
    ("yes", "no"),
    [("47x100", ""), ("", "52x100"), ("", ""), ("47x100", "53x100"), ("48x100", "53x100")],
    ids=["no asks", "no bids", "empty", "locked", "crossed"],
)
def test_a_book_without_two_sides_apart_has_no_midpoint_and_no_depth(yes: str, no: str) -> None:
    """Traps 1 and 2: the origin gave a locked book a perfect spread."""
    assert quote(book(yes, no)) is None
    assert depth(book(yes, no)) == Depth()


def test_no_bids_count_at_one_dollar_less_their_price() -> None:
    """Trap 3: YES 40 against NO 60 is the same distance, not a far level; the origin's sample test had it wrong."""
    assert depth(book("40x100", "50x100")).weighted == depth(book("50x100", "40x100")).weighted
    assert depth(book("45x100", "45x100")).weighted == 2 * 10_000 * (WEIGHT_ONE - 1_000)


def test_an_order_meets_only_levels_at_its_limit_or_better() -> None:
    """Trap 4: a limit is a protection of its own, and a passive order takes nothing."""
    asks = levels_for(B1, Taking.BUY_YES)
    assert within(asks, Price(4_900)) == asks[:2]
    assert within(asks, Price(4_799)) == ()
    assert walk(within(asks, Price(4_799)), contracts(10)) == Walk(Count(0), contracts(10))


def test_prices_and_counts_have_hundredths() -> None:
    """Trap 9: ticks down to $0.0001 and steps of 0.01 contract."""
    edge = book("0.97x0.01 0.96x5", "99x0.5 98.99x0.25")
    assert quote(edge) == Quote(Price(97), Price(100))
    took = walk(levels_for(edge, Taking.BUY_YES), Count(75))
    assert (took.cost, took.excess) == (50 * 100 + 25 * 101, 25)


def test_what_earlier_orders_took_is_gone() -> None:
    assert beyond(B1.yes, 15_000) == ((4_600, 5_000), (4_500, 10_000))
    assert beyond(B1.yes, 30_000) == ()


@pytest.mark.parametrize("count", [0, -1])
def test_no_contracts_cannot_be_taken(count: int) -> None:
    with pytest.raises(ValueError, match="above zero"):
        walk(B1.yes, Count(count))


LEVELS = st.lists(
    st.tuples(st.integers(1, 9_999), st.integers(1, 5_000)), max_size=6, unique_by=lambda level: level[0]
).map(lambda levels: tuple((Price(price), Count(count)) for price, count in sorted(levels)))
SLIPPAGES = st.builds(
    Slippage,
    most=st.none() | st.integers(0, 500).map(Price),
    percent=st.none() | st.integers(0, 10_000),
)


@given(levels=LEVELS, slippage=SLIPPAGES)
def test_the_safe_size_is_the_last_that_fills_whole_and_keeps(levels: tuple[Level, ...], slippage: Slippage) -> None:
    """Catches a size that is rounded up, and one that stops a level early."""
    total, safe = sum(count for _, count in levels), max_safe_size(levels, slippage)
    if safe:
        took = walk(levels, safe)
        assert took.keeps(slippage)
        assert not took.remainder
    assert safe == total or not walk(levels, Count(safe + 1)).keeps(slippage)


@given(levels=LEVELS, first=st.integers(1, 5_000), second=st.integers(1, 5_000))
def test_two_walks_cost_what_one_does(levels: tuple[Level, ...], first: int, second: int) -> None:
    """Catches a batch whose legs are each judged by a whole book: split in two, the same is taken at the same cost."""
    whole, one = walk(levels, Count(first + second)), walk(levels, Count(first))
    two = walk(beyond(levels, one.filled), Count(second), whole.best)
    assert (whole.filled, whole.cost, whole.excess) == (
        one.filled + two.filled,
        one.cost + two.cost,
        one.excess + two.excess,
    )
