"""How much would pass, what a market looks like, and orders that wait for a person: by the real process, its commands
and both its doors, under the policy that `pretrade init` writes."""

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.clients import ORDERS
from tests.e2e.harness import OPEN, World, order
from tests.e2e.invariants import check_world

DAEMON = 1
"""A user that every machine has and that is not root."""
PATIENT = (("max_age: 2s ", "max_age: 20s "),)
FEW_DOLLARS = (('above_risk: "$100"', 'above_risk: "$8"'),)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The default policy as it is, but for a lower bar for confirmations, more orders a day, and books that a busy
    machine is late with."""
    changes = (*FEW_DOLLARS, ("max_orders: 25", "max_orders: 500"), ("count: 50 ", "count: 500 "), *PATIENT)
    with World(tmp_path_factory.mktemp("asking"), *changes, strict=True) as running:
        yield running
        check_world(running)


def ask_room(world: World, door: str, side: str, price: str, ticker: str = OPEN) -> dict[str, Any]:
    answer = world.raw().send("GET", f"/pretrade/headroom?ticker={ticker}&side={side}&price={price}", door=door)
    assert answer.status == 200, answer.raw
    return dict(answer.body)


@pytest.mark.parametrize(
    ("side", "price"), [("bid", "0.5000"), ("bid", "0.5600"), ("ask", "0.5400"), ("ask", "0.6000")]
)
def test_what_it_says_would_pass_passes_and_no_more(strict: World, side: str, price: str) -> None:
    """Acceptance: exactly the returned size is allowed and one step more is denied, by the command's word."""
    shown = strict.pretrade("headroom", OPEN, side, price, "--json")
    assert shown.returncode == 0, shown.stderr
    answer = json.loads(shown.stdout)
    count, hundredths = answer["headroom"], round(float(answer["headroom"]) * 100)
    assert hundredths > 0, answer
    more = strict.raw().send("POST", ORDERS, order(f"{(hundredths + 1) / 100:.2f}", price, side=side))
    assert (more.status, more.body["headroom"]) == (403, count)
    assert {reason["rule"] for reason in more.body["reasons"]} == {bind["rule"] for bind in answer["binds"]}
    kept = strict.raw().send("POST", ORDERS, order(count, price, side=side, time_in_force="immediate_or_cancel"))
    assert kept.status == 201, kept.raw


def test_several_orders_are_asked_about_together(strict: World) -> None:
    """By the command's word, a file beside an order, and one of rubbish, are refused."""
    file, one = strict.folder / "orders.json", {"ticker": OPEN, "side": "bid", "price": "0.4500"}
    file.write_text(json.dumps({"orders": [one | {"count": "2"}, one | {"side": "ask", "price": "0.6000"}]}))
    shown = strict.pretrade("headroom", "--file", str(file))
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith(f"2.00 contracts of {OPEN} bid 0.4500 would pass\n")
    told = json.loads(strict.pretrade("headroom", "--file", str(file), "--json").stdout)
    assert [order["headroom"] != "0.00" for order in told["orders"]] == [True, True]
    assert told["orders"][1]["binds"]
    assert strict.pretrade("headroom", OPEN, "bid", "0.5", "--file", str(file)).returncode == 2
    assert strict.pretrade("headroom", OPEN).returncode == 2
    file.write_text("rubbish")
    refused = strict.pretrade("headroom", "--file", str(file))
    assert (refused.returncode, "cannot be read" in refused.stderr) == (1, True)


@pytest.mark.parametrize("door", ["base_url", "proxy"])
def test_a_client_asks_by_either_door(strict: World, door: str) -> None:
    told = ask_room(strict, door, "bid", "0.5000")
    assert told["any_passes"] is True
    assert set(told) == {"ticker", "side", "price", "headroom", "any_passes", "binds", "injected"}
    limits = strict.raw().send("GET", "/pretrade/limits", door=door)
    assert (limits.status, limits.body["client"]) == (200, "momentum-bot")
    unsigned = strict.raw().send("GET", "/pretrade/limits", door=door, headers={})
    assert unsigned.code == "SIGNATURE_MISSING"


