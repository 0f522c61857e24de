"""What several clients use together, in tenths: never less than it is, and the same for whatever lies in one tenth."""

import random
from dataclasses import replace

import pytest
from tests.builders import facts_for, order, policy
from tests.paced import paced

from pretrade.model.decisions import Denied
from pretrade.model.facts import Facts, Measure
from pretrade.model.loss import LossSeen
from pretrade.model.orders import CreateOrder
from pretrade.model.pace import TOKEN, BucketSeen, LegPace, PaceSeen
from pretrade.model.units import Money, format_count
from pretrade.policy.schema import Policy
from pretrade.risk.checks.coarse import STEPS, coarse
from pretrade.risk.checks.engine import decide

ONE = CreateOrder(order())
PLAIN = policy()
STRICT = policy(strict=True)
PACED = policy(*paced(throttle="place: 1/s, amend: 1/s, burst: 20"))
DAY = 200_000_000
"""The default limit of a day's notional, in $0.000001."""
MOST = {Measure.POSITION: 9_000, Measure.OPEN_ORDERS: 50, Measure.DAY_ORDERS: 25}
"""Up to where figures are drawn that are no money."""


def seen(facts: Facts, measure: Measure, *, own: bool = False) -> tuple[int, int]:
    (one,) = [usage for usage in facts.usages if usage.measure is measure and usage.own == own and not usage.of]
    return one.before, one.after


@pytest.mark.parametrize(
    ("used", "told"),
    [(0, 0), (1, DAY // STEPS), (DAY // STEPS, DAY // STEPS), (DAY // STEPS + 1, 2 * DAY // STEPS), (DAY - 1, DAY)],
)
def test_what_is_used_is_told_in_tenths(used: int, told: int) -> None:
    """The write adds the same on top. Catches a figure that is rounded down: what is told to pass would not."""
    facts = facts_for(ONE, used={Measure.DAY_NOTIONAL: used})
    before, after = seen(coarse(ONE, facts, PLAIN), Measure.DAY_NOTIONAL)
    adds = seen(facts, Measure.DAY_NOTIONAL)
    assert (before, after - before) == (told, adds[1] - adds[0])


@pytest.mark.parametrize("used", [DAY, DAY + 1, 5 * DAY])
def test_what_is_used_up_is_as_it_is(used: int) -> None:
    """Catches a figure past its limit that comes down to it."""
    facts = facts_for(ONE, used={Measure.DAY_NOTIONAL: used})
    assert seen(coarse(ONE, facts, PLAIN), Measure.DAY_NOTIONAL)[0] == used


def test_a_clients_own_figures_are_told_to_the_cent() -> None:
    """But not where its subaccount is another's too. Catches a client that is told its own limits in tenths."""
    own = policy(("    subaccount: 0\n", '    subaccount: 0\n    limits: {day: {max_notional: "$100"}}\n'))
    facts = facts_for(ONE, used={Measure.DAY_NOTIONAL: 7})
    told = coarse(ONE, facts, own)
    assert seen(told, Measure.DAY_NOTIONAL, own=True) == seen(facts, Measure.DAY_NOTIONAL, own=True)
    assert seen(told, Measure.DAY_NOTIONAL) != seen(facts, Measure.DAY_NOTIONAL)
    shared = coarse(ONE, replace(facts, shares_subaccount=True), own)
    assert seen(shared, Measure.DAY_NOTIONAL, own=True)[0] == 10_000_000


def test_a_gain_is_told_as_no_loss() -> None:
    """Catches a client that finds out how much the account has won today by what it may still lose."""

    def told(loss: int) -> int:
        losses = tuple(LossSeen(own, Money(loss), 1_000, Money(300)) for own in (True, False))
        (shared,) = [one for one in coarse(ONE, facts_for(ONE, losses=losses), STRICT).losses if not one.own]
        return shared.loss + shared.may_show

    assert {told(loss) for loss in (-50_000_000, -400, -300)} == {0}
    assert {told(loss) for loss in (-299, 1, 4_999_700)} == {5_000_000}
    assert told(70_000_000) == 70_000_300


def test_a_shared_throttle_is_told_in_tenths_of_its_burst() -> None:
    """Catches a bucket that forgets to flow, or that tells how many orders another client has just sent."""

    def told(used: int, own: bool = False, ago_ms: int = 0) -> int:
        bucket = BucketSeen("place", own, "", used * TOKEN // 10, 10_000 - ago_ms, 1_000)
        pace = PaceSeen(10_000, (bucket,), (LegPace(),))
        (found,) = (coarse(ONE, facts_for(ONE, pace=pace), PACED).pace or pace).buckets
        return found.used_at(10_000, 1_000) * 10 // TOKEN

    assert [told(used) for used in (0, 1, 19, 20, 21, 199, 200, 205)] == [0, 20, 20, 20, 40, 200, 200, 205]
    assert told(100, ago_ms=5_000) == 60
    assert told(19, own=True) == 19


@pytest.mark.parametrize("on", [PLAIN, STRICT], ids=["plain", "strict"])
@pytest.mark.parametrize("seed", range(4))
def test_what_passes_in_tenths_passes(seed: int, on: Policy) -> None:
    """Random figures and sizes. Catches a client that is told an order would pass which is then denied."""
    chance, passed = random.Random(seed), 0
    for _ in range(200):
        write = CreateOrder(order(format_count(chance.randrange(1, 10_000))))  # type: ignore[arg-type]
        used = {measure: chance.randrange(MOST.get(measure, 180_000_000)) for measure in Measure}
        loss = tuple(LossSeen(own, Money(chance.randrange(-(10**8), 6 * 10**7)), 1_000) for own in (True, False))
        facts = facts_for(write, used=used, losses=loss)
        if not isinstance(decide(write, coarse(write, facts, on), on), Denied):
            passed += 1
            assert not isinstance(decide(write, facts, on), Denied)
    assert passed > 20, "nothing was tested"
