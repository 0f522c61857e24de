"""The keys themselves: none too many, none missing, nothing that changes afterwards."""

import pytest
from pydantic import ValidationError
from tests.policy.tree import GONE, KEYED, UNWAIVED, changed, policy

from pretrade.policy.describe import keys
from pretrade.policy.schema import Policy
from pretrade.policy.waivers import LIMITS
from pretrade.yamltext.describe import ITEM, NAME


def concrete(where):
    return tuple({NAME: "bot", ITEM: 0}.get(part, part) for part in where)


@pytest.mark.parametrize("info", [info for info in keys() if info.required], ids=str)
def test_every_key_that_is_not_optional_must_be_there(info):
    """Catches a limit with a default: a limit that is not stated would be no limit."""
    where = concrete(info.where)
    with pytest.raises(ValidationError) as refused:
        Policy.model_validate(changed((where, GONE), of=KEYED))
    assert [(error["type"], error["loc"]) for error in refused.value.errors()] == [("missing", where)]


MAY_BE_LEFT_OUT = {
    "exchange.practice",
    "signing.passphrase_file",
    "signing.acknowledge",
    "signing.keys",
    "signing.keys.NAME.passphrase_file",
    "signing.keys.NAME.acknowledge",
    "signing.keys.NAME.subaccount",
    "other_hosts",
    "clients.NAME.signing",
    "clients.NAME.shares_subaccount",
    "clients.NAME.private_channels",
    "clients.NAME.user",
    "unlimited_on_purpose",
    "inject",
    "inject.order_group",
    "inject.cancel_order_on_pause",
    "inject.expiration_within",
    "observe",
    "observe.all",
    "observe.until",
    "observe.rules",
    "markets[].match",
    "markets[].event",
    "markets[].series",
}
HOLD_NOTHING_BUT_LIMITS = {
    "price",
    "halts",
    *(f"limits.{group}" for group in ("order", "market", "event", "series", "account")),
}
"""Groups that may be left out where every limit in them is."""
TIGHTENS = tuple(
    f"{place}.{group}"
    for place in ("clients.NAME", "markets[]")
    for group in ("limits", "price", "liquidity", "require", "confirm", "inject")
)


def test_nothing_else_may_be_left_out():
    """Catches a default that makes a mandatory key an optional one."""
    optional = {str(info) for info in keys() if not info.required and not str(info).startswith(TIGHTENS)}
    assert optional == MAY_BE_LEFT_OUT | HOLD_NOTHING_BUT_LIMITS | {*LIMITS}


@pytest.mark.parametrize(
    "info", [info for info in keys() if str(info) in MAY_BE_LEFT_OUT or str(info).startswith(TIGHTENS)], ids=str
)
def test_every_optional_key_may_be_left_out(info):
    where = concrete(info.where)
    demo, named = (("instance", "environment"), "demo"), (("markets", 0, "event"), "KXBTC-26*")
    unwaived = UNWAIVED if info.where == ("unlimited_on_purpose",) else ()
    # a live key and the client that names it are left out together
    both = (("signing", "keys"), ("clients", "bot", "signing"))
    other = [(one, GONE) for one in both if where in both and one != where]
    policy(*unwaived, named, (where, GONE), demo, *other, of=KEYED)


@pytest.mark.parametrize("group", sorted(HOLD_NOTHING_BUT_LIMITS))
def test_a_group_of_limits_may_be_left_out_where_all_of_them_are_waived(group):
    """Catches a policy that must hold an empty group, which cannot be written in a block."""
    inside = [limit for limit in LIMITS if limit.startswith(f"{group}.")]
    waivers = [{"limit": limit, "reason": "a test", "until": "2026-12-31"} for limit in inside]
    bare = {"key_id": "bot-key", "public_key": "b.pem", "subaccount": "0"}
    changes = [*UNWAIVED, (("clients", "bot"), bare), (("markets",), [{"match": "*", "allow": "true"}])]
    policy(*changes, (tuple(group.split(".")), GONE), (("unlimited_on_purpose",), waivers))


@pytest.mark.parametrize("info", [info for info in keys() if info.form is None], ids=str)
def test_no_group_takes_a_key_that_it_does_not_name(info):
    """Catches extra=ignore or extra=allow: a misspelt limit would be silently dropped."""
    group = concrete(info.where)
    named = {("clients",), ("signing", "keys")}
    lists = {("markets",), ("unlimited_on_purpose",), ("observe", "rules")}
    step = ("bot",) if group in named else (0,) if group in lists else ()
    where = (*group, *step, "max_contract_per_order")
    with pytest.raises(ValidationError) as refused:
        Policy.model_validate(changed((where, "10"), of=KEYED))
    assert [(error["type"], error["loc"]) for error in refused.value.errors()] == [("extra_forbidden", where)]


def test_the_tree_of_these_tests_has_every_key():
    """Catches a new key that the tests above would not look at."""

    def places(value, above=()):
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for part, child in inner:
            yield (*above, part)
            yield from places(child, (*above, part))

    assert {concrete(info.where) for info in keys()} - {("confirm", "above_risk")} <= set(places(KEYED))


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
