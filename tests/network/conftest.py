"""Hosts for every test here, gone at its end."""

from collections.abc import Iterator

import pytest
from tests.network.hosts import Network, skip_without_hosts


@pytest.fixture
def network() -> Iterator[Network]:
    skip_without_hosts()
    with Network() as made:
        yield made
