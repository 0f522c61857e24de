"""From windows and journals to figures, and from figures to tables."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from load import Window
from rich.console import Console
from rich.table import Table

from pretrade.journal.events import EventKind
from pretrade.journal.reader import read_events

ACCEPTED = "accepted"
DIRECT = "direct"
STEPS = ("identify", "decode", "decide", "journal", "sign", "send", "total")


@dataclass(frozen=True, slots=True)
class Sample:
    """One window, what it was, and the target of the same round that it is compared with."""

    round: int
    load: str
    concurrency: int
    target: str
    base: str
    window: Window


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over all rounds."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Row:
    """One target under one load. The ratios compare windows of the same round; None for mitmdump itself.

    `added_p50_ms` is what a request takes longer than without a proxy; None where that was not measured.
    """

    load: str
    concurrency: int
    target: str
    rate: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    load_cpu_ms: float
    origin_cpu_ms: float
    added_p50_ms: float | None
    added_p99_ms: float | None
    rate_ratio: Spread | None
    cpu_ratio: Spread | None


@dataclass(frozen=True, slots=True)
class Steps:
    """Median microseconds of each step of the orders of one pretrade at one concurrency."""

    target: str
    concurrency: int
    orders: int
    median_us: dict[str, float]


def summarize(samples: Sequence[Sample]) -> list[Row]:
    """One row for each load and target, in the order in which they were first measured."""
    groups: dict[tuple[str, int, str], list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[sample.load, sample.concurrency, sample.target].append(sample)

    def windows(key: tuple[str, int, str], target: str) -> dict[int, Window]:
        return {sample.round: sample.window for sample in groups.get((key[0], key[1], target), [])}

    return [_row(key, own, windows(key, own[0].base), windows(key, DIRECT)) for key, own in groups.items()]


def _row(
    key: tuple[str, int, str], own: Sequence[Sample], base: Mapping[int, Window], direct: Mapping[int, Window]
) -> Row:
    windows = [sample.window for sample in own]

    def middle(figure: Callable[[Window], float]) -> float:
        return median(figure(window) for window in windows)

    def against_base(figure: Callable[[Window], float]) -> Spread | None:
        if key[2] == own[0].base:
            return None
        pairs = [(figure(sample.window), figure(base[sample.round])) for sample in own if sample.round in base]
        ratios = [mine / others for mine, others in pairs if others > 0]
        return Spread(median(ratios), min(ratios), max(ratios)) if ratios else None

    def added(figure: Callable[[Window], float]) -> float | None:
        if key[2] == DIRECT or not direct:
            return None
        return median(figure(sample.window) - figure(direct[sample.round]) for sample in own)

    return Row(
        *key,
        rate=middle(lambda window: window.rate),
        p50_ms=middle(lambda window: window.p50_ms),
        p99_ms=middle(lambda window: window.p99_ms),
        cpu_ms=middle(lambda window: window.cpu_ms),
        load_cpu_ms=middle(lambda window: window.load_cpu_ms),
        origin_cpu_ms=middle(lambda window: window.origin_cpu_ms),
        added_p50_ms=added(lambda window: window.p50_ms),
        added_p99_ms=added(lambda window: window.p99_ms),
        rate_ratio=against_base(lambda window: window.rate),
        cpu_ratio=against_base(lambda window: window.cpu_ms),
    )


def read_steps(target: str, journal: Path) -> tuple[list[Steps], Counter[str]]:
    """What the journal says about the orders of one pretrade: the latency of each step, and how the orders ended.

    Orders of the warm-up, and those that were not accepted, count in the second only.
    """
    tags: dict[str, str] = {}
    laps: dict[str, list[dict[str, int]]] = defaultdict(list)
    ends: Counter[str] = Counter()
    for event in read_events(journal, kinds=(EventKind.DECISION, EventKind.OUTCOME)):
        body = json.loads(event.body)
        if event.kind is EventKind.DECISION:
            tags[event.decision_id or ""] = body["request"]["orders"][0]["client_order_id"].split("-", 1)[0]
            continue
        ends[body["state"]] += 1
        if body["state"] == ACCEPTED:
            laps[tags[event.decision_id or ""]].append(body["latency_us"])
    steps = [
        Steps(target, int(tag[1:]), len(rows), {step: median(row[step] for row in rows) for step in STEPS})
        for tag, rows in laps.items()
        if tag != "warm"
    ]
    return sorted(steps, key=lambda one: one.concurrency), ends


def print_rows(console: Console, rows: Sequence[Row]) -> None:
    """The table of the comparison."""
    table = Table(title="Against mitmdump -q", title_justify="left", box=None, pad_edge=False)
    for name in ("load", "c", "target"):
        table.add_column(name)
    for name in ("req/s", "p50 ms", "(added)", "p99 ms", "(added)", "CPU ms", "x req/s", "(min-max)", "x CPU"):
        table.add_column(name, justify="right")
    shown = ("", 0)
    for row in rows:
        if shown[0] and shown != (row.load, row.concurrency):
            table.add_row()
        shown = (row.load, row.concurrency)
        is_direct = row.target == DIRECT
        cpu = f"load {row.load_cpu_ms:.2f}" if is_direct else f"{row.cpu_ms:.2f}"
        times = (f"{row.p50_ms:.2f}", _figure(row.added_p50_ms), f"{row.p99_ms:.2f}", _figure(row.added_p99_ms))
        cpu_ratio = None if is_direct or row.cpu_ratio is None else row.cpu_ratio.median
        ratios = (*_spread(row.rate_ratio), _figure(cpu_ratio))
        table.add_row(row.load, str(row.concurrency), row.target, f"{row.rate:.0f}", *times, cpu, *ratios)
    console.print(table)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _spread(spread: Spread | None) -> tuple[str, str]:
    if spread is None:
        return "", ""
    return f"{spread.median:.2f}", f"{spread.low:.2f}-{spread.high:.2f}"


def print_steps(console: Console, steps: Sequence[Steps]) -> None:
    """The table of pretrade's own latencies: one line a step, one column for each pretrade and concurrency."""
    if not steps:
        return
    title = "Each step of an order inside pretrade, median us"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("step")
    for one in steps:
        table.add_column(f"{one.target.removeprefix('pretrade ')} c={one.concurrency}", justify="right")
    for step in STEPS:
        table.add_row(step, *(f"{one.median_us[step]:.0f}" for one in steps))
    table.add_row("orders", *(str(one.orders) for one in steps))
    console.print(table)


def write_json(
    path: Path, machine: Mapping[str, object], samples: Sequence[Sample], rows: Sequence[Row], steps: Sequence[Steps]
) -> None:
    """Everything that was measured, for comparing runs."""
    whole = {
        "machine": dict(machine),
        "rows": [asdict(row) for row in rows],
        "steps": [asdict(one) for one in steps],
        "samples": [asdict(sample) for sample in samples],
    }
    path.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
