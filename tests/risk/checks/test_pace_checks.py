"""How fast, how often and how far: each limit to the last item, the reason and the key that is named."""

from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import TICKER, amend, facts, facts_for, order
from tests.risk.kit import NOW, REJECTED, UNKNOWN, state
from tests.risk.pacekit import Desk, pace_policy

from pretrade.model.facts import Facts
from pretrade.model.instance import Mode
from pretrade.model.orders import (
    CancelAll,
    CancelOrder,
    CreateBatch,
    CreateOrder,
    DecreaseOrder,
    Side,
    TimeInForce,
    Write,
)
from pretrade.model.units import Count
from pretrade.risk.checks.case import case_of
from pretrade.risk.checks.pace_checks import check_pace
from pretrade.risk.ledger.changes import OrderRead
from pretrade.risk.ledger.learning import learn
from pretrade.risk.ledger.ledger import order_key

PLACE, AMEND = "PLACE_RATE_EXCEEDS_MAXIMUM", "AMEND_RATE_EXCEEDS_MAXIMUM"
REPEATED, DUPLICATE, WALK = "ORDER_REPEATED", "DUPLICATE_IN_FLIGHT", "PRICE_WALK_EXCEEDS_MAXIMUM"
_names = count()
SLOW = (("place: 10/s", "place: 3/s"), ("amend: 10/s", "amend: 3/s"), ("burst: 20", "burst: 5"))
THROTTLED = pace_policy(*SLOW, without=("limits.repeat", "price.walk"))
REPEATS = pace_policy(without=("limits.throttle", "price.walk"))
WALKS = pace_policy(without=("limits.throttle", "limits.repeat"))
_NY = '  - match: "KXHIGHNY-*"\n    allow: true\n    limits:\n'
_BTC = '  - match: "KXBTC-*"\n    allow: true\n'
_MORE = "\n# How much may be asked for"
OWN_AND_MARKET = pace_policy(
    *SLOW,
    ("    subaccount: 0\n", "    subaccount: 0\n    limits: {throttle: {burst: 3}}\n"),
    (_NY, f"{_NY}      throttle: {{place: 1/s, burst: 2}}\n"),
    without=("limits.repeat", "price.walk"),
)


def one(price: str = "0.5000", **changes: object) -> CreateOrder:
    """An order under an id of its own."""
    return CreateOrder(order(price=price, **({"client_order_id": f"c-{next(_names)}"} | changes)))


def batch(items: int, **changes: object) -> CreateBatch:
    """So many orders at once, each another one."""
    return CreateBatch(tuple(order(str(1 + next(_names)), **changes) for _ in range(items)))


# Throttles

HISTORY = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 333, 334, 1_000, 1_700, 60_000]), st.sampled_from(["place", "place", "amend"]),
        st.integers(1, 6), st.booleans(),
    ),
    max_size=30,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(HISTORY)
def test_no_window_ever_has_more_than_burst_and_rate_and_nothing_less_is_refused(
    history: list[tuple[int, str, int, bool]],
) -> None:
    """Every window gone through, over restarts. Catches a batch that counts as one, a refill by another clock, a
    bucket that a start fills, an amend that takes an order's token."""
    desk, approved = Desk(THROTTLED), list[tuple[int, str]]()
    assert desk.ask(one()) == []
    desk.end(desk.last)
    resting = f"x-{desk.last}-0"
    desk.now_ms += 60_000
    for later, kind, asked, restarts in history:
        desk.now_ms += later
        items = asked if kind == "place" else 1
        write: Write = batch(items) if kind == "place" else amend(order_id=resting)
        old = [at_ms for at_ms, was in approved if was == kind]
        fits = all(
            1_000 * (items + sum(at_ms >= start for at_ms in old) - 5) <= 3 * (desk.now_ms - start)
            for start in {*old, desk.now_ms}
        )
        assert (desk.ask(write) == []) is fits
        approved += [(desk.now_ms, kind)] * items if fits else []
        if restarts:
            before = state(desk.ledger).live.pace
            desk.restart()
            assert state(desk.ledger).live.pace == before


def test_a_batch_takes_a_token_an_order_and_one_larger_than_the_burst_never_passes() -> None:
    """Catches a batch that counts as one. Who sends it is told that waiting is in vain."""
    desk = Desk(THROTTLED)
    assert desk.ask(batch(4)) == []
    (report,) = desk.checks(batch(2))
    assert (report.rule, report.observed, report.limit, report.code, report.unit) == (
        "limits.throttle.place", "6", "5", PLACE, "orders",
    )  # fmt: skip
    desk.now_ms += 10_000
    assert desk.ask(batch(6)) == [PLACE]
    assert desk.checks(batch(6))[0].limit == "5, so 6 at once can never pass"


