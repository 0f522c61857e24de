"""Orders of ours in the exchange's record: each as it stands there, and those that it does not have.

Rule of this file: an order that has ended is believed at once, for it cannot rest again. What a resting one may still
fill goes down only by a read that is later than our last answer about it.
"""

from pretrade.model.drop_copy import ExchangeOrder, OrderStatus
from pretrade.model.orders import Side
from pretrade.model.units import Count, Price, format_count, format_price
from pretrade.risk.ledger.changes import OrderRead, Silent
from pretrade.risk.ledger.live_order import LiveOrder, OrderState
from pretrade.risk.ledger.stand_in import is_stand_in
from pretrade.risk.reconciling.reconciled_amends import undecided
from pretrade.risk.reconciling.reconciled_orphans import take_in_orphan
from pretrade.risk.reconciling.reconciliation_round import SETTLE_MS, UNSEEN_MS, Reconciliation


def take_in_orders(step: Reconciliation) -> None:
    """Take in every order of the copy that may tell something."""
    for order in step.orders:
        own = _own(step, order)
        if own is not None:
            _take_in_own(step, own, order)
        elif order.order_id not in step.ledger.ended:
            take_in_orphan(step, order)


def look_for_ours(step: Reconciliation) -> None:
    """Look for those of ours that the copy does not have."""
    shown = {order.order_id for order in step.round.copy.orders}
    for own in tuple(step.ledger.live.orders.values()):
        if own.order_id is not None and own.order_id not in shown:
            _miss(step, own, own.order_id)


def _own(step: Reconciliation, order: ExchangeOrder) -> LiveOrder | None:
    """Our order that this one is: by the exchange's id, or by its client's while we do not know that. Of several with
    one id (the exchange takes only one of them) it is the one with its terms, else any in its market and on its side.
    """
    live = step.ledger.live
    own = live.by_order_id(order.order_id)
    is_known = own is not None and not is_stand_in(own)
    if is_known or order.client_order_id is None or order.order_id in step.ledger.ended:
        return own
    fitting = [one for one in live.with_client_order_id(order.client_order_id) if _fits(one, order)]
    same_terms = (one for one in fitting if one.terms[0].price == order.price)
    return next(same_terms, fitting[0] if fitting else own)


def _fits(own: LiveOrder, order: ExchangeOrder) -> bool:
    return own.order_id is None and _place_of(own) == _place_of(order)


def _place_of(order: LiveOrder | ExchangeOrder) -> tuple[int, str, Side]:
    return order.subaccount, order.ticker, order.side


def _take_in_own(step: Reconciliation, own: LiveOrder, order: ExchangeOrder) -> None:
    if own.order_id is None and own.state is not OrderState.UNKNOWN:
        return  # its answer is on the way, and tells more
    if _place_of(own) != _place_of(order):  # an answer of the exchange's gave us this id
        step.report(
            "terms", order.order_id, f"{own.key} was sent as {_words(own)}; the exchange has {_words_of(order)}"
        )
        return
    if own.order_id is None and not _is_as_sent(own, order):
        step.report(
            "terms", order.order_id, f"{own.key} was sent as {_words(own)}; the exchange has {_words_of(order)}"
        )
    _believe(step, _in_place(step, own, order), order)


def _in_place(step: Reconciliation, own: LiveOrder, order: ExchangeOrder) -> LiveOrder:
    """Our order, with the amends of what stood for it while we did not know its id."""
    other = step.ledger.live.by_order_id(order.order_id)
    if other is None or other.key == own.key:
        return own
    names = tuple(terms.decision_id for terms in other.terms if terms.decision_id is not None)
    first, at_ms = own.terms[0], step.round.copy.as_of_ms
    told = (own.key, order.order_id, own.filled, first.total, first.price)
    step.note(OrderRead(*told, is_open=True, at_ms=at_ms, keep=names))
    return step.ledger.live.orders[own.key]


def _is_as_sent(own: LiveOrder, order: ExchangeOrder) -> bool:
    """Whether an order that was unknown has the terms that we sent; of one that has ended only the price is told."""
    total = order.filled + order.remaining if order.status is OrderStatus.RESTING else own.terms[0].total
    return (order.price, total) == (own.terms[0].price, own.terms[0].total)


def _believe(step: Reconciliation, own: LiveOrder, order: ExchangeOrder) -> None:
    at_ms, filled = step.round.copy.as_of_ms, order.filled
    if own.client is None and filled > own.filled:
        step.moved_past_us.add((own.subaccount, own.ticker))
    if order.status is not OrderStatus.RESTING:
        step.note(OrderRead(own.key, order.order_id, filled, filled, order.price, is_open=False, at_ms=at_ms))
        return
    keep = undecided(step, own, order)
    own = step.ledger.live.orders[own.key]
    price, total = order.price, Count(filled + order.remaining)
    if not step.round.is_late_for(own.answered_ms, SETTLE_MS):  # it may be of before what we were told last
        worse = max if own.side is Side.BID else min
        price, total = Price(worse(price, own.terms[0].price)), Count(max(total, own.terms[0].total))
    read = OrderRead(own.key, order.order_id, filled, total, price, is_open=True, at_ms=at_ms, keep=keep)
    if _says_more(own, read):
        step.note(read)
    if keep or (price, total) != (order.price, filled + order.remaining):
        step.look_again()


def _says_more(own: LiveOrder, read: OrderRead) -> bool:
    """Whether a read of a resting order tells anything that is not known."""
    kept = tuple(terms for terms in own.terms[1:] if terms.decision_id in read.keep)
    is_same = (own.terms[0].price, own.terms[0].total, own.terms[1:]) == (read.price, read.total, kept)
    is_known = own.order_id is not None and own.state is OrderState.RESTING and own.terms[0].decision_id is None
    return not (is_same and is_known) or own.silent > 0 or read.filled > own.filled


def _miss(step: Reconciliation, own: LiveOrder, order_id: str) -> None:
    """One of ours that the copy does not show. It was asked for by its id, too, unless it is younger than the copy."""
    round_ = step.round
    if order_id not in round_.copy.gone or not round_.is_late_for(max(own.answered_ms, own.approved_ms), UNSEEN_MS):
        step.look_again()
    elif own.silent == 0:
        step.note(Silent("", own.key))
        step.look_again()
    elif own.silent > 1 or round_.proves:
        if own.silent == 1:
            step.note(Silent("", own.key))
        step.report("ghost", order_id, f"{_words(own)}: the exchange does not know it, and it counts. See {own.key}")


def _words(own: LiveOrder) -> str:
    price, count = format_price(own.price), format_count(own.terms[0].total)
    return f"{own.side} {count} at {price} in {own.ticker} of subaccount {own.subaccount}"


def _words_of(order: ExchangeOrder) -> str:
    price, count = format_price(order.price), format_count(order.filled + order.remaining)
    return f"{order.side} {count} at {price} in {order.ticker} of subaccount {order.subaccount}"
