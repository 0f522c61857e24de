"""`pretrade demo`: unmodified bots trade through the proxy against a practice exchange, and the log tells the story."""

import importlib.util
import shlex
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import click
import pysqlite3 as sqlite
from rich.console import Console
from rich.table import Table

from pretrade.cli import demo_folder, init
from pretrade.cli.demo_answers import headroom_of, message_of, outcome_of
from pretrade.cli.demo_stage import Stage
from pretrade.cli.demo_story import AS_TOLD, STORY, Step
from pretrade.cli.processes import ChildError, children
from pretrade.journal import reader


@click.command()
def demo() -> None:
    """Watch orders go through the proxy, and others not: the whole product in a minute, nothing real.

    Starts a practice exchange and a proxy of each role on free ports, runs two official SDKs with a key that is
    worthless there, and ends with what the log says. Exits with 1 when anything is not as it should be.
    """
    for package in ("kalshi_python_async", "kalshi_python_sync"):
        if importlib.util.find_spec(package) is None:
            raise click.ClickException(f"the demo needs {package}: pip install 'pretrade[demo]'")
    folder = Path(tempfile.mkdtemp(prefix="pretrade-demo-"))
    console = Console(highlight=False, width=max(112, Console().width))
    try:
        good = _run(console, folder)
    except ChildError as e:
        raise click.ClickException(str(e)) from e
    _look_further(console, folder)
    if not good:
        raise click.ClickException("not everything went as it should; see the lines marked NOT AS EXPECTED")
    console.print("[green]Everything went as it should. Nothing is left running; the folder can be deleted.[/green]")


def _run(console: Console, folder: Path) -> bool:
    ports = demo_folder.take_ports()
    demo_folder.make(folder / "work", ports)
    _show_folder(console, folder / "work")
    with children() as started:
        stage = Stage(folder, ports, started)
        stage.start_exchange()
        said = stage.start_proxies()
        stage.start_bots()
        console.print("\n[bold]The W proxy says[/bold]")
        for line in said:
            console.print(f"  {line}", soft_wrap=True)
        good = tell(console, stage)
    _show_log(console, stage.work)
    return good


def _show_folder(console: Console, work: Path) -> None:
    console.print(f"[bold]A working folder[/bold] as `pretrade init` makes it: {work}", soft_wrap=True)
    console.print("Of the default policy these lines were changed (live here is still practice):")
    for before, after in demo_folder.changed_lines(work, "W"):
        console.print(f"  [red]-[/red] {before}\n  [green]+[/green] {after}", soft_wrap=True)
    others = " and ".join(demo_folder.policy_name(role) for role in demo_folder.READERS)
    console.print(f"Beside it stand {others}, for proxies that must not trade; their keys only read.")


def tell(console: Console, stage: Stage, story: Mapping[str, Sequence[Step]] = STORY) -> bool:
    """Have every step of the story done, say what came of each, and whether all of it was as expected."""
    console.print(f"\n[bold]Two bots trade[/bold] with the key {init.CLIENT_KEY_ID}, which the exchange does not know")
    remembered: dict[str, str] = {}
    good = True
    for chapter, steps in story.items():
        console.print(f"[bold]{chapter}[/bold]")
        for step in steps:
            happened, words = (stage.operate(step), "") if not step.bot else _call(stage, step, remembered)
            good = _say(console, step, happened, words) and good
    return good


def _say(console: Console, step: Step, happened: str, words: str) -> bool:
    """One line for a step, another for the reason of a denial; whether it went as expected."""
    as_expected = happened == step.expected
    mark = "[green]ok[/green]" if as_expected else f"[red]NOT AS EXPECTED[/red] (wanted {step.expected})"
    console.print(f"  {step.title:<41}{step.bot or 'operator':<25}{happened:<30}{mark}", soft_wrap=True)
    if words:
        console.print(f"    [dim]{words}[/dim]", soft_wrap=True, markup=True)
    return as_expected


def _call(stage: Stage, step: Step, remembered: dict[str, str]) -> tuple[str, str]:
    """What came of a bot's call; order ids and the last headroom that a denial named are remembered for later steps."""
    arguments = dict(step.arguments)
    creates = step.call == "create_order_v2"
    if step.order and not creates:
        arguments["order_id"] = remembered.get(step.order, "none")
    if arguments.get("count") == AS_TOLD:
        arguments["count"] = remembered.get(AS_TOLD, "none")
    answer = stage.ask_bot(step.bot, step.call, arguments)
    remembered[AS_TOLD] = headroom_of(answer) or remembered.get(AS_TOLD, "none")
    result = answer.get("result")
    if step.order and creates and isinstance(result, dict):
        remembered[step.order] = str(result.get("order_id"))
    return outcome_of(answer), message_of(answer)


def _show_log(console: Console, work: Path) -> None:
    columns = ("ticker", "side", "count", "price", "verdict", "outcome", "fill_count", "codes")
    title = "What the log says of creates (view `orders`; amends and cancels are in `decisions`)"
    table = Table(*columns, title=title, title_justify="left", box=None, pad_edge=False)
    copied = work / "log.db"
    reader.copy(work / "state" / "journal.db", copied)
    with closing(sqlite.connect(copied)) as connection:
        rows = connection.execute(f"select {', '.join(columns)} from orders order by seq, leg").fetchall()  # noqa: S608
    table.columns[-1].overflow = "fold"
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    console.print()
    console.print(table)


def _look_further(console: Console, folder: Path) -> None:
    program, policy = _program("pretrade"), folder / "work" / "policy.yaml"
    columns = "utc client code observed limit_value"
    console.print("\n[bold]To look further[/bold]")
    console.print(f"  {program} log -p {policy} tail", soft_wrap=True)
    console.print(f"  {program} log -p {policy} show {_a_denial(folder)}", soft_wrap=True)
    table = f"{folder / 'work' / 'log.db'} denials {' '.join(f'-c {column}' for column in columns.split())} -t"
    console.print(f"  {_program('sqlite-utils')} rows {table}", soft_wrap=True)


def _program(name: str) -> str:
    """How to call a program that was installed with this one from here, as short as it goes."""
    path = Path(sys.executable).with_name(name)
    if not path.exists():
        return name
    return shlex.quote(str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path))


def _a_denial(folder: Path) -> str:
    with closing(sqlite.connect(folder / "work" / "log.db")) as connection:
        (decision_id,) = connection.execute("select decision_id from denials limit 1").fetchone()
    return str(decision_id)
