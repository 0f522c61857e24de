"""One record out of rows that were read one page after another while the exchange went on changing them.

Rule of this file: pure. A row may come twice, because it moved from one page to the next or stands in two lists. Twins
must be equal; of an order the later state counts, and it must be one that can follow the earlier.
"""

from collections.abc import Callable, Hashable, Iterable

from pretrade.model.drop_copy import ExchangeOrder, OrderStatus


class DisagreementError(Exception):
    """Two rows about one thing that cannot both be true; reading again may help."""


def agreed[T](rows: Iterable[T], key: Callable[[T], Hashable], what: str) -> tuple[T, ...]:
    """The rows, each thing once, in their order. Raises DisagreementError where two rows about one thing differ."""
    found: dict[Hashable, T] = {}
    for row in rows:
        if found.setdefault(key(row), row) != row:
            raise DisagreementError(f"{what} {key(row)} came twice, and not the same")
    return tuple(found.values())


def add_orders(found: dict[str, ExchangeOrder], rows: Iterable[ExchangeOrder]) -> None:
    """Take orders in, each in its latest state. Raises DisagreementError."""
    for row in rows:
        known = found.get(row.order_id)
        found[row.order_id] = row if known is None or known == row else later_of(known, row)


def later_of(one: ExchangeOrder, other: ExchangeOrder) -> ExchangeOrder:
    """The later of two states of one order, whichever was read first. Raises DisagreementError where none can follow
    the other: what has filled stays filled, what has ended does not rest again, and who owns it never changes."""
    earlier, later = sorted((one, other), key=_age)
    is_possible = (
        _identity(earlier) == _identity(later)
        and earlier.filled <= later.filled
        and _has_ended(earlier) <= _has_ended(later)
        and (_age(earlier) < _age(later) or earlier == later)
    )
    if not is_possible:
        raise DisagreementError(f"the order {one.order_id} came twice, and neither can have become the other")
    return later


def _age(order: ExchangeOrder) -> tuple[int, int, bool]:
    """Two changes may fall into one millisecond: then what has filled more, or has ended, is the later."""
    moment = order.created_ms if order.updated_ms is None else order.updated_ms
    return (moment, order.filled, _has_ended(order))


def _has_ended(order: ExchangeOrder) -> bool:
    return order.status is not OrderStatus.RESTING


def _identity(order: ExchangeOrder) -> tuple[object, ...]:
    return (order.order_id, order.subaccount, order.ticker, order.side, order.created_ms)
