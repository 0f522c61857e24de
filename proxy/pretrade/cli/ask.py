"""`pretrade headroom`, `pretrade market` and `pretrade confirm`: how much would pass, what a market looks like, and
letting an order pass that waits for a person.

Rule of this file: it shows what the proxy says, within 80 columns; what was written by others is shown without its odd
characters.
"""

import json
from pathlib import Path
from typing import Any, TextIO

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pretrade.cli.shared import ask_proxy, load_policy, policy_option
from pretrade.gateway.config import paths
from pretrade.gateway.messages import printable
from pretrade.model.orders import Side

_MOST_TEXT = 16_384
"""Characters of a file of orders that are read: far more than ten need."""
_client_option = click.option("--client", default="", help="Whose limits; not needed where there is one client.")
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@policy_option
@click.argument("ticker", required=False)
@click.argument("side", required=False, type=click.Choice([str(side) for side in Side]))
@click.argument("price", required=False)
@click.option("--file", "orders", type=click.File(encoding="utf-8"), help="Several orders together; - reads them here.")
@_client_option
@_json_option
def headroom(
    policy_path: Path,
    ticker: str | None,
    side: str | None,
    price: str | None,
    orders: TextIO | None,
    client: str,
    *,
    as_json: bool,
) -> None:
    """Show the largest order that would pass now, what objects to more, and what the proxy would write into it.

    SIDE is bid (buys YES) or ask (sells YES, which buys NO); PRICE is the YES price in dollars, as in 0.5600. Nothing
    is sent.

    With --file, how much of up to ten orders would pass as one batch, each as large as it can be beside those before
    it: {"orders": [{"ticker": "T", "side": "bid", "price": "0.5600", "count": "10"}]}; without a count there is no
    most of it.
    """
    if orders is not None:
        _together(_state(policy_path), orders, [ticker, side, price], client, as_json=as_json)
        return
    if ticker is None or side is None or price is None:
        raise click.UsageError("needed are TICKER, SIDE and PRICE, or --file with several orders")
    arguments = {"ticker": ticker, "side": side, "price": price, "client": client}
    answer: dict[str, Any] = ask_proxy(_state(policy_path), "headroom", 10.0, **arguments)
    if as_json:
        click.echo(json.dumps(answer, indent=2))
        return
    click.echo(f"{answer['headroom']} contracts would pass")
    _show_more(answer)


def _together(state: Path, orders: TextIO, one: list[str | None], client: str, *, as_json: bool) -> None:
    if any(word is not None for word in one):
        raise click.UsageError("either one order or --file")
    try:
        text = orders.read(_MOST_TEXT)
    except UnicodeDecodeError as e:
        raise click.ClickException(f"{orders.name} is not UTF-8") from e
    answer: dict[str, Any] = ask_proxy(state, "headroom_together", 10.0, orders=text, client=client)
    if as_json:
        click.echo(json.dumps(answer, indent=2))
        return
    for order in answer["orders"]:
        click.echo(f"{order['headroom']} contracts of {order['ticker']} {order['side']} {order['price']} would pass")
        _show_more(order)


def _show_more(order: dict[str, Any]) -> None:
    """What objects to more of an order, and what the proxy writes into it."""
    for bind in order["binds"]:
        figures = f"{bind['observed']} against {bind['limit']} {bind['unit']}".rstrip()
        click.echo(f"more: {bind['code']}: {bind['rule']}: {printable(figures, 200)}")
    for one in order["injected"]:
        click.echo(f"written in: {one['field']}: {printable(json.dumps(one['value']), 200)} ({one['rule']})")


@click.command()
@policy_option
@click.argument("ticker")
@_client_option
@_json_option
def market(policy_path: Path, ticker: str, client: str, *, as_json: bool) -> None:
    """Show one market as the checks see it: book, spread, depth, grade, and what sizes would cost on average; and what
    the policy's `inject` has written into orders.

    Safe sizes are by the slippage that the policy allows, one for each direction; the account's own orders
    are left out.
    """
    answer: dict[str, Any] = ask_proxy(_state(policy_path), "market", 10.0, ticker=ticker, client=client)
    if as_json:
        click.echo(json.dumps(answer, indent=2))
        return
    console = Console()
    console.print(_overview(answer))
    if "sizes" in answer:
        for table in (_book(answer), _sizes(answer)):
            console.print()
            console.print(table)
    for warning in answer["warnings"]:
        click.echo(f"warning: {warning}", err=True)


