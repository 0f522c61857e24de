"""Liquidity of the market of an order: what it takes, what it leaves, and what must be known. The policy is the default
one: 3 cents and 5 % of slippage, a depth of 10, half of the depth at most, at least thin, a book of at most 2 s."""

from dataclasses import replace

import pytest
from tests.builders import TICKER, amend, facts, order, policy
from tests.risk.checks.test_liquidity import B1, B2, book, contracts

from pretrade.model.decisions import Check
from pretrade.model.facts import Facts
from pretrade.model.markets import MarketStatus
from pretrade.model.orders import CancelAll, CreateBatch, CreateOrder, NewOrder, Side, Write
from pretrade.model.seen import LEVELS, BookSeen, Level, MarketSeen, OwnSeen, Source
from pretrade.model.units import Count, Price
from pretrade.risk.checks.case import case_of
from pretrade.risk.checks.liquidity_checks import check_liquidity

POLICY = policy(strict=True)
CONFIRMING = policy(("below_grade: deny", "below_grade: confirm"), strict=True)
BUSY = {"volume_24h": contracts(5_000), "open_interest": contracts(2_000)}


def seen(a_book: BookSeen | None = B1, **changes: object) -> MarketSeen:
    base = MarketSeen(TICKER, MarketStatus.ACTIVE, None, (), 0, book=a_book, **BUSY)
    return replace(base, **changes)


def buy(count: str, price: str = "0.5000", **changes: object) -> NewOrder:
    return order(count=count, price=price, **changes)


def sell(count: str, price: str = "0.4500", **changes: object) -> NewOrder:
    return order(count=count, price=price, side=Side.ASK, **changes)


def reports(write: Write | NewOrder, *markets: MarketSeen, of: object = POLICY, **known: object) -> tuple[Check, ...]:
    write = CreateOrder(write) if isinstance(write, NewOrder) else write
    about: Facts = facts(markets=markets, **known)
    return check_liquidity(case_of(write, about, of))  # type: ignore[arg-type]


def codes(write: Write | NewOrder, *markets: MarketSeen, **known: object) -> list[str]:
    return [str(report.code) for report in reports(write, *markets, **known) if report.code is not None]


def test_every_limit_is_reported_with_its_unit() -> None:
    assert [(r.rule, r.observed, r.limit, r.unit) for r in reports(buy("100.00", "0.4900"), seen())] == [
        ("liquidity.max_age", "0", "2000", "ms"),
        ("liquidity.max_slippage", "$0.00", "$0.03", "dollars"),
        ("liquidity.max_slippage_percent", "0.00", "5.00", "percent"),
        ("liquidity.min_depth", "300.00", "10.00", "contracts"),
        ("liquidity.max_share_of_depth", "100.00", "150.00 of 300.00 (50 %)", "contracts"),
        ("liquidity.min_grade", "moderate (63)", "thin", ""),
    ]


@pytest.mark.parametrize(
    ("new", "a_book", "expected"),
    [
        (buy("66.66", "0.6000"), B2, ["DEPTH_SHARE_EXCEEDS_MAXIMUM", "SLIPPAGE_EXCEEDS_MAXIMUM"]),  # 5 % of 48 is 2.4
        (buy("62.50", "0.6000"), B2, ["DEPTH_SHARE_EXCEEDS_MAXIMUM"]),
        (buy("25.00", "0.6000"), B2, []),
        (buy("25.01", "0.6000"), B2, ["DEPTH_SHARE_EXCEEDS_MAXIMUM"]),
        (buy("500.00", "0.4700"), B2, []),
        (buy("500.00", "0.6000", post_only=True), B2, []),
        (sell("500.00", "0.4800"), B2, []),
        (sell("26.00", "0.4700"), B2, ["DEPTH_SHARE_EXCEEDS_MAXIMUM"]),
        (buy("150.00"), B1, []),
        (buy("150.01"), B1, ["DEPTH_SHARE_EXCEEDS_MAXIMUM"]),
        (sell("150.01"), B1, ["DEPTH_SHARE_EXCEEDS_MAXIMUM"]),
    ],
    ids=[
        "over the cliff",
        "to the last of the percent",
        "half of what stands near",
        "and 0.01 more",
        "a bid that only rests, at any size (trap 4)",
        "post only takes nothing (trap 4)",
        "an ask that only rests",
        "an ask that opens is held too (trap 5)",
        "half of the golden book",
        "and 0.01 more of it",
        "and of its other side",
    ],
)
def test_what_an_order_would_take(new: NewOrder, a_book: BookSeen, expected: list[str]) -> None:
    assert sorted(codes(new, seen(a_book))) == expected


