"""The exchange's record of our orders and fills: one JSON object in, one frozen value out.

Rule of this file: pure, strict on every field that is used, blind to all others. A figure is text and exact: one that
does not fit its unit, is missing or contradicts another is an AnswerError, never rounded and never zero. The one
exception is the price of a fill: a fill has one price on the grid, so that more than 4 decimals can only be an average;
it is rounded to the dearer price of the leg bought, because refusing it would refuse the whole record, for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pretrade.kalshi.answer_fields import AnswerError, Fields, read_object
from pretrade.kalshi.drop_copy_fields import (
    client_order_id_of,
    count_of,
    fill_price_of,
    integer_of,
    limit_price_of,
    moment_of,
    money_of,
    side_of,
    signed_of,
    status_of,
    sum_of,
)
from pretrade.model.drop_copy import (
    ExchangeBalance,
    ExchangeFill,
    ExchangeGroup,
    ExchangeOrder,
    ExchangePosition,
    ExchangeSettlement,
    OrderStatus,
)
from pretrade.model.units import ONE_DOLLAR, ONE_DOLLAR_PRICE, Count, Money

LAST_SUBACCOUNT = 63
_LAST_SHARD = 100
_MAX_CURSOR = 4096
_CENT = ONE_DOLLAR // 100
_MOST_CENTS = 10**14
"""A hundred times what the largest count there can be would bring."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, and where the next one begins; an empty cursor says that this was the last."""

    rows: tuple[Fields, ...]
    cursor: str


@dataclass(frozen=True, slots=True)
class Cutoff:
    """Orders that ended and fills that happened before these moments (ms) stand in the historical lists alone."""

    orders_ms: int
    fills_ms: int


def read_page(body: bytes, rows: str, *, cursor_may_be_absent: bool = False) -> Page:
    """One page of the list named `rows`. Raises AnswerError, also for an unreadable or absent cursor: a page that may
    go on is never taken for the last."""
    fields = read_object(body)
    cursor = fields.raw.get("cursor")
    if cursor is None and cursor_may_be_absent:
        cursor = ""
    if not isinstance(cursor, str) or len(cursor) > _MAX_CURSOR:
        raise AnswerError("it has no readable cursor")
    return Page(fields.objects(rows), cursor)


def read_as_of(body: bytes) -> int:
    """The moment (ms) that every read of the account is at least as new as. Raises AnswerError."""
    return moment_of(read_object(body), "as_of_time")


def read_cutoff(body: bytes) -> Cutoff:
    """Where the historical lists begin. Raises AnswerError."""
    fields = read_object(body)
    return Cutoff(moment_of(fields, "orders_updated_ts"), moment_of(fields, "trades_created_ts"))


def read_single_order(body: bytes, order_id: str) -> ExchangeOrder:
    """The answer to a read of one order, which must be about that one. Raises AnswerError."""
    inner = read_object(body).raw.get("order")
    if not isinstance(inner, dict):
        raise AnswerError("it has no order")
    order = read_order(Fields(inner))
    if order.order_id != order_id:
        raise AnswerError(f"it is about the order {order.order_id}")
    return order


def says_not_found(body: bytes) -> bool:
    """Whether a 404 is the exchange's word that there is no such thing, and not somebody's page on the way."""
    return _code_of(body) == "not_found"


def says_never_opened(body: bytes) -> bool:
    """Whether a 404 is the exchange's word that there is no such subaccount (the code is the practice exchange's; any
    other leaves the whole copy unread)."""
    return _code_of(body) == "subaccount_not_found"


def _code_of(body: bytes) -> object:
    try:
        fields = read_object(body).raw
    except AnswerError:
        return None
    inner = fields.get("error", fields)
    return inner.get("code") if isinstance(inner, dict) else None


