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
    "signing": {
        "key_id": "live-key",
        "key_file": "keys/live.pem",
        "passphrase_file": "keys/live.pass",
        "acknowledge": ["write::transfer"],
    },
    "state_dir": "state",
    "certs_dir": "certs",
    "other_hosts": ["api.weather.gov:443"],
    "clients": {
        "bot": {
            "key_id": "bot-key",
            "public_key": "keys/bot.pub.pem",
            "subaccount": "0",
            "shares_subaccount": "false",
            "private_channels": "true",
            "user": "bot",
            "limits": {
                "order": {"max_count": "60", "max_risk": "$90"},
                "day": {"max_orders": "20", "max_notional": "$150", "max_loss": "$30"},
                "market": {"max_position": "80", "max_exposure": "$120", "no_open_before_close": "6m"},
                "event": {"max_exposure": "$240"},
                "series": {"max_exposure": "$360"},
                "account": {"max_exposure": "$480", "max_open_orders": "30"},
                "throttle": {"place": "5/s", "amend": "4/s", "burst": "10"},
                "repeat": {"max_same_order": "2", "within": "20s", "allow_in_flight": "false"},
            },
            "price": {
                "band": {"min": "$0.05", "max": "$0.95"},
                "collar": {"aggressive": "$0.08", "passive": "$0.09", "max_age": "1s", "when_missing": "deny"},
                "walk": {"max": "$0.12", "within": "2m"},
            },
            "liquidity": {
                "max_slippage": "$0.02",
                "max_slippage_percent": "4",
                "min_depth": "20",
                "max_share_of_depth": "40",
                "min_grade": "moderate",
                "below_grade": "deny",
                "max_age": "1s",
            },
            "require": {
                "post_only": "true",
                "reduce_only": "false",
                "expiration_within": "12h",
                "self_trade_prevention": "maker",
                "cancel_order_on_pause": "true",
            },
            "confirm": {"above_risk": "$60"},
            "inject": {"order_group": "40", "cancel_order_on_pause": "true", "expiration_within": "2h"},
        }
    },
    "limits": {
        "order": {"max_count": "100", "max_risk": "$200"},
        "day": {"timezone": "America/New_York", "max_orders": "25", "max_notional": "$201", "max_loss": "$50"},
        "market": {"max_position": "101", "max_exposure": "$202", "no_open_before_close": "5m"},
        "event": {"max_exposure": "$400"},
        "series": {"max_exposure": "$600"},
        "account": {"max_exposure": "$1000", "max_open_orders": "50"},
        "throttle": {"place": "10/s", "amend": "10/s", "burst": "20"},
        "repeat": {"max_same_order": "3", "within": "10s", "allow_in_flight": "true"},
    },
    "unlimited_on_purpose": [{"limit": "confirm.above_risk", "reason": "nobody is at the desk", "until": "2026-12-31"}],
    "price": {
        "band": {"min": "$0.02", "max": "$0.98"},
        "collar": {"aggressive": "$0.10", "passive": "$0.11", "max_age": "2s", "when_missing": "last_trade"},
        "walk": {"max": "$0.15", "within": "60s"},
    },
    "liquidity": {
        "max_slippage": "$0.03",
        "max_slippage_percent": "5",
        "min_depth": "10",
        "max_share_of_depth": "50",
        "min_grade": "thin",
        "below_grade": "confirm",
        "max_age": "2s",
    },
    "require": {
        "post_only": "false",
        "reduce_only": "false",
        "expiration_within": "24h",
        "self_trade_prevention": "any",
        "cancel_order_on_pause": "false",
    },
    "confirm": {"approvals": "1", "within": "5m"},
    "order_groups": {"may_loosen": "false"},
    "inject": {"order_group": "80", "cancel_order_on_pause": "false", "expiration_within": "3h"},
    "halts": {
        "rejections": {"count": "10", "within": "60s", "then": "REDUCING"},
        "denials": {"count": "50", "within": "60s", "then": "REDUCING"},
        "exchange_errors": {"count": "5", "within": "60s", "then": "REDUCING"},
        "clock_skew": {"above": "2s", "then": "HALTED"},
        "breaks": {"kinds": ["orphan", "ghost"], "then": "REDUCING"},
        "loss": {"then": "REDUCING"},
        "repeat": {"then": "REDUCING"},
    },
    "notify": {"at": ["70", "80", "90"], "command": ["page"]},
    "observe": {
        "all": "false",
        "until": "2026-12-31",
        "rules": [{"rule": "price.collar", "until": "2026-12-31"}],
    },
    "fees": {"multiplier_ceiling": "1.0"},
    "reconcile": {"every": "15s", "max_age": "2m"},
    "markets": [
        {
            "match": "KXBTC-*",
            "event": "*",
            "series": "*",
            "allow": "true",
            "limits": {
                "order": {"max_count": "20", "max_risk": "$50"},
                "day": {"max_orders": "10", "max_notional": "$75"},
                "market": {
                    "max_position": "40",
                    "max_exposure": "$60",
                    "max_open_orders": "5",
                    "no_open_before_close": "7m",
                },
                "throttle": {"place": "2/s", "amend": "1/s", "burst": "4"},
                "repeat": {"max_same_order": "1", "within": "30s", "allow_in_flight": "false"},
            },
            "price": {
                "band": {"min": "$0.10", "max": "$0.90"},
                "collar": {"aggressive": "$0.05", "passive": "$0.06", "max_age": "500ms", "when_missing": "deny"},
                "walk": {"max": "$0.09", "within": "3m"},
            },
            "liquidity": {
                "max_slippage": "$0.01",
                "max_slippage_percent": "3",
                "min_depth": "30",
                "max_share_of_depth": "30",
                "min_grade": "liquid",
                "below_grade": "deny",
                "max_age": "500ms",
            },
            "require": {
                "post_only": "false",
                "reduce_only": "true",
                "expiration_within": "6h",
                "self_trade_prevention": "maker",
                "cancel_order_on_pause": "false",
            },
        },
        {"match": "KXHIGHNY-*", "allow": "true"},
        {"match": "*", "allow": "false"},
    ],
    "end": "policy",
}
"""Every key of the schema, the optional ones too, but `confirm.above_risk`, which it waives, and named live keys."""

