"""The largest count that passes: searched for by judging, never reckoned."""

from hypothesis import given
from hypothesis import strategies as st
from tests.builders import order

from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Approved, Check, Denied
from pretrade.model.orders import CreateOrder
from pretrade.model.units import Count
from pretrade.risk.checks.headroom import Headroom, Judge, Trial, headroom

CLOSING = Check("closing", "", "", DenyCode.ORDER_COUNT_EXCEEDS_MAXIMUM)
OPENING = Check("opening", "", "", DenyCode.POSITION_EXCEEDS_MAXIMUM)
ANY = CreateOrder(order())


def judge(held: int, closes: int, opens: int) -> Judge:
    """Up to `held` only closes; of that, `closes` passes, and of what opens, whatever is no more than `opens`."""

    def answer(count: Count) -> Trial:
        reduces = count <= held
        passes = count <= closes if reduces else count <= opens
        reason = CLOSING if reduces else OPENING
        return Trial(Approved(ANY, ()) if passes else Denied(ANY, (reason,)), reduces)

    return answer


COUNTS = st.integers(0, 3_000)


@given(held=COUNTS, closes=COUNTS, opens=COUNTS, most=st.integers(1, 3_000))
def test_it_is_the_largest_there_is(held: int, closes: int, opens: int, most: int) -> None:
    """Catches a search that takes what closes and what opens for one: there, more may pass where less does not.

    What only closes is never held to more than what opens is, so that a denial of 0.01 contract is one of all.
    """
    ask = judge(held, closes, opens)
    if not ask(Count(1)).passes:
        assert headroom(ask, Count(most)).count == 0
        return
    found = headroom(ask, Count(most))
    passing = [count for count in range(1, most + 1) if ask(Count(count)).passes]
    open_half = [count for count in passing if count > held]
    assert found.count == max(open_half or passing)
    assert ask(found.count).passes
    assert found.count == most or not ask(Count(found.count + 1)).passes


def test_what_binds_next_is_told() -> None:
    assert headroom(judge(0, 0, 500), Count(1_000)) == Headroom(Count(500), (OPENING,))
    assert headroom(judge(200, 150, 0), Count(1_000)) == Headroom(Count(150), (CLOSING,))
    assert headroom(judge(200, 200, 0), Count(1_000)) == Headroom(Count(200), (OPENING,))
    assert headroom(judge(0, 0, 0), Count(1_000)) == Headroom(Count(0), (OPENING,))
    assert headroom(judge(0, 0, 1_000), Count(1_000)) == Headroom(Count(1_000), ())


def test_it_judges_few_counts() -> None:
    """Catches a search that grows with the count: a denial must not hold up everybody else's orders."""
    asked = []

    def counting(count: Count) -> Trial:
        asked.append(count)
        return judge(0, 0, 123_456)(count)

    headroom(counting, Count(100_000_000))
    assert len(asked) <= 30
    asked.clear()
    headroom(lambda count: asked.append(count) or judge(0, 0, 0)(count), Count(100_000_000))  # type: ignore[func-returns-value]
    assert asked == [1]
