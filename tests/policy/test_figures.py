"""The table of keys has every key of the schema that can be tightened, each once, and knows which value is tighter."""

import pytest
from tests.policy.tree import TREE, UNWAIVED, policy

from pretrade.policy.describe import keys
from pretrade.policy.figures import KEYS
from pretrade.yamltext.describe import ITEM, NAME

ABOUT_ORDERS = ("limits", "price", "liquidity", "require", "confirm", "inject")
NOT_TIGHTENED = {"limits.day.timezone", "confirm.approvals", "confirm.within"}
ENTRY_ALONE = "limits.market.max_open_orders"
NAMES = [str(key) for key in KEYS]


def stated_under(*above):
    """The keys with a value under one place, by their way from there."""
    groups = {(*above, group) for group in ABOUT_ORDERS}
    return {
        ".".join(info.where[len(above) :]) for info in keys() if info.where[: len(above) + 1] in groups and info.form
    }


def test_every_key_for_all_is_in_the_table():
    """Catches a limit that can be written in a policy and that nothing combines or compares."""
    assert {*NAMES} - {ENTRY_ALONE} == stated_under() - NOT_TIGHTENED
    assert len(NAMES) == len(set(NAMES))


@pytest.mark.parametrize(
    ("above", "without"),
    [
        (("clients", NAME), {ENTRY_ALONE}),
        (
            ("markets", ITEM),
            {
                "limits.event.max_exposure",
                "limits.series.max_exposure",
                "limits.account.max_exposure",
                "limits.account.max_open_orders",
                "limits.day.max_loss",
                "confirm.above_risk",
                "inject.order_group",
                "inject.cancel_order_on_pause",
                "inject.expiration_within",
            },
        ),
    ],
)
def test_every_key_that_can_be_tightened_is_in_the_table(above, without):
    """Catches a key of a client or an entry that is read and then holds nothing."""
    assert stated_under(*above) == {*NAMES} - without


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_a_key_reads_its_own_value_and_writes_it_as_people_do(key):
    """Catches a key that reads another's value, and a figure told in another unit than it was written in."""
    read = policy(*UNWAIVED)
    for place, tree in (
        (read, {**TREE, "confirm": {"above_risk": "$100"}}),
        (read.clients["bot"], TREE["clients"]["bot"]),
    ):
        text = at(tree, key.where)
        if text is not None:
            assert as_written(key.write(key.stated(place))) == as_written(text)
    assert key.stated(None) is None
    assert key.stated(read.markets[1]) is None


def at(tree, where):
    for name in where:
        tree = tree.get(name) if tree else None
    return tree


def as_written(text):
    """A text without what does not change it: the zeros after the point, the sign of a percentage."""
    unit = {"60s": "1m", "120s": "2m"}.get(text, text).removesuffix("%")
    return unit.rstrip("0").removesuffix(".") if "." in unit else unit


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_what_a_client_and_an_entry_of_the_tree_state_is_tighter(key):
    """Catches an order of values that is the wrong way round: a minimum taken for a maximum, or the like."""
    read = policy(*UNWAIVED)
    whole = key.stated(read)
    for place in (read.clients["bot"], read.markets[0]):
        own = key.stated(place)
        if own is not None and whole is not None:
            assert key.rank(own) < key.rank(whole) or own == whole
