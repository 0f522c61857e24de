"""The keys of `liquidity`: what a market must offer before an order is opened in it.

Rule of this file: what holds for everybody is stated in full; a client and an entry of `markets` state only what they
tighten.
"""

from pydantic import Field

from pretrade.policy.check_fields import (
    BelowGradeField,
    DistanceField,
    FreshField,
    GradeField,
    PercentField,
    ShareField,
)
from pretrade.policy.fields import PositionField
from pretrade.yamltext.forms import Section


class LiquidityRules(Section):
    """What the book must offer before an order is opened. Only what an order could trade with, at its own limit price
    or better, is looked at; one that only rests has no slippage. The account's own orders are no part of the book, nor
    is what others of them have just taken or may take before it."""

    max_slippage: DistanceField | None = Field(
        default=None,
        description="How much worse than the best price an order may trade on average. It keeps a large order from "
        "eating its way through a thin book. More is denied as SLIPPAGE_EXCEEDS_MAXIMUM.",
        examples=['"$0.03"'],
    )
    max_slippage_percent: PercentField | None = Field(
        default=None,
        description="The same in percent of the best price of the leg bought, for an ask the NO price: a cent is much "
        "where the price is two. More is denied as SLIPPAGE_EXCEEDS_MAXIMUM.",
        examples=["5"],
    )
    min_depth: PositionField | None = Field(
        default=None,
        description="Contracts that must stand within 10 cents of the midpoint on the side by which a position could "
        "be left again: YES bids for a bid, NO bids for an ask. It keeps out of markets that cannot be left. Fewer is "
        "denied as DEPTH_TOO_LOW.",
        examples=['"10"'],
    )
    max_share_of_depth: ShareField | None = Field(
        default=None,
        description="How much of the contracts within 10 cents of the midpoint, on the side that it trades with, an "
        "order may take at once; what rests takes nothing. It keeps one order from being the market. More is denied as "
        "DEPTH_SHARE_EXCEEDS_MAXIMUM.",
        examples=["50"],
    )
    min_grade: GradeField | None = Field(
        default=None,
        description="The worst grade that a market may have, by spread, depth, volume and open interest. A worse one "
        "is LIQUIDITY_GRADE_TOO_LOW. Without a fresh book of two sides every market is illiquid.",
        examples=["thin"],
    )
    below_grade: BelowGradeField = Field(
        description="What becomes of an order below `min_grade`: deny, or confirm, which holds it as "
        "CONFIRMATION_REQUIRED until a person approves it. An order is never made smaller by us.",
        examples=["deny"],
    )
    max_age: FreshField = Field(
        description="How old the book may be. Past it, orders that open are denied as LIQUIDITY_STALE.", examples=["2s"]
    )


class TighterLiquidity(Section):
    """Stricter demands on the book."""

    max_slippage: DistanceField | None = Field(
        default=None, description="As `liquidity.max_slippage`, never more.", examples=['"$0.02"']
    )
    max_slippage_percent: PercentField | None = Field(
        default=None, description="As `liquidity.max_slippage_percent`, never more.", examples=["3"]
    )
    min_depth: PositionField | None = Field(
        default=None, description="As `liquidity.min_depth`, never less.", examples=['"100"']
    )
    max_share_of_depth: ShareField | None = Field(
        default=None, description="As `liquidity.max_share_of_depth`, never more.", examples=["25"]
    )
    min_grade: GradeField | None = Field(
        default=None, description="As `liquidity.min_grade`, never worse.", examples=["moderate"]
    )
    below_grade: BelowGradeField | None = Field(
        default=None, description="As `liquidity.below_grade`; may only be deny where that is confirm.",
        examples=["deny"],
    )  # fmt: skip
    max_age: FreshField | None = Field(
        default=None, description="As `liquidity.max_age`, never longer.", examples=["1s"]
    )
