"""An unknown key is told together with the one that was meant: a slip, or a key that belongs elsewhere."""

from collections.abc import Mapping
from typing import Annotated

import pytest
from pydantic import Field, ValidationError

from pretrade.yamltext.describe import keys_of
from pretrade.yamltext.explain import schema_problems
from pretrade.yamltext.forms import Form, Section
from pretrade.yamltext.tree import read_tree

Text = Annotated[str, Form("", "a text", str)]


class Order(Section):
    max_count: Text
    max_risk: Text | None = None


class Day(Section):
    max_orders: Text | None = None


class Own(Section):
    order: Order | None = None
    day: Day | None = None


class Client(Section):
    limits: Own | None = None


class File(Section):
    limits: Own
    clients: Mapping[str, Client] = Field(default_factory=dict)
    markets: tuple[Client, ...]


CASES = [
    # a slip beats the very name elsewhere; the nearest of several groups is named
    ("limits: {}\nmarket: []", "market", "markets"),
    ("limits: {order: {max_count: 1, max_orders: 2}}\nmarkets: []", "limits.order.max_orders", "limits.day.max_orders"),
    ("limits: {order: {max_orders: 2}}\nmarkets: []", "limits.order.max_orders", "limits.day.max_orders"),
    ("limits: {max_count: 1}\nmarkets: []", "limits.max_count", "limits.order.max_count"),
    (
        "limits: {}\nmarkets: [{limits: {order: {max_count: 1, max_orders: 2}}}]",
        "markets[0].limits.order.max_orders",
        "markets[].limits.day.max_orders",
    ),
    ("limits: {}\nmarkets: [{day: {}}]", "markets[0].day", "markets[].limits.day"),
    ("limits: {}\nmarkets: []\nday: {}", "day", "limits.day or clients.NAME.limits.day or markets[].limits.day"),
    ("limits: {order: {max_cuont: 1}}\nmarkets: []", "limits.order.max_cuont", "max_count"),
    ("limits: {}\nmarkets: []\nzzz: 1", "zzz", ""),
]


@pytest.mark.parametrize(("text", "where", "meant"), CASES)
def test_an_unknown_key_is_told_with_the_one_that_was_meant(text, where, meant):
    """Catches a hint that sends the operator to another group than the one that was edited."""
    tree = read_tree(text, "policy")
    with pytest.raises(ValidationError) as refused:
        File.model_validate(tree.value)
    problems = schema_problems(refused.value, tree, tuple(keys_of(File)), "policy")
    assert (where, meant) in [(told.where, told.suggestion) for told in problems if told.message == "unknown key"]
