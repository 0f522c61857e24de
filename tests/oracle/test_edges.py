"""Every limit at its last unit: what comes to exactly the limit passes, one unit less and the same write is denied.

Rule of this file: the oracle says what a write comes to; the policy is then made so that nothing else can bind.
"""

import copy
from collections.abc import Iterator
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from tests.oracle.account import total
from tests.oracle.intents import Asker, Intent, New
from tests.oracle.scenes import CLIENTS, Scene
from tests.oracle.skies import bare
from tests.oracle.test_random import SEED, scene_of
from tests.oracle.verdict import FIGURES, Limit, belongs, limits, tried
from tests.policy.tree import UNINJECTED

from pretrade.policy.schema import Policy

WIDE = {
    "order": {"max_count": "100000", "max_risk": "$100000"},
    "day": {"max_orders": "9000", "max_notional": "$900000"},
    "market": {"max_position": "900000", "max_exposure": "$900000"},
    "event": {"max_exposure": "$900000"},
    "series": {"max_exposure": "$900000"},
    "account": {"max_exposure": "$900000", "max_open_orders": "9000"},
}
UNIT = {"position": Fraction(1, 100), "open_orders": Fraction(1), "day_orders": Fraction(1)}
CENT_OF_A_CENT = Fraction(1, 1_000_000)


def wide_tree(client_limits: dict[str, Any], entry_limits: dict[str, Any]) -> dict[str, Any]:
    """A policy in which everything is allowed and no limit for all is near."""
    whole = copy.deepcopy(WIDE)
    whole["day"]["timezone"] = "America/New_York"
    clients = {
        name: {
            "key_id": f"{name}-key",
            "public_key": f"keys/{name}.pem",
            "subaccount": str(subaccount),
            "shares_subaccount": str(shares).lower(),
            **({"limits": copy.deepcopy(client_limits)} if client_limits else {}),
        }
        for name, (subaccount, shares) in CLIENTS.items()
    }
    entry = {"match": "*", "allow": "true"} | ({"limits": entry_limits} if entry_limits else {})
    band = {"band": {"min": "$0.0001", "max": "$0.9999"}}
    return UNINJECTED | {"clients": clients, "limits": whole, "markets": [entry], "price": band} | bare()


def everywhere() -> dict[str, Any]:
    """A policy that states every limit wherever it can be stated."""
    entry = {section: dict(values) for section, values in WIDE.items() if section in {"order", "day", "market"}}
    entry["market"]["max_open_orders"] = "9000"
    return wide_tree(WIDE, entry)


def with_limit(path: tuple[str | int, ...], value: Fraction, *, money: bool) -> Policy:
    """The wide policy with one limit at a value."""
    *_, section, key = path
    text = f"${float(value):.6f}" if money else f"{float(value):.2f}".removesuffix(".00")
    one = {str(section): {str(key): text}}
    tree = wide_tree(one if path[0] == "clients" else {}, one if path[0] == "markets" else {})
    if path[0] == "limits":
        tree["limits"][section][key] = text
    return Policy.model_validate(tree)


def bound_by(limit: Limit, value: Fraction) -> Policy:
    """The wide policy with this limit at a value."""
    return with_limit(limit.path, value, money=limit.measure in {"exposure", "day_notional"})


def edges(seed: int) -> Iterator[tuple[Scene, Intent, Asker, Limit, Fraction]]:
    """For a few orders of a scene: every limit whose figure they raise, and what it comes to."""
    scene, tree = scene_of(seed), everywhere()
    for _ in range(3):
        asker = Asker(client := scene.random.choice(list(CLIENTS)), *CLIENTS[client], "W", "ACTIVE", scene.day)
        first = scene.new(asker)._replace(subaccount=None)
        second = scene.new(asker)._replace(subaccount=None, ticker=first.ticker)
        intent: Intent = (first, second)[: scene.random.choice((1, 1, 2))]
        after, closes = tried(intent, scene.oracle, asker, Fraction(1))
        if all(closes):
            continue
        sheets = scene.oracle.sheet(asker.day), after.sheet(asker.day)
        for limit in limits(tree, asker.client, intent[0].ticker):
            about = belongs(scene.oracle, limit, intent[0].ticker, asker.subaccount)
            was, now = (total(sheet, limit.measure, about) for sheet in sheets)
            if now > was:
                yield scene, intent, asker, limit, now


def smallest(limit: Limit) -> Fraction:
    """The least by which a figure can be past a limit."""
    return UNIT.get(limit.measure, CENT_OF_A_CENT)


def check_edges(scenes: int, first: int) -> set[tuple[str | int, ...]]:
    """So many scenes; returns the policy keys that bound."""
    met = set()
    for seed in range(first, first + scenes):
        for scene, intent, asker, limit, now in edges(seed):
            if scene.amended and limit.measure == "day_notional":
                continue
            at_limit = scene.product.verdict(intent, bound_by(limit, now), asker)
            assert at_limit == set(), (seed, intent, limit, now)
            below = now - smallest(limit)
            if below <= 0:
                continue
            assert scene.product.verdict(intent, bound_by(limit, below), asker) == {limit.code}, (seed, intent, limit)
            met.add(tuple("*" if part in CLIENTS else part for part in limit.path))
    return met


def every_path() -> set[tuple[str | int, ...]]:
    """Every policy key that limits a figure."""
    found = {limit.path for limit in limits(everywhere(), "ann", "KXA-1-T1")}
    return {tuple("*" if part in CLIENTS else part for part in path) for path in found}


def test_the_last_unit_of_every_limit_decides() -> None:
    """Catches `>=` for `>`, a limit compared with another figure, a limit that no check looks at."""
    assert check_edges(20, SEED * 1_000_000 + 900_000) == every_path()


@pytest.mark.long
@pytest.mark.parametrize("part", range(8))
def test_the_last_unit_of_every_limit_decides_in_many_accounts(part: int) -> None:
    """As above, in 1,200 accounts, others with each seed."""
    assert check_edges(150, SEED * 1_000_000 + 910_000 + part * 150) == every_path()


def test_what_is_past_a_limit_may_come_down_and_not_rise() -> None:
    """Catches a limit that traps: past it already on one side of a market, an order that stays within it on the other
    must pass, one that does not must not, though the worse side hides it."""
    asker = Asker("ann", *CLIENTS["ann"], "W", "ACTIVE", "2026-11-20")
    for side, other, price in (("bid", "ask", Fraction(1, 2)), ("ask", "bid", Fraction(1, 2))):
        scene = Scene(Random(SEED))
        opening = (New("KXA-1-T1", side, price, Fraction(10)),)
        scene.product.approve("d1", opening, asker, Fraction(1))
        for path, measure, code in position_and_exposure():
            policy = with_limit(path, Fraction(3), money=measure == "exposure")
            smaller = (New("KXA-1-T1", other, price, Fraction(3)),)
            assert scene.product.verdict(smaller, policy, asker) == set(), path
            assert scene.product.verdict(opening, policy, asker) == {code}, path
            larger = (New("KXA-1-T1", other, price, Fraction(10)),)
            assert scene.product.verdict(larger, policy, asker) == {code}, path


def position_and_exposure() -> list[tuple[tuple[str | int, ...], str, str]]:
    """The keys, measures and codes of the figures that an order on the other side need not raise."""
    return [
        (("limits", section, key), measure, code)
        for (section, key), (measure, _, code) in FIGURES.items()
        if measure in {"position", "exposure"}
    ]
