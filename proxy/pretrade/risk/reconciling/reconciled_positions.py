"""Positions of the record held against ours: where they differ both count, until it is clear which one is true.

Rule of this file: what is ours is given up only for a figure that was seen twice, with nothing of ours under way.
"""

from pretrade.model.orders import Side
from pretrade.model.units import format_count
from pretrade.risk.ledger.account import BookKey
from pretrade.risk.ledger.book import Book, Held
from pretrade.risk.ledger.changes import PositionAdopted, PositionSeen
from pretrade.risk.ledger.live_order import OrderState
from pretrade.risk.reconciling.reconciliation_round import SETTLE_MS, Reconciliation, Suspect

PATIENCE_MS = 30_000
"""How long a position may differ in every copy by what lag explains, before both count."""
_UNDER_WAY = (OrderState.HELD, OrderState.SENDING, OrderState.UNKNOWN)


def take_in_positions(step: Reconciliation) -> None:
    """Compare every book of the subaccounts that were read, and every position that the copy has."""
    copy = step.round.copy
    theirs = {(p.subaccount, p.ticker): Held(p.count, p.cost) for p in copy.positions}
    ours = {key for key, _ in step.ledger.live.books() if key[0] in copy.subaccounts}
    for key in sorted(ours | set(theirs)):
        _take_in(step, key, theirs.get(key, Held()))


def _take_in(step: Reconciliation, key: BookKey, held: Held) -> None:
    book = step.ledger.live.book(*key)
    if step.is_first:
        if held.count or book.position:
            step.note(PositionAdopted(*key, held))
    elif held.count == book.position:
        _agree(step, key, book, held)
    else:
        _differ(step, key, book, held)


def _agree(step: Reconciliation, key: BookKey, book: Book, held: Held) -> None:
    """Take the exchange's basis, once nothing of ours has moved the book since. Until then equal counts prove nothing:
    a fill of ours that the read has not seen may have made up for a difference."""
    if not book.has_seen and _has_basis(book, held):
        return
    if step.round.is_late_for(book.touched_ms, SETTLE_MS):
        step.note(PositionAdopted(*key, held))
        return
    if held.cost > book.basis and not book.has_seen:  # trades past us came before ours, and we learn of them after
        step.note(PositionSeen(*key, held))
    step.look_again()


def _has_basis(book: Book, held: Held) -> bool:
    """Whether what the book holds is already counted at the exchange's own basis."""
    return all(book.bought(side) == tuple(sorted(held.ladder(side).counts.items())) for side in Side)


def _differ(step: Reconciliation, key: BookKey, book: Book, held: Held) -> None:
    step.look_again()
    before, as_of_ms = step.round.suspects.get(key), step.round.copy.as_of_ms
    began_ms = as_of_ms if before is None else before.began_ms
    # What was seen before something of ours moved the book proves nothing now: it has to be seen twice again.
    is_same = before and before.count == held.count and before.as_of_ms >= book.touched_ms + SETTLE_MS
    first_ms = before.as_of_ms if before and is_same else as_of_ms
    step.found.suspects[key] = suspect = Suspect(held.count, first_ms, began_ms)
    # Trades past us may have come before ours that closed them: then what is left cost more than what we reckon.
    is_lag = key not in step.moved_past_us and _may_be_lag(step, book, suspect)
    if is_lag and as_of_ms - began_ms < PATIENCE_MS:
        return
    if _is_proven(step, key, book, suspect):
        step.note(PositionAdopted(*key, held))
        del step.found.suspects[key]
    elif _is_news(book, held):
        step.note(PositionSeen(*key, held))
    if before is not None and not is_lag and key[1] not in step.round.settled:
        here, there = format_count(book.position), format_count(held.count)
        subject = f"{key[1]} of subaccount {key[0]}"
        step.report("position", subject, f"{there} at the exchange, {here} by the orders known here")


def _may_be_lag(step: Reconciliation, book: Book, suspect: Suspect) -> bool:
    """Whether a fill may explain the difference: one of ours that the copy has not seen, or one that the orders do not
    show yet; the latter is covered by what may fill, and not the same in a second copy."""
    low, high = book.position - book.may_fill(Side.ASK), book.position + book.may_fill(Side.BID)
    is_new = suspect.as_of_ms == step.round.copy.as_of_ms
    return (is_new and low <= suspect.count <= high) or not step.round.is_late_for(book.touched_ms, SETTLE_MS)


def _is_proven(step: Reconciliation, key: BookKey, book: Book, suspect: Suspect) -> bool:
    """Whether the exchange's figure is the truth: seen twice, apart, with nothing of ours under way or just over."""
    if not step.round.is_late_for(suspect.as_of_ms, SETTLE_MS) or suspect.as_of_ms < book.touched_ms + SETTLE_MS:
        return False
    mine = [order for order in step.ledger.live.orders.values() if (order.subaccount, order.ticker) == key]
    return not any(order.state in _UNDER_WAY for order in mine)


def _is_news(book: Book, held: Held) -> bool:
    """Whether the figure differs from what is counted beside ours already."""
    trial = book.trial()
    trial.see(held)
    return trial.state() != book.state()