def test_a_limit_price_protects_from_what_lies_behind_it() -> None:
    """Trap 4: the same count at a tighter limit meets fewer levels. Catches a walk that ignores the limit."""
    assert "SLIPPAGE_EXCEEDS_MAXIMUM" in codes(buy("100.00", "0.6000"), seen(B2))
    assert "SLIPPAGE_EXCEEDS_MAXIMUM" not in codes(buy("100.00", "0.5900"), seen(B2))


def finely(first: int) -> tuple[Level, ...]:
    """As many levels as are kept of a side, one contract on each, $0.0001 apart."""
    return tuple((Price(first - step), Count(100)) for step in range(LEVELS))


FINE = BookSeen(finely(4_700), finely(5_200), 0, Source.FEED)


@pytest.mark.parametrize(
    ("new", "slips"),
    [
        (buy("25.00", "0.6000"), []),
        (buy("35.00", "0.6000"), ["$0.035143", "7.33"]),
        (buy("100.00", "0.6000"), ["$0.0903", "18.82"]),
        (buy("100.00", "0.4824"), []),
        (buy("100.00", "0.6000", post_only=True), []),
        (sell("25.00", "0.3500"), []),
        (sell("100.00", "0.3500"), ["$0.0903", "17.04"]),
        (sell("100.00", "0.4676"), []),
    ],
    ids=[
        "what is seen is enough",
        "little beyond it",
        "most of it beyond",
        "a limit at the last level",
        "post only",
        "the other side",
        "beyond it",
        "its last level",
    ],
)
def test_behind_the_last_level_that_is_kept_lies_the_worst(new: NewOrder, slips: list[str]) -> None:
    """A book is cut to its best levels: what else an order may meet down to its limit counts as met at the limit.
    Catches a thousand contracts judged by the twenty-five in front of them, by whoever set those there."""
    found = [r for r in reports(new, seen(FINE)) if r.rule.startswith("liquidity.max_slippage")]
    assert [r.observed for r in found if r.code] == slips


def test_legs_and_orders_under_way_go_behind_the_last_level_too() -> None:
    """Catches a second order that is judged by the last contract that was seen, where the first has taken them all."""
    halves = CreateBatch((buy("25.00", "0.6000"), buy("1.00", "0.6000")))
    assert {r.leg for r in reports(halves, seen(FINE)) if r.rule == "liquidity.max_slippage" and r.code} == {1}
    taken = seen(FINE, own=OwnSeen(bids_taking=contracts(25)))
    assert "SLIPPAGE_EXCEEDS_MAXIMUM" in codes(buy("1.00", "0.6000"), taken)
    assert "SLIPPAGE_EXCEEDS_MAXIMUM" not in codes(buy("1.00", "0.4824"), taken)


def test_a_denial_says_how_many_contracts_pass() -> None:
    found = {r.rule: r.limit for r in reports(buy("100.00", "0.6000"), seen(B2)) if r.code is not None}
    assert found == {
        "liquidity.max_slippage": "$0.03 (66.66 contracts pass)",
        "liquidity.max_slippage_percent": "5.00 (62.50 contracts pass)",
        "liquidity.max_share_of_depth": "25.00 of 50.00 (50 %): 25.00 pass",
    }


