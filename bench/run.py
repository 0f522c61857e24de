"""`make bench`: pretrade against bare mitmdump, side by side, on the same work in the same minutes.

Every round measures every target under every load once, in an order that is turned round from one round to the next;
ratios are taken within a round and their median is reported, so that a machine that is slow for a while slows both.
"""

import datetime as dt
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import click
import pysqlite3 as sqlite
from proxies import MITMDUMP, PROXY_PY, REVERSE, ProgramError, Running, base_url_name, pretrade_name, running
from report import ACCEPTED, DIRECT, Sample, Steps, print_rows, print_steps, read_steps, summarize, write_json
from rich.console import Console

from pretrade.kalshi.keys import KeyKind

ALL = (1, 8, 32)


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked for, how, and what a pretrade answers; everybody else answers 200 or 201."""

    name: str
    what: str
    status: int
    concurrencies: tuple[int, ...] = ALL
    by_base_url: bool = False
    fresh: bool = False

    @property
    def base(self) -> str:
        """Who is measured in the same role."""
        return REVERSE if self.by_base_url else MITMDUMP

    def status_of(self, target: str) -> int:
        """The answer that is expected."""
        if target.startswith("pretrade"):
            return self.status
        return 201 if "order" in self.what else 200


@dataclass(frozen=True, slots=True)
class Case:
    """A load on a pretrade with one kind of live key. Cases with the same load share the windows of all others."""

    load: Load
    key: KeyKind

    @property
    def target(self) -> str:
        """The name of the pretrade's door."""
        return base_url_name(self.key) if self.load.by_base_url else pretrade_name(self.key)


_READ = Load("read", "balance", 200)
_UNSIGNED = Load("read, unsigned", "markets", 200)
_WRITE = Load("write", "order", 201)
CASES = {
    "read": Case(_READ, "ed25519"),
    "read-rsa": Case(_READ, "rsa"),
    "read-base-url": Case(Load("read, base URL", "balance", 200, by_base_url=True), "ed25519"),
    "read-unsigned": Case(_UNSIGNED, "ed25519"),
    "read-fresh": Case(Load("read, fresh", "balance", 200, (8,), fresh=True), "ed25519"),
    "read-fresh-base-url": Case(
        Load("read, base URL, fresh", "balance", 200, (8,), by_base_url=True, fresh=True), "ed25519"
    ),
    "write-ed25519": Case(_WRITE, "ed25519"),
    "write-rsa": Case(_WRITE, "rsa"),
    "denied": Case(Load("denied write", "large-order", 403, (1, 8)), "ed25519"),
}
DEFAULT_CASES = ",".join(name for name in CASES if name not in {"read-rsa", "read-unsigned"})


def _chosen(context: click.Context, option: click.Parameter, value: str) -> list[Case]:
    names = [name.strip() for name in value.split(",")]
    if unknown := [name for name in names if name not in CASES]:
        raise click.BadParameter(f"{unknown[0]!r} is not one of {', '.join(CASES)}")
    return [CASES[name] for name in names]


