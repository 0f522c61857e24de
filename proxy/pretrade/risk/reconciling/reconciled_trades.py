"""Fills, payouts and marks of the record taken into the day's trades, and what of a position they do not explain.

Rule of this file: nothing is counted twice and nothing that was shown is left out; a fill belongs to the day on which
the exchange made it.
"""

from pretrade.model.drop_copy import ExchangeFill, ExchangeSettlement
from pretrade.model.loss import Fill, Settlement
from pretrade.model.units import ONE_DOLLAR_PRICE, Count, Money
from pretrade.risk.ledger.account import BookKey
from pretrade.risk.ledger.changes import DayBegan, FillsRead, Marked, PaidOut, StartRead, Unexplained
from pretrade.risk.ledger.day_trades import KEEP_MS
from pretrade.risk.reconciling.reconciliation_round import SETTLE_MS, Reconciliation, Today

PROMPT_MS = 120_000
"""How long after midnight a day still begins in time: what is seen then is what it begins with."""
NOTE_MS = 600_000
"""How often a reading without a new fill is noted: a start reads fills again from the last noted one on."""


def take_in_trades(step: Reconciliation) -> None:
    """Take in what the copy says of today's trades. Comes after the positions, for it compares with them."""
    today, trades = step.round.today, step.ledger.trades
    if today is None:
        return
    if today.day > trades.day:
        step.note(_day_began(step, today))
    is_first = trades.read_ms is None
    _take_in_fills(step, today)
    _take_in_payouts(step, today)
    if is_first:
        _take_in_starts(step)
    _compare(step)
    _take_in_marks(step, today)


def _day_began(step: Reconciliation, today: Today) -> DayBegan:
    held = step.ledger.trades.holdings
    marks = tuple((*key, today.marks[key[1]]) for key in sorted(held) if key[1] in today.marks)
    is_late = step.round.copy.started_ms - today.began_ms > PROMPT_MS
    return DayBegan(today.day, marks, is_late=is_late)


def _take_in_fills(step: Reconciliation, today: Today) -> None:
    copy, trades = step.round.copy, step.ledger.trades
    oldest_ms = 0 if trades.read_ms is None else trades.read_ms - KEEP_MS
    fresh = [fill for fill in copy.fills if fill.fill_id not in trades.fill_ids and fill.created_ms >= oldest_ms]
    is_due = trades.read_ms is None or copy.as_of_ms >= trades.read_ms + NOTE_MS
    is_shown = any(trades.is_over(told, copy.as_of_ms) for told in trades.told.values())
    if fresh or is_due or is_shown:
        fresh.sort(key=lambda fill: (fill.created_ms, fill.fill_id))
        step.note(FillsRead(tuple(_fill(fill, today) for fill in fresh), copy.as_of_ms))
    if trades.told:
        step.look_again()


def _fill(fill: ExchangeFill, today: Today) -> Fill:
    return Fill(
        fill_id=fill.fill_id,
        order_id=fill.order_id,
        subaccount=fill.subaccount,
        ticker=fill.ticker,
        day=today.day_of(fill.created_ms),
        side=fill.side,
        count=fill.count,
        price=fill.price,
        fee=fill.fee,
        created_ms=fill.created_ms,
    )


def _take_in_payouts(step: Reconciliation, today: Today) -> None:
    for paid in step.round.copy.settlements:
        is_known = (paid.subaccount, paid.ticker, paid.settled_ms) in step.ledger.trades.payouts
        if (paid.yes or paid.no) and not is_known:
            step.note(PaidOut(_settlement(paid, today)))


def _settlement(paid: ExchangeSettlement, today: Today) -> Settlement:
    count, cash = Count(paid.yes - paid.no), Money(paid.revenue - paid.no * ONE_DOLLAR_PRICE)
    day = today.day_of(paid.settled_ms)
    return Settlement(paid.subaccount, paid.ticker, day, count, cash, paid.settled_ms)


def _take_in_starts(step: Reconciliation) -> None:
    """By the first reading, what a day began with is what is there now less what the day brought."""
    trades = step.ledger.trades
    now = {(position.subaccount, position.ticker): position.count for position in step.round.copy.positions}
    for key in sorted(now.keys() | trades.holdings.keys()):
        holding = trades.holding(key)
        count = now.get(key, 0) - (holding.explained - holding.start)
        if count != holding.start:
            step.note(StartRead(*key, count))


def _compare(step: Reconciliation) -> None:
    """Hold what fills and payouts explain against the position, where nothing has moved for long enough."""
    books = {key for key, _ in step.ledger.live.books()}
    for key in sorted(books | step.ledger.trades.holdings.keys()):
        holding, book = step.ledger.trades.holding(key), step.ledger.live.book(*key)
        unexplained = book.position - holding.explained
        if unexplained == holding.unexplained or key[0] not in step.round.copy.subaccounts or book.has_seen:
            continue
        if not unexplained or _is_quiet(step, key):
            step.note(Unexplained(*key, unexplained))


def _is_quiet(step: Reconciliation, key: BookKey) -> bool:
    trades, book = step.ledger.trades, step.ledger.live.book(*key)
    if key in step.found.suspects or any((told.subaccount, told.ticker) == key for told in trades.told.values()):
        return False
    return step.round.is_late_for(max(book.touched_ms, trades.holding(key).touched_ms), SETTLE_MS)


def _take_in_marks(step: Reconciliation, today: Today) -> None:
    """Note marks that say what the day began with, and all of them when it is time to."""
    for key, holding in sorted(step.ledger.trades.holdings.items()):
        mark = today.marks.get(key[1])
        if mark is None:
            continue
        is_news = today.notes_marks and mark != holding.last_mark and holding.position != 0
        if is_news or holding.wants(mark):
            step.note(Marked(*key, mark))