def test_percent_is_of_the_leg_that_is_bought() -> None:
    """Trap 6: a cent is half of a bid of two cents and a hundredth of the 98 that the seller of YES pays for NO."""
    edge = book("2x1 1x50", "97x50 96x50")
    texts = {r.rule: r.observed for r in reports(sell("2.00", "0.0100"), seen(edge))}
    assert texts["liquidity.max_slippage_percent"] == "0.52"  # half a cent of 98, rounded up


def test_legs_of_a_batch_meet_the_book_one_after_another() -> None:
    """Catches a large order that is split into legs which would each pass."""
    halves = CreateBatch((buy("75.00"), buy("75.00"), buy("0.01")))
    assert [(r.rule, r.leg) for r in reports(halves, seen()) if r.code] == [("liquidity.max_share_of_depth", 2)]
    other_way = CreateBatch((buy("150.00"), sell("150.00")))
    assert codes(other_way, seen()) == []
    cliff = CreateBatch((buy("50.00", "0.6000"), buy("1.00", "0.6000")))
    slipped = [r for r in reports(cliff, seen(B2)) if r.rule == "liquidity.max_slippage" and r.code]
    assert [(r.leg, r.observed, r.limit) for r in slipped] == [(1, "$0.12", "$0.03 (0.00 contracts pass)")]


def test_resting_legs_take_nothing_from_the_next() -> None:
    batch = CreateBatch((buy("1000.00", "0.4700"), buy("1000.00", post_only=True), buy("150.00")))
    assert codes(batch, seen()) == []


def test_depth_is_where_the_position_could_be_left() -> None:
    """A bid leaves by YES bids, an ask by NO bids; levels far from the midpoint are no way out."""
    one_way = book("47x9.99 30x1000", "52x1000")
    assert codes(buy("1.00", "0.4000"), seen(one_way)) == ["DEPTH_TOO_LOW"]
    assert codes(sell("1.00", "0.6000"), seen(one_way)) == []
    assert codes(buy("1.00", "0.4000"), seen(book("47x10", "52x1000"))) == []


@pytest.mark.parametrize(
    ("market_seen", "code"),
    [
        (seen(None), "LIQUIDITY_MISSING"),
        (seen(replace(B1, age_ms=2_001)), "LIQUIDITY_STALE"),
        (seen(replace(B1, age_ms=2_000)), None),
        (seen(volume_24h=None), "LIQUIDITY_MISSING"),
        (seen(open_interest=None), "LIQUIDITY_MISSING"),
        (seen(ticker="OTHER"), "LIQUIDITY_MISSING"),
    ],
    ids=["no book", "an old book", "just fresh", "no volume", "no interest", "another market's book"],
)
def test_what_was_not_seen_denies(market_seen: MarketSeen, code: str | None) -> None:
    """Trap 8: the origin skipped the check. A resting order is held to it as well: its market may be dead."""
    assert codes(buy("1.00", "0.4000"), market_seen) == ([] if code is None else [code])


@pytest.mark.parametrize(
    ("yes", "no"),
    [("47x100000", ""), ("", "52x100000"), ("47x100000", "53x100000"), ("48x100000", "53x100000")],
    ids=["no asks", "no bids", "locked", "crossed"],
)
def test_no_market_without_two_sides_apart_is_thin(yes: str, no: str) -> None:
    """Traps 1 and 2."""
    busy = seen(book(yes, no), volume_24h=contracts(100_000), open_interest=contracts(100_000))
    found = {r.rule: r for r in reports(buy("1.00", "0.4000"), busy)}
    assert found["liquidity.min_grade"].code == "LIQUIDITY_GRADE_TOO_LOW"
    assert found["liquidity.min_depth"].code == "DEPTH_TOO_LOW"


def test_volume_alone_makes_no_grade() -> None:
    """Trap 10: 24 hours of volume and a large open interest over a book that has dried up."""
    dry = seen(book("40x1", "40x1"), volume_24h=contracts(100_000), open_interest=contracts(100_000))
    assert "LIQUIDITY_GRADE_TOO_LOW" in codes(buy("1.00", "0.4000"), dry)