def test_what_is_denied_takes_no_token() -> None:
    """A client that hammers must not lock itself out for good, nor the others that share the bucket."""
    desk = Desk(THROTTLED)
    assert desk.ask(batch(5)) == []
    for _ in range(50):
        assert desk.ask(one()) == [PLACE]
    desk.now_ms += 334
    assert desk.ask(one()) == []
    assert desk.checks(one())[0].observed == "6"


def test_what_is_used_is_told_to_a_hundredth_and_never_too_low() -> None:
    """5 used, 3.33 back after 1.111 s: 1.667 and one more. Catches 2.66, under which it would look as if it passed."""
    desk = Desk(THROTTLED)
    desk.ask(batch(5))
    desk.now_ms += 1_111
    assert desk.checks(one())[0].observed == "2.67"


@pytest.mark.parametrize(
    "write",
    [CancelOrder("x"), CancelAll(0), DecreaseOrder("x", reduce_to=Count(0))],
    ids=lambda write: type(write).__name__,
)
def test_nothing_here_is_about_an_exit(write: Write) -> None:
    """Catches a throttle in the way of a cancel, and an exit that takes an order's token."""
    desk = Desk(pace_policy(*SLOW))
    desk.ask(batch(5, price="0.5000"))
    assert desk.facts(write).pace is None
    assert desk.checks(write) == ()


def test_an_order_that_only_closes_passes_all_of_it_and_counts_in_none() -> None:
    """Invariant 6. Catches a reduce that waits for a token, is held for a repetition, or walks."""
    desk = Desk(pace_policy(*SLOW))
    same = order(price="0.9000", side=Side.ASK)
    for number in range(20):
        away = order(price=f"0.{9 - number // 3}000", side=Side.ASK)
        assert desk.ask(CreateOrder(same), reduces=(True,)) == []
        assert desk.ask(CreateOrder(away), reduces=(True,)) == []
    assert desk.ask(CreateBatch((same, order(price="0.1000"))), reduces=(True, False)) == []
    assert next(check.observed for check in desk.checks(one("0.8000"))) == "2"


def test_the_clients_own_bucket_and_the_markets_hold_beside_everybodys() -> None:
    """Catches a bucket that another client's orders fill, and a key that is not the one that bound."""
    desk = Desk(OWN_AND_MARKET)
    ny = "KXHIGHNY-26NOV21-T50"
    assert [c.rule for c in desk.checks(one(ticker=ny))] == [
        "limits.throttle.place", "clients.momentum-bot.limits.throttle.burst", "markets[1].limits.throttle.place",
    ]  # fmt: skip
    assert desk.ask(CreateBatch((order(ticker=ny), order("2", ticker=ny), order("3")))) == []
    found = {check.rule: check.code for check in desk.checks(one(ticker=ny))}
    assert list(found.values()) == [None, PLACE, PLACE]
    assert [check.code for check in desk.checks(one())] == [None, PLACE]


def test_the_dry_run_has_buckets_of_its_own() -> None:
    """Catches a rehearsal that slows the trading down."""
    desk = Desk(THROTTLED, Mode.DRY_RUN)
    assert desk.ask(batch(5)) == []
    assert desk.ask(one()) == [PLACE]
    desk.mode = Mode.LIVE
    assert desk.ask(one()) == []


# The same order again


def test_the_same_order_passes_as_often_as_it_may_and_no_more_within_the_window() -> None:
    """Three within ten seconds, both ends counted; another id or expiry is no other order, another price is one."""
    desk = Desk(REPEATS)
    for seconds in (0, 4, 6):
        desk.now_ms = NOW + seconds * 1_000
        assert desk.ask(one(expiration_time=1_795_226_100 + seconds)) == []
        desk.end(desk.last)
    desk.now_ms = NOW + 10_000
    assert desk.ask(one()) == [REPEATED]
    reports = {check.rule: check for check in desk.checks(one())}
    found = reports["limits.repeat.max_same_order"]
    assert (found.observed, found.limit, found.unit) == ("4", "3", "orders")
    assert desk.ask(one("0.5100")) == []
    desk.now_ms += 1
    assert desk.ask(one()) == []


FLAGS_IN_TURN = (
    {"post_only": True},
    {"expiration_time": 1_795_226_100},
    {"time_in_force": TimeInForce.IMMEDIATE_OR_CANCEL},
    {"cancel_order_on_pause": True},
)