_KEY = {
    "key_id": "bot-live-key",
    "key_file": "keys/bot-live.pem",
    "passphrase_file": "keys/bot-live.pass",
    "acknowledge": ["write::transfer"],
    "subaccount": "0",
}
KEYED: dict[str, Any] = TREE | {
    "signing": TREE["signing"] | {"keys": {"bot": _KEY}},
    "clients": {"bot": TREE["clients"]["bot"] | {"signing": "bot"}},
}
"""The same with a live key of the client's own: each needs the other, so that tests of clients begin without."""

UNWAIVED = ((("confirm", "above_risk"), "$100"), (("unlimited_on_purpose",), []))
"""The changes after which it states that too and waives nothing."""

GONE = object()


class Raw(str):
    """A scalar that `as_yaml` writes without quotes."""

    __slots__ = ()


def changed(*changes: tuple[tuple[str | int, ...], Any], of: dict[str, Any] = TREE) -> dict[str, Any]:
    """The tree with values replaced at the places given; GONE takes the key away."""
    tree = copy.deepcopy(of)
    for where, value in changes:
        group: Any = tree
        for part in where[:-1]:
            group = group[part]
        if value is GONE:
            del group[where[-1]]
        else:
            group[where[-1]] = value
    return tree


def policy(*changes: tuple[tuple[str | int, ...], Any], of: dict[str, Any] = TREE) -> Policy:
    """The valid policy with the changes."""
    return Policy.model_validate(changed(*changes, of=of))


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


_BOT = {name: value for name, value in TREE["clients"]["bot"].items() if name != "inject"}
UNINJECTED: dict[str, Any] = {name: value for name, value in TREE.items() if name != "inject"} | {
    "clients": {"bot": _BOT}
}
"""The same with nothing written into anybody's orders, for tests of what is judged as it came."""
