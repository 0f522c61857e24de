"""One exchange in this process: the same scenario, seed, moments and calls give the same exchange, to the byte."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.practice.worlds.kit import API, BUSY, ORDERS, QUIET, asks, example, place, whole, world

from pretrade.practice.simulation import START_US, Simulation


def run(commands, seed=1, look_every_us=None, scenario=None):
    """Play commands and return all answers and the whole state; `look_every_us` makes the clock tick in between."""
    simulation = Simulation(scenario or world(BUSY), seed)
    answers = []
    for ask in commands:
        target = simulation.now_us + ask.after_us
        while look_every_us and simulation.now_us + look_every_us < target:
            simulation.advance_to(simulation.now_us + look_every_us)
        simulation.advance_to(target)
        reply = simulation.request(ask.method, ask.target, ask.body)
        answers.append((reply.status, json.dumps(reply.body)))
    return answers, whole(simulation.practice)


@settings(max_examples=25)
@given(commands=st.lists(asks(), max_size=25))
def test_two_runs_are_alike_to_the_byte_and_another_seed_differs(commands):
    """Catches a set, a dict by identity or a second source of randomness anywhere between an order and its answer."""
    first = run(commands)
    assert run(commands) == first
    assert run(commands, seed=2)[1] != first[1]


@settings(max_examples=25)
@given(commands=st.lists(asks(), max_size=20), every=st.integers(10_000, 900_000))
def test_how_often_somebody_looks_changes_nothing(commands, every):
    """Catches makers, strangers or scripts that act when they are called instead of when they are due."""
    assert run(commands, look_every_us=every) == run(commands)


def test_the_clock_moves_only_when_it_is_moved_and_never_back():
    simulation = Simulation(world(QUIET))
    assert simulation.now_us == START_US
    simulation.advance(0.5)
    assert simulation.now_us == START_US + 500_000
    with pytest.raises(ValueError, match="forward only"):
        simulation.advance(-1)


def test_what_is_due_happens_at_its_moment_however_far_the_clock_jumps():
    """Catches an expiry stamped with the moment somebody noticed it."""
    simulation = Simulation(world(QUIET))
    expiry = START_US // 1_000_000 + 5
    order_id = simulation.body("POST", ORDERS, place(expiration_time=expiry).body)["order_id"]
    simulation.advance(3_600)
    order = simulation.practice.exchange.orders[order_id]
    assert (str(order.status), order.reason, order.updated_us) == ("canceled", "ExpiryCancel", START_US + 5_000_000)


def test_the_clock_can_jump_to_the_next_thing_that_is_due():
    simulation = Simulation(world(QUIET))
    assert simulation.advance_to_next()
    assert simulation.now_us == START_US + 86_400_000_000
    assert simulation.practice.exchange.markets["KXS-E-A"].status(simulation.now_us) == "closed"
    while simulation.advance_to_next():
        pass


def test_a_request_is_made_by_an_account_or_by_a_known_key():
    simulation = Simulation(example("sharded"))
    assert simulation.account().cash_of(1, 0) == 300_000_000
    bound = simulation.request("GET", f"{API}/portfolio/balance?subaccount=2", key_id="only-sub-1")
    assert (bound.status, bound.body["code"]) == (403, "insufficient_permissions")
    assert simulation.request("GET", f"{API}/portfolio/balance?subaccount=2").status == 200
    with pytest.raises(KeyError):
        simulation.request("GET", f"{API}/portfolio/balance", key_id="nobody")
    with pytest.raises(KeyError):
        simulation.key_of("nobody")


def test_a_body_that_is_asked_for_must_be_a_success():
    simulation = Simulation(world(QUIET))
    with pytest.raises(ValueError, match=r"answered 404.*not_found"):
        simulation.body("DELETE", f"{ORDERS}/none")


def test_a_request_with_a_wrong_signature_is_refused_in_process_too():
    simulation = Simulation(world(QUIET))
    reply = simulation.send("GET", f"{API}/portfolio/balance", "", {}, b"")
    assert (reply.status, reply.body["error"]["code"]) == (401, "signature_is_missing_from_headers")


def wild_digest():
    """One number for all that a wild world answered and became."""
    asks = [replace(place("KXWILD-A-UP", count=str(number)), after_us=900_000) for number in range(1, 12)]
    return hashlib.sha256(repr(run(asks, scenario=example("wild"))).encode()).hexdigest()


def test_two_processes_are_alike_whatever_their_hashes():
    """Catches an order of things that comes from a set of texts: alike within a process, different in the next. This
    process has hashes of its own, so one more is enough."""
    root = Path(__file__).parents[2]
    other = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    environment = os.environ | {"PYTHONHASHSEED": other, "PYTHONPATH": os.pathsep.join([str(root), *sys.path])}
    program = "from tests.practice.test_simulation import wild_digest; print(wild_digest())"
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == wild_digest()