def test_a_loop_that_takes_its_flags_in_turn_is_a_loop() -> None:
    """Catches a breaker that a bot evades by setting another flag with every round."""
    desk = Desk(REPEATS)
    for flags in FLAGS_IN_TURN[:3]:
        assert desk.ask(one(**flags)) == []
        desk.end(desk.last)
    assert desk.ask(one(**FLAGS_IN_TURN[3])) == [REPEATED]


def test_a_twin_with_other_flags_is_a_twin() -> None:
    """Catches a retry that is let by for its flags: either may be filled, and the client wanted one."""
    desk = Desk(REPEATS)
    assert desk.ask(one()) == []
    assert [desk.ask(one(**flags)) for flags in FLAGS_IN_TURN] == [[DUPLICATE]] * 4


def test_the_window_goes_on_over_a_restart() -> None:
    """Catches a window that begins anew at the start: a loop whose proxy is restarted would repeat for ever; and one
    that the start begins for what has long passed."""
    desk = Desk(REPEATS)
    for _ in range(3):
        assert desk.ask(one()) == []
        desk.end(desk.last)
    desk.now_ms += 9_000
    desk.restart()
    assert desk.ask(one()) == [REPEATED]
    desk.now_ms += 1_001
    desk.restart()
    assert desk.ask(one()) == []


def test_another_clients_orders_are_no_repetition() -> None:
    """Two desks may well want the same, also at once; and each has its own three."""
    second = "  spread-bot: {key_id: k2, public_key: keys/2.pem, subaccount: 1}\n"
    policy = pace_policy((_MORE, second + _MORE), without=("limits.throttle", "price.walk"))
    desk = Desk(policy)
    assert [desk.ask(one("0.5200"), client) for client in ("momentum-bot", "spread-bot")] == [[], []]
    for client in ("momentum-bot", "spread-bot"):
        for _ in range(3):
            assert desk.ask(one(), client) == []
            desk.end(desk.last)
    assert desk.ask(one(), "spread-bot") == [REPEATED]


def test_the_orders_of_a_batch_repeat_one_another() -> None:
    """Catches a loop that hides in one request."""
    desk = Desk(REPEATS)
    same = tuple(order(client_order_id=f"b-{number}") for number in range(4))
    assert desk.ask(CreateBatch(same)) == [REPEATED]
    assert [check.leg for check in desk.checks(CreateBatch(same)) if check.code] == [3]
    assert desk.ask(CreateBatch(same[:3])) == []


@pytest.mark.parametrize(("restarts", "ends"), [(False, None), (True, None), (False, UNKNOWN), (True, UNKNOWN)])
def test_a_twin_without_an_answer_is_named(restarts: bool, ends: object) -> None:
    """Held, under way, unknown, and over a restart: it may be this very order. Catches one that another id lets by."""
    desk = Desk(REPEATS)
    assert desk.ask(one()) == []
    if ends is not None:
        desk.end(desk.last, UNKNOWN)
    if restarts:
        desk.restart()
    assert desk.ask(one()) == [DUPLICATE]
    (found,) = (check for check in desk.checks(one()) if check.code)
    assert (found.rule, found.observed) == (
        "limits.repeat.allow_in_flight", f"decision {desk.last}",
    )  # fmt: skip
    assert desk.ask(one("0.5100")) == []


@pytest.mark.parametrize("end", [None, REJECTED])
def test_a_twin_that_was_answered_is_none(end: object) -> None:
    """Catches a client that may never send an order twice."""
    desk = Desk(REPEATS)
    desk.ask(one())
    desk.end(desk.last, REJECTED if end else None)
    assert desk.ask(one()) == []


def test_a_leg_that_the_record_shows_is_no_twin_though_its_batch_is_unknown() -> None:
    """Catches a client that may not send an order whose like is known to rest, for another's sake."""
    desk = Desk(REPEATS)
    first, second = order(client_order_id="a"), order("20.00", client_order_id="b")
    assert desk.ask(CreateBatch((first, second))) == []
    desk.end(desk.last, UNKNOWN)
    key = order_key(desk.last, 0)
    learn(desk.ledger, OrderRead(key, "x-1", Count(0), first.count, first.price, is_open=True, at_ms=NOW))
    assert desk.ask(CreateOrder(order(client_order_id="c"))) == []
    assert desk.ask(CreateOrder(order("20.00", client_order_id="d"))) == [DUPLICATE]


