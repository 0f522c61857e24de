"""A whole valid policy as the tree of texts that reaches the schema, and small changes to it."""

import copy
import json
from typing import Any

from pretrade.policy.schema import Policy

TREE: dict[str, Any] = {
    "version": "1",
    "instance": {"role": "W", "environment": "practice", "mode": "dry_run", "allow_production": "false"},
    "listen": {"proxy": "127.0.0.1:8080", "base_url": "127.0.0.1:8081"},
    "exchange": {"practice": {"url": "https://127.0.0.1:9443", "ca": "practice/ca.crt"}},
    "signing": {"key_id": "live-key", "key_file": "keys/live.pem", "passphrase_file": "keys/live.pass"},
    "state_dir": "state",
    "certs_dir": "certs",
    "clients": {"bot": {"key_id": "bot-key", "public_key": "keys/bot.pub.pem", "subaccount": "0"}},
    "limits": {
        "order": {"max_count": "100", "max_risk": "$200"},
        "day": {"timezone": "America/New_York", "max_orders": "25"},
    },
    "price": {"band": {"min": "$0.02", "max": "$0.98"}},
    "fees": {"multiplier_ceiling": "1.0"},
    "markets": [
        {
            "match": "KXBTC-*",
            "allow": "true",
            "limits": {"order": {"max_count": "20", "max_risk": "$50"}},
            "price": {"band": {"min": "$0.10", "max": "$0.90"}},
        },
        {"match": "KXHIGHNY-*", "allow": "true"},
        {"match": "*", "allow": "false"},
    ],
    "end": "policy",
}
"""Every key of the schema, the optional ones too."""

GONE = object()


class Raw(str):
    """A scalar that `as_yaml` writes without quotes."""

    __slots__ = ()


def changed(*changes: tuple[tuple[str | int, ...], Any]) -> dict[str, Any]:
    """The tree with values replaced at the places given; GONE takes the key away."""
    tree = copy.deepcopy(TREE)
    for where, value in changes:
        group: Any = tree
        for part in where[:-1]:
            group = group[part]
        if value is GONE:
            del group[where[-1]]
        else:
            group[where[-1]] = value
    return tree


def policy(*changes: tuple[tuple[str | int, ...], Any]) -> Policy:
    """The valid policy with the changes."""
    return Policy.model_validate(changed(*changes))


def as_yaml(tree: dict[str, Any]) -> str:
    """The tree as a policy file: a key of the top a line, `end: policy` plain where it is the last."""
    lines = []
    for name, value in tree.items():
        plain = name == "end" and value == "policy"
        lines.append(f"{name}: {value if plain else _flow(value)}")
    return "\n".join(lines) + "\n"


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_flow(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(inner) for inner in value) + "]"
    return str(value) if isinstance(value, Raw) else json.dumps(value, ensure_ascii=False)
