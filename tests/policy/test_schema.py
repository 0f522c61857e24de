"""The keys themselves: none too many, none missing, nothing that changes afterwards."""

import pytest
from pydantic import ValidationError
from tests.policy.tree import GONE, TREE, changed, policy

from pretrade.policy.describe import ITEM, NAME, keys
from pretrade.policy.schema import Policy


def concrete(where):
    return tuple({NAME: "bot", ITEM: 0}.get(part, part) for part in where)


@pytest.mark.parametrize("info", [info for info in keys() if info.required], ids=str)
def test_every_key_that_is_not_optional_must_be_there(info):
    """Catches a limit with a default: a limit that is not stated would be no limit."""
    where = concrete(info.where)
    with pytest.raises(ValidationError) as refused:
        Policy.model_validate(changed((where, GONE)))
    assert [(error["type"], error["loc"]) for error in refused.value.errors()] == [("missing", where)]


@pytest.mark.parametrize("info", [info for info in keys() if not info.required], ids=str)
def test_every_optional_key_may_be_left_out(info):
    where = concrete(info.where)
    demo = (("instance", "environment"), "demo")
    policy((where, GONE), demo)


@pytest.mark.parametrize("info", [info for info in keys() if info.form is None], ids=str)
def test_no_group_takes_a_key_that_it_does_not_name(info):
    """Catches extra=ignore or extra=allow: a misspelt limit would be silently dropped."""
    group = concrete(info.where)
    step = {("clients",): ("bot",), ("markets",): (0,)}.get(group, ())
    where = (*group, *step, "max_contract_per_order")
    with pytest.raises(ValidationError) as refused:
        Policy.model_validate(changed((where, "10")))
    assert [(error["type"], error["loc"]) for error in refused.value.errors()] == [("extra_forbidden", where)]


def test_the_tree_of_these_tests_has_every_key():
    """Catches a new key that the tests above would not look at."""

    def places(value, above=()):
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for part, child in inner:
            yield (*above, part)
            yield from places(child, (*above, part))

    assert {concrete(info.where) for info in keys()} <= set(places(TREE))


def test_an_empty_list_of_markets_is_refused():
    with pytest.raises(ValidationError) as refused:
        Policy.model_validate(changed((("markets",), [])))
    assert [error["type"] for error in refused.value.errors()] == ["too_short"]


def test_no_clients_is_a_policy():
    assert policy((("clients",), {})).clients == {}


def test_a_policy_never_changes():
    """Catches a limit that somebody raises in memory."""
    read = policy()
    with pytest.raises(ValidationError, match="frozen"):
        read.limits.order.max_count = 10**9
    with pytest.raises(TypeError):
        read.clients["other"] = read.clients["bot"]
    with pytest.raises(TypeError):
        read.markets[0] = read.markets[1]
