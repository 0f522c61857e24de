"""Six unmodified client libraries, directly against the practice exchange over TLS, without the proxy."""

from pathlib import Path

import pytest
from tests.practice.support import rsa_key, start_practice
from tests.sdks.clients import Client, Place
from tests.sdks.matrix import CLIENTS, MATRIX, REMOVED
from tests.sdks.session import NYC, Session
from tests.sdks.steps_account import ACCOUNT, KEYS
from tests.sdks.steps_markets import EXTRAS, HISTORY, MARKETS
from tests.sdks.steps_orders import GROUPS, ORDERS, REFUSED, REMOVED_CALLS, SETTLED

from pretrade.kalshi.keys import private_pem_of, public_pem_of
from pretrade.practice.core import transfers
from pretrade.practice.play.actions import perform
from pretrade.practice.worldfile import load_world

WORLD = Path(__file__).parent / "world.yaml"
BEFORE = (*ORDERS, *MARKETS, *GROUPS, *REFUSED, *REMOVED_CALLS, *HISTORY)
AFTER = (*SETTLED, *ACCOUNT, *KEYS, *EXTRAS)
"""What is done before and after one market has paid."""


@pytest.fixture
async def practice(tmp_path):
    running = await start_practice(tmp_path / "practice", scenario=load_world(WORLD))
    yield running
    await running.stop()


@pytest.fixture
def place(practice, tmp_path):
    key_file = tmp_path / "key.pem"
    key_file.write_bytes(private_pem_of(rsa_key()))
    return Place(practice.base_url, practice.ca_file, "full", key_file)


@pytest.fixture(params=CLIENTS)
async def client(request, place):
    found = await Client.start(request.param, place)
    yield found
    await found.kill()


async def test_a_session(client, practice):
    """Catches an answer that a library's own models refuse, or that they read as something else than it is."""
    moved = transfers.move_between_shards(practice.exchange, practice.exchange.accounts["main"], "", 0, 1, 1_000_000)
    public_key = public_pem_of(rsa_key().public_key()).decode()
    session = Session(client, {"public_key": public_key, "transfer": moved.transfer_id})
    await session.go(BEFORE)
    perform(practice.practice, "settle", {"market": NYC, "result": "yes"})
    await session.go(AFTER)
    await client.end()
    assert not session.wrong, "\n".join([f"what {client.name} could not do:", *session.wrong])


def test_every_call_of_every_library_is_made():
    """Catches a row of the matrix that no step calls."""
    assert {step.operation for step in (*BEFORE, *AFTER)} == set(MATRIX) | set(REMOVED)
