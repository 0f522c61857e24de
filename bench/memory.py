"""What a program's memory comes to: its resident size after so many requests over eight kept connections.

Run by itself, because 100,000 requests take minutes; reads and writes are measured on a program of their own each.
"""

import tempfile
from pathlib import Path

import click
import psutil
from proxies import ProgramError, Running, running
from run import CASES, Case, disk_folder

CONCURRENCY = 8
WINDOW_S = 3.0
STEPS = 10
_MB = 1024 * 1024


@click.command()
@click.option("--requests", type=click.IntRange(1, 10_000_000), default=100_000, show_default=True)
@click.option("--case", "name", type=click.Choice(sorted(CASES)), default="read", show_default=True)
@click.option("--mitmdump", "is_base", is_flag=True, help="Measure mitmdump in the same role instead.")
def main(requests: int, name: str, is_base: bool) -> None:
    """Send one program many requests and say how much memory it has at each tenth of the way."""
    case = CASES[name]
    with tempfile.TemporaryDirectory(prefix="pretrade-bench-", dir=disk_folder()) as folder:
        try:
            with running(Path(folder), [case.key]) as programs:
                _measure(programs, case, case.load.base if is_base else case.target, requests)
        except ProgramError as e:
            raise click.ClickException(str(e)) from e


def _measure(programs: Running, case: Case, target: str, requests: int) -> None:
    process = psutil.Process(programs.targets[target].pid)
    click.echo(f"{target}, {case.load.name}, c={CONCURRENCY}")
    click.echo(f"{0:>9} requests  {_resident_mb(process):6.1f} MB")
    done, shown = 0, 0
    while done < requests:
        window = programs.load.measure(
            programs.targets[target],
            case.load.what,
            CONCURRENCY,
            WINDOW_S,
            status=case.load.status_of(target),
            fresh=case.load.fresh,
        )
        if window.failed:
            raise click.ClickException(f"{window.failed} wrong answers: {window.failure}")
        done += window.requests
        if done * STEPS // requests > shown:
            shown = done * STEPS // requests
            click.echo(f"{done:>9} requests  {_resident_mb(process):6.1f} MB  {window.rate:.0f} a second")


def _resident_mb(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / _MB


if __name__ == "__main__":
    main()
