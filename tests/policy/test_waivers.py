"""What does not hold for a while: until which day, and for which rules."""

import pytest
from pydantic import ValidationError
from tests.policy.tree import changed, policy

from pretrade.policy.schema import Policy
from pretrade.policy.waivers import expired, is_observed, observations, past_observations, past_waivers

DAYS = [("2026-12-30", False), ("2026-12-31", False), ("2027-01-01", True)]
RULES = (("observe",), {"rules": [{"rule": "price.collar", "until": "2026-12-31"}]})
EVERYTHING = (("observe",), {"all": "true", "until": "2026-12-31"})


@pytest.mark.parametrize(("day", "over"), DAYS)
def test_a_waiver_holds_until_the_end_of_its_last_day(day, over):
    """Catches a waiver that ends a day early or never."""
    read = policy()
    assert bool(expired(read, day)) == over
    assert bool([*past_waivers(read, day)]) == over


OBSERVED = [
    # what a report names, whether it is watched where price.collar is
    ("price.collar.aggressive", True),
    ("price.collar", True),
    ("clients.bot.price.collar.passive", True),
    ("markets[12].price.collar.max_age", True),
    ("price.band.min", False),
    ("price.collars", False),
    ("clients.price.collar", False),
    ("instance.role", False),
    ("trading_state", False),
    ("markets[0].allow", False),
    ("", False),
]


@pytest.mark.parametrize(("rule", "watched"), OBSERVED)
def test_a_rule_is_watched_by_its_key_whoever_has_set_it(rule, watched):
    """Catches a rule that looks alike and is let off with it, and a client's own that is not."""
    assert is_observed(policy(RULES), rule, "2026-12-31") == watched
    assert not is_observed(policy(RULES), rule, "2027-01-01")
    assert not is_observed(policy((("observe",), {})), rule, "2026-12-31")


def test_a_group_is_watched_with_all_that_is_in_it():
    read = policy((("observe",), {"rules": [{"rule": "liquidity", "until": "2026-12-31"}]}))
    assert is_observed(read, "clients.bot.liquidity.min_grade", "2026-01-01")
    listed = policy((("observe",), {"rules": [{"rule": "markets", "until": "2026-12-31"}]}))
    assert is_observed(listed, "markets[3].allow", "2026-01-01")
    assert is_observed(listed, "markets", "2026-01-01")
    assert not is_observed(listed, "markets[3].limits.order.max_count", "2026-01-01")


def test_everything_may_be_watched_until_a_day():
    assert is_observed(policy(EVERYTHING), "limits.order.max_count", "2026-12-31")
    assert not is_observed(policy(EVERYTHING), "limits.order.max_count", "2027-01-01")
    assert not is_observed(policy((("observe",), {"until": "2026-12-31"})), "limits.order.max_count", "2026-01-01")


@pytest.mark.parametrize(("day", "over"), DAYS)
def test_what_is_only_watched_is_told_until_it_is_enforced(day, over):
    """Catches a rule that an operator takes for watched when it denies, or the other way round."""
    for change, told in ((EVERYTHING, "everything until 2026-12-31"), (RULES, "price.collar until 2026-12-31")):
        read = policy(change)
        assert observations(read, day) == ([] if over else [told])
        assert bool([*past_observations(read, day)]) == over


NAMES = [
    (("unlimited_on_purpose", 0, "limit"), "limits.day.max_los", "did you mean limits.day.max_loss?"),
    (("unlimited_on_purpose", 0, "limit"), "price.colar", "did you mean price.collar?"),
    (("unlimited_on_purpose", 0, "limit"), "instance.role", "no limit is called 'instance.role'"),
    (("unlimited_on_purpose", 0, "limit"), "price.collar.aggressive", "no limit is called"),
    (("unlimited_on_purpose", 0, "until"), "2026-02-30", "must be a day as in 2026-12-31, was '2026-02-30'"),
    (("unlimited_on_purpose", 0, "until"), "20261231", "must be a day"),
    (("unlimited_on_purpose", 0, "until"), "2026-12-31T00:00", "must be a day"),
    (("unlimited_on_purpose", 0, "until"), "never", "must be a day"),
    (("unlimited_on_purpose", 0, "reason"), "", "must say why"),
    (("unlimited_on_purpose", 0, "reason"), " ", "must say why"),
    (("unlimited_on_purpose", 0, "reason"), "x" * 201, "must say why"),
    (("observe", "rules", 0, "rule"), "price.colar", "did you mean price.collar?"),
    (("observe", "rules", 0, "rule"), "clients.bot.price.collar", "no rule is called"),
    (("observe", "rules", 0, "rule"), "markets[0].price.collar", "no rule is called"),
    (("observe", "rules", 0, "rule"), "instance.role", "no rule is called"),
    (("observe", "rules", 0, "rule"), "trading_state", "no rule is called"),
    (("observe", "until"), "31.12.2026", "must be a day"),
]


@pytest.mark.parametrize(("where", "text", "sentence"), NAMES)
def test_a_wrong_name_or_day_is_refused_in_words(where, text, sentence):
    """Catches a limit that is thought to be waived, and one that is waived by a slip."""
    with pytest.raises(ValidationError) as refused:
        Policy.model_validate(changed((where, text)))
    (error,) = refused.value.errors()
    assert error["loc"] == where
    assert sentence in error["msg"]
