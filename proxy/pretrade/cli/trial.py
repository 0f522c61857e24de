"""What `pretrade keys check --place-and-cancel` shows: each step of one small order, and what may rest in the end."""

import asyncio
import os
import signal
import sys

import click

from pretrade.gateway.assemble import StartError
from pretrade.gateway.config import LoadedPolicy
from pretrade.gateway.machine.logs import log_to
from pretrade.gateway.operator.admin import who
from pretrade.gateway.way.identity import Client
from pretrade.model.instance import Environment, Mode
from pretrade.policy.schema import Policy

_PURPOSE = "keys check --place-and-cancel"
_STEP = 11


def require_trial(policy: Policy, client: str) -> str:
    """The client in whose place it is tried. Raises UsageError where it must not be tried, or for nobody known."""
    if policy.instance.environment is Environment.PRODUCTION:
        raise click.UsageError("--place-and-cancel is for practice and demo: in production it would be a real order")
    if policy.instance.mode is not Mode.LIVE:
        raise click.UsageError("--place-and-cancel needs `mode: live` in the policy: a dry_run sends nothing")
    names = list(policy.clients)
    if not client and len(names) == 1:
        return names[0]
    if client not in names:
        known = ", ".join(names) or "none, and an order needs one"
        raise click.UsageError(f"--client NAME says in whose place it is tried; known are {known}")
    return client


def place_and_cancel(loaded: LoadedPolicy, client: str, market: str) -> None:
    """Place one small order and cancel it, a line a step. Ends the command with 1 where any of it did not go well."""
    # What sends is the proxy itself, and that takes a second to import.
    from pretrade.gateway.doorless import doorless
    from pretrade.gateway.operator.trial import Trial, TrialError

    async def go() -> None:
        if task := asyncio.current_task():  # as ^C does: what may rest is told, and the log left in order
            for number in (signal.SIGTERM, signal.SIGHUP):
                asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        async with doorless(loaded, _PURPOSE) as instance:
            place = _of(tuple(instance.clients.values()), client)
            await Trial(instance, place, who(os.getpid(), os.getuid()), _tell).run(market)

    log_to(sys.stderr.fileno())
    try:
        asyncio.run(go())
    except StartError as e:
        hint = "a proxy that runs on this journal must be stopped first"
        raise click.ClickException(f"nothing was placed: {e} ({hint})") from e
    except TrialError as e:
        raise click.ClickException(str(e)) from e
    except asyncio.CancelledError as e:
        raise click.Abort from e


def _of(clients: tuple[Client, ...], name: str) -> Client:
    return next(client for client in clients if client.name == name)


def _tell(step: str, seen: str) -> None:
    click.echo(f"{step:<{_STEP}}{seen}")
