"""Whether waiting cures a denial, and until when: each family by its own end, never for what time does not change."""

from dataclasses import replace

import pytest
from tests.builders import amend, facts_for, order, policy
from tests.paced import paced

from pretrade.model.decisions import Denied
from pretrade.model.facts import Facts, Measure
from pretrade.model.loss import LossSeen
from pretrade.model.markets import MarketStatus
from pretrade.model.orders import CreateBatch, CreateOrder, Write
from pretrade.model.pace import TOKEN, BucketSeen, LegPace
from pretrade.model.units import Money, parse_price
from pretrade.policy.schema import Policy
from pretrade.risk.checks.engine import decide
from pretrade.risk.checks.retry import NEVER, Retry, retry_of

PLAIN = policy()
SLOW = policy(*paced(throttle="place: 2/s, amend: 1/s, burst: 3"))
WALKS = policy(*paced(walk='max: "$0.05", within: 60s'))
ONE = CreateOrder(order())
NOW = facts_for(ONE).now_ms
TOMORROW = NOW + 36_000_000
WHENEVER = Retry(is_retryable=True)


def asked(facts: Facts, write: Write = ONE, on: Policy = PLAIN) -> tuple[set[str], Retry]:
    """The codes against a write, and what waiting does for it."""
    decision = decide(write, facts, on)
    assert isinstance(decision, Denied)
    codes = {str(reason.code) for reason in decision.reasons}
    return codes, retry_of(decision, facts, on, TOMORROW)


DAYS = [
    (Measure.DAY_ORDERS, 10**6, "DAY_ORDERS_EXCEED_MAXIMUM"),
    (Measure.DAY_NOTIONAL, 10**15, "DAY_NOTIONAL_EXCEEDS_MAXIMUM"),
]


@pytest.mark.parametrize(("measure", "used", "code"), DAYS)
def test_a_full_day_ends_with_the_day(measure: Measure, used: int, code: str) -> None:
    assert asked(facts_for(ONE, used={measure: used})) == ({code}, Retry(is_retryable=True, at_ms=TOMORROW))


def test_a_days_loss_ends_with_the_day() -> None:
    lost = tuple(LossSeen(own, Money(10**12), 1_000) for own in (True, False))
    found = {"DAY_LOSS_EXCEEDS_MAXIMUM"}, Retry(is_retryable=True, at_ms=TOMORROW)
    assert asked(facts_for(ONE, losses=lost), on=policy(strict=True)) == found


def test_what_is_larger_than_a_whole_day_never_passes() -> None:
    """Catches a bot that is sent away until tomorrow, every day, with an order that no day can hold."""
    many = CreateBatch(tuple(order("0.01", client_order_id=f"c-{number}") for number in range(4)))
    small = policy(("max_orders: 25", "max_orders: 3"))
    assert asked(facts_for(many), many, small) == ({"DAY_ORDERS_EXCEED_MAXIMUM"}, NEVER)
    three = CreateBatch(many.orders[:3])
    full = facts_for(three, used={Measure.DAY_ORDERS: 1})
    assert asked(full, three, small) == ({"DAY_ORDERS_EXCEED_MAXIMUM"}, Retry(is_retryable=True, at_ms=TOMORROW))


def bucket(used: int, *, age_ms: int = 0, own: bool = False, of: str = "") -> BucketSeen:
    """A place bucket with so many millionths of an order used."""
    return BucketSeen("place", own, of, used, NOW - age_ms, 2_000)


def with_bucket(write: Write, used: int, age_ms: int = 0) -> Facts:
    facts = facts_for(write)
    assert facts.pace is not None
    return replace(facts, pace=facts.pace._replace(buckets=(bucket(used, age_ms=age_ms),)))


@pytest.mark.parametrize(
    ("used", "age_ms", "wait_ms"),
    [(3 * TOKEN, 0, 500), (3 * TOKEN, 499, 1), (2 * TOKEN + 1, 0, 1), (2 * TOKEN + 2_001, 0, 2)],
)
def test_a_throttle_ends_when_there_is_room_for_the_order(used: int, age_ms: int, wait_ms: int) -> None:
    """To the millisecond, rounded up. Catches a moment at which the same order is denied again."""
    facts = with_bucket(ONE, used, age_ms)
    assert asked(facts, on=SLOW) == ({"PLACE_RATE_EXCEEDS_MAXIMUM"}, Retry(is_retryable=True, at_ms=NOW + wait_ms))
    assert facts.pace is not None
    for at_ms, passes in ((NOW + wait_ms - 1, False), (NOW + wait_ms, True)):
        then = replace(facts, pace=facts.pace._replace(now_ms=at_ms))
        assert isinstance(decide(ONE, then, SLOW), Denied) is not passes


