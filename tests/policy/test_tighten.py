"""What holds of prices, liquidity, pace, loss, flags and confirmation, by what all, a client and an entry state."""

import pytest
from tests.policy.tree import GONE, TREE, UNWAIVED, policy

from pretrade.model.orders import SelfTradePrevention
from pretrade.policy.bounds import Bound, Collar, Confirm, LiquidityBounds, Repeat, Required, Throttle, Walk
from pretrade.policy.combine import bounds_for
from pretrade.policy.words import BelowGrade, Grade, WhenMissing

NOBODY = (("clients", "bot"), {"key_id": "bot-key", "public_key": "b.pem", "subaccount": "0"})
NO_ENTRY = (("markets", 0), {"match": "KXBTC-*", "allow": "true"})
ALL, OWN, HERE, EVERYWHERE = False, True, True, False
YES, NO = True, False


def held(*changes, ticker="KXBTC-1"):
    """What holds for the bot, by the tree without the entry's places of a market: `KXBTC-*` alone decides."""
    told = (("markets", 0, "event"), GONE), (("markets", 0, "series"), GONE)
    entry = next((value for where, value in changes if where == ("markets", 0)), None)
    return bounds_for(policy(*(() if entry else told), *changes), "bot", ticker)


# What holds for everybody ---------------------------------------------------------------------------------------------


def test_what_holds_for_everybody_holds_where_nothing_is_tightened():
    bounds = held(*UNWAIVED, NOBODY, NO_ENTRY)
    collar = [f"price.collar.{key}" for key in ("aggressive", "passive", "max_age", "when_missing")]
    assert bounds.collar == Collar(1_000, 1_100, 2_000, WhenMissing.LAST_TRADE, *collar)
    assert bounds.walk == Walk(1_500, 60_000, "price.walk.max")
    assert bounds.liquidity == LiquidityBounds(
        max_slippage=300,
        max_slippage_percent=500,
        min_depth=1_000,
        max_share=50,
        min_grade=Grade.THIN,
        below_grade=BelowGrade.CONFIRM,
        max_age_ms=2_000,
        rules={
            "max_slippage": "liquidity.max_slippage",
            "max_slippage_percent": "liquidity.max_slippage_percent",
            "min_depth": "liquidity.min_depth",
            "max_share": "liquidity.max_share_of_depth",
            "min_grade": "liquidity.min_grade",
            "below_grade": "liquidity.below_grade",
            "max_age_ms": "liquidity.max_age",
        },
    )
    assert bounds.throttles == (
        Throttle("place", ALL, EVERYWHERE, 10_000, 20, "limits.throttle.place"),
        Throttle("amend", ALL, EVERYWHERE, 10_000, 20, "limits.throttle.amend"),
    )
    assert bounds.repeat == Repeat(3, 10_000, YES, "limits.repeat.max_same_order", "limits.repeat.allow_in_flight")
    assert bounds.day_loss == (Bound(ALL, EVERYWHERE, 50_000_000, "limits.day.max_loss"),)
    assert (bounds.no_open_before_close_ms, bounds.no_open_before_close_rule) == (
        300_000,
        "limits.market.no_open_before_close",
    )
    assert bounds.required == Required(NO, NO, 86_400_000, None, NO, rules=flag_rules())
    assert bounds.confirm == Confirm(100_000_000, 1, 300_000, "confirm.above_risk")


def flag_rules(**own):
    keys = {
        "post_only": "post_only",
        "reduce_only": "reduce_only",
        "expiration_within_ms": "expiration_within",
        "self_trade_prevention": "self_trade_prevention",
        "cancel_order_on_pause": "cancel_order_on_pause",
    }
    return {name: f"{own.get(name, '')}require.{key}" for name, key in keys.items()}


# What is tightened ----------------------------------------------------------------------------------------------------


