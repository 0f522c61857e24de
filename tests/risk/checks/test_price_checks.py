"""Prices on the grid and near the reference price: each side to the last unit, the reason, what was seen."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import amend, order
from tests.risk.marketkit import CENTS, COLLAR, book, leg, market, trade

from pretrade.model.codes import DenyCode
from pretrade.model.markets import PriceRange
from pretrade.model.orders import Side, TimeInForce
from pretrade.model.seen import BookSeen, MarketSeen, OwnSeen, Source
from pretrade.model.units import Count, Price
from pretrade.policy.words import WhenMissing
from pretrade.risk.checks.price_checks import check_collar, check_tick

BID, ASK = Side.BID, Side.ASK
OUTSIDE, MISSING, STALE = DenyCode.PRICE_OUTSIDE_COLLAR, DenyCode.REFERENCE_MISSING, DenyCode.REFERENCE_STALE
LAST_TRADE = replace(COLLAR, when_missing=WhenMissing.LAST_TRADE)
TAPERED = (
    PriceRange(Price(0), Price(1_000), Price(10)),
    PriceRange(Price(1_000), Price(9_000), Price(100)),
    PriceRange(Price(9_000), Price(10_000), Price(10)),
)


def codes(side: Side, price: str, seen: MarketSeen | None, *, reduces: bool = False) -> list[DenyCode | None]:
    """What the collar reports for an order."""
    return [one.code for one in check_collar(leg(order(price=price, side=side), seen, reduces=reduces, collar=COLLAR))]


@pytest.mark.parametrize(
    ("side", "price", "denied"),
    [
        (BID, "0.6600", False),  # the reference price is 0.56: 0.10 above is the last that passes
        (BID, "0.6601", True),
        (BID, "0.5600", False),
        (BID, "0.5100", False),  # 0.05 below
        (BID, "0.5099", True),
        (ASK, "0.4600", False),
        (ASK, "0.4599", True),
        (ASK, "0.6100", False),
        (ASK, "0.6101", True),
    ],
)
def test_both_sides_of_the_collar_hold_to_the_last_unit(side: Side, price: str, denied: bool) -> None:
    """Catches `>=` for `>`, one distance for both sides, and an ask judged as a bid."""
    assert codes(side, price, market()) == [None, OUTSIDE if denied else None]


@pytest.mark.parametrize(
    ("side", "price", "denied"),
    [
        (BID, "0.6600", False),  # the midpoint of 0.5500 and 0.5701 is 0.56005
        (BID, "0.6601", True),
        (BID, "0.5101", False),
        (BID, "0.5100", True),
        (ASK, "0.4601", False),
        (ASK, "0.4600", True),
        (ASK, "0.6100", False),
        (ASK, "0.6101", True),
    ],
)
def test_a_midpoint_between_two_prices_is_exact(side: Side, price: str, denied: bool) -> None:
    """Catches a midpoint that is rounded, either way."""
    seen = market(book=book("0.5500", "0.5701"))
    assert codes(side, price, seen) == [None, OUTSIDE if denied else None]


def test_the_report_says_the_price_the_edge_and_the_reference() -> None:
    """Catches the wrong key, the wrong edge, and a half that is cut off."""
    seen = market(book=book("0.5500", "0.5701"))
    told = [
        (one.rule, one.observed, one.limit, one.unit)
        for price, side in (("0.7000", BID), ("0.3000", BID), ("0.3000", ASK), ("0.7000", ASK))
        for one in check_collar(leg(order(price=price, side=side), seen, collar=COLLAR))[1:]
    ]
    above, below = "0.1000 above the reference price of 0.56005", "0.1000 below the reference price of 0.56005"
    far_above, far_below = above.replace("0.1000", "0.0500"), below.replace("0.1000", "0.0500")
    aggressive, passive = COLLAR.aggressive_rule, COLLAR.passive_rule
    assert told == [
        (aggressive, "0.7000", f"at most 0.66005, {above}", "dollars"),
        (passive, "0.3000", f"at least 0.51005, {far_below}", "dollars"),
        (aggressive, "0.3000", f"at least 0.46005, {below}", "dollars"),
        (passive, "0.7000", f"at most 0.61005, {far_above}", "dollars"),
    ]


@pytest.mark.parametrize(
    "new",
    [
        order(price="0.3"),
        order(price="0.3", post_only=True),
        order(price="0.3", time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL),
        amend(price="0.3"),
    ],
)
def test_the_passive_side_binds_every_kind_of_order(new: object) -> None:
    """Catches an amend or a post-only order that may rest anywhere."""
    assert [one.code for one in check_collar(leg(new, market(), collar=COLLAR))] == [None, OUTSIDE]  # type: ignore[arg-type]


@pytest.mark.parametrize(("age_ms", "expected"), [(0, [None, None]), (2_000, [None, None]), (2_001, [STALE])])
def test_the_reference_price_has_an_age(age_ms: int, expected: list[DenyCode | None]) -> None:
    """Catches a book of a minute ago taken for now, and an age off by one."""
    assert codes(BID, "0.5600", market(book=book(age_ms=age_ms))) == expected


NOTHING = BookSeen((), (), 500, Source.FEED)
UNUSABLE = [
    (None, "no book was seen"),
    (NOTHING, "the book has not both sides"),
    (book(ask=None), "the book has not both sides"),
    (book(bid=None), "the book has not both sides"),
    (book("0.5600", "0.5600"), "the book is locked or crossed"),
    (book("0.5700", "0.5600"), "the book is locked or crossed"),
]


@pytest.mark.parametrize(("seen", "why"), UNUSABLE)
def test_without_a_midpoint_nothing_opens(seen: BookSeen | None, why: str) -> None:
    """Missing is not zero. Catches the one side of a book, or a crossed one, taken for a reference price."""
    for new in (order(), order(side=ASK), amend()):
        (report,) = check_collar(leg(new, market(book=seen, last_trade=trade("0.56")), collar=COLLAR))
        assert (report.code, report.observed, report.rule) == (MISSING, why, COLLAR.when_missing_rule)
        (report,) = check_collar(leg(new, market(book=seen), collar=LAST_TRADE))
        assert report.code is MISSING
    assert codes(BID, "0.5600", None) == [MISSING]


@pytest.mark.parametrize("seen", [seen for seen, _ in UNUSABLE])
@pytest.mark.parametrize(
    ("price", "age_ms", "expected"),
    [
        ("0.6600", 2_000, [None, None]),
        ("0.6601", 2_000, [None, OUTSIDE]),
        ("0.5100", 0, [None, None]),
        ("0.5099", 0, [None, OUTSIDE]),
        ("0.5600", 2_001, [STALE]),
    ],
)
def test_the_last_trade_stands_in_where_the_policy_names_it(
    seen: BookSeen | None, price: str, age_ms: int, expected: list[DenyCode | None]
) -> None:
    """Catches a last trade of any age, or one that is looked at while the policy denies."""
    now = market(book=seen, last_trade=trade("0.56", age_ms))
    assert [one.code for one in check_collar(leg(order(price=price), now, collar=LAST_TRADE))] == expected


@pytest.mark.parametrize("old", [book(age_ms=2_001), replace(NOTHING, age_ms=2_001)])
def test_no_last_trade_stands_in_for_a_book_that_is_too_old(old: BookSeen) -> None:
    """A stale book is stale. Catches a trade that is newer than the book and tells nothing of its sides."""
    found = check_collar(leg(order(), market(book=old, last_trade=trade("0.56", 0)), collar=LAST_TRADE))
    assert [one.code for one in found] in ([STALE], [MISSING])


def test_a_usable_book_is_asked_before_the_last_trade() -> None:
    """Catches the two in the wrong order."""
    found = check_collar(leg(order(), market(last_trade=trade("0.90", 0)), collar=LAST_TRADE))
    assert [one.code for one in found] == [None, None]


@pytest.mark.parametrize(
    ("side", "price", "seen", "expected"),
    [
        (BID, "0.6601", market(), [None, OUTSIDE]),  # the aggressive side still binds
        (ASK, "0.4599", market(), [None, OUTSIDE]),
        (BID, "0.6600", market(), [None, None]),
        (BID, "0.0100", market(), [None, None]),  # the passive one does not
        (ASK, "0.9900", market(), [None, None]),
        (BID, "0.9900", market(book=book(age_ms=2_001)), [None]),  # nor a stale reference
        (BID, "0.9900", market(book=None), [None]),  # nor a missing one
        (BID, "0.9900", market(book=book("0.6", "0.5")), [None]),
        (BID, "0.9900", None, [None]),
    ],
)
def test_what_can_only_close_is_held_to_a_fresh_aggressive_side_alone(
    side: Side, price: str, seen: MarketSeen | None, expected: list[DenyCode | None]
) -> None:
    """Invariant 6. Catches an exit that is trapped by a feed that is down, and one that gives everything away while
    the book is known."""
    assert codes(side, price, seen, reduces=True) == expected


def test_without_a_collar_nothing_is_asked() -> None:
    """What is unlimited on purpose. Catches a reference price that is demanded for nothing."""
    assert check_collar(leg(order(price="0.01"), market(book=None), collar=None)) == ()


@given(
    st.sampled_from(Side),
    st.integers(1, 9_999),
    st.integers(1, 9_998),
    st.integers(1, 3_000),
    st.integers(0, 5_000),
    st.integers(0, 5_000),
)
def test_the_collar_is_the_same_mirrored(
    side: Side, price: int, bid: int, spread: int, aggr: int, passive: int
) -> None:
    """A bid at p and an ask at 1 - p in the mirrored book are one order. Catches whatever treats YES and NO apart."""
    collar = replace(COLLAR, aggressive=Price(aggr), passive=Price(passive))
    no = Price(max(1, 10_000 - bid - spread))
    yes_level, no_level = ((Price(bid), Count(100)),), ((no, Count(100)),)
    mirrored = BID if side is ASK else ASK
    here = leg(replace(order(side=side), price=price), market(book=BookSeen(yes_level, no_level, 0, Source.FEED)))
    there = leg(
        replace(order(side=mirrored), price=10_000 - price),
        market(book=BookSeen(no_level, yes_level, 0, Source.FEED)),
    )
    found = [
        [one.code for one in check_collar(replace(one, bounds=replace(one.bounds, collar=collar)))]
        for one in (here, there)
    ]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("grid", "price", "denied"),
    [
        (CENTS, "0.5600", False),
        (CENTS, "0.5601", True),
        (CENTS, "0.5650", True),
        (TAPERED, "0.0990", False),
        (TAPERED, "0.0995", True),
        (TAPERED, "0.1010", True),
        (TAPERED, "0.9010", False),
        ((), "0.5600", True),
    ],
)
@pytest.mark.parametrize("reduces", [False, True])
def test_a_price_is_on_the_markets_own_grid(
    grid: tuple[PriceRange, ...], price: str, denied: bool, reduces: bool
) -> None:
    """Catches a tick of one cent everywhere, and an exit that is sent with a price that the exchange refuses."""
    for new in (order(price=price), amend(price=price)):
        (report,) = check_tick(leg(new, market(price_ranges=grid), reduces=reduces))
        assert report.code is (DenyCode.PRICE_OFF_TICK if denied else None)
        assert report.observed == price


def test_the_report_shows_the_steps_around_the_price() -> None:
    """Catches a report that does not say what to do."""
    limits = {
        price: check_tick(leg(order(price=price), market(price_ranges=TAPERED)))[0].limit
        for price in ("0.5000", "0.1000")
    }
    assert limits == {
        "0.5000": "steps of 0.0100 from 0.1000 to 0.9000",
        "0.1000": "steps of 0.0010 from 0.0000 to 0.1000; steps of 0.0100 from 0.1000 to 0.9000",
    }
    assert check_tick(leg(order(), market(price_ranges=())))[0].limit == "no price at all"


@pytest.mark.parametrize("seen", [None, market(age_ms=60_001)])
def test_a_grid_that_is_not_known_is_the_markets_check_to_deny(seen: MarketSeen | None) -> None:
    """Catches a grid of an hour ago that refuses a right price, and an exit that waits for it."""
    assert check_tick(leg(order(price="0.5601"), seen)) == ()


# Our own orders

THIN = BookSeen(
    yes=((Price(5_900), Count(10_000)), (Price(2_000), Count(10_000))), no=((Price(2_000), Count(10_000)),),
    age_ms=0, source=Source.REST,
)  # fmt: skip
"""Others bid 0.20 and ask 0.80; the bid of 0.59 may be ours."""
OURS = OwnSeen(yes=((Price(5_900), Count(10_000)),))


@pytest.mark.parametrize(
    ("side", "price", "denied"),
    [(BID, "0.6000", False), (BID, "0.6001", True), (ASK, "0.4000", False), (ASK, "0.3999", True)],
)
def test_own_orders_make_no_reference_price(side: Side, price: str, denied: bool) -> None:
    """Others' midpoint is 0.50. Catches a client that moves the collar by its own quotes: with its bid of 0.59 in it
    the midpoint is 0.695, and the next bid might be 0.795."""
    assert codes(side, price, market(book=THIN, own=OURS)) == [None, OUTSIDE if denied else None]


def test_who_stands_alone_on_a_side_has_no_reference_price() -> None:
    """Catches a market that one makes oneself; the last trade is what the policy may name for it."""
    alone = market(book=book("0.5500", "0.5700"), own=OwnSeen(yes=((Price(5_500), Count(10_000)),)))
    (report,) = check_collar(leg(order(price="0.5600"), alone, collar=COLLAR))
    assert (report.code, report.observed) == (MISSING, "the book has not both sides without our own orders")
    traded = replace(alone, last_trade=trade("0.3000"))
    found = check_collar(leg(order(price="0.5600"), traded, collar=LAST_TRADE))
    assert [one.code for one in found] == [None, OUTSIDE]
    assert codes(BID, "0.9900", alone, reduces=True) == [None]


@pytest.mark.parametrize(
    ("side", "price", "denied"),
    [(BID, "0.6000", False), (BID, "0.6001", True), (ASK, "0.5950", False), (ASK, "0.5949", True)],
)
def test_where_a_level_may_be_anybodys_an_order_is_near_both_midpoints(side: Side, price: str, denied: bool) -> None:
    """0.50 without the bid of 0.59 and 0.695 with it. Catches a doubt that is decided for the order."""
    wide = replace(COLLAR, passive=Price(10_000))
    unsure = market(book=THIN, own=replace(OURS, is_unsure=True))
    found = check_collar(leg(order(price=price, side=side), unsure, collar=wide))
    assert [one.code for one in found] == [None, OUTSIDE if denied else None]


def test_what_was_taken_or_may_be_moves_the_midpoint_against_the_order_only() -> None:
    """Our own trades have taken the bid of 0.59: an ask is measured from the lower midpoint too, never from that
    alone. A side that they have emptied leaves the midpoint as it was seen."""
    wide = replace(COLLAR, passive=Price(10_000))
    taken = market(book=THIN, own=OwnSeen(asks_taking=Count(10_000)))
    judged = [check_collar(leg(order(price=price, side=BID), taken, collar=wide))[1] for price in ("0.6000", "0.6001")]
    assert [one.code for one in judged] == [None, OUTSIDE]
    assert check_collar(leg(order(price="0.5900", side=ASK), taken, collar=wide))[1].code is OUTSIDE
    emptied = market(book=THIN, own=OwnSeen(bids_taking=Count(10_000)))
    assert check_collar(leg(order(price="0.7950"), emptied, collar=wide))[1].code is None
