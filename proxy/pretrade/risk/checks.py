"""One small function a check. Each reports what it saw and what the limit was; none stops another from running.

Rule of this file: a check takes (write, facts, policy) and returns its reports, an empty tuple where it has nothing
to say. Cancels, decreases and withdrawals are bound by role and ownership alone, so that no limit can trap an exit.
"""

from collections.abc import Callable

from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Check
from pretrade.model.facts import Facts
from pretrade.model.instance import Mode, Role, TradingState
from pretrade.model.orders import (
    AmendOrder,
    CancelBatch,
    CancelOrder,
    CreateBatch,
    CreateOrder,
    DecreaseOrder,
    NewOrder,
    TimeInForce,
    Withdraw,
    Write,
    is_exit,
    orders_of,
)
from pretrade.model.units import format_count, format_money, format_price
from pretrade.policy.combine import limits_for
from pretrade.policy.schema import Policy
from pretrade.risk.worst_case import risk

type CheckFunction = Callable[[Write, Facts, Policy], tuple[Check, ...]]


def check_role(write: Write, facts: Facts, policy: Policy) -> tuple[Check, ...]:
    """Role R writes nothing, in either mode."""
    code = DenyCode.ROLE_READ_ONLY if facts.role is Role.R else None
    return (Check("instance.role", facts.role, "W or ABH", code),)


def check_trading_state(write: Write, facts: Facts, policy: Policy) -> tuple[Check, ...]:
    """HALTED lets exits through, REDUCING also what the exchange itself caps at the position held."""
    if facts.trading_state is TradingState.ACTIVE or is_exit(write):
        return (Check("trading_state", facts.trading_state, "ACTIVE or an exit"),)
    if facts.trading_state is TradingState.HALTED:
        return (Check("trading_state", facts.trading_state, "exits only", DenyCode.TRADING_HALTED),)
    code = None if _only_reduces(write) else DenyCode.TRADING_REDUCING
    return (Check("trading_state", facts.trading_state, "exits and reduce-only orders", code),)


def _only_reduces(write: Write) -> bool:
    # The exchange caps an immediate-or-cancel order with reduce_only at the position held (orders.md 2).
    orders = orders_of(write)
    return bool(orders) and all(
        order.reduce_only and order.time_in_force is TimeInForce.IMMEDIATE_OR_CANCEL for order in orders
    )


def check_subaccount(write: Write, facts: Facts, policy: Policy) -> tuple[Check, ...]:
    """A client trades its own subaccount and no other."""
    own = str(facts.subaccount)
    return tuple(
        Check(
            "clients.subaccount",
            own if named is None else str(named),
            own,
            None if named in (None, facts.subaccount) else DenyCode.SUBACCOUNT_NOT_OWNED,
            leg,
        )
        for leg, named in _subaccounts(write)
    )


def _subaccounts(write: Write) -> tuple[tuple[int | None, int | None], ...]:
    if isinstance(write, Withdraw):
        return ()
    if isinstance(write, CreateOrder):
        return ((None, write.order.subaccount),)
    if isinstance(write, CreateBatch):
        return tuple((leg, order.subaccount) for leg, order in enumerate(write.orders))
    if isinstance(write, CancelBatch):
        return tuple((leg, cancel.subaccount) for leg, cancel in enumerate(write.orders))
    return ((None, write.subaccount),)


def check_own_order(write: Write, facts: Facts, policy: Policy) -> tuple[Check, ...]:
    """In dry_run only orders of the dry-run book can be changed; a real one is out of reach from here."""
    if facts.mode is Mode.LIVE:
        return ()
    return tuple(
        Check(
            "instance.mode",
            order_id,
            "an order of this client's dry run",
            None if order_id in facts.own_orders else DenyCode.DRY_RUN_ORDER_UNKNOWN,
            leg,
        )
        for leg, order_id in named_orders(write)
    )


def named_orders(write: Write) -> tuple[tuple[int | None, str], ...]:
    """The existing orders that a write names: (batch leg or None, order id)."""
    if isinstance(write, AmendOrder | DecreaseOrder | CancelOrder):
        return ((None, write.order_id),)
    if isinstance(write, CancelBatch):
        return tuple((leg, order.order_id) for leg, order in enumerate(write.orders))
    return ()


def check_market(write: Write, facts: Facts, policy: Policy) -> tuple[Check, ...]:
    """The first entry of `markets` that fits a ticker decides."""
    checks = []
    for leg, order in _priced(write):
        limits = limits_for(policy, order.ticker)
        code = None if limits.allowed else DenyCode.MARKET_NOT_ALLOWED
        checks.append(Check(limits.allowed_rule, order.ticker, "allow: true", code, leg))
    return tuple(checks)


def check_count(write: Write, facts: Facts, policy: Policy) -> tuple[Check, ...]:
    """One order's contracts; an amend counts with its new total."""
    checks = []
    for leg, order in _priced(write):
        limits = limits_for(policy, order.ticker)
        code = DenyCode.ORDER_COUNT_EXCEEDS_MAXIMUM if order.count > limits.max_count else None
        observed, limit = format_count(order.count), format_count(limits.max_count)
        checks.append(Check(limits.max_count_rule, observed, limit, code, leg))
    return tuple(checks)


def check_risk(write: Write, facts: Facts, policy: Policy) -> tuple[Check, ...]:
    """One order's worst-case loss with the worst-case fee; an amend counts as a new order of its new total."""
    checks = []
    for leg, order in _priced(write):
        limits = limits_for(policy, order.ticker)
        observed = risk(order.side, order.price, order.count, policy.fees.multiplier_ceiling)
        code = DenyCode.ORDER_RISK_EXCEEDS_MAXIMUM if observed > limits.max_risk else None
        checks.append(Check(limits.max_risk_rule, format_money(observed), format_money(limits.max_risk), code, leg))
    return tuple(checks)


def check_band(write: Write, facts: Facts, policy: Policy) -> tuple[Check, ...]:
    """The price of the YES leg lies inside the band, bounds included."""
    checks = []
    for leg, order in _priced(write):
        limits = limits_for(policy, order.ticker)
        inside = limits.band_min <= order.price <= limits.band_max
        limit = f"{format_price(limits.band_min)} to {format_price(limits.band_max)}"
        code = None if inside else DenyCode.PRICE_OUTSIDE_BAND
        checks.append(Check(limits.band_rule, format_price(order.price), limit, code, leg))
    return tuple(checks)


def _priced(write: Write) -> tuple[tuple[int | None, NewOrder | AmendOrder], ...]:
    """What can trade at a price: (batch leg or None, order or amend)."""
    if isinstance(write, AmendOrder):
        return ((None, write),)
    if isinstance(write, CreateOrder):
        return ((None, write.order),)
    return tuple(enumerate(orders_of(write)))


def check_day_orders(write: Write, facts: Facts, policy: Policy) -> tuple[Check, ...]:
    """The day's number of orders, batch legs one by one; an amend or an exit is not a new order."""
    orders = len(orders_of(write))
    if orders == 0:
        return ()
    limit = policy.limits.day.max_orders
    total = facts.day_orders + orders
    code = DenyCode.DAY_ORDERS_EXCEED_MAXIMUM if total > limit else None
    return (Check("limits.day.max_orders", str(total), str(limit), code),)


CHECKS: tuple[CheckFunction, ...] = (
    check_role,
    check_trading_state,
    check_subaccount,
    check_own_order,
    check_market,
    check_count,
    check_risk,
    check_band,
    check_day_orders,
)
