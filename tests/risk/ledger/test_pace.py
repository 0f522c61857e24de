"""The pace of clients beside its plain meaning: every window gone through, every approved order kept for ever."""

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from tests.builders import TICKER, amend, order

from pretrade.model.orders import (
    CreateBatch,
    CreateOrder,
    NewOrder,
    SelfTradePrevention,
    Side,
    TimeInForce,
    Write,
)
from pretrade.model.pace import AMEND, PLACE, TOKEN, BucketSeen, LegPace, PaceSeen, meaning_of
from pretrade.model.units import Price
from pretrade.risk.ledger.pace import Pace, PaceState

RATE, BURST = 3_000, 5
"""Three items a second, five at once."""
STATE: TypeAdapter[PaceState] = TypeAdapter(PaceState)

STEPS = st.lists(st.tuples(st.sampled_from([0, 1, 10, 333, 334, 1_000, 1_700, 60_000]), st.integers(1, 6)), max_size=40)


def through_text(pace: Pace) -> Pace:
    """The pace that a snapshot of this one would give back."""
    return Pace.of(STATE.validate_json(STATE.dump_json(pace.state())))


def write_of(items: int) -> Write:
    """So many orders at once."""
    return CreateBatch(tuple(order(client_order_id=f"c-{number}") for number in range(items)))


def bucket(pace: Pace, *, kind: str = PLACE, own: bool = False, of: str = "", rate: int = RATE) -> BucketSeen:
    """A bucket as it stands."""
    used, at_ms = pace.bucket(kind, "a" if own else "", of)
    return BucketSeen(kind, own, of, used, at_ms, rate)


def ask(pace: Pace, now_ms: int, items: int) -> bool:
    """Whether so many orders pass at this moment; if they do, they are counted."""
    seen = bucket(pace)
    if seen.used_at(now_ms, RATE) + items * TOKEN > BURST * TOKEN:
        return False
    pace.count("a", write_of(items), (), PaceSeen(now_ms, (seen,)))
    return True


def would_pass(approved: list[tuple[int, int]], now_ms: int, items: int) -> bool:
    """The same by the promise alone: in no window that ends now are there more than burst + rate x t."""
    starts = {at_ms for at_ms, _ in approved} | {now_ms}
    return all(
        1_000_000 * (items + sum(n for at_ms, n in approved if at_ms >= start))
        <= 1_000_000 * BURST + RATE * (now_ms - start)
        for start in starts
    )


@settings(max_examples=200, deadline=None)
@given(STEPS, st.sets(st.integers(0, 39)))
def test_a_bucket_passes_exactly_what_keeps_every_window_within_burst_and_rate(
    steps: list[tuple[int, int]], restarts: set[int]
) -> None:
    """Catches a refill that is too fast or too slow, a batch that counts as one, a token lost or won by a restart."""
    pace, now_ms, approved = Pace(), 1_000_000, list[tuple[int, int]]()
    for number, (later, items) in enumerate(steps):
        now_ms += later
        pace = through_text(pace) if number in restarts else pace
        expected = would_pass(approved, now_ms, items)
        assert ask(pace, now_ms, items) is expected
        approved += [(now_ms, items)] if expected else []


def test_a_burst_then_the_rate() -> None:
    """A fixed window would let two bursts through at its edge: five at its end and five at the next one's beginning."""
    pace = Pace()
    assert [ask(pace, 10_000, 1) for _ in range(6)] == [True] * 5 + [False]
    assert not ask(pace, 10_333, 1)
    assert ask(pace, 10_334, 1)
    assert not ask(pace, 10_334, 1)
    assert ask(pace, 12_001, 5)
    assert not ask(pace, 12_001, 1)


def test_a_moment_before_the_last_one_refills_nothing_and_takes_nothing_back() -> None:
    """The pace clock never goes back; if it did, the bucket would stand still and not be filled or frozen."""
    pace = Pace()
    assert ask(pace, 10_000, 5)
    assert not ask(pace, 4_000, 1)
    assert ask(pace, 10_334, 1)
    pace.count("a", write_of(1), (), PaceSeen(9_000, (bucket(pace),)))
    assert pace.latest_ms == 10_334


def test_what_only_reduces_takes_no_token_and_enters_no_window() -> None:
    """Catches exits that use up the tokens of what follows them."""
    pace, leg = Pace(), LegPace(same_within_ms=1_000, walk_within_ms=1_000)
    seen = PaceSeen(10_000, (bucket(pace),), (leg, leg))
    first, second = order(price="0.1000"), order(price="0.2000")
    pace.count("a", CreateBatch((first, second)), (True, False), seen)
    assert pace.bucket(PLACE, "", "") == (TOKEN, 10_000)
    assert (pace.same("a", first, 0), pace.same("a", second, 0)) == (0, 1)
    assert pace.walked_from("a", first, 0) == 2_000


