"""`pretrade status`: what the running proxy is doing, what stands open, and how much of each limit is used.

Rule of this file: it shows what the proxy says, within 80 columns; what was written by others is shown without its odd
characters.
"""

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pretrade.cli.shared import ask_proxy, load_policy, policy_option
from pretrade.gateway.config import paths
from pretrade.gateway.messages import printable
from pretrade.model.instance import TradingState

type Rows = list[dict[str, Any]]

_LABELS = {
    "trading_state": "trading state",
    "client_states": "stopped clients",
    "role": "role",
    "mode": "mode",
    "environment": "environment",
    "proxy": "proxy door",
    "base_url": "base-URL door",
    "policy": "policy",
    "clients": "clients",
    "keys": "live keys",
    "own_groups": "order groups",
    "day": "day",
    "day_orders": "orders today",
    "left_out": "no limit on",
    "observed": "only watched",
    "in_flight": "in flight",
    "streams": "streams open",
    "orders": "orders that may fill",
    "unknown": "unknown outcome",
    "to_confirm": "to confirm",
    "reconciliation": "reconciliation",
    "exchange": "exchange",
    "feed": "feed",
    "journal": "journal",
    "disk": "disk",
    "notify": "notify command",
    "preflight": "preflight",
    "uptime_s": "up for (s)",
}
_BREAK_TEXT = 300
_FIGURES = frozenset(
    {"sub", "held", "may buy", "may sell", "exposure", "used", "left", "age (s)", "lost", "realized", "fees", "at (%)"}
)


@click.command()
@policy_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--check", "is_check", is_flag=True, help="Print one line, and exit with 1 where orders cannot pass.")
def status(policy_path: Path, *, as_json: bool, is_check: bool) -> None:
    """Show the running proxy: trading state first, then what it is, what stands open, and what is left of each
    limit.

    With --check, for monitoring: 0 only where it answers, the account is not HALTED, the journal is written, and the
    exchange's record was read lately. A dry run has no record to read, and a client that is halted alone is no fault.
    """
    loaded = load_policy(policy_path)
    answer = ask_proxy(paths(loaded).state, "status")
    if is_check:
        _check(answer, loaded.policy.reconcile.max_age)
        return
    if as_json:
        click.echo(json.dumps(answer, indent=2))
        return
    console = Console()
    console.print(_overview(answer))
    for table in (
        _unknown(answer),
        _breaks(answer),
        _books(answer),
        _limits(answer),
        _losses(answer),
        _notices(answer),
    ):
        if table.row_count:
            console.print()
            console.print(table)


def _check(answer: dict[str, Any], max_age_ms: int) -> None:
    if problem := unfit(answer, max_age_ms):
        raise click.ClickException(problem)
    click.echo(f"ok: {answer['trading_state']}, role {answer['role']}, {answer['mode']}")


def unfit(answer: dict[str, Any], max_age_ms: int) -> str:
    """Why no order can pass through the proxy that says this of itself, in a line; empty where orders can. The record
    may be `max_age_ms` old."""
    if answer["trading_state"] == TradingState.HALTED:
        return f"trading state {_state(answer)}"
    if answer["journal"] != "ok":
        return f"the journal is not written: {printable(answer['journal'], _BREAK_TEXT)}"
    if answer["disk"] != "ok":
        return f"disk: {printable(answer['disk'], _BREAK_TEXT)}"
    record = answer["reconciliation"]
    if record is not None and (record["age_s"] is None or record["age_s"] * 1000 > max_age_ms):
        return f"not reconciled: {reconciled(record)}"
    return ""


def _overview(answer: dict[str, Any]) -> Table:
    table = Table(show_header=False, box=None)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    shown = answer | {
        "trading_state": _state(answer),
        "client_states": _stopped_clients(answer) or "none",
        "day_orders": _of_most(answer["day_orders"], answer["max_day_orders"]),
        "orders": _orders(answer["orders"]),
        "notify": _notify(answer["notify"]),
        "preflight": _preflight(answer["preflight"]),
        "reconciliation": reconciled(answer["reconciliation"]),
        "feed": _feed(answer["feed"]),
        "keys": "\n".join(_key(one) for one in answer["keys"]),
        "own_groups": "\n".join(_own_group(one) for one in answer["own_groups"]),
    }
    for key, label in _LABELS.items():
        if shown[key] or key != "own_groups":
            table.add_row(label, _shown(shown[key]))
    return table


def _own_group(one: dict[str, Any]) -> str:
    """An order group that the proxy made, in a line: whose, what it may match, and whether it takes orders."""
    limit = "a limit that nobody knows" if one["limit"] is None else f"{one['limit']} contracts in 15 s"
    old = "" if one["is_in_use"] else ", of an earlier policy: no new order goes in"
    how = f"`pretrade resume --client {one['client']} --by NAME --reason TEXT`"
    state = f": tripped, its orders canceled, until {how} resets it" if one["is_tripped"] else ""
    return f"{one['order_group_id']} of {one['client']}, shard {one['exchange_index']}, {limit}{old}{state}"


def _key(one: dict[str, Any]) -> str:
    """A live key, in a line: what the exchange calls it, what it is bound to, for whom it signs."""
    bound = "" if one["subaccount"] is None else f", subaccount {one['subaccount']}"
    whom = f"signs for {', '.join(one['clients'])}" if one["clients"] else "signs our own reads alone"
    return f"{one['key_id']} ({one['key']}, {one['algorithm']}{bound}): {whom}"


def _of_most(used: int, most: int | None) -> str:
    return f"{used} (no limit)" if most is None else f"{used} of {most}"


