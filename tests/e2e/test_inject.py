"""The limit that holds without the proxy, with real processes: the exchange sees the group on every order that opens,
stops by itself when the proxy is killed, and only a person's resume gets the group back."""

import json
from urllib.error import HTTPError

import pytest
from tests.e2e.clients import ORDERS
from tests.e2e.harness import OPEN, World, order
from tests.e2e.invariants import check_world
from tests.e2e.programs import eventually
from tests.e2e.test_reconcile import EVERY_SECOND
from tests.roomy import ROOMY

from pretrade.cli.init import CLIENT

INJECT = ("order_groups:\n", 'inject: {order_group: "3", expiration_within: 1h}\norder_groups:\n')
RESTING = "/trade-api/v2/portfolio/orders?status=resting"
RESUME = ("--client", CLIENT, "--by", "ann", "--reason", "looked at it")


@pytest.fixture
def world(tmp_path):
    with World(tmp_path, *ROOMY, EVERY_SECOND, INJECT) as world:
        yield world
        check_world(world)


def orders_seen(world):
    """The bodies of the orders that the exchange has received."""
    return [json.loads(one["body"]) for one in world.exchange_requests() if one["path"] == ORDERS and one["body"]]


def resting(raw):
    return raw.send("GET", RESTING).body["orders"]


def place(raw, number, status=201):
    """Place the bid of this number, unlike any other."""
    answer = raw.send("POST", ORDERS, order("1.00", f"0.{10 + number:02d}00"))
    assert answer.status == status, answer.body
    return answer.body


def fill_until_tripped(world, order_ids):
    """Fill one after the other until the exchange stops by itself; how many it let through."""
    for filled, order_id in enumerate(order_ids):
        try:
            world.control("POST", "fill", {"order_id": order_id})
        except HTTPError:
            return filled
    return len(order_ids)


def test_the_exchange_stops_by_itself_when_the_proxy_is_dead(world):
    """Catches: an order outside the group; a limit that dies with the proxy; a client that trades on into a tripped
    group; a restart or a resume that forgets the group, or makes another; an exit that a tripped group keeps in."""
    raw = world.raw()
    names = [place(raw, number)["order_id"] for number in range(8)]
    (group,) = {one["order_group_id"] for one in resting(raw)}
    assert {one.get("order_group_id") for one in orders_seen(world)} == {group}

    told = world.pretrade("headroom", OPEN, "bid", "0.1000").stdout
    assert f'written in: order_group_id: "{group}" (inject.order_group)\nwritten in: expiration_time: ' in told
    told = world.pretrade("market", OPEN, COLUMNS="120").stdout
    assert "order_group_id: a group that may match 3.00 in 15 s (inject.order_group)" in told
    assert "expiration_time: 3600 s from then at most (inject.expiration_within)" in told
    world.proxy.kill()
    assert fill_until_tripped(world, names) == 4, "the match that goes over the limit stands, and no more"
    world.start_proxy()
    assert resting(raw) == []

    assert place(raw, 10, 409)["error"]["code"] == "order_group_triggered"
    eventually("the client is stopped", lambda: world.operate("status")["client_states"] == {CLIENT: "REDUCING"})
    assert place(raw, 11, 403)["code"] == "CLIENT_REDUCING"
    told = world.pretrade("status", COLUMNS="200").stdout
    assert f"{group} of {CLIENT}, shard 0, 3.00 contracts in 15 s: tripped, its orders canceled, until" in told
    assert f"{CLIENT} REDUCING since 20" in told
    (shown,) = world.operate("status")["own_groups"]
    assert (shown["order_group_id"], shown["is_tripped"], shown["limit"]) == (group, True, "3.00")
    assert raw.send("POST", ORDERS, order("1.00", "0.5400", side="ask")).status == 201, "an exit passes"
    assert orders_seen(world)[-1].get("order_group_id") is None

    resumed = world.pretrade("resume", *RESUME)
    assert resumed.returncode == 0, resumed.stderr
    again = [place(raw, number)["order_id"] for number in range(12, 18)]
    assert {one["order_group_id"] for one in resting(raw)} == {group}
    (reset,) = [row.body for row in world.events("decision") if row.body["operation"] == "ResetOrderGroup"]
    assert (reset["client"], reset["verdict"], reset["door"]) == (CLIENT, "approved", "operator")

    assert fill_until_tripped(world, again) == 4
    eventually("the stream tells it", lambda: world.operate("status")["client_states"] == {CLIENT: "REDUCING"})
