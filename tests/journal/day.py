"""A journal with a day's rows, as a proxy leaves it that was killed in the evening: orders, their ends, rounds, reads.

Rule of this file: every row is made by the product's own functions on a real ledger; only the trading is invented.
"""

import asyncio
import random
from pathlib import Path

from tests.builders import amend, order
from tests.ledgerkit import Desk, accepted

from pretrade.gateway.account.snapshots import EVERY_ROWS
from pretrade.journal.events import EventKind
from pretrade.journal.writer import Journal
from pretrade.model.orders import CancelOrder, CreateOrder, Side
from pretrade.model.outcomes import Outcome, OutcomeState
from pretrade.model.units import Count, Money
from pretrade.risk.ledger.changes import CHANGES, MoneyRead, OrderRead
from pretrade.risk.ledger.learning import learn
from pretrade.risk.ledger.ledger import Ledger, order_key

AT_ONCE = 500
"""Rows handed in before the disk is waited for."""
OPEN_MOST = 200


def make_day(path: Path, rows: int, now_ms: int, day: str, *, last_snapshot: bool = True) -> Ledger:
    """Write so many rows that end at `now_ms`; without the last snapshot nearly 10,000 of them follow the one before.
    The ledger that they add up to."""
    return asyncio.run(_Day(path, now_ms - 10 * rows, day).make(rows, last_snapshot=last_snapshot))


class _Day:
    """The trading of a day. Time passes by 10 ms a row."""

    def __init__(self, path: Path, begin_ms: int, day: str) -> None:
        self._now_ms = begin_ms
        self._journal = Journal.open(
            path, boot="day", utc_now_ns=lambda: self._now_ms * 1_000_000, monotonic_ns=lambda: self._now_ms * 1_000_000
        )
        self._desk = Desk(Ledger(), self._journal, day)
        self._chance = random.Random(1)
        self._open: list[str] = []

    async def make(self, rows: int, *, last_snapshot: bool) -> Ledger:
        number = waited = 0
        due = EVERY_ROWS
        while self._journal.handed_in < rows:
            self._order(f"d-{number}")
            number += 1
            if self._journal.handed_in >= due and (due + EVERY_ROWS <= rows or last_snapshot):
                self._desk.snapshot()
                due += EVERY_ROWS
            if self._journal.handed_in - waited >= AT_ONCE:
                waited = self._journal.handed_in
                await self._journal.settled()
        await self._journal.close()
        return self._desk.ledger

    def _order(self, name: str) -> None:
        """One order: placed, then canceled, amended or read as filled; the oldest goes where too many rest."""
        desk, what = self._desk, self._chance.random()
        side, price = self._chance.choice(((Side.BID, "0.3000"), (Side.ASK, "0.7000")))
        ticker = f"KXBTC-26DEC31-T{self._chance.randrange(8)}00000"
        write = CreateOrder(order("5.00", price, side=side, ticker=ticker, client_order_id=name, subaccount=0))
        desk.approve(name, write, self._tick())
        self._journal.record(EventKind.READS, {"client": "momentum-bot", "operation": "GetOrders", "count": 3})
        if what < 0.02:
            desk.settle(name, Outcome(OutcomeState.UNKNOWN, detail="no whole answer came"), self._tick())
            desk.settle(name, Outcome(OutcomeState.ABSENT, detail="proven"), self._tick())
            return
        filled = 500 if what < 0.4 else 0
        desk.settle(name, accepted(write, name, filled=filled), self._tick())
        if not filled:
            self._open.append(name)
        if what > 0.85:
            self._amend(name, ticker, side)
        if len(self._open) > OPEN_MOST:
            self._end(self._open.pop(self._chance.randrange(len(self._open))))

    def _amend(self, name: str, ticker: str, side: Side) -> None:
        price = "0.3100" if side is Side.BID else "0.6900"
        write = amend("5.00", price, order_id=f"{name}.0", ticker=ticker, side=side)
        self._desk.approve(f"{name}-amend", write, self._tick())
        self._desk.settle(f"{name}-amend", Outcome(OutcomeState.ACCEPTED, status=200), self._tick())

    def _end(self, name: str) -> None:
        """A cancel, and the round that shows that the order has ended."""
        if self._chance.random() < 0.7:
            self._desk.approve(f"{name}-cancel", CancelOrder(f"{name}.0", subaccount=0), self._tick())
            self._desk.settle(f"{name}-cancel", Outcome(OutcomeState.ACCEPTED, status=200), self._tick())
        known = self._desk.ledger.live.orders[order_key(name, 0)]
        read = OrderRead(known.key, f"{name}.0", Count(0), Count(500), known.price, is_open=False, at_ms=self._tick())
        changes = (read, MoneyRead(0, Money(10_000_000), Money(0), Money(0)))
        for change in changes:
            learn(self._desk.ledger, change)
        body = {"as_of_ms": self._now_ms, "took_us": 9_000, "orders": 1, "positions": 8, "breaks": []}
        body["changes"] = CHANGES.dump_python(changes, mode="json")
        self._journal.record(EventKind.RECONCILIATION, body)

    def _tick(self) -> int:
        self._now_ms += 10
        return self._now_ms
