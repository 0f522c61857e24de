"""Shared by the gateway's tests: one pair of certificates a session, since making them is not what is tested."""

import datetime as dt
import warnings
from pathlib import Path

import pytest

with warnings.catch_warnings():
    # mitmproxy calls names that its parser library has since renamed: a warning of its own at import, not of ours.
    warnings.simplefilter("ignore", DeprecationWarning)
    import mitmproxy.addons  # noqa: F401

from pretrade.gateway.keys import certs
from pretrade.kalshi.hosts import all_names


@pytest.fixture(scope="session")
def leaf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A leaf with its key, as `pretrade certs` makes it."""
    folder = tmp_path_factory.mktemp("certs")
    certs.make(folder, all_names(), dt.datetime.now(dt.UTC))
    return folder / certs.LEAF_NAME
