"""The truth table: role x every endpoint of the catalogue, in words of the design, by family and class alone.

Rule of this file: it does not ask the program, and it has no default: an endpoint of a class that nobody has written
down here has no cell, and the tests fail. The mode and the environment make no difference to a cell, only to what is
sent, and whether a start is refused.
"""

import csv
import json
from importlib import resources

from tests.e2e.clients import API, RawClient
from tests.e2e.harness import OPEN, World, order

READ, BELOW, CLOSED, REMOVED, HANDSHAKE, NO_STREAM = (
    "read", "ENDPOINT_BELOW_POLICY", "ENDPOINT_NOT_ALLOWED", "ORDER_FAMILY_REMOVED", "HANDSHAKE_MALFORMED",
    "WEBSOCKET_NOT_AVAILABLE",
)  # fmt: skip
REFUSED_ROLE, JUDGED_HERE = "ROLE_READ_ONLY", "judged"
WRITE = "a write that the policy judges"
"""JUDGED_HERE, but for R, which refuses it."""

JUDGED = {
    "order_create": order(),
    "order_create_batch": {"orders": [order(), order(price="0.0600")]},
    "order_amend": {"ticker": OPEN, "side": "bid", "count": "2.00", "price": "0.0500"},
    "order_decrease": {"reduce_by": "1.00"},
    "order_cancel": None,
    "order_cancel_batch": {"orders": [{"order_id": "no-such-order"}]},
    "order_group_create": {"contracts_limit": 10},
    "order_group_limit": {"contracts_limit": 1},
    "order_group_reset": {},
    "order_group_trigger": {},
    "order_group_delete": None,
    "rfq_delete": None,
    "quote_delete": None,
}
"""Writes that the policy judges, each in its exchange's form; some have no body."""

_ORDERS = (
    "order_create", "order_create_batch", "order_amend", "order_decrease", "order_cancel", "order_cancel_batch",
)  # fmt: skip
_GROUPS = (
    "order_group_create", "order_group_limit", "order_group_reset", "order_group_trigger", "order_group_delete",
)  # fmt: skip
_TRADES = (
    "market_create", "account_write", "rfq_create", "quote_create", "quote_accept", "quote_confirm",
    "block_trade_propose", "block_trade_accept",
)  # fmt: skip
"""What trades, or changes how the account trades, without being an order."""
_POWERS = (
    "api_key_admin", "api_key_read", "fcm_position_transfer", "fcm_risk", "fcm_write", "subaccount_create",
    "subaccount_lock", "subaccount_netting", "transfer_allocation", "transfer_exchange_instance",
    "transfer_position", "transfer_subaccount",
)  # fmt: skip
"""Money, keys and what others may do: no text opens them."""
_MARGIN_WRITES = (
    *(kind for kind in _ORDERS if kind != "order_create_batch"), *_GROUPS, "exit_trigger_write", "fcm_risk",
    "fcm_write", "subaccount_create", "transfer_subaccount",
)  # fmt: skip

CELLS: dict[tuple[str, str], str] = {
    ("general", "read"): READ,
    ("general", "websocket"): HANDSHAKE,
    **{("general", kind): WRITE for kind in (*_GROUPS, "rfq_delete", "quote_delete")},
    **{("general", kind): CLOSED for kind in _TRADES},
    **{("general", kind): BELOW for kind in _POWERS},
    **{("v2", kind): WRITE for kind in _ORDERS},
    **{("v1", kind): REMOVED for kind in _ORDERS},
    ("margin", "read"): READ,
    ("margin", "websocket"): NO_STREAM,
    **{("margin", kind): BELOW for kind in _MARGIN_WRITES},
    **{("klear", kind): BELOW for kind in ("read", "api_key_admin", "api_key_read", "fcm_write", "funds")},
}
"""Every (family, class) of the catalogue, and what is said to it. A handshake here is no WebSocket request."""


def catalogue() -> list[dict[str, str]]:
    """The endpoints that the program knows."""
    text = resources.files("pretrade.kalshi").joinpath("endpoints.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def expected(row: dict[str, str], role: str) -> str:
    """The word of a cell. Raises KeyError where nobody has said what it is."""
    word = CELLS[row["family"], row["class"]]
    if word != WRITE:
        return word
    return REFUSED_ROLE if role == "R" else JUDGED_HERE


def name_of(row: dict[str, str]) -> tuple[str, str]:
    """Method and path of a row, with a name in each brace; a passthrough has one segment."""
    parts = ["x1" if part.startswith("{") else part for part in row["path"].split("/")]
    return row["method"], "/".join(parts)


def ask(bot: RawClient, row: dict[str, str]) -> str:
    """Our refusal's code, of the steps before anything is judged and of the role's own; else `read`. The request is
    well formed, so that nothing but role and endpoint decides."""
    is_cancel_all = row["path"].endswith("/events/orders") and row["method"] == "DELETE"
    body = None if row["method"] == "GET" or is_cancel_all else JUDGED.get(row["class"])
    answer = bot.send(*name_of(row), body)
    said = json.loads(answer.raw) if answer.raw[:1] == b"{" else {}
    code = said.get("code", "")
    return code if code in {REFUSED_ROLE, REMOVED, CLOSED, BELOW, HANDSHAKE, NO_STREAM} else READ


def hold_to_table(world: World, role: str, mode: str) -> None:
    """Ask everything of the catalogue, and fail where an answer or what was sent is not the table's."""
    before, bot = len(world.exchange_requests()), world.raw()
    codes = {name_of(row): ask(bot, row) for row in catalogue()}
    sent = {request["path"] for request in world.exchange_requests()[before:]}
    decided = {(row.body["method"], row.body["path"]) for row in world.events("decision")}
    cells = {name: JUDGED_HERE if name in decided and codes[name] != REFUSED_ROLE else codes[name] for name in codes}
    wanted = {name_of(row): expected(row, role) for row in catalogue()}
    assert len(wanted) == len(catalogue())
    assert {name: (cells[name], word) for name, word in wanted.items() if cells[name] != word} == {}
    sends = mode == "live" and role != "R"
    assert (f"{API}/portfolio/events/orders" in sent) is sends
    assert sent == set() or sends
