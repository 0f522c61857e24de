"""The day's loss with real processes: a book that moves against a position stops trading, an exit passes, a restart
remembers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.clients import ORDERS
from tests.e2e.harness import OPEN, World, order
from tests.e2e.invariants import check_world
from tests.e2e.programs import eventually

_WAIVED = "  - {{limit: {}, reason: not what this is about, until: 2999-12-31}}\n"
LIMITED = (
    (_WAIVED.format("limits.day.max_loss"), ""),
    (_WAIVED.format("halts.loss"), ""),
    ('    max_notional: "$200"', '    max_loss: "$5"\n    max_notional: "$200"'),
    ("notify:\n", "halts: {loss: {then: REDUCING}}\nnotify:\n"),
    ("every: 15s", "every: 1s"),
)
TAKE = {"time_in_force": "immediate_or_cancel"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, *LIMITED) as world:
        yield world
        check_world(world)


def loss(world: World) -> dict[str, Any]:
    [row] = world.operate("status")["day_loss"]
    return row


def known(world: World) -> dict[str, Any]:
    """The loss once it is known, every fill shown by the record."""
    return eventually("the day's loss is known", lambda: found if (found := loss(world))["loss"] else None)


def state(world: World) -> str:
    return str(world.operate("status")["trading_state"])


def codes(answer: Any) -> set[str]:
    return {reason["code"] for reason in answer.body["reasons"]}


def test_a_book_that_moves_against_a_position_stops_trading_until_a_person_resumes(world: World) -> None:
    """Catches a loss that is reckoned and stops nobody, an exit that it traps, and a restart that forgets it."""
    assert known(world)["loss"] == "$0.00"
    raw = world.raw()
    bought = raw.send("POST", ORDERS, order("20.00", "0.6000", **TAKE))
    assert bought.status == 201, bought.body
    shown = eventually("the fills are read", lambda: row if (row := loss(world))["fees"] not in {None, "$0.00"} else 0)
    assert shown["realized"] == "$0.00"
    assert state(world) == "ACTIVE"

    world.control("POST", "move", {"market": OPEN, "price": "$0.20"})
    eventually("trading is REDUCING", lambda: state(world) == "REDUCING")
    before = loss(world)
    denied = raw.send("POST", ORDERS, order("1.00", "0.1000"))
    assert denied.status == 403
    assert codes(denied) == {"TRADING_REDUCING", "DAY_LOSS_EXCEEDS_MAXIMUM"}
    rows = [row.body for row in world.events("trading_state")]
    assert [(row["state"], row["cause"]) for row in rows] == [("REDUCING", "loss")]

    world.restart()
    assert state(world) == "REDUCING"
    assert known(world)["fees"] == before["fees"]
    sold = raw.send("POST", ORDERS, order("20.00", "0.1000", side="ask", **TAKE))
    assert (sold.status, sold.body["fill_count"]) == (201, "20.00"), sold.body
    closed = eventually("the exit is read", lambda: row if (row := loss(world))["mark"] == "$0.00" else None)
    assert float(closed["loss"].removeprefix("$")) > 5

    assert world.pretrade("resume", "--by", "ann", "--reason", "looked at it").returncode == 0
    assert state(world) == "ACTIVE"
    assert codes(raw.send("POST", ORDERS, order("1.00", "0.1000"))) == {"DAY_LOSS_EXCEEDS_MAXIMUM"}
    text = world.pretrade("status").stdout
    assert "day.max_loss" in text
    assert closed["realized"] in text
