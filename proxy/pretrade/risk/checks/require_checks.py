"""What an order must say itself, because the policy requires it.

Rule of this file: one report a required flag. Nothing is added here (`injecting` may have done that). What can only
close what is held is bound by none of them, so that no flag keeps it from trading. An amend is bound by what its order
was placed with: that may have been an exit, which nobody asked for any flag, and it may open now.
"""

from collections.abc import Iterator

from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Check
from pretrade.model.orders import AmendOrder, Flags, NewOrder, TimeInForce
from pretrade.policy.bounds import Required
from pretrade.risk.checks.case import Case, Leg


def check_required(case: Case) -> tuple[Check, ...]:
    """Every required flag of every order that may open something."""
    bound = [leg for leg in case.opening if leg.bounds.required.is_anything]
    if not bound:
        return ()
    placed = next((one.flags for one in case.facts.orders), None)
    return tuple([report for leg in bound for report in _reports(leg, case.facts.now_ms, placed)])


def _reports(leg: Leg, now_ms: int, placed: Flags | None = None) -> Iterator[Check]:
    """The flags of a leg; `placed` are those of the order that an amend names, None in a row of before they were kept:
    it is judged as it was, by the end that it states alone."""
    order, required = leg.order, leg.bounds.required
    has = order if isinstance(order, NewOrder) else placed
    if has is not None:
        for name, observed, limit in _flags(has, required):
            code = None if observed == limit else DenyCode.FLAG_REQUIRED
            yield Check(required.rules[name], f"{name}: {observed}", f"{name}: {limit}", code, leg.number)
    within = required.expiration_within_ms
    if within is not None:
        code = None if _expires(order, placed, now_ms, within) else DenyCode.FLAG_REQUIRED
        rule, limit = required.rules["expiration_within_ms"], f"expiration_time within {within} ms of now"
        yield Check(rule, _lifetime(order, placed, now_ms), limit, code, leg.number)


def _flags(order: NewOrder | Flags, required: Required) -> Iterator[tuple[str, str, str]]:
    """Every flag with one required value: its name, what it is, what it must be."""
    for name in ("post_only", "reduce_only", "cancel_order_on_pause"):
        if getattr(required, name):
            yield name, str(bool(getattr(order, name))).lower(), "true"
    if required.self_trade_prevention is not None:
        yield "self_trade_prevention", order.self_trade_prevention_type, required.self_trade_prevention


def _expires(order: NewOrder | AmendOrder, placed: Flags | None, now_ms: int, within_ms: int) -> bool:
    """Whether an order ends soon enough by itself. An amend that says nothing of it keeps what the order had; zero
    takes it away (orders.md 4)."""
    if isinstance(order, NewOrder) and order.time_in_force is not TimeInForce.GOOD_TILL_CANCELED:
        return True
    if _keeps(order) and placed is None:
        return True
    until = _until(order, placed)
    return until is not None and until > 0 and until * 1_000 - now_ms <= within_ms


def _lifetime(order: NewOrder | AmendOrder, placed: Flags | None, now_ms: int) -> str:
    if isinstance(order, NewOrder) and order.time_in_force is not TimeInForce.GOOD_TILL_CANCELED:
        return f"time_in_force: {order.time_in_force}"
    until = _until(order, placed)
    if _keeps(order) and (placed is None or until is None):
        return "expiration_time unchanged" if placed is None else "expiration_time unchanged, which nobody here knows"
    return f"expiration_time in {until * 1_000 - now_ms} ms" if until else "no expiration_time"


def _keeps(order: NewOrder | AmendOrder) -> bool:
    return isinstance(order, AmendOrder) and order.expiration_time is None


def _until(order: NewOrder | AmendOrder, placed: Flags | None) -> int | None:
    """When an order ends by itself, in Unix seconds; zero or None where it does not, or nobody knows."""
    return placed.rests_until if _keeps(order) and placed is not None else order.expiration_time
