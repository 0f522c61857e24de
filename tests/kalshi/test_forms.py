"""The forms of single values on their own: each is safe without the JSON parser in front of it."""

from collections.abc import Callable

import pytest

from pretrade.kalshi import forms

ODD: list[tuple[Callable[[object], object], list[object]]] = [
    (
        forms.price,
        ["0.５６", "0.5\u0666", "0.56\n", "\n0.56", " 0.56", "0.5_6", "Infinity", "-0.56", "", 0.56, 1, None],
    ),
    (forms.count, ["１", "\u0661", "1\n", "1_0", "1e1", "0", "0.001", "", 1, True]),
    (forms.count_or_zero, ["０", "-0", "0\n", "0.000", 0, False]),
    (forms.ticker, ["KX\n", "ＫＸ", "K\u0130", "kx", ".KX", "", "K" * 129, 1, None]),
    (forms.identifier, ["a\n", "a b", "a/b", "..", ".a", "é", "", "a" * 129, 1]),
    (forms.client_order_id, ["a\n", "a b", "=a", "-a", "+a", "@a", '"', "<", "&", "%", "é", "", "a" * 129]),
    (forms.flag, [0, 1, "true", None, []]),
    (forms.subaccount, [True, False, -1, 64, 1.0, "1", None]),
    (forms.exchange_index, [True, -2, 101, 0.0, "0"]),
    (forms.unix_seconds, [True, 0, -1, 10_000_000_000, 1.5, "1"]),
    (forms.word(("a", "b")), ["A", "a ", "", None, 1]),
]


@pytest.mark.parametrize(("read", "value"), [(read, value) for read, values in ODD for value in values])
def test_odd_values_are_refused(read: Callable[[object], object], value: object) -> None:
    """Catches digits of other scripts, a pattern that allows a final newline, and True counted as 1."""
    with pytest.raises(ValueError) as caught:
        read(value)
    assert str(caught.value)


@pytest.mark.parametrize(
    ("read", "value", "result"),
    [
        (forms.price, "0.56", 5600),
        (forms.price, "0.0001", 1),
        (forms.price, "0.9999", 9999),
        (forms.count, "0.01", 1),
        (forms.count_or_zero, "0.00", 0),
        (forms.ticker, "KXHIGHNY-26OCT15-B67.5", "KXHIGHNY-26OCT15-B67.5"),
        (forms.flag, False, False),
        (forms.exchange_index, -1, -1),
        (forms.unix_seconds_or_zero, 0, 0),
    ],
)
def test_usual_values_are_read(read: Callable[[object], object], value: object, result: object) -> None:
    assert read(value) == result
