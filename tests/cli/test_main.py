"""The command `pretrade` finds each of its commands, and imports no more than the one that is asked for."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from pretrade.cli.main import COMMANDS, cli


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_found_by_the_name_it_has(name):
    """Catches a table that leads to another command: `resume` that halts."""
    command = cli.get_command(cli.make_context("pretrade", ["status"], resilient_parsing=True), name)

    assert command is not None
    assert command.name == name


def test_the_help_tells_every_command_in_order():
    told = CliRunner().invoke(cli, ["--help"]).output.partition("Commands:\n")[2]

    assert [line.split()[0] for line in told.splitlines()] == sorted(COMMANDS)


@pytest.mark.parametrize("typed", ["hatl", "no-such-command", "halt.halt"])
def test_a_command_that_is_not_there_is_wrong_usage(typed):
    result = CliRunner().invoke(cli, [typed])

    assert result.exit_code == 2
    assert f"No such command {typed!r}." in result.output
    assert ("Did you mean 'halt'?" in result.output) is typed.startswith("h")


def test_who_halts_does_not_wait_for_what_halting_does_not_need():
    """Catches an import in `halt` that brings the whole program: seconds, on a busy host, before trading stops."""
    imported = [sys.executable, "-c", "import sys; from pretrade.cli import halt; print(*sys.modules)"]
    modules = set(subprocess.run(imported, capture_output=True, check=True, text=True).stdout.split())

    assert "pretrade.gateway.operator.admin" in modules
    assert not modules & {"mitmproxy", "structlog", "pretrade.practice", "pretrade.journal.writer", "pretrade.risk"}