def test_a_batch_that_no_bucket_holds_never_passes() -> None:
    many = CreateBatch(tuple(order("0.01", client_order_id=f"c-{number}") for number in range(4)))
    assert asked(with_bucket(many, 0), many, SLOW) == ({"PLACE_RATE_EXCEEDS_MAXIMUM"}, NEVER)
    three = CreateBatch(many.orders[:3])
    found = {"PLACE_RATE_EXCEEDS_MAXIMUM"}, Retry(is_retryable=True, at_ms=NOW + 500)
    assert asked(with_bucket(three, TOKEN), three, SLOW) == found


def walked(write: Write, *prices: str) -> Facts:
    facts = facts_for(write)
    assert facts.pace is not None
    legs = tuple(LegPace(walked_from=parse_price(price), walk_within_ms=60_000) for price in prices)
    return replace(facts, pace=facts.pace._replace(legs=legs))


def test_a_walk_ends_with_its_window() -> None:
    found = {"PRICE_WALK_EXCEEDS_MAXIMUM"}, Retry(is_retryable=True, at_ms=NOW + 60_001)
    assert asked(walked(ONE, "0.4000"), on=WALKS) == found


def test_a_ladder_that_is_a_walk_by_itself_never_passes() -> None:
    ladder = CreateBatch((order("1.00", price="0.4000"), order("1.00", price="0.5000")))
    assert asked(walked(ladder, "0.4000", "0.4000"), ladder, WALKS) == ({"PRICE_WALK_EXCEEDS_MAXIMUM"}, NEVER)


def test_of_several_ends_the_last_counts() -> None:
    facts = with_bucket(ONE, 3 * TOKEN)
    full = replace(facts, usages=facts_for(ONE, used={Measure.DAY_ORDERS: 10**6}).usages)
    both = {"PLACE_RATE_EXCEEDS_MAXIMUM", "DAY_ORDERS_EXCEED_MAXIMUM"}
    assert asked(full, on=SLOW) == (both, Retry(is_retryable=True, at_ms=TOMORROW))


def test_a_reason_without_a_known_end_leaves_the_moment_out() -> None:
    """Catches a moment that is told although the exchange's record may still not be read then."""
    unread = facts_for(ONE, used={Measure.DAY_ORDERS: 10**6}, reconciled_ms=None)
    assert asked(unread) == ({"LEDGER_NOT_RECONCILED", "DAY_ORDERS_EXCEED_MAXIMUM"}, WHENEVER)


def test_one_reason_that_stays_makes_it_final() -> None:
    """Catches `any` for `all`: the throttle empties, the price stays wrong."""
    wrong = CreateOrder(order(price="0.9900"))
    codes, retry = asked(with_bucket(wrong, 3 * TOKEN), wrong, SLOW)
    assert codes >= {"PLACE_RATE_EXCEEDS_MAXIMUM", "PRICE_OUTSIDE_BAND"}
    assert retry == NEVER


@pytest.mark.parametrize("status", [status for status in MarketStatus if status is not MarketStatus.ACTIVE])
def test_a_paused_market_opens_again_and_a_closed_one_does_not(status: MarketStatus) -> None:
    facts = facts_for(ONE)
    facts = replace(facts, markets=(replace(facts.markets[0], status=status),))
    opens = status in (MarketStatus.INITIALIZED, MarketStatus.INACTIVE)
    assert asked(facts) == ({"MARKET_NOT_OPEN"}, WHENEVER if opens else NEVER)


def test_a_market_past_its_close_time_does_not_open_again() -> None:
    facts = facts_for(ONE)
    facts = replace(facts, markets=(replace(facts.markets[0], close_ms=NOW),))
    assert asked(facts) == ({"MARKET_NOT_OPEN"}, NEVER)


def test_an_amend_waits_for_its_own_throttle() -> None:
    more = amend("20.00")
    facts = facts_for(more)
    assert facts.pace is not None
    full = facts.pace._replace(buckets=(BucketSeen("amend", False, "", 3 * TOKEN, NOW, 1_000),))  # noqa: FBT003
    found = {"AMEND_RATE_EXCEEDS_MAXIMUM"}, Retry(is_retryable=True, at_ms=NOW + 1_000)
    assert asked(replace(facts, pace=full), more, SLOW) == found
