"""What `pretrade halt --cancel` shows: what is gone, what may still rest, and what filled meanwhile."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from pretrade.cli.shared import ask_proxy

SWEEPING_S = 90.0
"""Longer than the proxy takes for canceling and for reading the record, a round before included."""
_AGAIN = "Run this again, or cancel at the exchange's own page."


def cancel_all(state_dir: Path, client: str) -> None:
    """Have the proxy cancel what rests, of one client or of all where it is empty. Ends the command with 1 while
    anything may still rest, or nobody can say."""
    click.echo("canceling all that rests …", err=True)
    swept: Mapping[str, Any] = ask_proxy(state_dir, "sweep", SWEEPING_S, client=client)
    _show_orders(f"gone: {swept['gone_count']}", swept["gone"])
    _show_orders(f"may still rest: {swept['left_count']}", swept["left"])
    for one in swept["moved"]:
        where = f"{one['ticker']}, subaccount {one['subaccount']}"
        click.echo(f"the position in {where} was {one['before']} and is {one['after']}: something filled meanwhile")
    for problem in swept["problems"]:
        click.echo(problem, err=True)
    if not swept["is_read"]:
        raise click.ClickException(f"nobody can say what rests: the exchange's record was not read. {_AGAIN}")
    if swept["left"]:
        unknown = "An order of unknown fate counts as one that rests until it is proved absent."
        raise click.ClickException(f"{swept['left_count']} may still rest. {_AGAIN} {unknown}")
    click.echo("nothing rests, by the exchange's own record")


def _show_orders(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """A line each, never cut: an id is there to be copied."""
    if not rows:
        return
    click.echo(title)
    for row in rows:
        name = row["order_id"] or f"{row['client_order_id']} (its own id)"
        whose = f"{row['client'] or 'nobody known'}, subaccount {row['subaccount']}"
        click.echo(f"  {name}  {row['ticker']} {row['side']} {row['remaining']} left  {whose}  {row['state']}")
