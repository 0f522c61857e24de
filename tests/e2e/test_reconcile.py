"""The exchange's own record against ours, with real processes: what was lost is found, and what went past us counts."""

import base64
import json
import ssl
import time
from contextlib import closing
from http.client import HTTPSConnection

import pytest
from tests.e2e.clients import ORDERS
from tests.e2e.harness import OPEN, World, order
from tests.e2e.invariants import check_world
from tests.e2e.programs import eventually

from pretrade.cli import init
from pretrade.kalshi.keys import load_private_key, signing_text

EVERY_SECOND = ("every: 15s", "every: 1s")
OUTSIDE = "outside"
"""What the ids of orders past us begin with."""


def reconciliation(world):
    return world.operate("status")["reconciliation"]


def book(world):
    found = [one for one in world.operate("status")["books"] if one["ticker"] == OPEN]
    return found[0] if found else None


def limit(world, rule):
    return next(row for row in world.operate("status")["limits"] if row["rule"] == rule)


def breaks(world):
    return [(one["kind"], one["subject"]) for one in reconciliation(world)["breaks"]]


class SharedAccount(World):
    """A world in whose account somebody else trades, with the live key and past the proxy."""

    def outside(self, count, price, **more):
        """Place an order past the proxy; its id at the exchange."""
        body = order(count, price, client_order_id=f"{OUTSIDE}-{count}-{price}", **more)
        stamp = time.time_ns() // 1_000_000
        signature = load_private_key(self.live_key.read_bytes()).sign(signing_text(stamp, "POST", ORDERS))
        headers = {
            "Content-Type": "application/json",
            "KALSHI-ACCESS-KEY": init.LIVE_KEY_ID,
            "KALSHI-ACCESS-TIMESTAMP": str(stamp),
            "KALSHI-ACCESS-SIGNATURE": base64.b64encode(signature).decode(),
        }
        context = ssl.create_default_context(cafile=str(self.folder / "practice" / "ca.crt"))
        with closing(HTTPSConnection("127.0.0.1", self.exchange_port, timeout=10, context=context)) as connection:
            connection.request("POST", ORDERS, json.dumps(body), headers)
            answer = connection.getresponse()
            made = json.load(answer)
        assert answer.status == 201, made
        return made["order_id"]

    def exchange_requests(self):
        """Without those past us, which have no row."""
        return [one for one in super().exchange_requests() if OUTSIDE not in (one["body"] or "")]


@pytest.fixture
def shared(tmp_path):
    with SharedAccount(tmp_path, EVERY_SECOND) as world:
        eventually("it is reconciled", lambda: reconciliation(world)["rounds"])
        yield world
        check_world(world)


@pytest.mark.parametrize("batch", [False, True], ids=["order", "batch"])
def test_a_lost_answer_is_found_again_and_the_client_that_asks_again_gets_it(make_world, batch):
    """Catches: an order of unknown outcome that nobody looks for; a re-post that is sent as a second order, or that is
    told for ever that nobody knows. The answer is given once: the next order like it is another one."""
    world = make_world()
    raw = world.raw()
    mine = order("3.00", "0.0600")
    where, body = (f"{ORDERS}/batched", {"orders": [mine, mine | {"price": "0.0700"}]}) if batch else (ORDERS, mine)
    world.fault("close_after_read", execute=True)
    with world.exchange_sees(1):
        lost = raw.send("POST", where, body)
        assert lost.code == "OUTCOME_UNKNOWN"
        eventually("it is found", lambda: world.operate("status")["unknown"] == [])
        again = raw.send("POST", where, body)
    assert again.status == 201
    entries = again.body["orders"] if batch else [again.body]
    assert [(e["fill_count"], e["remaining_count"]) for e in entries] == [("0.00", "3.00")] * len(entries)
    outcomes = world.about(lost.body["decision_id"], "outcome")
    assert [outcome["state"] for outcome in outcomes] == ["unknown", "accepted"]
    assert world.operate("status")["orders"]["resting"] == len(entries)
    with world.exchange_sees(1):
        assert raw.send("POST", where, body).status == 201


def test_a_restart_finds_what_the_run_before_it_lost(make_world):
    """Catches: an unknown order that counts for ever after a restart, or one that is forgotten by it."""
    world = make_world()
    world.fault("close_after_read", execute=True)
    lost = world.raw().send("POST", ORDERS, order("4.00"))
    world.proxy.kill()
    world.start_proxy()
    eventually("it is found", lambda: world.operate("status")["unknown"] == [])
    assert world.operate("status")["orders"]["resting"] == 1
    assert world.about(lost.body["decision_id"], "outcome")[-1]["state"] == "accepted"
    assert book(world)["may_buy"] == "4.00"