def test_a_client_is_held_to_what_it_states_itself():
    """Catches a client's own demand that is read and then holds nothing."""
    bounds = held(*UNWAIVED, NO_ENTRY)
    mine = "clients.bot."
    assert bounds.collar == Collar(
        800,
        900,
        1_000,
        WhenMissing.DENY,
        *(f"{mine}price.collar.{key}" for key in ("aggressive", "passive", "max_age", "when_missing")),
    )
    assert bounds.walk == Walk(1_200, 120_000, f"{mine}price.walk.max")
    assert (bounds.band_min, bounds.band_max, bounds.band_rule) == (500, 9_500, f"{mine}price.band")
    liquidity = bounds.liquidity
    assert liquidity.rules["max_share"] == f"{mine}liquidity.max_share_of_depth"
    assert (liquidity.max_slippage, liquidity.max_slippage_percent, liquidity.min_depth) == (200, 400, 2_000)
    assert (liquidity.max_share, liquidity.min_grade, liquidity.below_grade) == (40, Grade.MODERATE, BelowGrade.DENY)
    assert bounds.throttles == (
        Throttle("place", ALL, EVERYWHERE, 10_000, 20, "limits.throttle.place"),
        Throttle("place", OWN, EVERYWHERE, 5_000, 10, f"{mine}limits.throttle.place"),
        Throttle("amend", ALL, EVERYWHERE, 10_000, 20, "limits.throttle.amend"),
        Throttle("amend", OWN, EVERYWHERE, 4_000, 10, f"{mine}limits.throttle.amend"),
    )
    assert bounds.repeat == Repeat(
        2, 20_000, NO, f"{mine}limits.repeat.max_same_order", f"{mine}limits.repeat.allow_in_flight"
    )
    assert bounds.day_loss == (
        Bound(ALL, EVERYWHERE, 50_000_000, "limits.day.max_loss"),
        Bound(OWN, EVERYWHERE, 30_000_000, f"{mine}limits.day.max_loss"),
    )
    assert (bounds.no_open_before_close_ms, bounds.no_open_before_close_rule) == (
        360_000,
        f"{mine}limits.market.no_open_before_close",
    )
    tightened = {name: mine for name in flag_rules() if name != "reduce_only"}
    maker = SelfTradePrevention.MAKER
    assert bounds.required == Required(YES, NO, 43_200_000, maker, YES, rules=flag_rules(**tightened))
    assert bounds.confirm == Confirm(60_000_000, 1, 300_000, f"{mine}confirm.above_risk")


def test_an_entry_holds_its_markets_to_what_it_states():
    """Catches an entry's own demand that is read and then holds nothing, and one that holds another market."""
    bounds, elsewhere = held(), held(ticker="KXHIGHNY-1")
    here = "markets[0]."
    assert (bounds.collar.aggressive, bounds.collar.passive, bounds.collar.max_age_ms) == (500, 600, 500)
    assert bounds.collar.age_rule == f"{here}price.collar.max_age"
    assert bounds.collar.when_missing_rule == "clients.bot.price.collar.when_missing"
    assert bounds.walk == Walk(900, 180_000, f"{here}price.walk.max")
    assert (bounds.liquidity.min_grade, bounds.liquidity.max_age_ms) == (Grade.LIQUID, 500)
    assert bounds.throttles == (
        Throttle("place", ALL, EVERYWHERE, 10_000, 20, "limits.throttle.place"),
        Throttle("place", OWN, EVERYWHERE, 5_000, 10, "clients.bot.limits.throttle.place"),
        Throttle("place", ALL, HERE, 2_000, 4, f"{here}limits.throttle.place"),
        Throttle("amend", ALL, EVERYWHERE, 10_000, 20, "limits.throttle.amend"),
        Throttle("amend", OWN, EVERYWHERE, 4_000, 10, "clients.bot.limits.throttle.amend"),
        Throttle("amend", ALL, HERE, 1_000, 4, f"{here}limits.throttle.amend"),
    )
    assert (bounds.repeat.max_same, bounds.repeat.within_ms) == (1, 30_000)
    assert (bounds.no_open_before_close_ms, elsewhere.no_open_before_close_ms) == (420_000, 360_000)
    required = bounds.required
    assert (required.post_only, required.reduce_only, required.expiration_within_ms) == (True, True, 21_600_000)
    assert not elsewhere.required.reduce_only
    assert elsewhere.collar.aggressive == 800


@pytest.mark.parametrize(
    ("own", "made"),
    [
        ({"place": "3/s"}, [("place", 3_000, 20, "place")]),
        ({"amend": "0.5/s"}, [("amend", 500, 20, "amend")]),
        ({"burst": "7"}, [("place", 10_000, 7, "burst"), ("amend", 10_000, 7, "burst")]),
        ({"place": "3/s", "burst": "7"}, [("place", 3_000, 7, "place"), ("amend", 10_000, 7, "burst")]),
    ],
)
def test_a_throttle_that_is_stated_in_part_has_the_rest_of_everybodys(own, made):
    """Catches a client's burst that holds nothing because it stated no rate, and the other way round."""
    bounds = held(NO_ENTRY, (("clients", "bot", "limits", "throttle"), own))
    told = [(t.kind, t.per_second, t.burst, t.rule) for t in bounds.throttles if t.scope_is_client]
    assert told == [(kind, rate, burst, f"clients.bot.limits.throttle.{key}") for kind, rate, burst, key in made]


