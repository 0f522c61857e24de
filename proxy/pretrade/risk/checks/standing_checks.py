"""Who may write at all, where, and to which orders: role, trading state, subaccount, ownership, and what must be known
before anything can be counted.

Rule of this file: a check takes a case and returns its reports, an empty tuple where it has nothing to say. Exits are
bound by role and ownership alone, so that no limit can trap one.
"""

from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Check
from pretrade.model.facts import Facts, NamedOrder, Place
from pretrade.model.groups import ChangeGroup
from pretrade.model.instance import Mode, Role, TradingState
from pretrade.model.orders import (
    AmendOrder,
    CancelBatch,
    CancelOrder,
    CreateBatch,
    CreateOrder,
    DecreaseOrder,
    Withdraw,
    Write,
    is_exit,
    orders_of,
)
from pretrade.risk.checks.capped import is_capped
from pretrade.risk.checks.case import Case, only_reduces
from pretrade.risk.checks.remembered import remembered


def check_role(case: Case) -> tuple[Check, ...]:
    """Role R writes nothing, in either mode."""
    return (_role(case.facts.role),)


@remembered
def _role(role: Role) -> Check:
    return Check("instance.role", role, "W or ABH", DenyCode.ROLE_READ_ONLY if role is Role.R else None)


def check_trading_state(case: Case) -> tuple[Check, ...]:
    """HALTED lets exits through, REDUCING also orders that can only close what is held. Both the whole account's state
    and the client's own are asked, so that the stricter one binds."""
    return trading_states(case.write, case.facts)


def trading_states(write: Write, facts: Facts) -> tuple[Check, Check]:
    """The same for who asks about nothing else: the last look before a write is sent."""
    states = facts.trading_state, facts.client_state
    if states == _ACTIVE or is_exit(write):
        return _free("trading_state", states[0]), _free("clients.trading_state", states[1])
    is_free = only_reduces(facts) or _capped_by_exchange(write, facts)
    if facts.by_proxy and isinstance(write, ChangeGroup):  # the reset that a person resumes this very client with
        return _state("trading_state", states[0], _ACCOUNT_CODES, is_free), _free("clients.trading_state", states[1])
    return (
        _state("trading_state", states[0], _ACCOUNT_CODES, is_free),
        _state("clients.trading_state", states[1], _CLIENT_CODES, is_free),
    )


_ACTIVE = (TradingState.ACTIVE, TradingState.ACTIVE)
_ACCOUNT_CODES = (DenyCode.TRADING_HALTED, DenyCode.TRADING_REDUCING)
_CLIENT_CODES = (DenyCode.CLIENT_HALTED, DenyCode.CLIENT_REDUCING)


def _state(rule: str, state: TradingState, codes: tuple[DenyCode, DenyCode], is_free: bool) -> Check:
    halted, reducing = codes
    if state is TradingState.ACTIVE:
        return _free(rule, state)
    if state is TradingState.HALTED:
        return Check(rule, state, "exits only", halted)
    return Check(rule, state, "exits and orders that reduce", None if is_free else reducing)


@remembered
def _free(rule: str, state: TradingState) -> Check:
    return Check(rule, state, "ACTIVE or an exit")


def _capped_by_exchange(write: Write, facts: Facts) -> bool:
    """Whether the exchange keeps every order of a write from opening, and none beside them closes the same contracts
    again: together they would turn the position."""
    orders = orders_of(write)
    return bool(orders) and all(is_capped(order) for order in orders) and not any(facts.crowded)


def check_subaccount(case: Case) -> tuple[Check, ...]:
    """A client trades its own subaccount and no other."""
    own = case.facts.subaccount
    return tuple([_subaccount(own if named is None else named, own, leg) for leg, named in _subaccounts(case.write)])


@remembered
def _subaccount(named: int, own: int, leg: int | None) -> Check:
    code = None if named == own else DenyCode.SUBACCOUNT_NOT_OWNED
    return Check("clients.subaccount", str(named), str(own), code, leg)


def _subaccounts(write: Write) -> tuple[tuple[int | None, int | None], ...]:
    if isinstance(write, CreateOrder):
        return ((None, write.order.subaccount),)
    if isinstance(write, Withdraw):
        return ()
    if isinstance(write, CreateBatch):
        return tuple((leg, order.subaccount) for leg, order in enumerate(write.orders))
    if isinstance(write, CancelBatch):
        return tuple((leg, cancel.subaccount) for leg, cancel in enumerate(write.orders))
    return ((None, write.subaccount),)


_OF_ONE_ORDER = (AmendOrder, DecreaseOrder, CancelOrder)


def named_orders(write: Write) -> tuple[tuple[int | None, str], ...]:
    """The existing orders that a write names: (batch leg or None, order id)."""
    if isinstance(write, _OF_ONE_ORDER):
        return ((None, write.order_id),)
    if isinstance(write, CancelBatch):
        return tuple((leg, order.order_id) for leg, order in enumerate(write.orders))
    return ()


NOBODY_KNOWN = "nobody known"
"""Whose an order is that nobody here knows."""


