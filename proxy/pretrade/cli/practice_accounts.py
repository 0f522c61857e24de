"""`pretrade practice deposit|tier|keys …`: cash, rate limits and API keys that the running practice exchange knows."""

from pathlib import Path

import click
from rich.table import Table

from pretrade.cli.practice_client import Operator, for_operator
from pretrade.cli.practice_show import console
from pretrade.practice.api.ratelimit import TIERS

_account = click.option("--account", default="main", show_default=True, help="Whose it is.")


@click.command()
@click.argument("amount")
@_account
@click.option("--subaccount", type=click.IntRange(0, 63), default=0, show_default=True, help="Into this one's purse.")
@click.option("--shard", type=click.IntRange(0), default=0, show_default=True, help="On this shard.")
@for_operator
def deposit(operator: Operator, amount: str, account: str, subaccount: int, shard: int) -> None:
    """Put AMOUNT of dollars into an account."""
    operator.act("deposit", amount=amount, account=account, subaccount=subaccount, shard=shard)


@click.command()
@click.argument("name", type=click.Choice(list(TIERS)), metavar="TIER")
@_account
@for_operator
def tier(operator: Operator, name: str, account: str) -> None:
    """Give an account the rate limits of TIER: basic, advanced, expert, premier, paragon, prime or prestige."""
    operator.act("tier", tier=name, account=account)


@click.group()
def keys() -> None:
    """Add, revoke and list the API keys of the running exchange."""


@keys.command("list")
@for_operator
def list_keys(operator: Operator) -> None:
    """Show the keys, their scopes and what they are bound to."""
    table = Table("key", "account", "subaccount", "scopes", box=None)
    for key in operator.ask("GET", "state")["keys"]:
        bound = "any" if key["subaccount"] is None else str(key["subaccount"])
        table.add_row(key["key_id"], key["account"], bound, ", ".join(key["scopes"]))
    console().print(table)


@keys.command()
@click.argument("key_id")
@click.argument("public_key", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--scope", "scopes", multiple=True, help="May be given again.  [default: read, write]")
@_account
@click.option("--subaccount", type=click.IntRange(0, 63), help="Bind it to one subaccount.")
@for_operator
def add(
    operator: Operator, key_id: str, public_key: Path, scopes: tuple[str, ...], account: str, subaccount: int | None
) -> None:
    """Let KEY_ID sign with the key whose public half is in the PEM file PUBLIC_KEY."""
    pem = public_key.read_text(encoding="ascii", errors="replace")
    given = {"scopes": list(scopes)} if scopes else {}
    operator.act("add_key", key_id=key_id, public_key=pem, account=account, subaccount=subaccount, **given)


@keys.command()
@click.argument("key_id")
@for_operator
def remove(operator: Operator, key_id: str) -> None:
    """Revoke KEY_ID."""
    operator.act("remove_key", key_id=key_id)


@keys.command()
@click.argument("seconds", type=click.FloatRange(0), required=False)
@_account
@for_operator
def region(operator: Operator, seconds: float | None, account: str) -> None:
    """Let the attestation of an account's region end in SECONDS; without them, ask it for none."""
    operator.act("attest_region", account=account, seconds=seconds)


COMMANDS = (deposit, tier, keys)
