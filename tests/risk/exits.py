"""The worst there can be for an order: a policy whose every limit is at its least, and facts in which all is broken.

Rule of this file: nothing that invariant 6 lets bind an exit is broken here (role, ownership, form, tick, HALTED,
reconciliation, a fresh reference price); everything else is.
"""

from dataclasses import replace

from tests.builders import policy_text
from tests.waived import waive

from pretrade.gateway.config import loads
from pretrade.model.facts import Facts
from pretrade.model.instance import TradingState
from pretrade.model.pace import LegPace, PaceSeen
from pretrade.policy.schema import Policy

_LEAST = (
    ('max_count: "100"', 'max_count: "1"'),
    ('max_count: "20"', 'max_count: "1"'),
    ('max_risk: "$200"', 'max_risk: "$0.01"'),
    ("max_orders: 25", "max_orders: 1"),
    ('max_notional: "$200"', 'max_notional: "$0.01"'),
    ('max_loss: "$50"', 'max_loss: "$0.01"'),
    ('max_position: "100"', 'max_position: "0.01"'),
    ('max_exposure: "$200"', 'max_exposure: "$0.01"'),
    ('max_exposure: "$400"', 'max_exposure: "$0.01"'),
    ('max_exposure: "$600"', 'max_exposure: "$0.01"'),
    ('max_exposure: "$1000"', 'max_exposure: "$0.01"'),
    ("max_open_orders: 50", "max_open_orders: 1"),
    ("max_same_order: 3", "max_same_order: 1"),
    ("post_only: false", "post_only: true"),
    ("reduce_only: false", "reduce_only: true"),
    ("expiration_within: never", "expiration_within: 1h"),
    ("self_trade_prevention: any", "self_trade_prevention: maker"),
    ("cancel_order_on_pause: false", "cancel_order_on_pause: true"),
    ('above_risk: "$100"', 'above_risk: "$0.01"'),
    ("allow: true", "allow: false"),
    ("order_groups:\n", 'inject: {order_group: "1"}\norder_groups:\n'),
    ("mode: dry_run", "mode: live"),
)
AFTER_ALL = "2999-01-01"
"""A day on which every waiver has run out."""


def tightest(*changes: tuple[str, str]) -> Policy:
    """The default policy with every limit at its least, these changes, and one limit waived until a day that is over
    on AFTER_ALL."""
    text = waive(policy_text(*_LEAST, *changes, strict=True), ("price.walk",))
    return loads(text.replace("until: 2999-12-31", "until: 2998-12-31"), source="policy.yaml").policy


def at_worst(facts: Facts) -> Facts:
    """The same account when nothing else is as it should be: every figure and the pace past every limit, no market
    and no exchange seen, no place and no loss known, trading REDUCING for everybody and for the client."""
    return replace(
        facts,
        day=AFTER_ALL,
        trading_state=TradingState.REDUCING,
        client_state=TradingState.REDUCING,
        usages=tuple(usage._replace(after=usage.after + 10**15) for usage in facts.usages),
        places=(),
        markets=(),
        exchange=None,
        pace=None if facts.pace is None else _worst_pace(facts.pace),
        losses=(),
        marks=(),
    )


def _worst_pace(pace: PaceSeen) -> PaceSeen:
    """Every bucket empty, and every order sent a million times within the window, the last one unanswered."""
    buckets = tuple(bucket._replace(used=10**15, at_ms=pace.now_ms) for bucket in pace.buckets)
    like = LegPace(same=10**6, same_within_ms=10_000, in_flight="d-0", walked_from=None, walk_within_ms=60_000)
    return PaceSeen(pace.now_ms, buckets, (like,) * len(pace.legs))
