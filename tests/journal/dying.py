"""Journal and ledger alone: processes that approve, settle and take snapshots as fast as they can, killed at random.

Rule of this file: what a process says down its pipe it says after the row was confirmed; after each kill the journal's
rows must add up to all of it. A program: KILLS SEED FOLDER; it prints what was shown, or raises.
"""

import asyncio
import os
import random
import signal
import sys
import time
import traceback
from collections import defaultdict
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

from tests.builders import order
from tests.ledgerkit import Desk, accepted

from pretrade.gateway.account import snapshots
from pretrade.gateway.account.restore import FOLDED, fold
from pretrade.journal.chain import verify
from pretrade.journal.reader import read_events
from pretrade.journal.store import Store
from pretrade.journal.writer import Journal
from pretrade.model.orders import CreateBatch, CreateOrder, Write
from pretrade.model.outcomes import Outcome, OutcomeState
from pretrade.risk.ledger.ledger import Ledger, order_key

GENERATIONS = 5
"""Processes that go on with one journal, each where the last one was killed."""
CLIENTS = 8
SNAPSHOT_EVERY = 40
ENDS = ("resting", "filled", "rejected", "not_sent", "unknown")


def start(path: Path) -> Ledger:
    """The ledger of the next run, as the product's start makes it."""
    snapshot = snapshots.last(path)
    ledger = fold(read_events(path, snapshot.seq, kinds=FOLDED), snapshot.ledger)
    ledger.lose_sight(time.time_ns() // 1_000_000)
    return ledger


async def trade(path: Path, boot: str, seed: str, pipe: int) -> None:
    """Trade without end, and tell the pipe of each row that is on disk: `a NAME LEGS` and `e NAME END`."""
    journal = Journal.open(path, boot=boot, utc_now_ns=time.time_ns, monotonic_ns=time.monotonic_ns)
    desk, chance, names = Desk(start(path), journal), random.Random(seed), count()

    async def client() -> None:
        while True:
            number = next(names)
            name, write = f"{boot}-{number}", _write(f"{boot}-{number}", chance)
            await desk.approve(name, write, time.time_ns() // 1_000_000)
            os.write(pipe, f"a {name} {len(getattr(write, 'orders', '1'))}\n".encode())
            end = chance.choice(ENDS)
            await desk.settle(name, _outcome(write, name, end), time.time_ns() // 1_000_000)
            os.write(pipe, f"e {name} {end}\n".encode())
            if number % SNAPSHOT_EVERY == 0:
                desk.snapshot()

    await asyncio.gather(*(client() for _ in range(CLIENTS)))


def _write(name: str, chance: random.Random) -> Write:
    price = chance.choice(("0.0500", "0.1000", "0.3000"))
    if chance.random() < 0.2:
        return CreateBatch(tuple(order("1.00", price, client_order_id=f"{name}-{leg}") for leg in range(3)))
    return CreateOrder(order("2.00", price, client_order_id=name))


def _outcome(write: Write, name: str, end: str) -> Outcome:
    if end in ("resting", "filled"):
        return accepted(write, name, filled=10_000 if end == "filled" else 0)
    return Outcome(OutcomeState(end))


def live(path: Path, boot: str, seed: str, lines: int) -> Iterator[str]:
    """Fork a process, kill it when it has told so many lines, and give all that it told."""
    told, pipe = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            asyncio.run(trade(path, boot, seed, pipe))
        except BaseException:  # noqa: BLE001 - a child must not go on as its parent
            traceback.print_exc()
        finally:
            os._exit(70)
    os.close(pipe)
    with os.fdopen(told) as reader:
        yield from islice(reader, lines)
        os.kill(pid, signal.SIGKILL)
        yield from (line for line in reader if line.endswith("\n"))
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, "it ended by itself"


def check(path: Path, told: dict[str, list[str]]) -> None:
    """Raise where the journal counts less than what was confirmed, or a snapshot says other than all the rows.

    It is opened as the next start would open it. So a process that was killed before its journal was there, or was
    whole, leaves an empty one: right where it had confirmed nothing, and a loss by all that is below where it had.
    """
    Store.open(path).close()
    rows = list(read_events(path))
    assert verify(rows) is None
    ledger, whole = start(path), fold(row for row in rows if row.kind in FOLDED)
    whole.lose_sight()
    assert figures(ledger) == figures(whole), "a snapshot is not what its rows add up to"
    for name, (_, legs, *end) in told.items():
        orders = [ledger.live.orders.get(order_key(name, leg)) for leg in range(int(legs))]
        if end in ([], ["unknown"], ["resting"]):  # without an end it may have one on disk that was not confirmed
            ended = not end and name not in ledger.pending
            assert ended or all(orders), f"{name} ({end}) is not counted"
        else:
            assert not any(orders), f"{name} ({end}) is counted still"
    counted = sum(int(legs) for _, legs, *end in told.values() if end not in (["not_sent"], []))
    assert ledger.live.days.orders("2026-11-21", (None, "")) >= counted


def figures(ledger: Ledger) -> object:
    """What a ledger counts, without the times at which it lost sight of something."""
    books = {key: (book.position, book.figures()) for key, book in ledger.live.books()}
    orders = {key: (one.remaining, one.price, one.filled, one.order_id) for key, one in ledger.live.orders.items()}
    days = {day: (dict(use.orders), dict(use.notional)) for day, use in ledger.live.days.items()}
    return books, orders, days, set(ledger.pending), dict(ledger.ended)


def main(kills: int, seed: int, folder: Path) -> None:
    """Kill so many processes, some on each journal."""
    chance, confirmed = random.Random(seed), 0
    for number in range(kills):
        path = folder / f"{number // GENERATIONS}.db"
        if number % GENERATIONS == 0:
            told = defaultdict[str, list[str]](list)
        for line in live(path, f"r{number}", f"{seed}-{number}", chance.randint(0, 60)):
            what, name, value = line.split()
            told[name] += [what, value] if what == "a" else [value]
            confirmed += 1
        check(path, told)
    assert confirmed > kills, "hardly anything was confirmed: nothing was shown"
    print(f"{kills} kills, {confirmed} confirmed rows")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
