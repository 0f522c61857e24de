"""The catalogue: every endpoint of the exchange that is known, and how a request to it is handled.

Rule of this file: what is not in `endpoints.csv` does not exist, and every row of it has exactly one handling. The rows
are the API as of October 2026 (SDK 3.34.0 and what newer clients call); FIX is order entry too, but not HTTP, so it has
no row here. Two classes are ours: `websocket` for the handshakes and `api_key_read` for lists of API keys.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import resources
from typing import assert_never

from pretrade.model.frozen import frozen

MAX_PATH = 1024
"""Characters of a path that are looked at; far above any real one."""

_PATH = re.compile(r"(?:/(?!\.+(?:/|\Z))[A-Za-z0-9._-]+)+", re.ASCII)
_PASSTHROUGH = "/{...}"
_PASSTHROUGH_DEPTH = 4


class EndpointClass(StrEnum):
    """What a request to an endpoint does to the account."""

    READ = "read"
    API_KEY_READ = "api_key_read"
    WEBSOCKET = "websocket"
    ORDER_CREATE = "order_create"
    ORDER_CREATE_BATCH = "order_create_batch"
    ORDER_AMEND = "order_amend"
    ORDER_DECREASE = "order_decrease"
    ORDER_CANCEL = "order_cancel"
    ORDER_CANCEL_BATCH = "order_cancel_batch"
    ORDER_GROUP_CREATE = "order_group_create"
    ORDER_GROUP_DELETE = "order_group_delete"
    ORDER_GROUP_LIMIT = "order_group_limit"
    ORDER_GROUP_RESET = "order_group_reset"
    ORDER_GROUP_TRIGGER = "order_group_trigger"
    RFQ_CREATE = "rfq_create"
    RFQ_DELETE = "rfq_delete"
    QUOTE_CREATE = "quote_create"
    QUOTE_DELETE = "quote_delete"
    QUOTE_ACCEPT = "quote_accept"
    QUOTE_CONFIRM = "quote_confirm"
    BLOCK_TRADE_PROPOSE = "block_trade_propose"
    BLOCK_TRADE_ACCEPT = "block_trade_accept"
    MARKET_CREATE = "market_create"
    EXIT_TRIGGER_WRITE = "exit_trigger_write"
    ACCOUNT_WRITE = "account_write"
    API_KEY_ADMIN = "api_key_admin"
    SUBACCOUNT_CREATE = "subaccount_create"
    SUBACCOUNT_LOCK = "subaccount_lock"
    SUBACCOUNT_NETTING = "subaccount_netting"
    TRANSFER_SUBACCOUNT = "transfer_subaccount"
    TRANSFER_POSITION = "transfer_position"
    TRANSFER_ALLOCATION = "transfer_allocation"
    TRANSFER_EXCHANGE_INSTANCE = "transfer_exchange_instance"
    FCM_POSITION_TRANSFER = "fcm_position_transfer"
    FCM_RISK = "fcm_risk"
    FCM_WRITE = "fcm_write"
    FUNDS = "funds"


class Family(StrEnum):
    """Which part of the API an endpoint belongs to; V1 and V2 are the two order families (orders.md 1)."""

    GENERAL = "general"
    V1 = "v1"
    V2 = "v2"
    MARGIN = "margin"
    KLEAR = "klear"


class Handling(StrEnum):
    """How a request is handled: exactly one for each endpoint."""

    READ = "read"
    ORDER = "order"
    WITHDRAW = "withdraw"
    ORDER_GROUP = "order_group"
    REMOVED_V1 = "removed_v1"
    NOT_ALLOWED = "not_allowed"
    BELOW_POLICY = "below_policy"
    WEBSOCKET = "websocket"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row of the catalogue; `template` is the path with its braces. Where the exchange takes a read with and
    without a signature, `needs_signature` is true: signed reads have the larger budget."""

    method: str
    template: str
    operation: str
    needs_signature: bool
    endpoint_class: EndpointClass
    family: Family


@frozen
class Found:
    """An endpoint and the values of its braces, in order, as they stood in the path."""

    endpoint: Endpoint
    names: tuple[str, ...]


def find(method: str, path: str) -> Found | None:
    """The endpoint of a request, or None for everything that is not exactly in the catalogue.

    `method` and `path` (without query) are the raw text of the request line; nothing is decoded or normalised. A
    literal segment wins over a brace, and a value that differs from a sibling literal by case alone fits neither.
    """
    if (literally := _LITERAL.get((method, path))) is not None:
        return literally
    node = _TABLE.get(method)
    if node is None or len(path) > MAX_PATH or _PATH.fullmatch(path) is None:
        return None
    names = []
    for segment in path[1:].split("/"):
        literal = node.literals.get(segment)
        if literal is not None:
            node = literal
        elif node.parameter is not None and segment.lower() not in node.literals:
            node = node.parameter
            names.append(segment)
        else:
            return None
    return Found(node.endpoint, tuple(names)) if node.endpoint else None


