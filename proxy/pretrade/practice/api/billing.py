"""What a request costs and out of which buckets (auth.md 7).

Rule of this file: it is asked before a body is decoded properly, so it looks leniently; a body that cannot be read
costs like a single write and is refused a step later.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pretrade.practice.api import gojson
from pretrade.practice.api.call import Route
from pretrade.practice.api.query import Query
from pretrade.practice.core.routing import AUTO

_NUMBER = re.compile(r"-?[0-9]{1,18}", re.ASCII)


def peek(body: bytes) -> Mapping[str, Any]:
    """The JSON object of a body, empty for anything else."""
    try:
        value = gojson.read(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def cost(route: Route, body: Mapping[str, Any]) -> int:
    """The tokens of a request: those of its operation, for each entry of a batch."""
    entries = body.get("orders")
    return route.cost * max(1, len(entries)) if route.batch and isinstance(entries, list) else route.cost


def shards(route: Route, query: Query, body: Mapping[str, Any], every: Iterable[int]) -> Iterable[int]:
    """The shards whose write buckets pay. A batch is billed unscoped, which is the bucket of shard 0 here.

    A write that names a shard is paid there; one that is routed by its ticker is paid on every shard; one without a
    ticker goes to shard 0.
    """
    if route.batch:
        return (0,)
    index = _index(query, body)
    if index is not None and index > 0:
        return (index,)
    by_ticker = query.text("market_ticker") or body.get("ticker") or body.get("market_ticker")
    return every if route.routed and by_ticker and index in {None, AUTO} else (0,)


def _index(query: Query, body: Mapping[str, Any]) -> int | None:
    """The shard that is named, None for none and for what is no shard: that is refused a step later."""
    if "exchange_index" in body:
        given = body["exchange_index"]
        return given if type(given) is int else None
    text = query.text("exchange_index") or ""
    return int(text) if _NUMBER.fullmatch(text) else None