def check_own_order(case: Case) -> tuple[Check, ...]:
    """A client changes its own orders. In dry_run only those of the dry run: a real one is out of reach from here."""
    if case.orders:  # a create names none
        return ()
    write, facts = case.write, case.facts
    named = named_orders(write)
    if not named:
        return ()
    known = {order.order_id: order for order in facts.orders}
    return tuple(_owned(known.get(order_id, NamedOrder(order_id, None)), write, facts, leg) for leg, order_id in named)


def _owned(order: NamedOrder, write: Write, facts: Facts, leg: int | None) -> Check:
    if facts.mode is Mode.DRY_RUN:
        code = None if order.owner == facts.client else DenyCode.DRY_RUN_ORDER_UNKNOWN
        return Check("instance.mode", order.order_id, "an order of this client's dry run", code, leg)
    observed, limit = f"order {order.order_id} of {order.owner or NOBODY_KNOWN}", f"an order of {facts.client}"
    if order.owner is not None:
        code = None if order.owner == facts.client else DenyCode.ORDER_NOT_OWNED
    elif isinstance(write, AmendOrder):
        code = DenyCode.ORDER_NOT_KNOWN
    else:  # not ours to count; the subaccount that goes with it keeps it to the client's own, unless that is shared
        code = DenyCode.ORDER_NOT_OWNED if facts.shares_subaccount else None
    return Check("clients.orders", observed, limit, code, leg)


def is_same_order(write: AmendOrder, facts: Facts) -> bool:
    """Whether the order that an amend names is known, and has the market and the side that it states."""
    return any(
        (order.order_id, order.ticker, order.side) == (write.order_id, write.ticker, write.side)
        for order in facts.orders
    )


def check_same_order(case: Case) -> tuple[Check, ...]:
    """An amend states the market and the side that the order has, which has not ended: what is judged is what will be
    counted."""
    write, facts = case.write, case.facts
    if not isinstance(write, AmendOrder):
        return ()
    order = next((order for order in facts.orders if order.order_id == write.order_id), None)
    if order is None or order.owner is None:
        return ()
    limit = f"{order.ticker} {order.side}" if order.side else f"order {order.order_id}, which has ended"
    code = None if is_same_order(write, facts) else DenyCode.ORDER_NOT_KNOWN
    return (Check("clients.orders", f"{write.ticker} {write.side}", limit, code),)


def check_group(case: Case) -> tuple[Check, ...]:
    """An order joins only an order group of its client's own subaccount: another's limit may cancel it."""
    write, facts = case.write, case.facts
    joining = [(leg, of) for leg, order in enumerate(case.orders) if (of := order.order_group_id) is not None]
    if not joining or facts.mode is Mode.DRY_RUN:
        return ()
    known = (*facts.groups, *facts.own_groups)
    return tuple(
        [
            Check(
                "clients.order_groups",
                group_id,
                f"an order group of {facts.client}",
                None if group_id in known else DenyCode.ORDER_GROUP_NOT_OWNED,
                leg if isinstance(write, CreateBatch) else None,
            )
            for leg, group_id in joining
        ]
    )


def check_reconciled(case: Case) -> tuple[Check, ...]:
    """Nothing is added to an account whose own record at the exchange was not read, or not lately."""
    facts = case.facts
    if case.is_exit or facts.mode is Mode.DRY_RUN:
        return ()
    return (_reconciled(facts.reconciled_ms, case.policy.reconcile.max_age),)


@remembered
def _reconciled(age: int | None, limit: int) -> Check:
    code = DenyCode.LEDGER_NOT_RECONCILED if age is None or age > limit else None
    observed = "never" if age is None else f"{age} ms ago"
    return Check("reconcile.max_age", observed, f"{limit} ms ago at most", code, None, "milliseconds")


def check_place(case: Case) -> tuple[Check, ...]:
    """The market's event, series and fee must be known to count an order; the fee must be within what is reckoned."""
    if case.is_exit or case.only_reduces:
        return ()
    places, ceiling = case.places, case.policy.fees.multiplier_ceiling
    return tuple([_place(ticker, places.get(ticker), ceiling) for ticker in case.markets])


def _place(ticker: str, place: Place | None, ceiling: int) -> Check:
    if place is None:
        told = "a market whose event and series the exchange told"
        return Check("market", ticker, told, DenyCode.MARKET_FACTS_MISSING)
    return _fee(None if place.has_flat_fee else place.fee_multiplier, ceiling)


@remembered
def _fee(multiplier: int | None, ceiling: int) -> Check:
    """None stands for a flat fee."""
    code = DenyCode.FEE_MULTIPLIER_EXCEEDS_CEILING if multiplier is None or multiplier > ceiling else None
    observed = "a flat fee" if multiplier is None else _factor(multiplier)
    return Check("fees.multiplier_ceiling", observed, _factor(ceiling), code, unit="factor")


def _factor(value: int) -> str:
    whole, fraction = divmod(value, 10_000)
    return f"{whole}.{fraction:04d}".rstrip("0").ljust(len(str(whole)) + 2, "0")
