"""The part of the policy that needs no state, in the languages of two general policy engines.

Rule of this file: the same entries, the same order of entries, the same answer: the first entry that fits a market
decides; an order is within its count, its price within the band, its risk within the limit. Each maker gives a
function that asks about an order in one market: the policy is read once, as each engine allows it.
"""

import json
from collections.abc import Callable
from typing import Any

type Ask = Callable[[int], bool]

_REGO = """
package pretrade
import rego.v1

fits := [i | entry := data.entries[i]; startswith(input.ticker, entry.begins)]

allow if {
    entry := data.entries[fits[0]]
    entry.allow
    input.count <= entry.max_count
    input.count <= 10000
    input.risk <= 200000000
    input.price >= 200
    input.price <= 9800
    input.subaccount == 0
}
"""


def rego(entries: int, ticker_of: Callable[[int], str]) -> Ask:
    """OPA's language by rego-cpp, which has no globs: the beginnings are compared."""
    from regopy import Interpreter

    engine = Interpreter()
    engine.add_module("pretrade.rego", _REGO)
    engine.add_data(
        {
            "entries": [
                *({"begins": glob(ticker_of(n))[:-1], "allow": True, "max_count": limit(n)} for n in range(entries)),
                {"begins": "", "allow": False, "max_count": 0},
            ]
        }
    )
    bundle = engine.build("data.pretrade.allow")

    def ask(number: int) -> bool:
        engine.set_input(_order(ticker_of(number)))
        return str(engine.query_bundle(bundle)) == '{"expressions":[true]}'

    return ask


def cedar(entries: int, ticker_of: Callable[[int], str]) -> Ask:
    """Cedar by cedarpy: a permit for each entry, parsed once. It has no order of policies, so the globs must not
    overlap, as here."""
    from cedarpy import Entities, PolicySet, is_authorized

    policies = PolicySet.from_str("\n".join(_permit(glob(ticker_of(n)), limit(n)) for n in range(entries)))
    nothing = Entities.from_json_str("[]")
    request: dict[str, Any] = {"principal": 'Client::"bot"', "action": 'Action::"order"', "resource": 'Exchange::"x"'}

    def ask(number: int) -> bool:
        return bool(is_authorized(request | {"context": _order(ticker_of(number))}, policies, nothing).allowed)

    return ask


def glob(ticker: str) -> str:
    """The entry's glob for a market's ticker."""
    return f"{ticker.partition('-')[0]}-*"


def limit(number: int) -> int:
    """The entry's own limit, in 0.01 contracts."""
    return 100 * (20 + number % 50)


def _order(ticker: str) -> dict[str, Any]:
    return {"ticker": ticker, "count": 100, "price": 5_600, "risk": 590_000, "subaccount": 0}


def _permit(pattern: str, max_count: int) -> str:
    rules = (
        f"context.ticker like {json.dumps(pattern)}",
        f"context.count <= {max_count}",
        "context.count <= 10000",
        "context.risk <= 200000000",
        "context.price >= 200",
        "context.price <= 9800",
        "context.subaccount == 0",
    )
    return f"permit(principal, action, resource) when {{ {' && '.join(rules)} }};"
