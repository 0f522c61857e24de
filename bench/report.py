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

BASE = "mitmdump"
ACCEPTED = "accepted"
STEPS = ("identify", "decode", "decide", "journal", "sign", "send", "total")


@dataclass(frozen=True, slots=True)
class Sample:
    """One window, and what it was."""

    round: int
    what: str
    concurrency: int
    target: str
    window: Window


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over all rounds."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Row:
    """One target under one load. The ratios compare windows of the same round; None for mitmdump itself."""

    what: str
    concurrency: int
    target: str
    rate: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    load_cpu_ms: float
    origin_cpu_ms: float
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
        groups[sample.what, sample.concurrency, sample.target].append(sample)
    return [
        _row(key, own, {sample.round: sample.window for sample in groups.get((key[0], key[1], BASE), [])})
        for key, own in groups.items()
    ]


def _row(key: tuple[str, int, str], own: Sequence[Sample], base: Mapping[int, Window]) -> Row:
    windows = [sample.window for sample in own]

    def middle(figure: Callable[[Window], float]) -> float:
        return median(figure(window) for window in windows)

    def against_base(figure: Callable[[Window], float]) -> Spread | None:
        if key[2] == BASE:
            return None
        pairs = [(figure(sample.window), figure(base[sample.round])) for sample in own if sample.round in base]
        ratios = [mine / others for mine, others in pairs if others > 0]
        return Spread(median(ratios), min(ratios), max(ratios)) if ratios else None

    return Row(
        *key,
        rate=middle(lambda window: window.rate),
        p50_ms=middle(lambda window: window.p50_ms),
        p99_ms=middle(lambda window: window.p99_ms),
        cpu_ms=middle(lambda window: window.cpu_ms),
        load_cpu_ms=middle(lambda window: window.load_cpu_ms),
        origin_cpu_ms=middle(lambda window: window.origin_cpu_ms),
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
    for name in ("req/s", "p50 ms", "p99 ms", "CPU ms/req", "x req/s", "(min-max)", "x CPU", "(min-max)"):
        table.add_column(name, justify="right")
    shown = ("", 0)
    for row in sorted(rows, key=lambda row: (row.what, row.concurrency)):
        if shown[0] and shown != (row.what, row.concurrency):
            table.add_row()
        shown = (row.what, row.concurrency)
        cpu = f"{row.cpu_ms:.2f}" if row.target != "direct" else f"load {row.load_cpu_ms:.2f}"
        figures = (f"{row.rate:.0f}", f"{row.p50_ms:.2f}", f"{row.p99_ms:.2f}", cpu)
        cpu_ratio = None if row.target == "direct" else row.cpu_ratio
        table.add_row(row.what, str(row.concurrency), row.target, *figures, *_shown(row.rate_ratio), *_shown(cpu_ratio))
    console.print(table)


def _shown(spread: Spread | None) -> tuple[str, str]:
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