@click.command()
@click.option("--rounds", type=click.IntRange(1, 100), default=4, show_default=True)
@click.option("--seconds", type=click.FloatRange(0.1, 60), default=0.6, show_default=True, help="Of each window.")
@click.option("--cases", default=DEFAULT_CASES, show_default=True, callback=_chosen, help=f"Of {', '.join(CASES)}.")
@click.option("--json", "json_path", type=click.Path(path_type=Path, dir_okay=False), help="Write all figures here.")
def main(rounds: int, seconds: float, cases: list[Case], json_path: Path | None) -> None:
    """Compare pretrade with bare `mitmdump -q`. Exits with 1 when an answer was not the expected one."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    console = Console(highlight=False, width=max(130, Console().width))
    keys = sorted({case.key for case in cases})
    with tempfile.TemporaryDirectory(prefix="pretrade-bench-", dir=disk_folder()) as name:
        folder = Path(name)
        machine = _machine(folder, rounds, seconds)
        try:
            with running(folder, keys) as programs:
                samples = _measure(console, programs, cases, rounds, seconds)
        except ProgramError as e:
            raise click.ClickException(str(e)) from e
        journals = [read_steps(name, path) for name, path in programs.journals.items()]
    steps = [one for found, _ in journals for one in found]
    rows = summarize(samples)
    print_rows(console, rows)
    console.print()
    print_steps(console, steps)
    _explain(console, machine, samples)
    if json_path is not None:
        write_json(json_path, machine, samples, rows, steps)
    _complain(samples, steps, sum((ends for _, ends in journals), Counter()))


def _measure(console: Console, programs: Running, cases: list[Case], rounds: int, seconds: float) -> list[Sample]:
    samples: list[Sample] = []
    windows = [(load, count) for load in dict.fromkeys(case.load for case in cases) for count in load.concurrencies]
    for number in range(rounds):
        with console.status(f"round {number + 1} of {rounds}"):
            for load, count in windows:
                names = _targets(programs, load, [case.target for case in cases if case.load == load])
                for name in names if number % 2 == 0 else reversed(names):
                    window = programs.load.measure(
                        programs.targets[name], load.what, count, seconds, status=load.status_of(name), fresh=load.fresh
                    )
                    samples.append(Sample(number, load.name, count, name, load.base, window))
    return samples


def _targets(programs: Running, load: Load, ours: list[str]) -> list[str]:
    """Whom to measure. Without a proxy, and with proxy.py, the plain loads alone: they are for scale."""
    is_plain = load in {_READ, _UNSIGNED, _WRITE}
    beside = [name for name in (DIRECT, PROXY_PY) if is_plain and name in programs.targets]
    return [*beside, load.base, *ours]


def disk_folder() -> str | None:
    """A folder on a disk: /tmp may be memory, where being durable costs nothing."""
    return "/var/tmp" if Path("/var/tmp").is_dir() else None


def _machine(folder: Path, rounds: int, seconds: float) -> dict[str, object]:
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "commit": _commit(),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "mitmproxy": version("mitmproxy"),
        "sqlite": sqlite.sqlite_version,
        "fsync_ms": round(_fsync_ms(folder / "fsync"), 2),
        "rounds": rounds,
        "seconds": seconds,
    }


def _commit() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


def _fsync_ms(path: Path) -> float:
    """What it takes to get 4 KB to the disk: nothing recorded durably can be faster."""
    times = []
    with path.open("wb", buffering=0) as file:
        for _ in range(50):
            file.write(b"x" * 4096)
            began = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)


_HOW_TO_READ = """\
How to read: `x` is the target divided by mitmdump in the same role within one round, the median of all rounds
(min-max): above 1 is better for req/s, below 1 for CPU. Trust the ratios first, then CPU ms, then times. `added` is
what a request takes longer than without a proxy. In the steps, `journal` and `send` wait for the disk and the exchange,
and under load for their turn on the event loop; what a client waits beyond `total` is TLS, HTTP and the line in front
of the proxy."""
_SCALE = """\
`direct` has no proxy: the most that this load can ask for, at {load:.2f} CPU ms a request for itself and {origin:.2f}
for the origin."""


def _explain(console: Console, machine: dict[str, object], samples: list[Sample]) -> None:
    console.print(f"\nMachine: {', '.join(f'{name} {value}' for name, value in machine.items())}", soft_wrap=True)
    console.print(_HOW_TO_READ, soft_wrap=True)
    direct = [sample.window for sample in samples if sample.target == DIRECT]
    if not direct:
        return
    load = statistics.median(window.load_cpu_ms for window in direct)
    origin = statistics.median(window.origin_cpu_ms for window in direct)
    console.print(_SCALE.format(load=load, origin=origin), soft_wrap=True)


def _complain(samples: list[Sample], steps: list[Steps], ends: Counter[str]) -> None:
    """End with 1 when something did not do its work: then nothing was compared."""
    for sample in samples:
        if sample.window.failed:
            where = f"{sample.load} at c={sample.concurrency} of {sample.target}"
            raise click.ClickException(f"{sample.window.failed} wrong answers to {where}: {sample.window.failure}")
    sent = sum(s.window.requests for s in samples if s.load == _WRITE.name and s.target.startswith("pretrade"))
    recorded = sum(one.orders for one in steps)
    if recorded != sent or set(ends) - {ACCEPTED}:
        raise click.ClickException(
            f"{sent} orders were answered, the journals know {recorded}, which ended as {dict(ends)}"
        )


if __name__ == "__main__":
    main()