@click.command()
@policy_option
@click.argument("decision_id", required=False)
@click.option("--by", default="", help="Who approves; it is recorded beside the user that ran the command.")
@click.option("--reason", default="", help="Why; it is recorded.")
def confirm(policy_path: Path, decision_id: str | None, by: str, reason: str) -> None:
    """Approve an order that was denied as CONFIRMATION_REQUIRED; without DECISION_ID, show what waits.

    The next order of the same client with the same meaning passes once, if nothing else objects to it by then.
    """
    folder = _state(policy_path)
    if decision_id is None:
        answer: dict[str, Any] = ask_proxy(folder, "confirmations")
        for waiting in answer["waiting"]:
            click.echo(_waiting(waiting))
        if not answer["waiting"]:
            click.echo("nothing waits", err=True)
        return
    if not (by.strip() and reason.strip()):
        raise click.UsageError("approving needs --by NAME and --reason TEXT")
    done: dict[str, Any] = ask_proxy(folder, "confirm", 10.0, decision_id=decision_id, by=by, reason=reason)
    click.echo(_waiting(done))


def _state(policy_path: Path) -> Path:
    return paths(load_policy(policy_path)).state


def _waiting(ticket: dict[str, Any]) -> str:
    """One order that waits, on lines of its own."""
    approved = f"approved by {', '.join(ticket['approved_by'])}; " if ticket["approved_by"] else ""
    rest = f"{ticket['needed']} more needed" if ticket["needed"] else "its client may send it again"
    order = printable(json.dumps(ticket["order"]), 1_000)
    head = f"{ticket['decision_id']} of {ticket['client']}: {approved}{rest}, within {ticket['stands_s']} s"
    return f"{head}\n  {order}\n  asked by {', '.join(ticket['asked_by'])}"


_LABELS = {
    "ticker": "market",
    "status": "status",
    "grade": "grade",
    "score": "score (of 100)",
    "spread": "spread",
    "midpoint": "midpoint",
    "depth_yes": "YES bids near it",
    "depth_no": "NO bids near it",
    "depth_weighted": "both, weighted",
    "imbalance_percent": "imbalance (%)",
    "volume_24h": "volume of 24 hours",
    "open_interest": "open interest",
    "impact_100": "impact of 100",
    "age_ms": "book's age (ms)",
    "source": "book's source",
}


def _overview(answer: dict[str, Any]) -> Table:
    table = Table(show_header=False, box=None)
    for key, label in _LABELS.items():
        value = answer.get(key)
        table.add_row(label, Text("not known" if value is None else printable(str(value))))
    for taking, count in answer.get("safe", {}).items():
        table.add_row(f"safe to {taking.replace('_', ' ')}", count)
    for one in answer["inject"]:
        table.add_row("written in", f"{_injected(one)} ({one['rule']})")
    return table


def _injected(one: dict[str, Any]) -> str:
    """What is written into one field of the orders that open something."""
    if "contracts" in one:
        return f"{one['field']}: a group that may match {one['contracts']} in {one['within_s']} s"
    if "within_s" in one:
        return f"{one['field']}: {one['within_s']} s from then at most"
    return f"{one['field']}: {json.dumps(one['value'])}"


def _book(answer: dict[str, Any]) -> Table:
    table = Table("bid for", "YES bid", "YES ask", "offered", box=None, header_style="bold")
    for column in table.columns:
        column.justify = "right"
    bids, asks = answer["bids"], answer["asks"]
    for row in range(max(len(bids), len(asks))):
        bid = bids[row] if row < len(bids) else ("", "")
        ask = asks[row] if row < len(asks) else ("", "")
        table.add_row(bid[1], bid[0], ask[0], ask[1])
    return table


def _sizes(answer: dict[str, Any]) -> Table:
    table = Table("contracts", "buy YES at", "slippage", "buy NO at", "slippage", box=None, header_style="bold")
    for column in table.columns:
        column.justify = "right"
    for size in answer["sizes"]:
        table.add_row(size["count"], *_walked(size["yes"]), *_walked(size["no"]))
    return table


def _walked(found: dict[str, str] | None) -> tuple[str, str]:
    return ("not so many", "") if found is None else (found["average"], found["slippage"])
