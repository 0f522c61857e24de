"""`pretrade log`: the decision log for people. Auditors work on a copy."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import click

from pretrade.cli.shared import load_policy, policy_option
from pretrade.gateway.config import paths
from pretrade.gateway.messages import printable
from pretrade.journal import reader
from pretrade.journal.errors import JournalError
from pretrade.journal.events import Event, EventKind
from pretrade.model.decisions import Check

MAX_LINE = 500
_SHOWN = (
    EventKind.DECISION,
    EventKind.REFUSAL,
    EventKind.REFUSALS,
    EventKind.OUTCOME,
    EventKind.TRADING_STATE,
    EventKind.NOTICE,
    EventKind.UNTOLD,
    EventKind.RECONCILIATION,
    EventKind.RESOLUTION,
    EventKind.ROTATION,
)

_CHECK = Check._fields


@click.group()
@policy_option
@click.pass_context
def log(context: click.Context, policy_path: Path) -> None:
    """Look into the decision log, or copy it for an auditor."""
    context.obj = paths(load_policy(policy_path)).journal


@log.command()
@click.option("-n", "count", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many events.")
@click.option("--all", "everything", is_flag=True, help="Reads, starts and stops too.")
@click.pass_obj
def tail(journal: Path, count: int, *, everything: bool) -> None:
    """Print the last events, one a line."""
    for event in _read(journal, lambda: reader.tail(journal, count, None if everything else _SHOWN)):
        click.echo(line_of(event))


@log.command()
@click.argument("decision_id", metavar="ID")
@click.pass_obj
def show(journal: Path, decision_id: str) -> None:
    """Print everything about one decision: request, facts, every check, outcome."""
    events = _read(journal, lambda: reader.find(journal, decision_id))
    if not events:
        raise click.ClickException(f"the log has no decision {decision_id}; `pretrade log tail` shows recent ids")
    for event in events:
        click.echo(f"#{event.seq} {event.utc} {event.kind} {event.decision_id or ''}")
        click.echo(json.dumps(_named(json.loads(event.body)), indent=2))


def _named(body: dict[str, object]) -> dict[str, object]:
    """A row's body with the fields of each check named, as the log keeps them without."""
    checks = [dict(zip(_CHECK, check, strict=True)) for check in _items(body.get("checks")) if isinstance(check, list)]
    return body | {"checks": checks} if checks else body


@log.command()
@click.argument("target", metavar="FILE", type=click.Path(path_type=Path))
@click.pass_obj
def copy(journal: Path, target: Path) -> None:
    """Copy the log into a new file for sqlite3, sqlite-utils or Datasette. The proxy may go on meanwhile."""
    if target.exists():
        raise click.ClickException(f"{target} is there already; name a new file")
    _read(journal, lambda: reader.copy(journal, target))
    click.echo(f"{target}: views decisions, denials, orders; docs/auditing.md has the columns")
    click.echo(f"  sqlite-utils rows {shlex.quote(str(target))} denials -t", err=True)


def _read[T](journal: Path, action: Callable[[], T]) -> T:
    try:
        if not journal.exists():
            raise click.ClickException(f"there is no log yet at {journal}; `pretrade run` makes it")
        journal.open("rb").close()
        return action()
    except PermissionError as e:
        raise click.ClickException(f"{journal} is closed to this user; the proxy's own may read it") from e
    except JournalError as e:
        raise click.ClickException(str(e)) from e


def line_of(event: Event) -> str:
    """One event as one line: time, what happened, to whom, why."""
    body = json.loads(event.body)
    parts = [event.utc, f"{event.kind:<13}", event.decision_id or "", *_summary(event.kind, body)]
    return printable(" ".join(part for part in parts if part), MAX_LINE)


def _summary(kind: str, body: dict[str, object]) -> list[str]:
    match kind:
        case EventKind.DECISION:
            codes = ",".join(str(code) for code in _items(body["codes"]))
            return [str(body["client"]), str(body["verdict"]), str(body["operation"]), codes]
        case EventKind.REFUSAL:
            where = [str(body[name]) for name in ("method", "path") if body.get(name)]
            return [str(body["client"] or "-"), str(body["code"]), *where, str(body["detail"])]
        case EventKind.REFUSALS:
            return [str(body["client"] or "-"), str(body["code"]), f"{body['count']} more in a second"]
        case EventKind.OUTCOME:
            return [str(body["state"]), str(body["detail"])]
        case _:
            return _summary_of_the_account(kind, body)


def _summary_of_the_account(kind: str, body: dict[str, object]) -> list[str]:
    match kind:
        case EventKind.TRADING_STATE:
            who = " for ".join(str(body[name]) for name in ("actor", "by") if body[name])
            whose = str(body.get("client") or "all")
            return [whose, f"{body['previous']} -> {body['state']}", str(body["cause"]), who, str(body["reason"])]
        case EventKind.NOTICE:
            where = " ".join(str(body[name]) for name in ("client", "of") if body[name])
            return [f"{body['rule']} at {body['percent']} %", where, f"{body['used']} of {body['limit']}"]
        case EventKind.UNTOLD:
            return [f"nobody was told of a {body['notice']}", str(body["problem"])]
        case EventKind.RECONCILIATION:
            breaks = [f"{one['kind']} {one['subject']}" for one in _items(body["breaks"]) if isinstance(one, dict)]
            return [f"{len(_items(body['changes']))} changes", *(breaks or ["no breaks"])]
        case EventKind.RESOLUTION:
            return [f"{body['name']} {body['as']}", f"{body['actor']} for {body['by']}", str(body["reason"])]
        case EventKind.ROTATION:
            return [f"{body['previous']} -> {body['key_id']}", str(body["actor"]), str(body.get("key", ""))]
        case EventKind.READS:
            return [f"{body['count']} reads"]
        case _:
            return []


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []
