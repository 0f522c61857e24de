"""The state file: whatever a killed exchange had answered is there again, and nothing else."""

import json
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.practice.worlds.kit import API, BUSY, ORDERS, QUIET, asks, place, whole, world

from pretrade.kalshi.keys import generate_private_key
from pretrade.practice.api.dispatch import HttpRequest
from pretrade.practice.api.keystore import ApiKey, KeyStore
from pretrade.practice.keeping.restore import open_stored
from pretrade.practice.keeping.store import StateError, Store
from pretrade.practice.play.action import ActionError
from pretrade.practice.play.actions import perform

START_US = 1_800_000_000_000_000
KEY = ApiKey("k", "main", generate_private_key("ed25519").public_key(), ("read", "write"))


class Life:
    """An exchange with a state file that can be killed and started again, and its clock."""

    def __init__(self, path, text=BUSY):
        self.path, self.scenario, self.now_us = path, world(text), START_US
        self.start()

    def start(self, keys=(KEY,), seed=3, tier="prestige", scenario=None):
        self.practice, self.store = open_stored(
            self.path,
            scenario or self.scenario,
            clock=lambda: self.now_us,
            seed=seed,
            keys=KeyStore(keys),
            tier=tier,
        )

    def kill(self):
        """Only the lock goes, as with kill -9: nothing is written on the way out."""
        self.store.close()

    def ask(self, ask, key=KEY):
        self.now_us += ask.after_us
        body = b"" if ask.body is None else json.dumps(ask.body).encode()
        path, _, query = ask.target.partition("?")
        headers = {"Content-Type": "application/json"} if body else {}
        return self.practice.dispatcher.answer_as(key, HttpRequest(ask.method, path, query, headers, body))


@settings(max_examples=25)
@given(commands=st.lists(asks(), max_size=20), kills=st.sets(st.integers(0, 19), max_size=3))
def test_an_exchange_killed_at_any_points_is_the_one_that_never_was(tmp_path_factory, commands, kills):
    """Catches a command noted after its answer, a refused one left out, or an id that depends on a restart."""
    folder = tmp_path_factory.mktemp("state")
    calm, killed = Life(folder / "calm.db"), Life(folder / "killed.db")
    for number, ask in enumerate(commands):
        if number in kills:
            killed.kill()
            killed.start()
        assert killed.ask(ask) == calm.ask(ask)
    killed.kill()
    killed.start()
    calm.practice.tick()
    killed.practice.tick()
    assert whole(killed.practice) == whole(calm.practice)
    calm.kill()
    killed.kill()


def test_what_an_operator_did_is_done_again_and_what_was_refused_is_refused_again(tmp_path):
    life = Life(tmp_path / "s.db", QUIET)
    perform(life.practice, "deposit", {"account": "main", "amount": "$12.50"})
    perform(life.practice, "pause", {"what": "trading", "lasting": 5.0})
    with pytest.raises(ActionError):
        perform(life.practice, "move", {"market": "KXS-E-A", "price": "$0.0001"})
    life.now_us += 3_000_000
    life.practice.tick()
    before = whole(life.practice)
    life.kill()
    life.start()
    life.practice.tick()
    assert whole(life.practice) == before
    assert not life.practice.exchange.trading_active
    life.now_us += 3_000_000
    life.practice.tick()
    assert life.practice.exchange.trading_active


def test_keys_made_over_the_api_stay_theirs_and_are_not_made_twice(tmp_path):
    """Catches a restart that makes another key pair and puts it in the place of the one that was handed out."""
    life = Life(tmp_path / "s.db", QUIET)
    made = life.ask(place()).status
    reply = life.ask(type(place())(0, "POST", f"{API}/api_keys/generate", {"name": "n", "key_type": "ed25519"}))
    assert (made, reply.status) == (201, 201)
    new = life.practice.dispatcher.keys[reply.body["api_key_id"]]
    assert life.ask(place(count="7"), new).status == 201
    before = whole(life.practice)
    life.kill()
    life.start(keys=(KEY, new))
    assert whole(life.practice) == before
    assert life.practice.dispatcher.keys[new.key_id] == new
    assert "PRIVATE" not in (tmp_path / "s.db").read_bytes().decode("latin-1")


def test_an_account_that_a_new_key_brings_stays_where_it_came_in(tmp_path):
    """Catches a newcomer opened at the beginning of the second life: all ids after it would differ from the first."""
    life = Life(tmp_path / "s.db", QUIET)
    life.ask(place())
    life.kill()
    other = ApiKey("o", "newcomer", KEY.public_key, ("read", "write"), subaccount=2)
    life.start(keys=(KEY, other))
    assert life.practice.exchange.accounts["newcomer"].subaccounts == {0, 2}
    life.ask(place(count="4"))
    before = whole(life.practice)
    life.kill()
    life.start(keys=(KEY,))
    assert whole(life.practice) == before
    life.kill()


