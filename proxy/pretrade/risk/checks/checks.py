"""Every check there is, in the order in which their reports are read. None stops another from running."""

from collections.abc import Callable

from pretrade.model.decisions import Check
from pretrade.risk.checks.case import Case
from pretrade.risk.checks.confirm_checks import check_confirmation
from pretrade.risk.checks.group_checks import check_group_write, check_own_group
from pretrade.risk.checks.liquidity_checks import check_liquidity
from pretrade.risk.checks.loss_checks import check_day_loss
from pretrade.risk.checks.market_checks import check_exchange, check_markets
from pretrade.risk.checks.order_checks import check_orders
from pretrade.risk.checks.pace_checks import check_pace
from pretrade.risk.checks.price_checks import check_prices
from pretrade.risk.checks.require_checks import check_required
from pretrade.risk.checks.standing_checks import (
    check_group,
    check_own_order,
    check_place,
    check_reconciled,
    check_role,
    check_same_order,
    check_subaccount,
    check_trading_state,
)
from pretrade.risk.checks.usage_checks import check_usages
from pretrade.risk.checks.waiver_checks import check_waivers

type CheckFunction = Callable[[Case], tuple[Check, ...]]

CHECKS: tuple[CheckFunction, ...] = (
    check_role,
    check_trading_state,
    check_reconciled,
    check_subaccount,
    check_own_order,
    check_same_order,
    check_group,
    check_group_write,
    check_own_group,
    check_waivers,
    check_orders,
    check_required,
    check_prices,
    check_place,
    check_markets,
    check_exchange,
    check_usages,
    check_pace,
    check_day_loss,
    check_liquidity,
    check_confirmation,
)
