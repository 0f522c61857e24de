"""`pretrade practice`: an exchange to practise on, on this machine, and the commands of whoever plays exchange.

Rule of this file: starting it, and the list of its commands; each of those asks the exchange that runs on a folder.
"""

import asyncio
import ipaddress
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from pretrade.cli import practice_accounts, practice_conditions, practice_market, practice_show
from pretrade.practice.api.keys import FILE_NAME, KeyFileError
from pretrade.practice.api.ratelimit import TIERS
from pretrade.practice.certs import LOOPBACK
from pretrade.practice.keeping.store import StateError
from pretrade.practice.worldfile import WorldError, default_scenario, load_world
from pretrade.practice.worlds.opening import OpeningError

if TYPE_CHECKING:
    from pretrade.practice.server import RunningPractice


class _NearAddress(click.ParamType[str]):
    """An address that the world cannot reach: nothing of the practice exchange is meant for it."""

    name = "IP"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            address = ipaddress.ip_address(value)
        except ValueError:
            address = None
        if address is None or address.is_unspecified or address.is_link_local or not address.is_private:
            self.fail(f"{value!r} is not a loopback or private IP address", param, ctx)
        return str(address)


@click.group(invoke_without_command=True)
@click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False), default=Path("practice"), show_default=True,
    help="Where its certificates and its list of API keys are.",
)  # fmt: skip
@click.option(
    "--host", type=_NearAddress(), default=LOOPBACK, show_default=True,
    help="The loopback or private address to listen on; its certificate is made anew for another one.",
)  # fmt: skip
@click.option("--port", type=click.IntRange(0, 65535), default=9443, show_default=True, help="0 takes a free one.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same market.")
@click.option("--tier", type=click.Choice(list(TIERS)), default="prestige", show_default=True, help="Its rate limits.")
@click.option(
    "--world",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file that says what there is to trade and who trades.  [default: a small world]",
)
@click.option(
    "--state", type=click.Path(path_type=Path, dir_okay=False),
    help="A file that keeps everything over restarts.  [default: nothing is kept]",
)  # fmt: skip
@click.pass_context
def practice(
    context: click.Context,
    folder: Path,
    host: str,
    port: int,
    seed: int,
    tier: str,
    world: Path | None,
    state: Path | None,
) -> None:
    """Run a practice exchange that speaks Kalshi's API on this machine. Nothing it does is real.

    It starts with fresh books, a market maker and $10,000 (or as --world says) and knows the keys of FOLDER/keys.yaml.

    While it runs, the commands below play exchange on it from another terminal.
    """
    context.obj = folder
    if context.invoked_subcommand is not None:
        _refuse_start_options(context)
        return
    from pretrade.practice.server import Config, serve  # an HTTP server of 10 MB, which only this needs

    try:
        scenario = default_scenario() if world is None else load_world(world)
        config = Config(folder=folder, host=host, port=port, seed=seed, tier=tier, scenario=scenario, state=state)
        asyncio.run(serve(config, _announce))
    except (KeyFileError, WorldError, OpeningError, StateError, OSError) as e:
        raise click.ClickException(f"the practice exchange cannot start: {e}") from e


for room in (practice_market, practice_accounts, practice_conditions, practice_show):
    for command in room.COMMANDS:
        practice.add_command(command)


def _refuse_start_options(context: click.Context) -> None:
    for name in context.params.keys() - {"folder"}:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name} is for starting the exchange, not for {context.invoked_subcommand}")


def _announce(running: "RunningPractice") -> None:
    click.echo(f"practice exchange at {running.base_url}")
    click.echo(f"  its CA is {running.ca_file}")
    keys = running.ca_file.with_name(FILE_NAME)
    if not keys.exists():
        click.echo(f"  it knows no key: there is no {keys}; run it in a folder that `pretrade init` made", err=True)
    click.echo("ready")
    sys.stdout.flush()
