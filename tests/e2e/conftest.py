import pytest
from tests.e2e.harness import World
from tests.e2e.invariants import check_world
from tests.roomy import ROOMY

GENEROUS = (*ROOMY, ('max_risk: "$200"', 'max_risk: "$50"'))


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/e2e/" in str(item.path):
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """A running world for tests that leave it as it was; its policy has orders for many days, each of at most $50."""
    with World(tmp_path_factory.mktemp("world"), *GENEROUS, tap=True) as running:
        yield running
        check_world(running)


@pytest.fixture(scope="session")
def bots(world):
    return {"sync": world.sync_bot(), "async": world.async_bot()}


@pytest.fixture(params=["sync", "async"])
def bot(request, bots):
    """Either official SDK: the one by the base-URL door, the other by the proxy door."""
    return bots[request.param]


@pytest.fixture
def make_world(tmp_path):
    """Makes a world of the test's own, to stop, kill and break."""
    worlds = []

    def make(*changes, **more):
        running = World(tmp_path, *changes, **more)
        worlds.append(running)
        return running.__enter__()

    yield make
    for running in worlds:
        try:
            if running.journal.exists():
                check_world(running)
        finally:
            running.__exit__()
