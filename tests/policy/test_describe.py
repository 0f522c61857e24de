"""The list of keys that the reference and the error messages are made of."""

import pytest

from pretrade.model.codes import DenyCode
from pretrade.policy.describe import keys
from pretrade.yamltext.describe import key_at, known_keys

TIGHTENS = ("limits", "price", "liquidity", "require")
CLIENT_KEYS = (
    "key_id",
    "public_key",
    "subaccount",
    "signing",
    "shares_subaccount",
    "private_channels",
    "user",
    *TIGHTENS,
    "confirm",
    "inject",
)
LIMIT_GROUPS = ("order", "day", "market", "event", "series", "account", "throttle", "repeat")


def test_every_key_is_explained():
    """Catches a new key that an operator would find in the reference without a word on it."""
    for info in keys():
        assert info.meaning.endswith("."), str(info)
        assert info.form is None or (info.form.form and info.example), str(info)


def test_every_limit_says_what_it_is_denied_with():
    """Catches a limit whose denial an operator cannot look up, and a code that is not the program's."""
    for info in keys():
        if not info.form or info.form.unit not in {"contracts", "dollars", "orders", "percent", "orders a second"}:
            continue
        codes = {word.strip(".,()") for word in info.meaning.split() if word.isupper() and "_" in word}
        assert codes <= set(DenyCode), str(info)
        assert codes or info.meaning.startswith("As `"), str(info)


@pytest.mark.parametrize(
    ("group", "known"),
    [
        (("limits", "order"), ("max_count", "max_risk")),
        (("clients", "any-name"), CLIENT_KEYS),
        (("clients", "any-name", "limits"), LIMIT_GROUPS),
        (("clients", "any-name", "confirm"), ("above_risk",)),
        (
            ("markets", 7, "limits", "market"),
            ("max_position", "max_exposure", "max_open_orders", "no_open_before_close"),
        ),
        (("markets", 7), ("match", "event", "series", "allow", *TIGHTENS)),
        (("unlimited_on_purpose", 3), ("limit", "reason", "until")),
        (("markets", 7, "price", "band"), ("min", "max")),
        (("exchange", "practice"), ("url", "ca")),
        (("clients",), ()),
        (("markets", "7"), ()),
        (("state_dir",), ()),
        (("nowhere",), ()),
    ],
)
def test_a_group_knows_its_keys(group, known):
    assert known_keys(keys(), group) == known


def test_a_key_is_found_by_its_place_in_a_file():
    assert str(key_at(keys(), ("markets", 3, "limits", "order", "max_count"))) == "markets[].limits.order.max_count"
    assert key_at(keys(), ("markets", "limits")) is None
