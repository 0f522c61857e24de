"""The keys of `limits.throttle` and `limits.repeat`: how fast orders may come, and how often the same one.

Rule of this file: what holds for everybody is stated in full; a client and an entry of `markets` state only what they
tighten.
"""

from pydantic import Field

from pretrade.policy.check_fields import BurstField, RateField, SameOrders, WindowField
from pretrade.policy.fields import Flag
from pretrade.yamltext.forms import Section


class ThrottleRules(Section):
    """How fast orders may come, all clients together, each order of a batch one. It keeps a bot that runs wild from
    using up the exchange's own rate for everybody. Cancels and decreases are never throttled."""

    place: RateField = Field(
        description="New orders. More are denied as PLACE_RATE_EXCEEDS_MAXIMUM.", examples=["10/s"]
    )
    amend: RateField = Field(description="Amends. More are denied as AMEND_RATE_EXCEEDS_MAXIMUM.", examples=["10/s"])
    burst: BurstField = Field(
        description="How many may come at once after a rest, of each kind. More are denied as "
        "PLACE_RATE_EXCEEDS_MAXIMUM or AMEND_RATE_EXCEEDS_MAXIMUM.",
        examples=["20"],
    )


class RepeatRules(Section):
    """How often a client may send the same order (market, side, price and count, whatever its flags, expiry and ids),
    and what becomes of one whose twin is not answered yet. It stops a loop that buys again because it did not hear that
    it has bought."""

    max_same_order: SameOrders = Field(
        description="The same order within the window. One more is denied as ORDER_REPEATED and stops the client's "
        "trading (REDUCING) until a person resumes it.",
        examples=["3"],
    )
    within: WindowField = Field(description="The window.", examples=["10s"])
    allow_in_flight: Flag = Field(
        description="Whether the same order may be sent, under whatever id and flags, while the earlier one is "
        "unanswered or of unknown outcome. Else it is denied as DUPLICATE_IN_FLIGHT.",
        examples=["false"],
    )


class TighterThrottle(Section):
    """Slower throttles: of this client's orders alone, or of the orders in each of these markets."""

    place: RateField | None = Field(
        default=None, description="As `limits.throttle.place`, never faster.", examples=["5/s"]
    )
    amend: RateField | None = Field(
        default=None, description="As `limits.throttle.amend`, never faster.", examples=["5/s"]
    )
    burst: BurstField | None = Field(
        default=None, description="As `limits.throttle.burst`, never more.", examples=["10"]
    )


class TighterRepeat(Section):
    """A stricter rule on the same order."""

    max_same_order: SameOrders | None = Field(
        default=None, description="As `limits.repeat.max_same_order`, never more.", examples=["2"]
    )
    within: WindowField | None = Field(
        default=None, description="As `limits.repeat.within`, never shorter.", examples=["1m"]
    )
    allow_in_flight: Flag | None = Field(
        default=None, description="As `limits.repeat.allow_in_flight`; may only be false where that is true.",
        examples=["false"],
    )  # fmt: skip