def read_order(fields: Fields) -> ExchangeOrder:
    """One order of a list or of a single read (orders.md 13). Raises AnswerError."""
    status = status_of(fields)
    filled, remaining = count_of(fields, "fill_count_fp"), count_of(fields, "remaining_count_fp")
    if remaining and status is not OrderStatus.RESTING:
        raise AnswerError(f"it is {status} and {fields.text('remaining_count_fp')} of it remain")
    cost = sum_of(fields, "taker_fill_cost_dollars", "maker_fill_cost_dollars")
    if cost > filled * ONE_DOLLAR_PRICE:
        raise AnswerError("its fills cost more than $1 a contract")
    return ExchangeOrder(
        order_id=fields.text("order_id"),
        client_order_id=client_order_id_of(fields),
        subaccount=integer_of(fields, "subaccount_number", LAST_SUBACCOUNT),
        ticker=fields.text("ticker"),
        side=side_of(fields),
        price=limit_price_of(fields),
        status=status,
        filled=filled,
        remaining=remaining,
        created_ms=moment_of(fields, "created_time"),
        updated_ms=moment_of(fields, "last_update_time") if fields.has("last_update_time") else None,
        order_group_id=fields.optional_text("order_group_id"),
        cost=cost,
        fees=sum_of(fields, "taker_fees_dollars", "maker_fees_dollars"),
        # Absent before there were shards, and until then all was on the first (changes.md, sharding).
        exchange_index=_shard_of(fields),
    )


def read_fill(fields: Fields) -> ExchangeFill:
    """One fill of a list (market_data.md 6). Raises AnswerError."""
    side, count = side_of(fields), count_of(fields, "count_fp")
    if not count:
        raise AnswerError("its count_fp is zero")
    return ExchangeFill(
        fill_id=fields.text("fill_id"),
        order_id=fields.text("order_id"),
        subaccount=integer_of(fields, "subaccount_number", LAST_SUBACCOUNT),
        ticker=fields.text("ticker"),
        side=side,
        count=count,
        price=fill_price_of(fields, side),
        fee=money_of(fields, "fee_cost"),
        created_ms=moment_of(fields, "created_time"),
    )


def read_position(fields: Fields, subaccount: int) -> ExchangePosition:
    """One market position of the subaccount that was asked for, which the answer does not repeat (market_data.md 5).

    Raises AnswerError.
    """
    return ExchangePosition(
        subaccount=subaccount,
        ticker=fields.text("ticker"),
        count=Count(signed_of(fields, "position_fp", 2)),
        cost=money_of(fields, "market_exposure_dollars"),
        realized=Money(signed_of(fields, "realized_pnl_dollars", 6)),
        fees=money_of(fields, "fees_paid_dollars"),
    )


def read_settlement(fields: Fields, subaccount: int) -> ExchangeSettlement:
    """One payout of the subaccount that was asked for, which the answer does not repeat (market_data.md 6). Its revenue
    is a number of cents, and no more than a dollar for each contract. Raises AnswerError."""
    yes, no = count_of(fields, "yes_count_fp"), count_of(fields, "no_count_fp")
    revenue = Money(integer_of(fields, "revenue", _MOST_CENTS) * _CENT)
    if revenue > (yes + no) * ONE_DOLLAR_PRICE:
        raise AnswerError("its revenue is more than a dollar a contract")
    settled_ms = moment_of(fields, "settled_time")
    return ExchangeSettlement(subaccount, fields.text("ticker"), yes, no, revenue, settled_ms)


def read_balance(body: bytes, subaccount: int) -> ExchangeBalance:
    """The free cash of the subaccount that was asked for; a debt is negative. Raises AnswerError."""
    return ExchangeBalance(subaccount, Money(signed_of(read_object(body), "balance_dollars", 6)))


def read_groups(body: bytes, subaccount: int) -> tuple[ExchangeGroup, ...]:
    """The order groups of the subaccount that was asked for. The schema lets the exchange leave an empty list out; a
    group that were missed so would be one that nobody may use. Raises AnswerError."""
    fields = read_object(body)
    rows = fields.objects("order_groups") if fields.has("order_groups") else ()
    return tuple(ExchangeGroup(row.text("id"), subaccount, _limit_of(row), _shard_of(row)) for row in rows)


def read_all_groups(body: bytes, owners: Mapping[str, int]) -> tuple[ExchangeGroup, ...] | None:
    """The order groups of every subaccount, whose `owners` are known; None where it does not show exactly these. Raises
    AnswerError."""
    groups = read_groups(body, 0)
    if len(groups) != len(owners) or {group.group_id for group in groups} != owners.keys():
        return None
    return tuple(replace(group, subaccount=owners[group.group_id]) for group in groups)


def _shard_of(fields: Fields) -> int:
    return integer_of(fields, "exchange_index", _LAST_SHARD) if fields.has("exchange_index") else 0


def _limit_of(fields: Fields) -> Count | None:
    return count_of(fields, "contracts_limit_fp") if fields.has("contracts_limit_fp") else None
