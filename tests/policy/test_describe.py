"""The list of keys that the reference and the error messages are made of."""

import pytest

from pretrade.policy.describe import key_at, keys, known_keys


def test_every_key_is_explained():
    """Catches a new key that an operator would find in the reference without a word on it."""
    for info in keys():
        assert info.meaning.endswith("."), str(info)
        assert info.form is None or (info.form.form and info.example), str(info)


@pytest.mark.parametrize(
    ("group", "known"),
    [
        (("limits", "order"), ("max_count", "max_risk")),
        (("clients", "any-name"), ("key_id", "public_key", "subaccount")),
        (("markets", 7), ("match", "allow", "limits", "price")),
        (("markets", 7, "price", "band"), ("min", "max")),
        (("exchange", "practice"), ("url", "ca")),
        (("clients",), ()),
        (("markets", "7"), ()),
        (("state_dir",), ()),
        (("nowhere",), ()),
    ],
)
def test_a_group_knows_its_keys(group, known):
    assert known_keys(group) == known


def test_a_key_is_found_by_its_place_in_a_file():
    assert str(key_at(("markets", 3, "limits", "order", "max_count"))) == "markets[].limits.order.max_count"
    assert key_at(("markets", "limits")) is None
