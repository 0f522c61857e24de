"""`pretrade demo`: two unmodified bots trade through the proxy against a practice exchange, and the log tells the
story.
"""

import importlib.util
import shlex
import sys
import tempfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import click
import pysqlite3 as sqlite
from rich.console import Console
from rich.table import Table

from pretrade.cli import init
from pretrade.cli.client_env import client_environment
from pretrade.cli.demo_story import BASE_URL, PROXY, STORY, Step, message_of, outcome_of
from pretrade.cli.processes import Child, ChildError, children, free_ports, plain_environment, pretrade_command
from pretrade.cli.shared import ask_proxy, load_policy
from pretrade.journal import reader

_BOTS = {PROXY: "async_bot", BASE_URL: "sync_bot"}


@click.command()
def demo() -> None:
    """Watch orders go through the proxy, and others not: the whole product in half a minute, nothing real.

    Starts a practice exchange and a proxy on free ports, runs two official SDKs with keys that are worthless there,
    and ends with what the log says. Exits with 1 when anything is not as it should be.
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
    proxy_port, base_url_port, exchange_port = free_ports(3)
    _make_folder(console, folder / "work", proxy_port, base_url_port, exchange_port)
    work = folder / "work"
    with children() as started:
        plain = plain_environment()
        exchange = ("practice", "--folder", str(work / "practice"), "--port", str(exchange_port))
        started.append(Child("the practice exchange", pretrade_command(*exchange), plain, folder / "practice.log"))
        started[-1].wait_ready()
        started.append(
            Child("the proxy", pretrade_command("run", "-p", str(work / "policy.yaml")), plain, folder / "proxy.log")
        )
        console.print("\n[bold]The proxy says[/bold]")
        for line in started[-1].wait_ready():
            console.print(f"  {line}", soft_wrap=True)
        bots = _start_bots(folder, work, base_url_port)
        started.extend(bots.values())
        good = _tell(console, work, bots)
    _show_log(console, work)
    return good


def _make_folder(console: Console, work: Path, proxy_port: int, base_url_port: int, exchange_port: int) -> None:
    changes = [
        ("mode: dry_run", "mode: live"),
        ("127.0.0.1:8080", f"127.0.0.1:{proxy_port}"),
        ("127.0.0.1:8081", f"127.0.0.1:{base_url_port}"),
        ("127.0.0.1:9443", f"127.0.0.1:{exchange_port}"),
    ]
    text = init.default_policy()
    for old, new in changes:
        text = text.replace(old, new)
    init.make_folder(work, text)
    console.print(f"[bold]A working folder[/bold] as `pretrade init` makes it: {work}", soft_wrap=True)
    console.print("Of the default policy these lines were changed (live here is still practice):")
    for before, after in zip(init.default_policy().splitlines(), text.splitlines(), strict=True):
        if before != after:
            console.print(f"  [red]-[/red] {before}\n  [green]+[/green] {after}", soft_wrap=True)


def _start_bots(folder: Path, work: Path, base_url_port: int) -> dict[str, Child]:
    loaded = load_policy(work / "policy.yaml")
    key = [init.CLIENT_KEY_ID, str(work / "keys" / f"{init.CLIENT}.pem")]
    places = {
        PROXY: (plain_environment() | client_environment(loaded, init.CLIENT), []),
        BASE_URL: (plain_environment(), [f"http://127.0.0.1:{base_url_port}/trade-api/v2"]),
    }
    scripts = Path(__file__).parent / "demo_bots"
    bots = {}
    for door, (environment, extra) in places.items():
        command = [sys.executable, str(scripts / f"{_BOTS[door]}.py"), *key, *extra]
        bots[door] = Child(door, command, environment, folder / "bots.log")
    return bots


def _tell(console: Console, work: Path, bots: Mapping[str, Child]) -> bool:
    console.print(
        f"\n[bold]Two bots trade[/bold], each with the key {init.CLIENT_KEY_ID}, which the exchange does not know"
    )
    orders: dict[str, str] = {}
    good = True
    for step in STORY:
        happened, words = _operate(work, step) if not step.bot else _call(bots[step.bot], step, orders)
        as_expected = happened == step.expected
        good = good and as_expected
        mark = "[green]ok[/green]" if as_expected else f"[red]NOT AS EXPECTED[/red] (wanted {step.expected})"
        console.print(f"  {step.title:<34}{step.bot or 'operator':<25}{happened:<30}{mark}", soft_wrap=True)
        if words:
            console.print(f"    [dim]{words}[/dim]", soft_wrap=True)
    return good


def _operate(work: Path, step: Step) -> tuple[str, str]:
    arguments = {name: str(value) for name, value in step.arguments.items()}
    return str(ask_proxy(work / "state", step.call, **arguments)["trading_state"]), ""


def _call(bot: Child, step: Step, orders: dict[str, str]) -> tuple[str, str]:
    arguments = dict(step.arguments)
    creates = step.call == "create_order_v2"
    if step.order and not creates:
        arguments["order_id"] = orders.get(step.order, "none")
    answer = bot.ask(step.call, arguments)
    result = answer.get("result")
    if step.order and creates and isinstance(result, dict):
        orders[step.order] = str(result.get("order_id"))
    return outcome_of(step, answer), message_of(answer)


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
