"""`pretrade run`: the proxy itself."""

import asyncio
import logging
import sys
from pathlib import Path

import click

from pretrade.cli.shared import load_policy, policy_option
from pretrade.gateway.assemble import Started, StartError
from pretrade.gateway.config import paths
from pretrade.gateway.keys.certs import CA_NAME
from pretrade.gateway.machine.hardening import harden_process
from pretrade.gateway.machine.logs import log_to
from pretrade.model.instance import Mode, TradingState
from pretrade.policy.waivers import past_waivers
from pretrade.yamltext.places import dotted


@click.command()
@policy_option
def run(policy_path: Path) -> None:
    """Run the proxy until SIGTERM or ^C; orders in flight are answered first.

    SIGUSR1 halts trading at once, and so does KALSHI_TRADE_KILL_SWITCH=1 at the start.
    """
    from pretrade.gateway.run import run as run_proxy  # mitmproxy takes a second to import, and only this needs it

    loaded = load_policy(policy_path)
    harden_process()
    log_to(sys.stderr.fileno())
    logging.getLogger().addHandler(logging.NullHandler())  # what libraries log is not ours to say
    try:
        asyncio.run(run_proxy(loaded, _announce))
    except StartError as e:
        raise click.ClickException(str(e)) from e
    click.echo("stopped; what was in flight was answered first")


def _announce(started: Started) -> None:
    policy, listening = started.loaded.policy, started.listening
    instance = policy.instance
    click.echo(f"pretrade: role {instance.role}, {instance.mode} on {instance.environment}")
    if instance.mode is Mode.DRY_RUN:
        click.echo("  dry_run: orders are judged, recorded and answered, and never sent")
    if started.instance.trading.state() is not TradingState.ACTIVE:
        click.echo(f"  trading is {started.instance.trading.state()}: `pretrade resume --by NAME --reason TEXT`")
    for ended in past_waivers(policy, started.instance.clock.day(started.instance.zone)):
        click.echo(f"  orders are denied (LIMIT_WAIVER_EXPIRED), exits pass: {dotted(ended.where)}: {ended.message}")
    click.echo(f"  policy         {started.loaded.path} sha256 {started.loaded.sha256[:16]}")
    click.echo(f"  proxy door     http://{listening.proxy}")
    click.echo(f"  base-URL door  http://{listening.base_url}/trade-api/v2")
    ca_file = paths(started.loaded).certs / CA_NAME
    for name, client in policy.clients.items():
        click.echo(f"  client {name} (key id {client.key_id}) must set:")
        click.echo(f"    HTTPS_PROXY=http://{listening.proxy} SSL_CERT_FILE={ca_file}")
        click.echo(f"    or run as: pretrade exec --client {name} -- COMMAND")
    click.echo("ready", nl=True)
    sys.stdout.flush()