def test_an_order_past_us_is_told_within_one_cycle_counts_and_stands_until_a_person_explains_it(shared):
    """Catches: somebody with the live key whom nobody notices; an orphan in no limit; an alarm that goes away by
    itself; an orphan over a restart."""
    world, name = shared, shared.outside("50.00", "0.0300")
    eventually("it is told", lambda: ("orphan", name) in breaks(world))
    assert book(world)["may_buy"] == "50.00"
    assert limit(world, "limits.market.max_position")["used"] == "50.00"
    assert world.proxy.err.count("break") == 1
    denied = world.raw().send("POST", ORDERS, order("51.00", "0.0400"))
    assert denied.code == "POSITION_EXCEEDS_MAXIMUM"
    command = world.pretrade("reconcile")
    assert command.returncode == 1
    assert "orphan" in command.stdout
    assert "who has the live key" in command.stderr
    assert world.raw().send("DELETE", f"{ORDERS}/{name}?market_ticker={OPEN}").status == 200
    eventually("it counts no more", lambda: book(world) is None, timeout=15)
    world.restart()
    assert ("orphan", name) in breaks(world)
    settled = world.pretrade("resolve", name, "--as", "done", "--by", "ann", "--reason", "my own test order")
    assert settled.returncode == 0, settled.stderr
    assert "is settled as done" in settled.stdout
    eventually("it is explained", lambda: not breaks(world))
    assert world.pretrade("reconcile").returncode == 0
    (row,) = world.events("resolution")
    assert (row.body["by"], row.body["reason"], row.body["name"]) == ("ann", "my own test order", name)


def test_a_position_bought_outside_counts(shared):
    """Catches: a fill past us that no limit knows of, because its order was over before anybody looked."""
    world, name = shared, shared.outside("5.00", "0.9000", time_in_force="immediate_or_cancel")
    eventually("it is told", lambda: ("orphan", name) in breaks(world))
    assert book(world)["position"] == "5.00"
    eventually("the two agree", lambda: book(world) and not book(world)["differs"])
    assert limit(world, "limits.market.max_position")["used"] == "5.00"
    sold = world.raw().send("POST", ORDERS, order("5.00", "0.5000", side="ask"))
    assert sold.status == 201, "what was bought past us can be sold by us"


def test_orders_wait_and_exits_pass_while_the_record_cannot_be_read(make_world):
    """Catches: an order that is judged by figures nobody has held against the exchange; an exit that is trapped."""
    world = make_world(("every: 15s", "every: 1s"), ("max_age: 2m", "max_age: 5s"))
    raw = world.raw()
    name = raw.send("POST", ORDERS, order()).body["order_id"]
    world.control("POST", "faults", {"kind": "status", "status": 500, "method": "GET", "times": None})
    eventually("the record is too old", lambda: reconciliation(world)["age_s"] >= 6, timeout=30)
    assert raw.send("POST", ORDERS, order("1.00", "0.0700")).code == "LEDGER_NOT_RECONCILED"
    assert raw.send("DELETE", f"{ORDERS}/{name}?market_ticker={OPEN}").status == 200
    assert "500" in reconciliation(world)["problem"]
    failed = world.pretrade("reconcile")
    assert failed.returncode == 1
    assert "could not be read" in failed.stderr
    world.control("DELETE", "faults")
    eventually("it is read again", lambda: reconciliation(world)["age_s"] == 0, timeout=20)
    assert raw.send("POST", ORDERS, order("1.00", "0.0900")).status == 201


def test_what_a_newcomer_reads(make_world):
    """The texts of status, reconcile and resolve, within 80 columns."""
    world = make_world()
    world.raw().send("POST", ORDERS, order("2.00", "0.0500"))
    shown = world.pretrade("status").stdout
    assert all(len(line) <= 80 for line in shown.splitlines())
    for words in ("no breaks", "1 resting", "account.max_open_orders", OPEN, "may buy"):
        assert words in shown
    plain = world.pretrade("reconcile")
    assert (plain.returncode, plain.stderr) == (0, "")
    assert plain.stdout.endswith("no breaks\n")
    assert json.loads(world.pretrade("reconcile", "--json").stdout)["breaks"] == []
    for arguments, words in (
        (("d-0", "--as", "absent"), "nothing is open under d-0"),
        (("d-0", "--as", "gone"), "'absent', 'done'"),
    ):
        refused = world.pretrade("resolve", *arguments, "--by", "ann", "--reason", "x")
        assert refused.returncode in (1, 2)
        assert words in refused.stderr


def test_a_dry_run_has_nothing_to_reconcile(make_world):
    """Catches a status or a command that breaks where nothing is sent."""
    world = make_world(mode="dry_run")
    assert "none: dry_run sends nothing" in world.pretrade("status").stdout
    refused = world.pretrade("reconcile")
    assert refused.returncode == 1
    assert "nothing to reconcile" in refused.stderr


@pytest.mark.long
def test_an_order_that_never_came_is_proven_absent_and_its_like_is_a_new_one(make_world):
    """On the real clock, with the exchange's whole window for signatures. Catches a hold that is freed before that, or
    never."""
    world = make_world()
    raw, mine = world.raw(), order("3.00", "0.0600")
    world.fault("close_before_read")
    lost = raw.send("POST", ORDERS, mine)
    assert lost.code == "OUTCOME_UNKNOWN"
    began = time.monotonic()
    eventually("it is proven absent", lambda: world.operate("status")["unknown"] == [], timeout=90)
    assert time.monotonic() - began > 35
    assert book(world) is None
    outcomes = world.about(lost.body["decision_id"], "outcome")
    assert [outcome["state"] for outcome in outcomes] == ["unknown", "absent"]
    with world.exchange_sees(1):
        again = raw.send("POST", ORDERS, mine)
    assert (again.status, again.body["client_order_id"] == f"pt-{lost.body['decision_id']}") == (201, False)