def test_a_policy_may_let_twins_through() -> None:
    """A maker that sends the same quote to two books of its own knows what it does."""
    desk = Desk(pace_policy(("allow_in_flight: false", "allow_in_flight: true"), without=("price.walk",)))
    assert [desk.ask(one()) for _ in range(3)] == [[], [], []]
    assert desk.ask(one()) == [REPEATED]


# Walking prices


@pytest.mark.parametrize(
    ("side", "prices", "passed"),
    [
        (Side.BID, [0.50 + 0.03 * step for step in range(10)], 6),  # ten orders, each three cents on: acceptance row 15
        (Side.ASK, [0.50 - 0.03 * step for step in range(10)], 6),
        (Side.BID, [0.50 - 0.03 * step for step in range(10)], 10),  # away from the market: nobody is overpaid
        (Side.ASK, [0.50 + 0.03 * step for step in range(10)], 10),
        (Side.BID, [0.50, 0.40, 0.55, 0.5501], 3),  # no detour hides a walk
        (Side.BID, [0.40, 0.55], 2),
        (Side.BID, [0.40, 0.5501], 1),
    ],
)
def test_a_price_walks_no_further_than_it_may(side: Side, prices: list[float], passed: int) -> None:
    """Catches a chase in small steps, each within its collar; an ask that is measured the wrong way round."""
    desk = Desk(WALKS)
    answers = []
    for price in prices:
        desk.now_ms += 1_000
        answers.append(desk.ask(one(f"{price:.4f}", side=side)))
    assert answers[:passed] == [[]] * passed
    assert all(found == [WALK] for found in answers[passed:])


def test_a_walk_is_measured_within_its_window_market_side_and_client() -> None:
    """Catches a walk that is begun anew by a start, or never forgotten; one side's prices against the other's."""
    desk = Desk(WALKS)
    assert desk.ask(one("0.3000")) == []
    assert desk.ask(one("0.9000", side=Side.ASK)) == []
    assert desk.ask(one("0.6000", ticker="KXBTC-OTHER")) == []
    desk.restart()
    desk.now_ms += 60_000
    assert desk.ask(one("0.4501")) == [WALK]
    (report,) = desk.checks(one("0.4501"))
    assert (report.rule, report.observed, report.limit, report.unit) == (
        "price.walk.max", "0.1501", "0.1500", "dollars",
    )  # fmt: skip
    desk.now_ms += 1
    assert desk.ask(one("0.4501")) == []


def test_amends_and_the_orders_of_a_batch_walk_too() -> None:
    """Catches a chase by amends, and one within a single request."""
    desk = Desk(WALKS)
    assert desk.ask(one("0.3000")) == []
    assert [check.code for check in desk.checks(amend(price="0.4501"))] == [WALK]
    assert [check.code for check in desk.checks(amend(price="0.4500"))] == [None]
    legs = tuple(order(price=price, ticker="KXBTC-OTHER") for price in ("0.2000", "0.3500", "0.3501"))
    assert [check.code for check in desk.checks(CreateBatch(legs))] == [None, None, WALK]


# What is missing


@pytest.mark.parametrize("policy", [THROTTLED, REPEATS, WALKS], ids=["throttle", "repeat", "walk"])
def test_a_pace_that_was_not_seen_is_a_fault_and_no_pass(policy: object) -> None:
    """Missing is not zero: the gate refuses for it."""
    blind: Facts = facts(client="momentum-bot")
    with pytest.raises(LookupError):
        check_pace(case_of(one(), blind, policy))  # type: ignore[arg-type]


def test_where_nothing_is_limited_nothing_is_needed() -> None:
    """A policy that waives all of it asks for no pace."""
    free = pace_policy(without=("limits.throttle", "limits.repeat", "price.walk"))
    assert check_pace(case_of(one(), facts(), free)) == ()
    assert Desk(free).ask(one()) == []
    assert facts_for(one()).pace is not None


def test_a_market_of_its_own_has_its_own_walk() -> None:
    """An entry tightens the walk in each of its markets by itself."""
    tight = pace_policy(
        (_BTC, f'{_BTC}    price: {{walk: {{max: "$0.02"}}}}\n'), without=("limits.throttle", "limits.repeat")
    )
    desk = Desk(tight)
    assert desk.ask(one("0.3000", ticker=TICKER)) == []
    assert desk.checks(one("0.3201", ticker=TICKER))[0].rule == "markets[0].price.walk.max"
    assert desk.ask(one("0.3201", ticker=TICKER)) == [WALK]
