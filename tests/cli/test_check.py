"""`pretrade check` says what a policy allows: every limit, also the ones of a client and of an entry of markets."""

import pytest
from click.testing import CliRunner
from tests.policy.tree import GONE, UNWAIVED, as_yaml, changed

from pretrade.cli.main import cli
from pretrade.policy.waivers import LIMITS

PAST = {"limit": "confirm.above_risk", "reason": "a test", "until": "2026-01-31"}


@pytest.fixture
def checked(tmp_path):
    def check(*changes):
        path = tmp_path / "policy.yaml"
        path.write_text(as_yaml(changed(*changes)), encoding="utf-8")
        return CliRunner().invoke(cli, ["check", str(path)])

    return check


OF_BTC = (
    "order.max_count 20.00, order.max_risk $50.00, market.max_position 40.00, market.max_exposure $60.00, "
    "day.max_orders 10, day.max_notional $75.00, market.max_open_orders 5, market.no_open_before_close 7m, "
    "throttle.place 2/s, throttle.amend 1/s, throttle.burst 4, "
    "repeat.max_same_order 1, repeat.within 30s, repeat.allow_in_flight false, "
    "price.band.min $0.1000, price.band.max $0.9000, price.collar.aggressive $0.0500, price.collar.passive $0.0600, "
    "price.collar.max_age 500ms, price.collar.when_missing deny, price.walk.max $0.0900, price.walk.within 3m, "
    "liquidity.max_slippage $0.0100, liquidity.max_slippage_percent 3%, liquidity.min_depth 30.00, "
    "liquidity.max_share_of_depth 30%, liquidity.min_grade liquid, liquidity.below_grade deny, "
    "liquidity.max_age 500ms, require.post_only false, require.reduce_only true, require.expiration_within 6h, "
    "require.self_trade_prevention maker, require.cancel_order_on_pause false"
)
OF_BOT = (
    "order.max_count 60.00, order.max_risk $90.00, market.max_position 80.00, market.max_exposure $120.00, "
    "event.max_exposure $240.00, series.max_exposure $360.00, account.max_exposure $480.00, "
    "account.max_open_orders 30, day.max_orders 20, day.max_notional $150.00, day.max_loss $30.00, "
    "market.no_open_before_close 6m, throttle.place 5/s, throttle.amend 4/s, throttle.burst 10, "
    "repeat.max_same_order 2, repeat.within 20s, repeat.allow_in_flight false, "
    "price.band.min $0.0500, price.band.max $0.9500, price.collar.aggressive $0.0800, price.collar.passive $0.0900, "
    "price.collar.max_age 1s, price.collar.when_missing deny, price.walk.max $0.1200, price.walk.within 2m, "
    "liquidity.max_slippage $0.0200, liquidity.max_slippage_percent 4%, liquidity.min_depth 20.00, "
    "liquidity.max_share_of_depth 40%, liquidity.min_grade moderate, liquidity.below_grade deny, "
    "liquidity.max_age 1s, require.post_only true, require.reduce_only false, require.expiration_within 12h, "
    "require.self_trade_prevention maker, require.cancel_order_on_pause true, confirm.above_risk $60.00, "
    "inject.order_group 40.00, inject.cancel_order_on_pause true, inject.expiration_within 2h"
)
SAID = [
    "one order  at most 100.00 contracts, $200.00 at risk",
    "one day    at most 25 orders, $201.00 notional, $50.00 lost, America/New_York",
    "a market   at most 101.00 contracts, $202.00 at risk, nothing is opened 5m before it closes",
    "an event   at most $400.00 at risk",
    "a series   at most $600.00 at risk",
    "account    at most $1000.00 at risk, 50 open orders",
    "throttle   new 10/s, amends 10/s, 20 at once",
    "repeat     the same order 3 times within 10s, while one is in flight",
    "prices     0.0200 to 0.9800",
    "collar     aggressive $0.1000, passive $0.1100, max_age 2s, when_missing last_trade",
    "walk       at most 0.1500 within 1m",
    (
        "liquidity  max_slippage $0.0300, max_slippage_percent 5%, min_depth 10.00, max_share_of_depth 50%, "
        "min_grade thin, below_grade confirm, max_age 2s"
    ),
    (
        "require    post_only false, reduce_only false, expiration_within 24h, self_trade_prevention any, "
        "cancel_order_on_pause false"
    ),
    "inject     order_group 80.00, cancel_order_on_pause false, expiration_within 3h",
    "groups     clients may not loosen order groups",
    (
        "halts      rejections 10 within 1m REDUCING, denials 50 within 1m REDUCING, "
        "exchange_errors 5 within 1m REDUCING, clock_skew above 2s HALTED, breaks orphan ghost REDUCING, "
        "loss REDUCING, repeat REDUCING"
    ),
    "notify     70%, 80%, 90%, page",
    f"market     KXBTC-*, event *, series *: allowed, {OF_BTC}",
    "market     KXHIGHNY-*: allowed",
    "market     *: not allowed",
    f"client     bot, subaccount 0, {OF_BOT}",
    "no limit   confirm.above_risk, until 2026-12-31: nobody is at the desk",
    "observed   price.collar, until 2026-12-31",
]


