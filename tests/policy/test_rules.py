"""The rules between keys, each broken once, with the key and the sentence that people see."""

import pytest
from pydantic import ValidationError
from tests.policy.tree import GONE, changed, policy

from pretrade.policy.rules import RULES, dotted
from pretrade.policy.schema import Policy

ROLE, MODE = ("instance", "role"), ("instance", "mode")
ENVIRONMENT, ALLOW = ("instance", "environment"), ("instance", "allow_production")
PRODUCTION, LIVE = (ENVIRONMENT, "production"), (MODE, "live")
OTHER = {"key_id": "other-key", "public_key": "o.pem", "subaccount": "1"}


def entry(match, **more):
    return {"match": match, "allow": "true", **more}


BROKEN = [
    ([(ROLE, "ABH"), PRODUCTION, LIVE], MODE, "an ABH instance never trades live in production"),
    ([(ROLE, "ABH"), PRODUCTION, LIVE, (ALLOW, "true")], MODE, "an ABH instance never trades live in production"),
    ([PRODUCTION, LIVE], MODE, "needs instance.allow_production: true"),
    ([(("listen", "base_url"), "127.0.0.1:8080")], ("listen", "base_url"), "must differ from listen.proxy"),
    ([(("exchange", "practice"), GONE)], ("exchange", "practice"), "instance.environment is practice"),
    (
        [(("clients", "bot", "key_id"), "live-key")],
        ("clients", "bot", "key_id"),
        "'live-key' is already the value of signing.key_id",
    ),
    (
        [(("clients", "two"), OTHER | {"key_id": "bot-key"})],
        ("clients", "two", "key_id"),
        "'bot-key' is already the value of clients.bot.key_id",
    ),
    (
        [(("clients", "two"), OTHER | {"subaccount": "0"})],
        ("clients", "two", "subaccount"),
        "0 already belongs to clients.bot: one client, one subaccount",
    ),
    (
        [(("price", "band", "min"), "$0.98"), (("markets", 0, "price"), GONE)],
        ("price", "band", "min"),
        "$0.9800 must be lower than price.band.max, $0.9800",
    ),
    ([(("markets", 2), GONE)], ("markets", 1, "match"), 'the last entry must match "*"'),
    (
        [(("markets", 1, "match"), "KXBTC-*")],
        ("markets", 1, "match"),
        "never reached: markets[0] (KXBTC-*) takes everything that KXBTC-* fits",
    ),
    (
        [(("markets", 1, "match"), "KXBTC-26*")],
        ("markets", 1, "match"),
        "never reached: markets[0] (KXBTC-*) takes everything that KXBTC-26* fits",
    ),
    ([(("markets", 1, "match"), "*")], ("markets", 2, "match"), "never reached: markets[1] (*)"),
    (
        [(("markets", 0, "limits", "order", "max_count"), "100.01")],
        ("markets", 0, "limits", "order", "max_count"),
        "100.01 is looser than 100.00, which limits.order.max_count sets",
    ),
    (
        [(("markets", 0, "limits", "order", "max_risk"), "$200.000001")],
        ("markets", 0, "limits", "order", "max_risk"),
        "$200.000001 is looser than $200.00, which limits.order.max_risk sets",
    ),
    (
        [(("markets", 0, "price", "band", "min"), "$0.0199")],
        ("markets", 0, "price", "band", "min"),
        "$0.0199 is looser than $0.0200, which price.band.min sets",
    ),
    (
        [(("markets", 0, "price", "band", "max"), "$0.9801")],
        ("markets", 0, "price", "band", "max"),
        "$0.9801 is looser than $0.9800, which price.band.max sets",
    ),
    ([(("markets", 0, "price", "band"), {"min": "$0.98"})], ("markets", 0, "price", "band"), "leaves no price"),
]


@pytest.mark.parametrize(("changes", "where", "sentence"), BROKEN)
def test_a_broken_rule_names_the_key_and_says_why(changes, where, sentence):
    with pytest.raises(ValidationError) as refused:
        Policy.model_validate(changed(*changes))
    (error,) = refused.value.errors()
    (violation,) = error["ctx"]["violations"]
    assert violation.where == where
    assert sentence in violation.message


KEPT = [
    [(ROLE, "ABH"), PRODUCTION],
    [(ROLE, "ABH"), LIVE],
    [(ROLE, "ABH"), LIVE, (ENVIRONMENT, "demo")],
    [(ROLE, "R"), PRODUCTION, LIVE],
    [PRODUCTION],
    [PRODUCTION, LIVE, (ALLOW, "true")],
    [(("exchange", "practice"), GONE), (ENVIRONMENT, "demo")],
    [(("listen", "proxy"), "127.0.0.1:0"), (("listen", "base_url"), "127.0.0.1:0")],
    [(("clients", "two"), OTHER)],
    [(("markets", 0, "limits", "order", "max_count"), "100")],
    [(("markets", 0, "price", "band"), {"min": "$0.9799"})],
    [(("markets",), [entry("KXBTC-26*"), entry("KXBTC-*"), entry("*BTC*"), entry("*")])],
]


@pytest.mark.parametrize("changes", KEPT)
def test_a_policy_inside_the_rules_is_taken(changes):
    policy(*changes)


def test_every_broken_rule_is_told_at_once():
    with pytest.raises(ValidationError) as refused:
        Policy.model_validate(
            changed(PRODUCTION, LIVE, (("markets", 2), GONE), (("clients", "bot", "key_id"), "live-key"))
        )
    (error,) = refused.value.errors()
    assert [dotted(violation.where) for violation in error["ctx"]["violations"]] == [
        "instance.mode",
        "clients.bot.key_id",
        "markets[1].match",
    ]


def test_every_rule_says_what_it_is_in_one_sentence():
    assert all(rule.__doc__ and rule.__doc__.endswith(".") and "\n" not in rule.__doc__ for rule in RULES)


def test_a_key_that_does_not_show_is_written_so_that_it_does():
    assert dotted(("limits", 0, "a\x1b[2J")) == "limits[0].'a\\x1b[2J'"
