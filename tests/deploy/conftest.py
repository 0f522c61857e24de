"""What the tests of the delivery files need of the machine."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.deploy import setup
from tests.deploy.controller import Controller, Tool
from tests.deploy.setup import TOOLS
from tests.network.hosts import Network, skip_without_hosts

from pretrade.cli.processes import plain_environment

_TOOL_S = 300


@pytest.fixture(scope="session")
def tool() -> Tool:
    """Runs one of the tools of .venv-deploy, which is made here where it is not there or not as its locks say."""
    assert setup.main([]) == 0, "what uv said is above; tests/deploy/setup.py makes it too"

    def run(name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        environ = plain_environment() | {"PATH": f"{TOOLS / 'bin'}:/usr/bin:/bin"} | environment
        command = [str(TOOLS / "bin" / name), *arguments]
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=_TOOL_S)

    return run


@pytest.fixture
def controller(tool: Tool, tmp_path: Path) -> Controller:
    return Controller(tool, tmp_path)


@pytest.fixture
def network() -> Iterator[Network]:
    skip_without_hosts()
    with Network() as made:
        yield made