def test_faults_and_the_log_start_anew(tmp_path):
    """Catches a fault of a script that met its request already and lies in wait once more after a restart."""
    script = "script:\n  - {at: 1s, do: fault, kind: html}\n  - {at: 3s, do: fault, kind: html}\n"
    life = Life(tmp_path / "s.db", QUIET + "faults:\n  - {kind: hold, times: 1}\n" + script)
    life.ask(replace(place(), after_us=2_000_000))
    life.now_us += 2_000_000
    life.practice.tick()
    for _ in range(3):
        assert life.practice.faults.take("GET", "/x") is not None
    perform(life.practice, "faults", {"kind": "reset"})
    life.kill()
    life.start()
    assert [str(waiting.fault.kind) for waiting in life.practice.faults.waiting()] == ["hold"]
    assert life.practice.log.count() == 0
    life.kill()


def test_time_does_not_run_backwards_over_a_restart(tmp_path):
    """Catches a host whose clock was set back: an order could be older than the one before it."""
    life = Life(tmp_path / "s.db", QUIET)
    life.now_us += 60_000_000
    life.ask(place())
    life.kill()
    life.now_us -= 30_000_000
    life.start()
    assert life.practice.exchange.clock() == START_US + 60_000_000
    life.kill()


REFUSED = {
    "seed": ({"seed": 4}, "was made with seed 3, not 4"),
    "tier": ({"tier": "basic"}, "was made with tier prestige, not basic"),
    "world": ({"scenario": world(BUSY + "# changed\n")}, "another world file, or this one has changed since"),
}


@pytest.mark.parametrize("change", REFUSED)
def test_a_file_of_another_exchange_is_refused(tmp_path, change):
    more, message = REFUSED[change]
    life = Life(tmp_path / "s.db")
    life.kill()
    with pytest.raises(StateError, match=message):
        life.start(**more)
    life.start()
    life.kill()


def test_a_file_of_another_version_is_refused(tmp_path):
    life = Life(tmp_path / "s.db")
    life.store._connection.execute("update start set program = '0.0.1'")
    life.kill()
    with pytest.raises(StateError, match=r"was made with version 0\.0\.1"):
        life.start()


def test_two_exchanges_never_share_a_file(tmp_path):
    life = Life(tmp_path / "s.db")
    with pytest.raises(StateError, match="another practice exchange has it open"):
        Store(tmp_path / "s.db")
    life.kill()


def test_a_file_that_is_none_is_left_alone(tmp_path):
    (tmp_path / "text").write_text("this is my diary " * 100)
    with pytest.raises(StateError, match="it is no state file"):
        Store(tmp_path / "text")
    assert (tmp_path / "text").read_text().startswith("this is my diary")
    with pytest.raises(StateError, match="cannot be opened"):
        Store(tmp_path / "no" / "folder")


def test_the_database_of_another_program_is_left_alone(tmp_path):
    import pysqlite3

    with pysqlite3.connect(tmp_path / "other.db") as other:
        other.execute("create table diary (text)")
    other.close()
    with pytest.raises(StateError, match="no state file of a practice exchange"):
        Store(tmp_path / "other.db")


def test_a_command_that_no_version_has_written_is_told_with_its_number(tmp_path):
    life = Life(tmp_path / "s.db", QUIET)
    life.ask(place())
    life.store._connection.execute("update commands set kind = 'dance' where number = 2")
    life.kill()
    with pytest.raises(StateError, match=r"command 2 \(dance\) cannot be carried out again"):
        life.start()


def test_reads_are_not_written_down(tmp_path):
    life = Life(tmp_path / "s.db", QUIET)
    for _ in range(3):
        life.ask(type(place())(0, "GET", f"{API}/portfolio/balance"))
    assert list(life.store.commands()) == []
    life.ask(type(place())(0, "DELETE", f"{ORDERS}/none"))
    assert [command.kind for command in life.store.commands()] == ["key", "request"]
    life.kill()


def test_a_day_of_orders_is_carried_out_again_in_seconds(tmp_path):
    """Catches a restart that takes longer the longer the exchange has been there than by its commands."""
    life = Life(tmp_path / "s.db", QUIET)
    for number in range(1_000):
        life.ask(place(price=f"0.{1 + number % 40:02}00", count="0.01"))
    life.kill()
    began = time.monotonic()
    life.start()
    assert time.monotonic() - began < 10
    assert len(life.practice.exchange.orders) == 1_000
    life.kill()