def test_a_real_librarys_batch_is_asked_about(strict: World) -> None:
    """The official library makes the body, signs and sends it; only the address is changed. What it is told passes when
    the same library sends it as a batch, and the exchange has seen nothing before that."""
    orders = [order("4.00", "0.4500"), order("500.00", "0.4600"), order("3.00", "0.6000", side="ask")]
    bot, address = strict.sync_bot(), f"http://127.0.0.1:{strict.base_url_port}/pretrade/headroom"
    before = len(strict.exchange_requests())
    told = bot.post_batch(address, orders)
    assert [one["path"] for one in strict.exchange_requests()[before:] if one["method"] != "GET"] == []
    assert told["would_pass"] is False
    assert "limits.order.max_count" in {reason["rule"] for reason in told["reasons"] if reason["leg"] == 1}
    rooms = [one["headroom"] for one in told["orders"]]
    assert (rooms[0], rooms[1] != "0.00", rooms[2]) == ("4.00", True, "3.00"), told["orders"]
    sized = [one | {"count": room} for one, room in zip(orders, rooms, strict=True)]
    assert bot.post_batch(address, sized)["would_pass"] is True
    placed = bot.call("batch_create_orders_v2", orders=sized)
    assert placed.ok, placed.text
    for one in placed.result["orders"]:
        bot.call("cancel_order_v2", order_id=one["order_id"])


def test_a_market_is_shown_as_the_checks_see_it(strict: World) -> None:
    shown = strict.pretrade("market", OPEN, COLUMNS="80")
    assert shown.returncode == 0, shown.stderr
    assert max(map(len, shown.stdout.splitlines())) <= 80
    for word in ("grade", "spread", "midpoint", "YES ask", "buy NO at", "safe to buy yes", "0.02"):
        assert word in shown.stdout
    told = json.loads(strict.pretrade("market", OPEN, "--json").stdout)
    assert (told["spread"], told["grade"] != "illiquid") == ("0.0200", True)
    assert strict.pretrade("market", "KX-NO-SUCH").returncode == 1


def ask_as(world: World, uid: int, command: str, **arguments: str) -> dict[str, Any]:
    """What the admin socket says to another user of this machine, who was let in by its group."""
    world.state.chmod(0o711)
    (world.state / "admin.sock").chmod(0o666)
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as own, contextlib.chdir(world.state):
        own.settimeout(20)
        os.seteuid(uid)
        try:
            own.connect("admin.sock")
        finally:
            os.seteuid(0)
        own.sendall(json.dumps({"command": command, "arguments": arguments}).encode() + b"\n")
        return dict(json.loads(own.makefile().readline()))


def confirm(world: World, ticket: str) -> dict[str, Any]:
    return ask_as(world, DAEMON, "confirm", decision_id=ticket, by="Ann", reason="seen")


BIG = {"count": "20.00", "price": "0.4600"}
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can act as another user")


@needs_root
def test_an_order_waits_for_a_person_over_a_restart(tmp_path: Path) -> None:
    """403 with what to do, an approval by somebody who is not root, a restart, the order passes once."""
    with World(tmp_path, *FEW_DOLLARS, strict=True) as world:
        denied = world.raw().send("POST", ORDERS, order(**BIG))
        assert (denied.status, denied.code) == (403, "CONFIRMATION_REQUIRED")
        ticket = denied.body["ticket"]
        assert ticket in denied.body["hint"]
        as_root = world.pretrade("confirm", ticket, "--by", "Ann", "--reason", "seen")
        assert as_root.returncode == 1
        assert "must be a person's" in as_root.stderr
        assert ticket in world.pretrade("confirm").stdout
        assert confirm(world, ticket)["needed"] == 0
        world.restart()
        assert "its client may send it again" in world.pretrade("confirm").stdout
        with world.exchange_sees(1):
            assert world.raw().send("POST", ORDERS, order(**BIG)).status == 201
            again = world.raw().send("POST", ORDERS, order(**BIG))
        assert again.code == "CONFIRMATION_REQUIRED"
        assert again.body["ticket"] != ticket
        (row,) = world.events("confirmation")
        assert (row.decision_id, row.body["actor"], row.body["by"]) == (ticket, "daemon", "Ann")
        check_world(world)


def test_confirming_needs_a_name_and_a_reason(strict: World) -> None:
    done = strict.pretrade("confirm", "d-1", "--by", "Ann")
    assert (done.returncode, "--reason" in done.stderr) == (2, True)
    unknown = strict.pretrade("confirm", "d-1", "--by", "Ann", "--reason", "seen")
    assert unknown.returncode == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((OPEN, "buy", "0.5"), 2),
        ((OPEN, "bid", "50"), 1),
        (("no ticker", "bid", "0.5"), 1),
        ((OPEN, "bid", "0.5", "--client", "nobody"), 1),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(strict: World, arguments: tuple[str, ...], code: int) -> None:
    done = strict.pretrade("headroom", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert "Traceback" not in done.stderr
