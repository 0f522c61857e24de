"""`pretrade practice`: an exchange to practise on, on this machine."""

import asyncio
import sys
from pathlib import Path

import click

from pretrade.practice.keys import FILE_NAME, KeyFileError
from pretrade.practice.server import Config, RunningPractice, serve


@click.command()
@click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False), default=Path("practice"), show_default=True,
    help="Where its certificates and its list of API keys are.",
)  # fmt: skip
@click.option("--port", type=click.IntRange(0, 65535), default=9443, show_default=True, help="0 takes a free one.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same market.")
def practice(folder: Path, port: int, seed: int) -> None:
    """Run a practice exchange that speaks Kalshi's API on this machine. Nothing it does is real.

    It starts with fresh books, a market maker and $10,000, and knows the keys of FOLDER/keys.yaml.
    """
    try:
        asyncio.run(serve(Config(folder=folder, port=port, seed=seed), _announce))
    except (KeyFileError, OSError) as e:
        raise click.ClickException(f"the practice exchange cannot start: {e}") from e


def _announce(running: RunningPractice) -> None:
    click.echo(f"practice exchange at {running.base_url}")
    click.echo(f"  its CA is {running.ca_file}")
    keys = running.ca_file.with_name(FILE_NAME)
    if not keys.exists():
        click.echo(f"  it knows no key: there is no {keys}; run it in a folder that `pretrade init` made", err=True)
    click.echo("ready")
    sys.stdout.flush()
