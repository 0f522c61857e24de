"""The keys of `require`, `order_groups` and `confirm`: what an order must say, and what takes a person.

Rule of this file: what holds for everybody is stated in full; a client and an entry of `markets` state only what they
tighten.
"""

from pydantic import Field

from pretrade.policy.check_fields import Approvals, ConfirmWindow, LifetimeField, SelfTradeField
from pretrade.policy.fields import Flag, RiskField
from pretrade.yamltext.forms import Section


class RequireRules(Section):
    """What every order that may open something must say as it is sent; what it leaves out is added only where `inject`
    says so. An order that does not say it is denied as FLAG_REQUIRED. An amend that opens something is held to what its
    order was placed with, for no amend can add it (but an expiration_time): cancel that order and place another."""

    post_only: Flag = Field(
        description="Whether orders must be post_only: they never trade at once, so they never pay a spread.",
        examples=["false"],
    )
    reduce_only: Flag = Field(
        description="Whether orders must be reduce_only: the exchange itself then keeps them from opening anything.",
        examples=["false"],
    )
    expiration_within: LifetimeField = Field(
        description="How long an order may rest: it must be immediate-or-cancel, fill-or-kill, or expire so soon. It "
        "bounds what is still there to fill if the proxy's machine dies. never asks for nothing.",
        examples=["24h"],
    )
    self_trade_prevention: SelfTradeField = Field(
        description="Which self-trade prevention orders must ask for.", examples=["any"]
    )
    cancel_order_on_pause: Flag = Field(
        description="Whether orders must say cancel_order_on_pause: none is left in the book while trading is paused.",
        examples=["false"],
    )


class TighterRequire(Section):
    """What these orders must say beside it."""

    post_only: Flag | None = Field(
        default=None, description="As `require.post_only`; may only be true where that is false.", examples=["true"]
    )
    reduce_only: Flag | None = Field(
        default=None, description="As `require.reduce_only`; may only be true where that is false.", examples=["true"]
    )
    expiration_within: LifetimeField | None = Field(
        default=None, description="As `require.expiration_within`, never longer.", examples=["1h"]
    )
    self_trade_prevention: SelfTradeField | None = Field(
        default=None, description="As `require.self_trade_prevention`, where that is any.", examples=["maker"]
    )
    cancel_order_on_pause: Flag | None = Field(
        default=None, description="As `require.cancel_order_on_pause`; may only be true where that is false.",
        examples=["true"],
    )  # fmt: skip


class OrderGroups(Section):
    """Order groups hold a limit of their own at the exchange: more than it in 15 seconds and the group's orders are
    canceled."""

    may_loosen: Flag = Field(
        description="Whether clients may raise a group's limit, reset, trigger or delete the group. Where they may "
        "not, creating and tightening one passes and the rest is denied as ORDER_GROUP_LOOSENED: a bot must not take "
        "away the limit that holds it.",
        examples=["false"],
    )


class Confirm(Section):
    """Which orders wait for a person. They are denied as CONFIRMATION_REQUIRED until they are approved, and judged
    anew then."""

    above_risk: RiskField | None = Field(
        default=None,
        description="An order that may lose more than this at worst, fees included, is denied as CONFIRMATION_REQUIRED "
        "until it is approved. It puts a person before the orders that matter.",
        examples=['"$100"'],
    )
    approvals: Approvals = Field(description="How many different people must approve.", examples=["1"])
    within: ConfirmWindow = Field(
        description="How long an order waits for approval, and an approval for the order to be sent again.",
        examples=["5m"],
    )


class TighterConfirm(Section):
    """Which of these orders wait for a person."""

    above_risk: RiskField | None = Field(
        default=None, description="As `confirm.above_risk`, never more.", examples=['"$50"']
    )