def test_buckets_are_apart_by_kind_by_whose_they_are_and_by_market() -> None:
    """Catches amends that take placing's tokens, and one client's that take another's."""
    pace = Pace()
    kinds = [(PLACE, False, ""), (PLACE, True, ""), (PLACE, False, TICKER), (PLACE, False, "OTHER")]
    seen = tuple(bucket(pace, kind=kind, own=own, of=of) for kind, own, of in kinds)
    pace.count("a", CreateOrder(order()), (), PaceSeen(10_000, seen))
    pace.count("a", amend(), (), PaceSeen(10_000, (bucket(pace, kind=AMEND),)))
    expected = {(PLACE, "", ""): 1, (PLACE, "a", ""): 1, (PLACE, "", TICKER): 1, (AMEND, "", ""): 1}
    found = {
        (kind, client, of): pace.bucket(kind, client, of)[0] // TOKEN
        for kind in (PLACE, AMEND)
        for client in ("", "a", "b")
        for of in ("", TICKER, "OTHER")
    }
    assert {key: used for key, used in found.items() if used} == expected


ORDERS = st.builds(
    lambda price, side, count: order(price=f"0.{price}000", side=side, count=f"{count}.00"),
    st.integers(1, 4),
    st.sampled_from(Side),
    st.integers(1, 2),
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([0, 1, 400, 999, 1_000, 1_001, 5_000]), st.sampled_from("ab"), ORDERS)),
    st.sets(st.integers(0, 30)),
)
def test_windows_count_what_a_list_of_everything_counts(
    steps: list[tuple[int, str, NewOrder]], restarts: set[int]
) -> None:
    """Catches a window that is begun anew at a start, one that forgets too early, and a least price that is not."""
    pace, now_ms, everything = Pace(), 1_000_000, list[tuple[int, str, NewOrder]]()
    for number, (later, client, one) in enumerate(steps):
        now_ms += later
        pace = through_text(pace) if number in restarts else pace
        for within in (500, 1_000):
            since = now_ms - within
            old = [two for at_ms, name, two in everything if at_ms >= since and name == client]
            assert pace.same(client, one, since) == sum(meaning_of(two) == meaning_of(one) for two in old)
            prices = [two.price for two in old if two.side is one.side]
            lowest = (min if one.side is Side.BID else max)(prices, default=None)
            assert pace.walked_from(client, one, since) == lowest
        leg = LegPace(same_within_ms=1_000, walk_within_ms=1_000)
        pace.count(client, CreateOrder(one), (), PaceSeen(now_ms, (), (leg,)))
        everything.append((now_ms, client, one))


def test_an_amend_counts_with_its_price_and_is_no_order_again() -> None:
    """A chase by amends is a chase."""
    pace, leg = Pace(), LegPace(same_within_ms=1_000, walk_within_ms=1_000)
    pace.count("a", amend(price="0.3000"), (), PaceSeen(10_000, (), (leg,)))
    assert pace.walked_from("a", order(), 9_000) == Price(3_000)
    assert pace.same("a", order(price="0.3000"), 9_000) == 0


def test_nothing_is_kept_longer_than_it_can_count() -> None:
    """Catches memory that grows with every market ever traded."""
    pace = Pace()
    for number in range(5_000):
        one = order(ticker=f"KX-{number}", price=f"0.{number % 9_999 + 1:04d}")
        leg = LegPace(same_within_ms=10_000, walk_within_ms=60_000)
        seen = bucket(pace, own=True, of=one.ticker)._replace(per_second=10_000)
        pace.count("a", CreateOrder(one), (), PaceSeen(100_000 + 100 * number, (bucket(pace), seen), (leg,)))
    state = pace.state()
    assert len(state.buckets) <= 3
    assert len(state.same) == 101
    assert len(state.prices) == 601
    pace.count("a", CreateOrder(order()), (), PaceSeen(10_000_000, (bucket(pace),), (LegPace(0, 1_000, "", None, 1),)))
    assert (len(pace.state().same), len(pace.state().prices)) == (1, 1)


FLAGS = (
    {"post_only": True},
    {"reduce_only": True},
    {"cancel_order_on_pause": True},
    {"time_in_force": TimeInForce.IMMEDIATE_OR_CANCEL},
    {"self_trade_prevention_type": SelfTradePrevention.MAKER},
    {"expiration_time": 1_795_226_060},
)


def test_ids_and_flags_make_no_other_order_and_the_money_does() -> None:
    """A loop makes a new id and a new expiry in every round, and may take its flags in turn; who changes the market,
    the side, the price or the count means another order."""
    base = meaning_of(order())
    for same in (*FLAGS, {"client_order_id": "other"}, {"exchange_index": 3}, {"order_group_id": "g"}):
        assert meaning_of(order(**same)) == base
    others = ({"side": Side.ASK}, {"price": "0.3100"}, {"count": "9.00"}, {"ticker": "KX-OTHER"})
    assert len({meaning_of(order(**changes)) for changes in others} | {base}) == 5
