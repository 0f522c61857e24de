"""Reports and depths that are found again say what they said, and never what another one said."""

from hypothesis import given
from hypothesis import strategies as st

from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Check
from pretrade.policy.words import Grade
from pretrade.risk.checks.liquidity import Depth, Quote, _depth, _quoted
from pretrade.risk.checks.liquidity_checks import _graded, _share
from pretrade.risk.checks.order_checks import _band, _count, _risk
from pretrade.risk.checks.pace_checks import _rate, _same, _walked
from pretrade.risk.checks.price_checks import _age, _apart
from pretrade.risk.checks.remembered import REMEMBERED, remembered

FEW = st.integers(0, 3)
"""So few figures that the same ones come again and again, at other places."""
ANY = st.none() | FEW
NUMBERS = st.none() | st.integers(0, 2)
RULES = st.sampled_from(["a", "b"])
LEVELS = st.lists(st.tuples(st.integers(4_998, 5_000), FEW), max_size=2).map(tuple)
QUOTES = st.builds(Quote, st.integers(4_998, 5_000), st.integers(5_001, 5_003))
DEPTHS = st.builds(Depth, FEW, FEW, st.integers(0, 3).map(lambda weighted: 10**8 * weighted))
REPORTS = st.one_of(
    st.tuples(st.just(_quoted), st.integers(4_998, 5_002), st.integers(4_998, 5_002)),
    st.tuples(st.just(_depth), LEVELS, LEVELS, QUOTES),
    st.tuples(
        st.just(_graded), RULES, QUOTES, DEPTHS, *[st.sampled_from([0, 10**6])] * 2, st.sampled_from(Grade), NUMBERS
    ),
    st.tuples(st.just(_count), RULES, FEW, ANY, NUMBERS),
    st.tuples(st.just(_risk), RULES, FEW, ANY, NUMBERS),
    st.tuples(st.just(_band), RULES, FEW, ANY, ANY, NUMBERS, st.booleans()),
    st.tuples(st.just(_rate), RULES, st.booleans(), FEW, FEW, FEW, st.booleans()),
    st.tuples(st.just(_same), RULES, FEW, FEW, NUMBERS),
    st.tuples(st.just(_walked), RULES, FEW, FEW, NUMBERS),
    st.tuples(st.just(_age), RULES, FEW, FEW, NUMBERS, st.booleans()),
    st.tuples(st.just(_apart), RULES, FEW, FEW, FEW, NUMBERS, st.booleans(), st.booleans()),
    st.tuples(st.just(_share), RULES, FEW, FEW, FEW, NUMBERS),
)


@given(st.lists(REPORTS, max_size=30))
def test_what_is_found_is_what_would_be_made(asked: list[tuple[object, ...]]) -> None:
    """Catches a figure that a report tells of and is not found by: another order's would be told."""
    for make, *figures in asked:
        assert make(*figures) == make.__wrapped__(*figures)  # type: ignore[operator, attr-defined]
        assert repr(make(*figures)) == repr(make.__wrapped__(*figures))  # type: ignore[operator, attr-defined]


def test_figures_no_order_had_before_leave_room_for_the_next() -> None:
    """Catches a memory that a client fills by asking for what nobody asked for before."""
    made: list[int] = []

    @remembered
    def make(figure: int) -> Check:
        made.append(figure)
        return Check("rule", str(figure), "0", DenyCode.ORDER_REPEATED)

    for figure in range(3 * REMEMBERED):
        assert make(figure).observed == str(figure)
    assert make.cache_info().currsize == REMEMBERED  # type: ignore[attr-defined]
    make(3 * REMEMBERED - 1)
    assert len(made) == 3 * REMEMBERED
