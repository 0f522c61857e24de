"""The request bodies as tables: which fields there are, of which type, which must be there, which words they take.

Rule of this file: data only. Names are those of the exchange's own types, because its error texts contain them
(orders.md 2-5). Fields not listed are ignored, as the exchange's JSON decoder does.
"""

from dataclasses import dataclass
from enum import StrEnum

from pretrade.practice.core import routing
from pretrade.practice.core.accounts import LAST_SUBACCOUNT


class Kind(StrEnum):
    """The type a field must have, spelt as the decoder's error text spells it."""

    STRING = "string"
    INT = "int"
    BOOL = "bool"
    STRINGS = "[]string"
    OBJECTS = "[]struct"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a body; `words` lists the only values it takes, `low` and `high` bound a number."""

    name: str
    kind: Kind = Kind.STRING
    required: bool = False
    words: tuple[str, ...] = ()
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True)
class Schema:
    """One JSON object."""

    name: str
    fields: tuple[Field, ...]


SCOPES = (
    "read",
    "write",
    "read::block_trade_accept",
    "read::portfolio_balance",
    "write::trade",
    "write::transfer",
    "write::block_trade_accept",
    "write::fcm_risk",
)
"""The scopes of API keys (auth.md 3)."""
_SIDES = ("bid", "ask")
_INSTANCES = ("event_contract", "margined")
_SHARD = Field("exchange_index", Kind.INT)
_SUBACCOUNT = Field("subaccount", Kind.INT, low=0, high=LAST_SUBACCOUNT)

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
_CONTRACTS_LIMIT = (Field("contracts_limit", Kind.INT, low=1, high=1_000_000), Field("contracts_limit_fp"))
GROUP = Schema("CreateOrderGroupRequest", (_SUBACCOUNT, *_CONTRACTS_LIMIT, _SHARD))
GROUP_LIMIT = Schema("UpdateOrderGroupLimitRequest", _CONTRACTS_LIMIT)
SUBACCOUNT = Schema("CreateSubaccountRequest", (Field("exchange_index", Kind.INT, low=0, high=routing.LAST),))
SUBACCOUNT_TRANSFER = Schema(
    "ApplySubaccountTransferRequest",
    (
        Field("client_transfer_id", required=True),
        Field("from_subaccount", Kind.INT, required=True, low=0, high=LAST_SUBACCOUNT),
        Field("to_subaccount", Kind.INT, required=True, low=0, high=LAST_SUBACCOUNT),
        Field("amount_cents", Kind.INT, required=True, low=1),
        Field("exchange_index", Kind.INT, low=0, high=routing.LAST),
    ),
)
NETTING = Schema(
    "UpdateSubaccountNettingRequest",
    (
        Field("subaccount_number", Kind.INT, required=True, low=0, high=LAST_SUBACCOUNT),
        Field("enabled", Kind.BOOL, required=True),
    ),
)
INSTANCE_TRANSFER = Schema(
    "IntraExchangeInstanceTransferRequest",
    (
        Field("client_transfer_id"),
        Field("source", required=True, words=_INSTANCES),
        Field("destination", required=True, words=_INSTANCES),
        Field("amount", Kind.INT, required=True, low=1),
        Field("source_exchange_shard", Kind.INT, low=0, high=routing.LAST),
        Field("destination_exchange_shard", Kind.INT, low=0, high=routing.LAST),
        Field("source_subaccount", Kind.INT, low=0, high=LAST_SUBACCOUNT),
        Field("destination_subaccount", Kind.INT, low=0, high=LAST_SUBACCOUNT),
    ),
)
ALLOCATION = Schema(
    "SetTargetBalanceAllocationRequest",
    (
        Field("allocations", Kind.OBJECTS, required=True),
        Field("resting_margin_reservation", words=("none", "max", "sum")),
    ),
)
ALLOCATION_ENTRY = Schema(
    "TargetBalanceAllocationInput",
    (
        Field("exchange_index", Kind.INT, required=True, low=0, high=routing.LAST),
        Field("percent", Kind.INT, required=True, low=0, high=100),
    ),
)
_KEY_FIELDS = (
    Field("name", required=True),
    Field("scopes", Kind.STRINGS, words=SCOPES),
    _SUBACCOUNT,
    Field("fcm_subtrader_id"),
)
CREATE_KEY = Schema("CreateApiKeyRequest", (*_KEY_FIELDS, Field("public_key", required=True)))
GENERATE_KEY = Schema("GenerateApiKeyRequest", (*_KEY_FIELDS, Field("key_type", words=("rsa", "ed25519"))))
