"""`pretrade keys`: make a pair for the exchange, and show what the live key may do.

Rule of this file: a private half goes into one new file of mode 0600 and nowhere else; an order is sent only where a
person asks for that by name, and never in production.
"""

import asyncio
import os
from pathlib import Path
from typing import cast

import click

from pretrade.cli.shared import ask_proxy, load_policy, policy_option
from pretrade.cli.trial import place_and_cancel as try_order
from pretrade.cli.trial import require_trial
from pretrade.gateway.assemble import StartError, check_surroundings, keys_and_exchange
from pretrade.gateway.config import LoadedPolicy, paths
from pretrade.gateway.keys.signers import GENERAL
from pretrade.gateway.machine.clock import Clock
from pretrade.gateway.machine.hardening import harden_process
from pretrade.gateway.preflight.expected import expected_of
from pretrade.gateway.preflight.findings import Level, Report
from pretrade.gateway.preflight.preflight import preflight
from pretrade.kalshi.keys import KeyKind, algorithm_of, generate_private_key, private_pem_of, public_pem_of

_ROTATING_S = 20.0
"""Longer than the proxy takes to prove the new key and to see the end of what the old one signed."""


@click.group()
def keys() -> None:
    """Make a key pair, check what the live key may do, or change it."""


@keys.command()
@click.option(
    "--type", "kind", type=click.Choice(["ed25519", "rsa"]), default="ed25519", show_default=True,
    help="Ed25519 signs about 20 times faster; RSA is what every client library can use.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), default=Path("live.pem"), show_default=True,
    help="Where the private half goes: a new file, mode 0600.",
)  # fmt: skip
@click.option("--client", help="The pair is this client's own: say what to do with that, and not the exchange.")
def new(kind: str, out: Path, client: str | None) -> None:
    """Make a key pair; print the public half, which the exchange is given, or for a client's key the policy alone.

    A file that is there is never overwritten: it may be the only copy of a key.
    """
    key = generate_private_key(cast("KeyKind", kind))
    _write_new(out, private_pem_of(key))
    click.echo(public_pem_of(key.public_key()).decode("ascii"), nl=False)
    held = f"{out} holds the private half ({algorithm_of(key)}, mode 0600)"
    if client is not None:
        click.echo(f"{held}: {client} alone may have it.", err=True)
        _tell_client(client, out)
        return
    click.echo(f"{held}: move it nowhere else.", err=True)
    click.echo(
        "Register the public half above at the exchange, with the scopes read and write::trade for role W", err=True
    )
    click.echo(
        "and read alone for any other, bound to one subaccount where you can; then name both in `signing`.", err=True
    )
    click.echo("An Ed25519 key signs about 20 times faster than an RSA key.", err=True)


def _tell_client(client: str, out: Path) -> None:
    click.echo(f"Give the private half to {client}, and register the public one in policy.yaml:", err=True)
    click.echo(f"  pretrade clients add {client} --key {out}", err=True)
    click.echo(
        "Never register it at the exchange, and delete it there if it ever was: it must be worthless there.", err=True
    )
    click.echo("An RSA key (--type rsa) is what every client library can use.", err=True)


def _write_new(path: Path, pem: bytes) -> None:
    """Write a file that was not there before; one that cannot be written whole is taken away again."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError as e:
        raise click.ClickException(f"{path} is there already and is not overwritten; name another file") from e
    except OSError as e:
        raise click.ClickException(f"{path} cannot be made: {e.strerror}") from e
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o600)
            file.write(pem)
            file.flush()
            os.fsync(descriptor)
    except OSError as e:
        path.unlink(missing_ok=True)
        raise click.ClickException(f"{path} cannot be written: {e.strerror}") from e


@keys.command()
@policy_option
@click.option(
    "--place-and-cancel", is_flag=True,
    help="Then place one contract far from the market, and cancel it: practice and demo only, no proxy running.",
)  # fmt: skip
@click.option("--client", default="", help="In whose place, where the policy has several clients.")
@click.option("--market", default="", help="In which market.  [default: the first open one that the policy allows]")
def check(policy_path: Path, client: str, market: str, *, place_and_cancel: bool) -> None:
    """Run the preflight alone: may the live key do what the role needs, and nothing more?

    It asks the exchange as `pretrade run` does at its start and changes nothing there. Exits with 1 where a start would
    be refused, and where something was not answered.

    With --place-and-cancel it then sends one order, judged by the policy and recorded as a client's: a post-only bid at
    the lowest price that band and collar allow. It is seen to rest, canceled, and seen to be gone, by the exchange's
    own record. Exits with 1 where it is denied, or may still rest; it says what, and how to cancel it.
    """
    loaded = load_policy(policy_path)
    if place_and_cancel:
        client = require_trial(loaded.policy, client)
    elif client or market:
        raise click.UsageError("--client and --market go with --place-and-cancel")
    harden_process()
    try:
        check_surroundings(loaded)
        report = asyncio.run(_checked(loaded))
    except StartError as e:
        raise click.ClickException(str(e)) from e
    width = max(len(finding.subject) for finding in report.findings) + 1
    for finding in report.findings:
        click.echo(f"{finding.level:<11}{finding.subject:<{width}}{finding.seen}")
        if finding.advice and finding.level is not Level.OK:
            click.echo(f"{'':<{11 + width}}{finding.advice}")
    if report.obstacles:
        which = "the live keys are" if loaded.policy.signing.keys else "the live key is"
        raise click.ClickException(f"{which} not proven to be what this policy needs")
    if place_and_cancel:
        try_order(loaded, client, market)


@keys.command()
@policy_option
def rotate(policy_path: Path) -> None:
    """Let the running proxy sign with the key that `signing` in the policy names now.

    Make and register the new key, name it in `signing` or in its entry of `signing.keys`, then run this: no restart, no
    dropped order. One key at a time. The new key passes the preflight first; whatever fails, the old key goes on.
    Afterwards remove the old key at the exchange.
    """
    folder = paths(load_policy(policy_path)).state
    answer = ask_proxy(folder, "rotate", _ROTATING_S)
    which = "" if answer["key"] == GENERAL else f" for the clients of {answer['key']}"
    click.echo(f"the proxy signs with {answer['key_id']} now{which}; before it was {answer['previous']}")
    click.echo(f"Remove {answer['previous']} at the exchange once nobody else uses it.", err=True)


async def _checked(loaded: LoadedPolicy) -> Report:
    signers, upstream = keys_and_exchange(loaded)
    try:
        return await preflight(signers, upstream, Clock(), expected_of(loaded.policy))
    finally:
        await upstream.close()
        signers.close()