def test_a_low_grade_may_wait_for_a_person() -> None:
    poor = seen(book("47x11", "52x11"), volume_24h=contracts(0), open_interest=contracts(0))
    new = buy("1.00", "0.4000")
    assert codes(new, poor) == ["LIQUIDITY_GRADE_TOO_LOW"]
    assert codes(new, poor, of=CONFIRMING) == ["CONFIRMATION_REQUIRED"]
    yes = ((None, "liquidity.min_grade"),)
    assert codes(new, poor, of=CONFIRMING, confirmed="d-1", confirmed_for=yes) == []
    other = ((None, "confirm.above_risk"),)  # an approval of the risk is none of the market
    assert codes(new, poor, of=CONFIRMING, confirmed="d-1", confirmed_for=other) == ["CONFIRMATION_REQUIRED"]
    assert codes(new, poor, confirmed="d-1") == ["LIQUIDITY_GRADE_TOO_LOW"]  # nobody may confirm what is denied


def test_a_confirmation_is_no_word_for_a_book_that_was_not_seen() -> None:
    assert codes(buy("1.00"), seen(None), of=CONFIRMING, confirmed="d-1") == ["LIQUIDITY_MISSING"]


def test_exits_and_orders_that_reduce_are_not_asked() -> None:
    """Catches an exit that is trapped in a market which has dried up (invariant 6)."""
    assert reports(buy("1000.00", "0.9000"), reduces=(True,)) == ()
    assert reports(CancelAll(0)) == ()


def test_an_order_of_which_nobody_says_that_it_closes_opens() -> None:
    assert codes(buy("1.00")) == ["LIQUIDITY_MISSING"]


def test_an_amend_takes_its_new_total() -> None:
    assert codes(amend("150.01", "0.5000"), seen()) == ["DEPTH_SHARE_EXCEEDS_MAXIMUM"]


def test_a_waived_demand_is_not_asked() -> None:
    assert reports(buy("1.00"), of=policy()) == ()


def test_the_market_of_the_order_is_the_one_that_is_looked_at() -> None:
    batch = CreateBatch((buy("1.00"), buy("1.00", ticker="KXBTC-OTHER")))
    assert [(r.leg, r.code) for r in reports(batch, seen()) if r.code] == [(1, "LIQUIDITY_MISSING")]


def test_the_share_is_of_the_side_that_is_taken_from() -> None:
    """Catches a deep side of bids that lets an order take all that is offered."""
    lopsided = seen(book("47x1000", "52x100"))
    assert codes(buy("50.01"), lopsided) == ["DEPTH_SHARE_EXCEEDS_MAXIMUM"]
    assert codes(buy("50.00"), lopsided) == []
    assert codes(sell("500.00"), lopsided) == []


STEPS = book("47x500", "52x50 48x50 46x500")
"""Asked are 50 contracts at 0.48, 50 at 0.52, 500 at 0.54."""


@pytest.mark.parametrize(
    ("gone", "price", "expected"),
    [
        (0, "0.5200", []),
        (50, "0.5200", ["SLIPPAGE_EXCEEDS_MAXIMUM"]),
        (75, "0.5200", ["SLIPPAGE_EXCEEDS_MAXIMUM"]),
        (100, "0.5200", ["SLIPPAGE_EXCEEDS_MAXIMUM"]),
        (9_999, "0.5200", ["SLIPPAGE_EXCEEDS_MAXIMUM"]),
        (50, "0.4800", []),
        (9_999, "0.4800", []),
        (9_999, "0.4700", []),
    ],
)
def test_an_order_passes_however_much_is_gone_of_what_may_be(gone: int, price: str, expected: list[str]) -> None:
    """100 contracts up to 0.52 trade two cents worse than the best price while all is there, four once the first level
    is gone. Catches one that passes because nothing would be left for it if another took all that it asks for: that
    one may rest, be rejected, or never have been sent."""
    market = seen(STEPS, own=OwnSeen(bids_taking=contracts(gone)))
    assert sorted({*codes(buy("100.00", price), market)}) == expected
    assert codes(sell("25.00", "0.4700"), market) == []