def test_of_equal_demands_the_more_general_is_named():
    same = (("clients", "bot", "price", "collar", "aggressive"), "$0.10")
    assert held(same, NO_ENTRY).collar.aggressive_rule == "price.collar.aggressive"
    twice = (("clients", "bot", "liquidity", "min_depth"), "30")
    assert held(twice).liquidity.rules["min_depth"] == "clients.bot.liquidity.min_depth"


# What is left out -----------------------------------------------------------------------------------------------------

LEFT_OUT = [
    # limit, what is None or empty then
    ("limits.order.max_count", "max_count"),
    ("limits.order.max_risk", "max_risk"),
    ("limits.day.max_loss", "day_loss"),
    ("limits.market.no_open_before_close", "no_open_before_close_ms"),
    ("limits.throttle", "throttles"),
    ("limits.repeat", "repeat"),
    ("price.band", "band_min"),
    ("price.band", "band_max"),
    ("price.collar", "collar"),
    ("price.walk", "walk"),
    ("limits.market.max_position", "max_position"),
    ("limits.market.max_exposure", "market_exposure"),
    ("limits.event.max_exposure", "event_exposure"),
    ("limits.series.max_exposure", "series_exposure"),
    ("limits.account.max_exposure", "account_exposure"),
    ("limits.account.max_open_orders", "open_orders"),
    ("limits.day.max_orders", "day_orders"),
    ("limits.day.max_notional", "day_notional"),
]


def left_out(*limits):
    """The tree with these limits waived; a client and an entry that tighten nothing come with it."""
    waivers = [{"limit": limit, "reason": "a test", "until": "2026-12-31"} for limit in limits]
    gone = [(tuple(limit.split(".")), GONE) for limit in limits]
    return [*UNWAIVED, *gone, (("unlimited_on_purpose",), waivers)]


@pytest.mark.parametrize(("limit", "name"), LEFT_OUT)
def test_what_is_left_out_holds_nobody(limit, name):
    """Catches a limit of zero in the place of none, and a bound on what nobody limits."""
    assert getattr(held(*left_out(limit), NOBODY, NO_ENTRY), name) in (None, ())


@pytest.mark.parametrize(("limit", "name"), LEFT_OUT)
def test_what_is_left_out_for_all_still_holds_whoever_states_it(limit, name):
    """Catches a client's or a market's own limit that vanishes with the one for all."""
    for changes in ((NO_ENTRY,), (NOBODY,)):
        place = TREE["clients"]["bot"] if changes == (NO_ENTRY,) else TREE["markets"][0]
        stated = place
        for part in limit.split("."):
            stated = stated.get(part, {})
        bounds = held(*left_out(limit), *changes)
        alone = name == "open_orders" and changes == (NOBODY,)  # an entry has a key of its own for these
        assert bool(getattr(bounds, name)) == (bool(stated) or alone), (limit, changes)


def test_one_demand_on_liquidity_may_be_left_out_and_all_of_them():
    one = held(*left_out("liquidity.min_depth"), NOBODY, NO_ENTRY).liquidity
    assert (one.min_depth, one.max_share) == (None, 50)
    assert "min_depth" not in one.rules
    names = ("max_slippage", "max_slippage_percent", "min_depth", "max_share_of_depth", "min_grade")
    every = left_out(*(f"liquidity.{name}" for name in names))
    assert held(*every, NOBODY, NO_ENTRY).liquidity is None
    assert held(*every, NO_ENTRY).liquidity.max_share == 40


def test_what_a_person_must_approve_may_be_nothing():
    assert held(*left_out("confirm.above_risk"), NOBODY).confirm == Confirm(None, 1, 300_000, "confirm.above_risk")


def test_never_asks_for_no_expiration():
    never = (("require", "expiration_within"), "never")
    assert held(never, NOBODY, NO_ENTRY).required.expiration_within_ms is None
