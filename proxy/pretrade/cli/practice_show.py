"""`pretrade practice state|requests|faults`: what the running practice exchange holds and has seen, as tables."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from pretrade.cli.practice_client import Operator, for_operator

_WIDTH = 150
_AS_ALWAYS = {"after": 0, "key": "*", "probability": 1.0, "location": "", "seconds": 0.0}
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@_as_json
@for_operator
def state(operator: Operator, *, as_json: bool) -> None:
    """Show markets, balances, positions, resting orders, and what is paused or late."""
    answer = operator.ask("GET", "state")
    if as_json:
        click.echo(json.dumps(answer, indent=2))
        return
    out = console()
    out.print(_markets(answer["markets"]))
    for account in answer["accounts"]:
        out.print(f"\n[bold]{account['name']}[/bold]")
        for table in (_purses(account["purses"]), _positions(account["positions"]), _resting(account["resting"])):
            if table.row_count:
                out.print(table)
    for line in _unusual(answer):
        out.print(line)


def console() -> Console:
    """Where tables go: wide enough that no id is cut, whatever the terminal."""
    return Console(highlight=False, width=max(_WIDTH, Console().width))


@click.command()
@click.option("-n", "count", type=click.IntRange(1), default=20, show_default=True, help="How many, the last ones.")
@click.option("--reads", is_flag=True, help="The reads instead of the writes.")
@click.option("--clear", is_flag=True, help="Forget them.")
@_as_json
@for_operator
def requests(operator: Operator, count: int, *, reads: bool, clear: bool, as_json: bool) -> None:
    """Show the requests that arrived, whatever became of them."""
    if clear:
        click.echo(operator.ask("DELETE", "requests")["message"])
        return
    seen = operator.ask("GET", "requests", None, **({"reads": "true"} if reads else {}))["requests"][-count:]
    if as_json:
        click.echo(json.dumps(seen, indent=2))
        return
    table = Table("method", "path", "status", "executed", "fault", box=None)
    for request in seen:
        path = request["path"] + (f"?{request['query']}" if request["query"] else "")
        status = str(request["status"] or "no answer")
        table.add_row(request["method"], path, status, "yes" if request["executed"] else "no", request["fault"] or "")
    console().print(table)


@click.command()
@click.option("--clear", is_flag=True, help="Forget them.")
@for_operator
def faults(operator: Operator, *, clear: bool) -> None:
    """Show the faults that wait, for requests and for stream messages."""
    if clear:
        click.echo(operator.ask("DELETE", "faults")["message"])
        click.echo(operator.ask("DELETE", "stream_faults")["message"])
        return
    table = Table("fault", "for", "times left", "options", box=None)
    for fault in operator.ask("GET", "faults")["faults"]:
        shown = {"kind", "method", "path", "times"}
        table.add_row(fault["kind"], f"{fault['method']} {fault['path']}", _left(fault), _options(fault, shown))
    for fault in operator.ask("GET", "stream_faults")["stream_faults"]:
        shown = {"kind", "channel", "times"}
        table.add_row(fault["kind"], f"stream {fault['channel']}", _left(fault), _options(fault, shown))
    console().print(table if table.row_count else "no fault waits")


def _left(fault: Mapping[str, Any]) -> str:
    return "no end" if fault["times"] is None else str(fault["times"])


def _options(fault: Mapping[str, Any], shown: set[str]) -> str:
    """What is not in a column of its own and not as it always is."""
    told = {name: value for name, value in fault.items() if name not in shown and _AS_ALWAYS.get(name) != value}
    return ", ".join(f"{name} {value}" for name, value in told.items())


def _markets(markets: Iterable[Mapping[str, Any]]) -> Table:
    table = Table("market", "status", "bid", "ask", "last", "volume", box=None)
    for market in markets:
        last = f"${market['last_dollars']}" if market["last_dollars"] else "-"
        quotes = (_quote(market["bid"]), _quote(market["ask"]))
        table.add_row(market["market"], market["status"], *quotes, last, market["volume"])
    return table


def _quote(top: Mapping[str, str] | None) -> str:
    return "-" if top is None else f"{top['count']} @ ${top['price_dollars']}"


def _purses(purses: Iterable[Mapping[str, Any]]) -> Table:
    table = Table("subaccount", "shard", "cash", "available", box=None)
    for purse in purses:
        money = (_money(purse["cash_dollars"]), _money(purse["available_dollars"]))
        table.add_row(str(purse["subaccount"]), str(purse["shard"]), *money)
    return table


def _positions(positions: Iterable[Mapping[str, Any]]) -> Table:
    table = Table("position in", "subaccount", "count", "cost", "realized", box=None)
    for position in positions:
        money = (_money(position["cost_dollars"]), _money(position["realized_dollars"]))
        table.add_row(position["market"], str(position["subaccount"]), position["count"], *money)
    return table


def _resting(orders: Iterable[Mapping[str, Any]]) -> Table:
    table = Table("resting order", "market", "subaccount", "side", "price", "remaining", "client_order_id", box=None)
    for order in orders:
        size = (f"${order['price_dollars']}", order["remaining_count"])
        where = (order["order_id"], order["market"], str(order["subaccount"]), order["side"])
        table.add_row(*where, *size, order["client_order_id"])
    return table


def _unusual(answer: Mapping[str, Any]) -> list[str]:
    """One line for each thing that is not as it is at the start."""
    switches, conditions = answer["switches"], answer["conditions"]
    lines = [f"{name} is paused" for name in ("exchange", "trading") if not switches[f"{name}_active"]]
    for shard in switches["shards"]:
        lines += [
            f"{name} is paused on shard {shard['shard']}"
            for name in ("exchange", "trading")
            if not shard[f"{name}_active"]
        ]
    lines += [f"reads of {name} are {age:g} s old" for name, age in conditions["lag_seconds"].items() if age]
    if conditions["clock_skew_seconds"]:
        skew = conditions["clock_skew_seconds"]
        lines.append(f"the clock is {abs(skew):g} s {'ahead' if skew > 0 else 'behind'}")
    waiting = answer["faults"] + answer["stream_faults"]
    return [*lines, "1 fault waits" if waiting == 1 else f"{waiting} faults wait"] if waiting else lines


def _money(text: str) -> str:
    """An amount without the zeros that say nothing, as in $10000.00 or $0.0175."""
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    whole, _, fraction = digits.partition(".")
    return f"{sign}${whole}.{fraction.rstrip('0').ljust(2, '0')}"


@click.command()
@for_operator
def reset(operator: Operator) -> None:
    """Start the exchange anew: its books, cash and positions as at first, its state file and its faults forgotten."""
    token = operator.token()
    said = operator.ask("POST", "reset")["message"]
    if not operator.answers_anew(token):
        raise click.ClickException("the exchange ended and did not come back; see what it printed")
    click.echo(said)


COMMANDS = (state, requests, faults, reset)
