from contextlib import closing

import pytest
from tests.e2e.invariants import check_world
from tests.failing.machine import Shim, machine
from tests.roomy import ROOMY

GENEROUS = ROOMY


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/failing/" in str(item.path):
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    """What lies under the proxies of machines whose disk and clock fail on command."""
    with closing(Shim(tmp_path_factory.mktemp("shim"))) as built:
        yield built


@pytest.fixture(scope="session")
def shimmed(tmp_path_factory, shim):
    """A machine whose disk and clock fail on command, and whose state folder is a small disk of its own."""
    with machine(tmp_path_factory.mktemp("shimmed"), *GENEROUS, disk=True, shim=shim) as running:
        yield running
        check_world(running)


@pytest.fixture(scope="session")
def plain(tmp_path_factory):
    """A machine of which only the exchange and the clients fail."""
    with machine(tmp_path_factory.mktemp("plain"), *GENEROUS, tap=True) as running:
        yield running
        check_world(running)


@pytest.fixture
def make_machine(tmp_path):
    """Makes a machine of the test's own, to stop, kill and break for good."""
    running = []

    def make(*changes, **more):
        context = machine(tmp_path, *(changes or GENEROUS), **more)
        running.append(context)
        return context.__enter__()

    yield make
    for context in running:
        context.__exit__(None, None, None)
