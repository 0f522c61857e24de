"""Shared by the hostile tests: one world of real processes with a tap before the exchange, and one leaf in process."""

import pytest
from tests.e2e.harness import World
from tests.e2e.invariants import check_world
from tests.gateway.conftest import leaf  # noqa: F401 - a fixture
from tests.gateway.doorkit import Opened
from tests.gateway.gatekit import KEY
from tests.hostile.exchange import Record
from tests.roomy import ROOMY

from pretrade.kalshi.keys import public_pem_of

GENEROUS = (*ROOMY, ('max_risk: "$200"', 'max_risk: "$50"'))
"""Orders for many days, each of a few cents: no test here is about a limit."""


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/hostile/" in str(item.path) and "world" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """A running world whose limits are far away, so that only form or address can stop a request."""
    folder = tmp_path_factory.mktemp("world")
    (folder / "bot.pub.pem").write_bytes(public_pem_of(KEY.public_key()))
    bot = ("keys/momentum-bot.pub.pem", str(folder / "bot.pub.pem"))
    with World(folder, *GENEROUS, bot, tap=True) as running:
        yield running
        check_world(running)


@pytest.fixture
def way(world):
    """Ways into the world's doors."""
    return Opened(None, world.proxy_port, world.base_url_port)


@pytest.fixture
def record(world):
    """What the world's exchange was sent."""
    return Record(world.tap_record)
