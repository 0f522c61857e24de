"""A desk of many subaccounts: what a round costs of the reads that the exchange gives, and that nothing is missed."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from tests.gateway.recordkit import API, KEY, QUIET, Desk, on_desk, place

from pretrade.gateway.account.drop_copy import Wanted
from pretrade.gateway.account.own_reads import ReadLimits
from pretrade.gateway.account.record_wants import CASH_AT_ONCE, cash_can_wait
from pretrade.kalshi.keys import public_pem_of
from pretrade.model.drop_copy import DropCopy, ExchangeGroup
from pretrade.model.units import Count
from pretrade.practice.simulation import Simulation
from pretrade.practice.worldfile import read_world

MANY = 32


def simulation(number: int = MANY) -> Simulation:
    """A quiet exchange with so many subaccounts, all of which have cash."""
    public = "".join(public_pem_of(KEY.public_key()).decode().strip().splitlines()[1:-1])
    purses = "".join(f"      - {{subaccount: {name}, cash: $100}}\n" for name in range(1, number))
    first = QUIET.index("      - {subaccount: 1")
    world = QUIET[:first] + purses + QUIET[QUIET.index("  crowd:") :]
    return Simulation(read_world(world.replace("KEY", public), source="w.yaml", folder=Path("/nowhere")), tier="basic")


def reading(practice: Simulation, wanted: Wanted) -> tuple[DropCopy, Counter[str], float]:
    """One reading at the pace of the lowest tier: the copy, the requests by path, and the virtual seconds it took."""

    async def main(desk: Desk) -> tuple[DropCopy, Counter[str], float]:
        began = asyncio.get_running_loop().time()
        copy = await desk.reader.read(wanted)
        paths = Counter(target.partition("?")[0].removeprefix(API) for _, target in desk.upstream.asked)
        return copy, paths, asyncio.get_running_loop().time() - began

    return on_desk(practice, main, ReadLimits())


def group(practice: Simulation, subaccount: int, limit: int = 9) -> str:
    body = {"contracts_limit": limit, "subaccount": subaccount}
    return str(practice.body("POST", f"{API}/portfolio/order_groups/create", body)["order_group_id"])


def known(groups: dict[str, int]) -> Wanted:
    """What a later round asks for."""
    return Wanted(range(MANY), known=cash_can_wait(range(MANY), range(MANY), 0), owners=groups)


def test_a_round_of_many_subaccounts_takes_half_as_long() -> None:
    """Catches one that asks for the cash and the groups of each every time: ten seconds for 32, within which a client's
    answer that was lost stays unknown."""
    practice = simulation()
    place(practice, "bid", "0.1000", "2", subaccount=17)
    groups = {group(practice, 3): 3, group(practice, 17): 17}
    _, paths, first_s = reading(practice, Wanted(range(MANY)))
    assert (paths["/portfolio/balance"], paths["/portfolio/order_groups"]) == (MANY, MANY + 1)
    copy, paths, then_s = reading(practice, known(groups))
    assert (paths["/portfolio/balance"], paths["/portfolio/order_groups"]) == (CASH_AT_ONCE, 1)
    assert paths["/portfolio/positions"] == MANY  # no request tells those of more than one
    assert (first_s > 9, then_s < 5) == (True, True)
    assert {one.group_id: one.subaccount for one in copy.groups} == groups
    assert {one.limit for one in copy.groups} == {Count(900)}


@pytest.mark.parametrize("changed", ["one more", "one less"])
def test_groups_that_are_others_than_were_known_are_read_one_by_one(changed: str) -> None:
    """Catches a group of nobody knows which subaccount, and one that has gone and is kept for ever."""
    practice = simulation(4)
    groups = {group(practice, 3): 3}
    there = dict(groups)
    if changed == "one more":
        there[group(practice, 2)] = 2
    else:
        groups["gone"] = 1
    copy, paths, _ = reading(practice, Wanted(range(4), owners=groups))
    assert set(copy.groups) == {ExchangeGroup(name, number, Count(900)) for name, number in there.items()}
    assert paths["/portfolio/order_groups"] == 1 + 4


def test_every_subaccounts_cash_has_its_turn() -> None:
    """Catches one whose cash is never read again, and one that is never known to be open."""
    asked = [set(range(MANY)) - cash_can_wait(range(MANY), range(30), turn) for turn in range(8)]
    assert set().union(*asked) == set(range(MANY))
    assert all({30, 31} <= one and len(one) <= CASH_AT_ONCE + 2 for one in asked)
    assert not cash_can_wait(range(CASH_AT_ONCE), range(CASH_AT_ONCE), 1)
