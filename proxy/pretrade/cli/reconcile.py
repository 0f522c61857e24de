"""`pretrade reconcile` and `pretrade resolve`: hold the proxy's ledger against the exchange's record, and settle what
that cannot.
"""

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from pretrade.cli.shared import ask_proxy, load_policy, policy_option
from pretrade.cli.status import breaks_table, reconciled
from pretrade.gateway.config import paths
from pretrade.risk.reconciling.resolution import Verdict

READING_S = 60.0
"""Longer than the proxy takes for reading the whole record, a round before this one included."""

_ADVICE = {
    "orphan": "an order that did not come through this proxy: who has the live key, or a login? It counts in every "
    "limit.\n  Once you know: pretrade resolve ORDER_ID --as done --by NAME --reason TEXT",
    "ghost": "an order that the exchange does not know any more. It counts until it is settled.\n"
    "  Look at the exchange, then: pretrade resolve DECISION_ID --as absent (or done) --by NAME --reason TEXT",
    "terms": "an order that is not as it was sent. It counts as the exchange has it; look at the log of its decision.",
    "position": "the exchange shows another position than the known orders make. The worse of both counts; it is taken "
    "over\n  once it was seen twice and nothing is under way there.",
}


@click.command()
@policy_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def reconcile(policy_path: Path, *, as_json: bool) -> None:
    """Read the exchange's record now and hold it against what the proxy reckons with.

    Prints the breaks (differences), and exits with 1 where there are any.
    """
    answer: dict[str, Any] = ask_proxy(paths(load_policy(policy_path)).state, "reconcile", READING_S)
    breaks = answer["breaks"]
    if as_json:
        click.echo(json.dumps(answer, indent=2))
    elif breaks:
        Console().print(breaks_table(breaks))
    if answer["problem"]:
        raise click.ClickException(f"the record could not be read or recorded: {answer['problem']}")
    if not as_json:
        click.echo(f"reconciled {reconciled(answer)}", err=bool(breaks))
    for kind in dict.fromkeys(row["kind"] for row in breaks):
        click.echo(f"{kind}: {_ADVICE[kind]}", err=True)
    if breaks:
        raise click.exceptions.Exit(1)


@click.command()
@policy_option
@click.argument("name", metavar="ID")
@click.option("--as", "verdict", type=click.Choice([str(one) for one in Verdict]), required=True, help="What it is.")
@click.option("--by", required=True, help="Who says so; it is recorded beside the user that ran the command.")
@click.option("--reason", required=True, help="How it is known; it is recorded.")
def resolve(policy_path: Path, name: str, verdict: str, by: str, reason: str) -> None:
    """Settle what the exchange's record leaves open: a write of unknown outcome, a ghost, an orphan.

    ID is a decision, or the id of an orphan. absent: it is not at the exchange, and no more of it has filled; what it
    holds is given back. done: it happened and is over; what may have filled counts as filled, until the exchange's
    positions show otherwise. The record is read first, and nothing is settled against it.
    """
    folder = paths(load_policy(policy_path)).state
    arguments = {"name": name, "as": verdict, "by": by, "reason": reason}
    answer = ask_proxy(folder, "resolve", READING_S, **arguments)
    click.echo(f"{answer['name']} is settled as {answer['as']}")
