"""The end of a world: once faults have stopped and time has passed, everything is known, true, and in the rows.

Rule of this file: it looks and says in words what is wrong; it changes nothing.
"""

from collections.abc import Iterator

from tests.simulation.plain import Difference, differences, plain
from tests.simulation.process import Process, remember

from pretrade.gateway.account.restore import FOLDED, fold
from pretrade.practice.core.accounts import Account
from pretrade.risk.ledger.ledger import Ledger


def unknown(ledger: Ledger) -> Iterator[str]:
    """What the ledger does not know the end of."""
    orders = ledger.live.orders.items()
    yield from (f"the end of {decision_id} is not known" for decision_id in ledger.pending)
    yield from (f"order {key} is not known" for key, order in orders if order.order_id is None)
    yield from (f"an amend of {key} is not known" for key, order in orders if order.is_amending)


def untrue(ledger: Ledger, exchange: Account) -> Iterator[str]:
    """Where the ledger is not exactly what the exchange has."""
    resting = {order.order_id: order for orders in exchange.resting.values() for order in orders.values()}
    known = {order.order_id: order for order in ledger.live.orders.values()}
    for order_id in sorted(resting.keys() ^ known.keys(), key=str):
        yield f"order {order_id} is {'not counted' if order_id in resting else 'counted and does not rest'}"
    for order_id in sorted(resting.keys() & known.keys()):
        if resting[order_id].remaining != known[order_id].remaining:
            yield f"order {order_id}: {known[order_id].remaining} counted, {resting[order_id].remaining} rest"
    for key, held in exchange.positions.items():
        book = ledger.live.book(*key)
        if book.position != held.count or book.has_seen:
            noted = ", and the difference is noted" if book.has_seen else ""
            yield f"position {key}: {book.position} counted, {held.count} held{noted}"


def unlike_its_rows(process: Process) -> Iterator[str]:
    """Where the ledger in memory is another than that of the rows, read from the last snapshot or from the first."""
    if not process.journal.idle:
        yield "rows still wait for the disk"
    memory = plain(process.instance.ledger)
    found = list(differences(memory, plain(remember(process.disk, process.instance.clock)[0])))
    if not process.disk.has_lost_a_round:
        found += differences(memory, plain(fold(process.disk.read(kinds=FOLDED))))
    lost = process.disk.has_lost_an_amend
    yield from (str(one) for one in found if not (lost and _counts_more_of_a_day(one)))


def _counts_more_of_a_day(found: Difference) -> bool:
    """Whether memory has more of a day's notional than the rows: an amend on a later day than its order's counts there
    for good, also where its row was lost. Less it never may."""
    is_notional = found.where.startswith("ledger.live.days.") and ".notional." in found.where
    return is_notional and (found.memory or 0) > (found.rows or 0)