def handling(endpoint: Endpoint) -> Handling:
    """The one way requests to this endpoint are handled.

    Below the policy: everything of the clearing API, every margin write, money, credentials (lists of keys too: they
    would show clients the live key's id), FCM. Not allowed: what trades without being an order that a limit could hold.
    """
    if endpoint.family is Family.KLEAR:
        return Handling.BELOW_POLICY
    by_class = _by_class(endpoint.endpoint_class)
    if endpoint.family is Family.MARGIN and by_class not in {Handling.READ, Handling.WEBSOCKET}:
        return Handling.BELOW_POLICY
    if by_class is not Handling.ORDER:
        return by_class
    if endpoint.family is Family.V2:
        return Handling.ORDER
    return Handling.REMOVED_V1 if endpoint.family is Family.V1 else Handling.BELOW_POLICY


def _by_class(endpoint_class: EndpointClass) -> Handling:
    kinds = EndpointClass
    match endpoint_class:
        case kinds.READ:
            return Handling.READ
        case kinds.WEBSOCKET:
            return Handling.WEBSOCKET
        case (
            kinds.ORDER_CREATE
            | kinds.ORDER_CREATE_BATCH
            | kinds.ORDER_AMEND
            | kinds.ORDER_DECREASE
            | kinds.ORDER_CANCEL
            | kinds.ORDER_CANCEL_BATCH
        ):
            return Handling.ORDER
        case kinds.RFQ_DELETE | kinds.QUOTE_DELETE:
            return Handling.WITHDRAW
        case (
            kinds.ORDER_GROUP_CREATE
            | kinds.ORDER_GROUP_DELETE
            | kinds.ORDER_GROUP_LIMIT
            | kinds.ORDER_GROUP_RESET
            | kinds.ORDER_GROUP_TRIGGER
        ):
            return Handling.ORDER_GROUP
        case (
            kinds.ACCOUNT_WRITE
            | kinds.MARKET_CREATE
            | kinds.EXIT_TRIGGER_WRITE
            | kinds.BLOCK_TRADE_PROPOSE
            | kinds.BLOCK_TRADE_ACCEPT
            | kinds.RFQ_CREATE
            | kinds.QUOTE_CREATE
            | kinds.QUOTE_ACCEPT
            | kinds.QUOTE_CONFIRM
        ):
            return Handling.NOT_ALLOWED
        case (
            kinds.API_KEY_READ
            | kinds.API_KEY_ADMIN
            | kinds.FUNDS
            | kinds.FCM_RISK
            | kinds.FCM_WRITE
            | kinds.FCM_POSITION_TRANSFER
            | kinds.SUBACCOUNT_CREATE
            | kinds.SUBACCOUNT_LOCK
            | kinds.SUBACCOUNT_NETTING
            | kinds.TRANSFER_SUBACCOUNT
            | kinds.TRANSFER_POSITION
            | kinds.TRANSFER_ALLOCATION
            | kinds.TRANSFER_EXCHANGE_INSTANCE
        ):
            return Handling.BELOW_POLICY
        case _:
            assert_never(endpoint_class)


@dataclass(slots=True)
class _Node:
    """One position in a path: what may follow literally, what may stand there as a value, and what ends there."""

    literals: dict[str, "_Node"] = field(default_factory=dict)
    parameter: "_Node | None" = None
    endpoint: Endpoint | None = None

    def add(self, template: str, endpoint: Endpoint) -> None:
        node = self
        for segment in template[1:].split("/"):
            if segment.startswith("{"):
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.literals.setdefault(segment, _Node())
        if node.endpoint is not None:
            raise ValueError(f"the catalogue has {endpoint.method} {template} twice")
        node.endpoint = endpoint


def _rows() -> Iterator[Endpoint]:
    text = resources.files("pretrade.kalshi").joinpath("endpoints.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        yield Endpoint(
            row["method"],
            row["path"],
            row["operation_id"],
            {"y": True, "n": False}[row["needs_signature"]],
            EndpointClass(row["class"]),
            Family(row["family"]),
        )


def _spellings(template: str) -> Iterator[str]:
    """The template itself; a passthrough stands for one to four segments."""
    if not template.endswith(_PASSTHROUGH):
        yield template
        return
    for depth in range(1, _PASSTHROUGH_DEPTH + 1):
        yield template.removesuffix(_PASSTHROUGH) + "/{}" * depth


def _table(endpoints: tuple[Endpoint, ...]) -> dict[str, _Node]:
    table: dict[str, _Node] = {}
    for endpoint in endpoints:
        for spelling in _spellings(endpoint.template):
            table.setdefault(endpoint.method, _Node()).add(spelling, endpoint)
    return table


ENDPOINTS: tuple[Endpoint, ...] = tuple(_rows())
"""Every row of the catalogue, in the order of the file."""

_LITERAL = {
    (endpoint.method, endpoint.template): Found(endpoint, ()) for endpoint in ENDPOINTS if "{" not in endpoint.template
}
"""The paths without a brace, orders among them, found at once: literal all the way, they are nobody else's."""
_TABLE = _table(ENDPOINTS)