def test_every_limit_is_said(checked):
    """Catches a limit that an operator takes for another, or does not see."""
    done = checked()
    assert done.exit_code == 0, done.output
    said = [line.strip() for line in done.output.splitlines()]
    assert [line for line in SAID if line not in said] == []


@pytest.mark.parametrize("limit", LIMITS)
def test_a_limit_that_is_left_out_is_said_to_be(checked, limit):
    """Catches a policy without a limit that looks like one with it, and a command that fails on one."""
    bare = {"key_id": "bot-key", "public_key": "b.pem", "subaccount": "0"}
    waiver = {"limit": limit, "reason": "the desk is new", "until": "2999-12-31"}
    plain = [(("clients", "bot"), bare), (("markets",), [{"match": "*", "allow": "true"}])]
    stated = checked(*plain, *UNWAIVED)
    left_out = (tuple(limit.split(".")), GONE)
    done = checked(*plain, *UNWAIVED, left_out, (("unlimited_on_purpose",), [waiver]))
    assert done.exit_code == 0, done.output
    said, before = ({line.strip() for line in each.output.splitlines()} for each in (done, stated))
    assert f"no limit   {limit}, until 2999-12-31: the desk is new" in said
    assert len(before - said) == 2, "the line of the limit, and the file's hash"


def test_what_is_only_watched_is_said(checked):
    done = checked((("observe",), {"all": "true", "until": "2999-12-31"}))
    assert "observed   everything, until 2999-12-31: nothing is denied by it" in done.output


def test_what_asks_for_a_person_is_said(checked):
    assert "confirm    above $100.00 at risk, 1 person within 5m" in checked(*UNWAIVED).output


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ((("unlimited_on_purpose",), [PAST]), "unlimited_on_purpose[0].until: 2026-01-31 is past (today is 20"),
        ((("observe",), {"all": "true", "until": "2026-01-31"}), "observe.until: 2026-01-31 is past"),
        (
            (("observe",), {"rules": [{"rule": "price", "until": "2026-01-31"}]}),
            "observe.rules[0].until: 2026-01-31 is past",
        ),
    ],
)
def test_a_date_that_has_passed_is_refused_at_its_place(checked, change, told):
    """Catches a limit that stays away, or a rule that its operator takes for watched, after the day that was agreed."""
    done = checked(change)
    assert done.exit_code == 1
    assert f": {told}" in done.output
    assert "policy.yaml:" in done.output


def test_sharing_is_said(checked):
    done = checked((("clients", "bot", "shares_subaccount"), "true"))
    assert "client     bot, subaccount 0, which it shares" in done.output


def test_what_is_refused_is_told_with_its_place(checked):
    done = checked((("clients", "bot", "limits", "market", "max_position"), "102"))
    assert done.exit_code == 1
    assert "clients.bot.limits.market.max_position: 102.00 is looser than 101.00" in done.output