def _state(answer: dict[str, Any]) -> str:
    """The whole account's trading state, and why it is that."""
    return f"{answer['trading_state']}{_why(answer, '')}"


def _why(answer: dict[str, Any], client: str) -> str:
    """Since when a scope is stopped, and why, as far as it is known."""
    since, why = answer["stopped_since"].get(client), answer["stopped_by"].get(client)
    return (f" since {since[:19]}Z" if since else "") + (f" ({printable(why, _BREAK_TEXT)})" if why else "")


def _stopped_clients(answer: dict[str, Any]) -> str:
    """Each client that is stopped by itself, a line each."""
    return "\n".join(f"{client} {state}{_why(answer, client)}" for client, state in answer["client_states"].items())


def _shown(value: object) -> Text:
    if isinstance(value, list):
        return Text(", ".join(str(item) for item in value) or "none")
    return Text(str(value))


def _preflight(found: dict[str, Any]) -> str:
    """The verdict, and what is not good, a line each."""
    bad = (f"{one['level']}: {_subject(one)}: {printable(one['seen'], _BREAK_TEXT)}" for one in found["findings"])
    return "\n".join([found["verdict"], *bad])


def _subject(finding: dict[str, Any]) -> str:
    return f"{finding['check']} of {finding['key']}" if finding.get("key") else str(finding["check"])


def _feed(found: dict[str, Any]) -> str:
    """Our own stream, in a line: since when, how many books, how old they are, what went wrong."""
    if found["open_s"] is None:
        return f"none: {found['problem']}; books are read by REST"
    age = "not proved yet" if found["age_ms"] is None else f"{found['age_ms']} ms old"
    wrong = [f"{found[name]} {name}" for name in ("gaps", "drifts") if found[name]]
    refused = [f"{channels} refused: {why}" for channels, why in found["refused"].items()]
    return ", ".join([f"open for {found['open_s']} s", f"{found['books']} books {age}", *wrong, *refused])


def _orders(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in counts.items() if count) or "none"


def reconciled(found: dict[str, Any] | None) -> str:
    """How the reconciliation stands, in a line."""
    if found is None:
        return "none: dry_run sends nothing"
    age = "not yet: orders wait" if found["age_s"] is None else f"{found['age_s']} s ago"
    breaks = len(found["breaks"])
    state = f"{breaks} {'break' if breaks == 1 else 'breaks'}" if breaks else "no breaks"
    problem = f"; the last try failed: {found['problem']}" if found["problem"] else ""
    return f"{age}, {state}{problem}"


def _unknown(answer: dict[str, Any]) -> Table:
    table = _table("unknown outcome", "client", "what", "age (s)")
    for row in answer["unknown_writes"]:
        _add(table, row["decision_id"], row["client"], row["type"], row["age_s"])
    return table


def _breaks(answer: dict[str, Any]) -> Table:
    return breaks_table((answer["reconciliation"] or {"breaks": []})["breaks"])


def breaks_table(breaks: Rows) -> Table:
    """The differences that the reconciliation found, one a row."""
    table = _table("break", "about", "what is known")
    for row in breaks:
        _add(table, row["kind"], row["subject"], row["detail"])
    return table


def _books(answer: dict[str, Any]) -> Table:
    table = _table("market", "sub", "held", "may buy", "may sell", "exposure")
    for row in answer["books"]:
        held = f"{row['position']} ?" if row["differs"] else row["position"]
        _add(table, row["ticker"], row["subaccount"], held, row["may_buy"], row["may_sell"], row["exposure"])
    if table.row_count:
        _add(
            table, f"and {answer['more_books']} more" if answer["more_books"] else "all", *[""] * 4, answer["exposure"]
        )
    return table


def _limits(answer: dict[str, Any]) -> Table:
    table = _table("limit", "used", "left", "where")
    for row in answer["limits"]:
        _add(table, row["rule"].removeprefix("limits."), row["used"], row["left"], row["of"])
    return table


def _losses(answer: dict[str, Any]) -> Table:
    """The day's loss against each limit on it, and what it is made of."""
    table = _table("day's loss", "lost", "limit", "realized", "fees", "held")
    for row in answer["day_loss"]:
        parts = ["not known", row["limit"], "", "", ""]
        if row["loss"] is not None:
            parts = [row[name] for name in ("loss", "limit", "realized", "fees", "mark")]
        _add(table, row["rule"].removeprefix("limits."), *parts)
    return table


def _notices(answer: dict[str, Any]) -> Table:
    """The thresholds that limits have passed today."""
    table = _table("told today", "limit", "at (%)", "used", "where")
    for row in answer["notices"]:
        where = " ".join(word for word in (row["client"], row["of"]) if word)
        _add(table, row["utc"][11:19], row["rule"].removeprefix("limits."), row["level"], row["used"], where)
    return table


def _notify(runs: dict[str, Any]) -> str:
    """What became of the runs of the operator's command."""
    counts = f"{runs['runs']} runs, {runs['failed']} failed, {runs['dropped']} dropped"
    return counts + (f"; the last one: {printable(runs['problem'], _BREAK_TEXT)}" if runs["problem"] else "")


def _table(*headings: str) -> Table:
    table = Table(box=None, header_style="bold")
    for heading in headings:
        is_figure = heading in _FIGURES
        table.add_column(heading, justify="right" if is_figure else "left", overflow="fold", no_wrap=is_figure)
    return table


def _add(table: Table, *cells: object) -> None:
    table.add_row(*(Text(printable(str(cell), _BREAK_TEXT)) for cell in cells))
