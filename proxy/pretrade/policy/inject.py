"""The keys of `inject`: what the proxy adds to orders, so that the exchange itself limits them when the proxy is gone.

Rule of this file: nothing is added that is not stated here, and what is added only ever tightens an order. A client
states only what it tightens.
"""

from pydantic import Field

from pretrade.policy.check_fields import GroupLimitField, RestField
from pretrade.policy.fields import Flag
from pretrade.yamltext.forms import Section


class InjectRules(Section):
    """What the proxy writes into orders that open something, so that limits hold at the exchange even where the proxy's
    machine dies with orders resting. Every rewrite stands in its row, before and after, and the order is judged as it
    is sent. What can only close what is held is sent as it came. Where it is not stated, nothing is added."""

    order_group: GroupLimitField | None = Field(
        default=None,
        description="Contracts that one client's orders may match in any 15 seconds: past it the exchange cancels them "
        "all and takes no more. The proxy makes an order group with this limit for each client (on each shard), and "
        "every order that opens goes into it. One that names another group is denied as ORDER_GROUP_DIFFERS. Once the "
        "group has tripped, its client is REDUCING until `pretrade resume --client NAME` resets it.",
        examples=['"200"'],
    )
    cancel_order_on_pause: Flag = Field(
        default=False,
        description="Whether orders that rest say cancel_order_on_pause where their client says neither yes nor no: "
        "none of them waits in the book for trading to go on after a pause.",
        examples=["true"],
    )
    expiration_within: RestField | None = Field(
        default=None,
        description="How long an order may rest before the exchange ends it. One that says nothing, or more, is given "
        "an expiration_time that soon; an earlier one stays. An amend that says more is given the same, and so is one "
        "that says nothing where its order, placed as an exit or before this was stated, would rest longer.",
        examples=["24h"],
    )


class TighterInject(Section):
    """What is written into this client's orders beside it."""

    order_group: GroupLimitField | None = Field(
        default=None, description="As `inject.order_group`, of this client's group; never more.", examples=['"50"']
    )
    cancel_order_on_pause: Flag | None = Field(
        default=None, description="As `inject.cancel_order_on_pause`; may only be true where that is false.",
        examples=["true"],
    )  # fmt: skip
    expiration_within: RestField | None = Field(
        default=None, description="As `inject.expiration_within`, never longer.", examples=["1h"]
    )
