"""`pretrade status`: what the running proxy is doing."""

import json
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from pretrade.cli.shared import ask_proxy, load_policy, policy_option
from pretrade.gateway.config import paths

_LABELS = {
    "trading_state": "trading state",
    "role": "role",
    "mode": "mode",
    "environment": "environment",
    "proxy": "proxy door",
    "base_url": "base-URL door",
    "policy": "policy",
    "clients": "clients",
    "day": "day",
    "day_orders": "orders today",
    "in_flight": "in flight",
    "unknown": "unknown outcome",
    "journal": "journal",
    "uptime_s": "up for (s)",
}


@click.command()
@policy_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(policy_path: Path, *, as_json: bool) -> None:
    """Show the running proxy: trading state first, then what it is, what is used and what is open."""
    answer = ask_proxy(paths(load_policy(policy_path)).state, "status")
    if as_json:
        click.echo(json.dumps(answer, indent=2))
        return
    answer["day_orders"] = f"{answer['day_orders']} of {answer['max_day_orders']}"
    table = Table(show_header=False, box=None)
    for key, label in _LABELS.items():
        table.add_row(label, _shown(answer[key]))
    Console().print(table)


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "none"
    return str(value)
