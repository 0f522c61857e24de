"""`pretrade certs`: the CA that clients trust and the leaf that they are shown."""

import datetime as dt
from pathlib import Path

import click

from pretrade.cli.shared import load_policy, policy_option
from pretrade.gateway.config import paths
from pretrade.gateway.keys import certs as certificates
from pretrade.kalshi.hosts import all_names


@click.group(invoke_without_command=True)
@policy_option
@click.option("--force", is_flag=True, help="Replace the certificates that are there; clients must trust the new CA.")
@click.pass_context
def certs(context: click.Context, policy_path: Path, *, force: bool) -> None:
    """Make the CA and the leaf for the exchange's host names, or `certs show` them.

    The CA can vouch for the exchange's domains only, and its key is never written: there is none to steal.
    """
    context.obj = paths(load_policy(policy_path)).certs
    if context.invoked_subcommand is not None:
        return
    try:
        info = certificates.make(context.obj, all_names(), dt.datetime.now(dt.UTC), force=force)
    except OSError as e:
        raise click.ClickException(f"{e.filename or context.obj}: {e.strerror or e}; --force replaces them") from e
    click.echo(f"made {context.obj / certificates.CA_NAME} and {context.obj / certificates.LEAF_NAME}")
    _print(info)


@certs.command()
@click.pass_obj
def renew(folder: Path) -> None:
    """Make a new CA and leaf; clients may be given the new ca.crt while the proxy still shows the old leaf.

    `ca.crt` keeps the older CAs while they are valid. The running proxy shows the leaf that it was started with.
    """
    try:
        info = certificates.make(folder, all_names(), dt.datetime.now(dt.UTC), force=True)
    except OSError as e:
        raise click.ClickException(f"{e.filename or folder}: {e.strerror or e}") from e
    click.echo(f"made {folder / certificates.CA_NAME} (with the older CAs) and {folder / certificates.LEAF_NAME}")
    _print(info)
    click.echo("next: give every client the new ca.crt, then restart the proxy")


@certs.command()
@click.pass_obj
def show(folder: Path) -> None:
    """Show the certificates and what is wrong with them; exits with 1 when anything is."""
    info = certificates.inspect(folder, all_names(), dt.datetime.now(dt.UTC))
    if info.names:
        _print(info)
    if info.problems:
        raise click.ClickException("\n".join(info.problems))


def _print(info: certificates.CertInfo) -> None:
    click.echo(f"valid until {info.not_after:%Y-%m-%d}, CA sha256 {info.ca_fingerprint}")
    for name in info.names:
        click.echo(f"  {name}")
    for warning in info.warnings:
        click.echo(f"warning: {warning}", err=True)
