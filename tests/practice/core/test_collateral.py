from hypothesis import given
from hypothesis import strategies as st

from pretrade.model.orders import Side
from pretrade.practice.core.collateral import Ladder, Reservation
from pretrade.practice.core.instruments import ONE

CHANGES = st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 9_999), st.integers(1, 300)), max_size=12)


def told(position, resting):
    """What is held, contract by contract: sell the dearest legs first into what they would close."""
    held = 0
    for side, closes in ((Side.BID, max(-position, 0)), (Side.ASK, max(position, 0))):
        legs = [p if s is Side.BID else ONE - p for s, p, count in resting if s is side for _ in range(count)]
        held += sum(sorted(legs, reverse=True)[closes:])
    return held


@given(resting=CHANGES, position=st.integers(-600, 600))
def test_what_is_held_is_the_cost_of_what_would_not_only_close(resting, position):
    """Catches orders covered in another order than the one in which they fill."""
    reservation = Reservation()
    for side, price, count in resting:
        reservation.change(side, price, count)
    assert reservation.held(position) == told(position, resting)


@given(resting=CHANGES, more=CHANGES, position=st.integers(-600, 600))
def test_looking_ahead_changes_nothing(resting, more, position):
    """Catches a look ahead that is not taken back, and one that differs from what comes."""
    reservation = Reservation()
    for side, price, count in resting:
        reservation.change(side, price, count)
    before = reservation.held(position)
    ahead = reservation.held_with(position, iter(more))
    assert reservation.held(position) == before
    for side, price, count in more:
        reservation.change(side, price, count)
    assert reservation.held(position) == ahead == told(position, [*resting, *more])
    for side, price, count in [*resting, *more]:
        reservation.change(side, price, -count)
    assert reservation == Reservation()


def test_a_ladder_knows_what_its_dearest_cost():
    ladder = Ladder()
    ladder.change(100, 0)
    for leg, count in ((300, 10), (700, 5), (500, 10)):
        ladder.change(leg, count)
    assert [ladder.cost_of_dearest(count) for count in (0, 3, 5, 6, 25, 99)] == [0, 2_100, 3_500, 4_000, 11_500, 11_500]
