"""What the proxy writes into orders by the policy's `inject`, and how a write looked before that.

Rule of this file: pure, and it only tightens: a field that the client stated is left as it is, but for an expiration
that is later than the policy lets an order rest. What can only close what is held is left alone, so that nothing here
can keep an exit from trading. What comes out is judged; what went in is what the client meant.
"""

from collections.abc import Iterable
from dataclasses import replace

from pretrade.model.facts import Facts
from pretrade.model.orders import AmendOrder, CreateBatch, CreateOrder, NewOrder, TimeInForce, Write, orders_of
from pretrade.model.rewrites import Rewrite
from pretrade.policy.bounds import Injected
from pretrade.policy.combine import bounds_for
from pretrade.policy.schema import Policy
from pretrade.risk.checks.capped import is_capped


def inject(write: Write, facts: Facts, policy: Policy) -> tuple[Write, tuple[Rewrite, ...]]:
    """The write as the policy has it sent, and every field that was written in. `facts` are those of the write."""
    rules = bounds_for(policy, facts.client, "").injected  # no market states any of its own
    if not rules.is_anything:
        return write, ()
    legs: tuple[NewOrder | AmendOrder, ...] = (write,) if isinstance(write, AmendOrder) else orders_of(write)
    rewrites = [
        rewrite
        for leg, order in enumerate(legs)
        if opens(order, leg, facts.reduces)
        for rewrite in _rewrites(leg, order, rules, facts)
    ]
    return _with(write, ((one.leg, one.field, one.after) for one in rewrites)), tuple(rewrites)


def opens(order: NewOrder | AmendOrder, leg: int, reduces: tuple[bool, ...]) -> bool:
    """Whether an order of a write may open something: neither we nor the exchange keep it from that."""
    if leg < len(reduces) and reduces[leg]:
        return False
    return isinstance(order, AmendOrder) or not is_capped(order)


def undone(write: Write, rewrites: Iterable[Rewrite]) -> Write:
    """The write as it was before these fields were written in."""
    return _with(write, ((one.leg, one.field, one.before) for one in rewrites))


def _rewrites(leg: int, order: NewOrder | AmendOrder, rules: Injected, facts: Facts) -> list[Rewrite]:
    found: list[Rewrite] = []
    if not rules.is_anything:
        return found
    if isinstance(order, NewOrder):
        own = facts.own_groups[leg] if leg < len(facts.own_groups) else None
        if own is not None and order.order_group_id is None:
            found.append(Rewrite(leg, "order_group_id", None, own))
        if rules.on_pause and _rests(order) and order.cancel_order_on_pause is None:
            found.append(Rewrite(leg, "cancel_order_on_pause", None, after=True))
    if rules.within_ms is not None and _rests(order):
        latest_s = (facts.now_ms + rules.within_ms) // 1000
        if _is_later(order, latest_s, facts):
            found.append(Rewrite(leg, "expiration_time", order.expiration_time, latest_s))
    return found


def _rests(order: NewOrder | AmendOrder) -> bool:
    return isinstance(order, AmendOrder) or order.time_in_force is TimeInForce.GOOD_TILL_CANCELED


def _is_later(order: NewOrder | AmendOrder, latest_s: int, facts: Facts) -> bool:
    """Whether an order would rest longer. An amend that says nothing keeps what its order has (orders.md 4): one that
    was placed as an exit has what its client gave it. Of an order whose end nobody knows it is left alone."""
    until = order.expiration_time
    if until is None and isinstance(order, AmendOrder):
        until = next((one.flags.rests_until for one in facts.orders if one.flags is not None), latest_s)
        return until is not None and (until > latest_s or not until)
    return until is None or until > latest_s or not until


def _with(write: Write, values: Iterable[tuple[int, str, object]]) -> Write:
    changes: dict[int, dict[str, object]] = {}
    for leg, name, value in values:
        changes.setdefault(leg, {})[name] = value
    if not changes:
        return write
    if isinstance(write, CreateOrder):
        return CreateOrder(_changed(write.order, changes[0]))
    if isinstance(write, CreateBatch):
        orders = (_changed(one, changes[leg]) if leg in changes else one for leg, one in enumerate(write.orders))
        return CreateBatch(tuple(orders))
    return _changed(write, changes[0]) if isinstance(write, AmendOrder) else write


def _changed[T: (NewOrder, AmendOrder)](order: T, fields: dict[str, object]) -> T:
    return replace(order, **fields)  # type: ignore[arg-type]
