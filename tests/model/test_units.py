"""Text and exact integers: what fits is read exactly, what does not is an error, never rounded."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pretrade.model.units import (
    MAX_DIGITS,
    ONE_CONTRACT,
    ONE_DOLLAR,
    ONE_DOLLAR_PRICE,
    UnitError,
    ceil_div,
    format_count,
    format_money,
    format_price,
    parse_count,
    parse_decimal,
    parse_money,
    parse_price,
)


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (parse_price, "0.0001", 1),
        (parse_price, "0.5", 5_000),
        (parse_price, "0.5600", 5_600),
        (parse_price, "0.9999", 9_999),
        (parse_count, "0.01", 1),
        (parse_count, "1", 100),
        (parse_count, "10.5", 1_050),
        (parse_count, "9" * MAX_DIGITS + ".99", 10 ** (MAX_DIGITS + 2) - 1),
        (parse_money, "0", 0),
        (parse_money, "0.000001", 1),
        (parse_money, "200", 200_000_000),
    ],
)
def test_a_figure_is_read_exactly(parse: Callable[[str], int], text: str, value: int) -> None:
    """Catches a fraction padded on the wrong side: 0.5 read as 5 ten-thousandths."""
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (parse_price, "0", "between 0 and 1 dollar"),
        (parse_price, "0.0000", "between 0 and 1 dollar"),
        (parse_price, "1", "between 0 and 1 dollar"),
        (parse_price, "1.0000", "between 0 and 1 dollar"),
        (parse_price, "56", "between 0 and 1 dollar"),
        (parse_price, "0.56001", "at most 4 decimals"),
        (parse_price, "0.56000", "at most 4 decimals"),
        (parse_count, "0", "at least 0.01"),
        (parse_count, "0.00", "at least 0.01"),
        (parse_count, "1.001", "at most 2 decimals"),
        (parse_count, "1" * (MAX_DIGITS + 1), "plain decimal"),
        (parse_money, "0.0000001", "at most 6 decimals"),
    ],
)
def test_what_does_not_fit_is_refused(parse: Callable[[str], int], text: str, message: str) -> None:
    """Catches a rounded price, a price of cents taken for dollars, and an order for nothing."""
    with pytest.raises(UnitError, match=message):
        parse(text)


@pytest.mark.parametrize(
    "text",
    ["", ".", "1.", ".5", "+1", "-1", "1e2", "1E2", "01", "00.5", " 1", "1 ", "1\n", "1,5", "1_000", "0x1", "NaN",
     "inf", "\u0661", "\uff11", "1.\u0665", "1..2", "1.2.3", "--1", "\u22121", "1\x00"],
)  # fmt: skip
@pytest.mark.parametrize("parse", [parse_price, parse_count, parse_money])
def test_odd_spellings_are_refused(parse: Callable[[str], int], text: str) -> None:
    """Catches int() or Decimal() let loose on a client's text: signs, exponents, spaces, other digits, NaN."""
    with pytest.raises(UnitError, match="plain decimal"):
        parse(text)


@given(st.integers(0, 10**18 - 1), st.integers(0, 6))
def test_a_figure_reads_as_the_number_it_spells(value: int, places: int) -> None:
    """Catches any step through a float: at 18 digits one would be off."""
    text = (
        str(Decimal(value).scaleb(-places)) if places == 0 else f"{value // 10**places}.{value % 10**places:0{places}d}"
    )
    if len(text.partition(".")[0]) > MAX_DIGITS:
        with pytest.raises(UnitError):
            parse_decimal(text, places, "a figure")
    else:
        assert parse_decimal(text, places, "a figure") == value == int(Decimal(text).scaleb(places))


@given(st.text(max_size=20), st.integers(0, 6))
def test_any_text_is_a_figure_or_a_unit_error(text: str, places: int) -> None:
    """Catches an exception that the callers do not know, and a text that reads as something else than it spells."""
    try:
        value = parse_decimal(text, places, "a figure")
    except UnitError as e:
        assert "a figure must be" in str(e) or "a figure may have" in str(e)
    else:
        assert value == Decimal(text).scaleb(places) >= 0


@given(st.integers(1, 9_999), st.integers(1, 10**14 - 1), st.integers(0, 10**18 - 1))
def test_what_is_written_reads_back(price: int, count: int, money: int) -> None:
    """Catches a figure that goes out or into the log as another one than was judged."""
    assert parse_price(format_price(price)) == price
    assert parse_count(format_count(count)) == count
    assert parse_money(format_money(money).removeprefix("$")) == money


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (0, "$0.00"),
        (1, "$0.000001"),
        (17_500, "$0.0175"),
        (500_000, "$0.50"),
        (56_000_000, "$56.00"),
        (200_100_000, "$200.10"),
        (-45_744_800, "-$45.7448"),
    ],
)
def test_money_reads_as_people_write_it(money: int, text: str) -> None:
    """Catches zeros cut off that count, and the sign of a negative amount lost or put twice."""
    assert format_money(money) == text


@pytest.mark.parametrize(("value", "text"), [(-1, "-0.0001"), (-10_001, "-1.0001"), (0, "0.0000"), (12_345, "1.2345")])
def test_prices_have_four_decimals_and_their_sign(value: int, text: str) -> None:
    """Catches divmod of a negative number, which would write -0.0001 as -1.9999."""
    assert format_price(value) == text


@given(st.integers(-(10**20), 10**20), st.integers(1, 10**12))
def test_dividing_rounds_up_and_less_than_one_unit(numerator: int, denominator: int) -> None:
    """Catches a cost or a fee rounded down, which would be an estimate below the truth."""
    result = ceil_div(numerator, denominator)
    assert (result - 1) * denominator < numerator <= result * denominator


def test_a_price_times_a_count_is_money() -> None:
    """One dollar times one contract is one dollar, without a conversion."""
    assert ONE_DOLLAR_PRICE * ONE_CONTRACT == ONE_DOLLAR
