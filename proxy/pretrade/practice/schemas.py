"""The request bodies as tables: which fields there are, of which type, which must be there, which words they take.

Rule of this file: data only. Names are those of the exchange's own types, because its error texts contain them
(orders.md 2-5). Fields not listed are ignored, as the exchange's JSON decoder does.
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The type a field must have, spelt as the decoder's error text spells it."""

    STRING = "string"
    INT = "int"
    BOOL = "bool"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a body; `words` lists the only values it takes."""

    name: str
    kind: Kind = Kind.STRING
    required: bool = False
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Schema:
    """One JSON object."""

    name: str
    fields: tuple[Field, ...]


_SIDES = ("bid", "ask")
_SHARD = Field("exchange_index", Kind.INT)
_SUBACCOUNT = Field("subaccount", Kind.INT)

CREATE = Schema(
    "CreateOrderV2Request",
    (
        Field("ticker", required=True),
        Field("side", required=True, words=_SIDES),
        Field("count", required=True),
        Field("price", required=True),
        Field("time_in_force", required=True, words=("fill_or_kill", "good_till_canceled", "immediate_or_cancel")),
        Field("self_trade_prevention_type", required=True, words=("taker_at_cross", "maker")),
        Field("client_order_id"),
        Field("expiration_time", Kind.INT),
        Field("post_only", Kind.BOOL),
        Field("reduce_only", Kind.BOOL),
        Field("cancel_order_on_pause", Kind.BOOL),
        _SUBACCOUNT,
        Field("order_group_id"),
        _SHARD,
    ),
)
AMEND = Schema(
    "AmendOrderV2Request",
    (
        Field("ticker", required=True),
        Field("side", required=True, words=_SIDES),
        Field("price", required=True),
        Field("count", required=True),
        Field("client_order_id"),
        Field("updated_client_order_id"),
        Field("expiration_time", Kind.INT),
        _SHARD,
    ),
)
DECREASE = Schema(
    "DecreaseOrderV2Request",
    (Field("reduce_by"), Field("reduce_to"), _SHARD, Field("market_ticker")),
)
CANCEL_ENTRY = Schema(
    "BatchCancelOrdersV2RequestOrder",
    (Field("order_id", required=True), _SUBACCOUNT, _SHARD, Field("market_ticker")),
)
