"""Faults that change what is executed or whose answer is told: part of a batch refused, another order's ids.

Rule of this file: requests and replies in, requests and replies out; nothing here executes or sends.
"""

import json
import random
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pretrade.practice.api.call import Reply
from pretrade.practice.api.dispatch import HttpRequest
from pretrade.practice.core.errors import ExchangeError
from pretrade.practice.core.records import Order

_REFUSED = ExchangeError(503, "service_unavailable")
"""What a refused entry is told: the code of a shard that is down (orders.md 7)."""


def split_batch(request: HttpRequest, every: int) -> tuple[HttpRequest | None, dict[int, dict[str, Any]]]:
    """The batch without each `every`th entry (None when nothing is left), and the entries taken out by their place.

    A body that is no batch comes back as it was, with nothing taken out.
    """
    try:
        body = json.loads(request.body)
        entries = list(body["orders"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return request, {}
    taken = {place: entry for place, entry in enumerate(entries) if (place + 1) % every == 0}
    kept = [entry for place, entry in enumerate(entries) if place not in taken]
    if not kept:
        return None, taken
    return replace(request, body=json.dumps(body | {"orders": kept}).encode()), taken


def join_batch(method: str, reply: Reply | None, taken: Mapping[int, dict[str, Any]]) -> Reply:
    """The reply to the rest of a batch with an error in each place that was taken out; a refusal stays what it is."""
    if reply is not None and (reply.body is None or "orders" not in reply.body):
        return reply
    status = reply.status if reply is not None else 200 if method == "DELETE" else 201
    answered = iter(reply.body["orders"] if reply is not None and reply.body is not None else ())
    count = len(taken) + (len(reply.body["orders"]) if reply is not None and reply.body is not None else 0)
    entries = [_refused(method, taken[place]) if place in taken else next(answered) for place in range(count)]
    return Reply(status, {"orders": entries})


def _refused(method: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    error = {"error": _REFUSED.flat()}
    if method == "DELETE":
        return error | {"order_id": entry.get("order_id", ""), "reduced_by": "0.00"}
    return error | ({"client_order_id": entry["client_order_id"]} if entry.get("client_order_id") else {})


def about_another(reply: Reply, orders: Mapping[str, Order], rng: random.Random) -> Reply:
    """The reply with the ids of another order: the account's newest other one, or ids of none where there is no other.

    Everything else in it stays, as it did when the exchange did this. A reply without an order id comes back as it was.
    """
    if reply.body is None:
        return reply
    if isinstance(inner := reply.body.get("order"), dict):
        return Reply(reply.status, reply.body | {"order": _renamed(inner, orders, rng)})
    return Reply(reply.status, _renamed(reply.body, orders, rng))


def _renamed(body: dict[str, Any], orders: Mapping[str, Order], rng: random.Random) -> dict[str, Any]:
    mine = orders.get(body.get("order_id", ""))
    if mine is None:
        return body
    others = [order for order in orders.values() if order.account == mine.account and order is not mine]
    if not others:
        return body | {"order_id": str(uuid.UUID(int=rng.getrandbits(128), version=4))}
    other = others[-1]
    return body | {"order_id": other.order_id, "client_order_id": other.client_order_id}
