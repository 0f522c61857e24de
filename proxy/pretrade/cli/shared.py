"""What several commands need: the policy option, loading it with its problems shown, asking the running proxy."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import click

from pretrade.gateway.config import LoadedPolicy, PolicyError, load, refuse_ended
from pretrade.gateway.machine.clock import Clock
from pretrade.gateway.operator.admin import AdminError, ask

DEFAULT_POLICY = Path("policy.yaml")


def policy_option[F: Callable[..., object]](function: F) -> F:
    """The option that says which policy a command is about."""
    return click.option(
        "-p",
        "--policy",
        "policy_path",
        type=click.Path(path_type=Path),
        default=DEFAULT_POLICY,
        show_default=True,
        envvar="PRETRADE_POLICY",
        help="The policy file. Other paths are relative to it.",
    )(function)


def load_policy(path: Path) -> LoadedPolicy:
    """Load a policy or end the command with every problem in it."""
    try:
        return load(path)
    except PolicyError as e:
        if isinstance(e.__cause__, FileNotFoundError):
            raise click.ClickException(f"there is no {path}; `pretrade init DIR` makes a folder with one") from e
        raise click.ClickException(str(e)) from e


def load_current_policy(path: Path) -> LoadedPolicy:
    """The same, and end the command where a limit is waived, or a rule only watched, no longer."""
    loaded = load_policy(path)
    try:
        refuse_ended(loaded, Clock())
    except PolicyError as e:
        raise click.ClickException(str(e)) from e
    return loaded


def ask_proxy(state_dir: Path, command: str, patience_s: float = 10.0, /, **arguments: str) -> dict[str, object]:
    """Send a command to the proxy that runs on this state folder or end this one with the reason."""
    try:
        return asyncio.run(ask(state_dir, command, arguments, patience_s))
    except AdminError as e:
        raise click.ClickException(str(e)) from e
