"""The keys of `price`: the band, the collar around what the market trades at, and how far a client may walk a price.

Rule of this file: what holds for everybody is stated in full; a client and an entry of `markets` state only what they
tighten.
"""

from pydantic import Field

from pretrade.policy.check_fields import DistanceField, FreshField, WhenMissingField, WindowField
from pretrade.policy.fields import PriceField
from pretrade.yamltext.forms import Section


class Band(Section):
    """The prices that an order may have, both ends included. It catches slips of the finger and of the unit."""

    min: PriceField = Field(
        description="The lowest price. A lower one is denied as PRICE_OUTSIDE_BAND.", examples=['"$0.02"']
    )
    max: PriceField = Field(
        description="The highest price. A higher one is denied as PRICE_OUTSIDE_BAND.", examples=['"$0.98"']
    )


class CollarRules(Section):
    """How far a price may lie from the reference price, the middle of what others have in the market's book: the
    account's own orders do not count. It catches a price that was right in another market, or an hour ago."""

    aggressive: DistanceField = Field(
        description="The side that trades at once: how far a bid may be above the reference price and an ask below it. "
        "It keeps a bot from paying far too much. Further is denied as PRICE_OUTSIDE_COLLAR, also for orders that "
        "reduce, where the reference price is fresh.",
        examples=['"$0.10"'],
    )
    passive: DistanceField = Field(
        description="The side that rests: how far a bid may be below the reference price and an ask above it. Further "
        "is denied as PRICE_OUTSIDE_COLLAR. A far-away order is harmless to the price and not to the budget: it holds "
        "its whole worst case until it is canceled.",
        examples=['"$0.10"'],
    )
    max_age: FreshField = Field(
        description="How old the reference price may be. It keeps an order from being compared with a market that has "
        "moved. Past it, orders that open are denied as REFERENCE_STALE.",
        examples=["2s"],
    )
    when_missing: WhenMissingField = Field(
        description="What is done where the book, own orders apart, has one side, none, or is crossed: "
        "deny (REFERENCE_MISSING), or last_trade, which compares with the last trade where that is fresh.",
        examples=["deny"],
    )


class WalkRules(Section):
    """How far a client may walk its own price in one market. Small steps pass every collar, because the book follows;
    together they are bought at the top."""

    max: DistanceField = Field(
        description="How far a price may be from the client's own earlier ones in this market, in the worse direction. "
        "Further is denied as PRICE_WALK_EXCEEDS_MAXIMUM.",
        examples=['"$0.15"'],
    )
    within: WindowField = Field(description="The window.", examples=["60s"])


class PriceRules(Section):
    """What a price may be."""

    band: Band | None = None
    collar: CollarRules | None = None
    walk: WalkRules | None = None


class TighterBand(Section):
    """A narrower band."""

    min: PriceField | None = Field(default=None, description="As `price.band.min`, never lower.", examples=['"$0.10"'])
    max: PriceField | None = Field(default=None, description="As `price.band.max`, never higher.", examples=['"$0.90"'])


class TighterCollar(Section):
    """A tighter collar."""

    aggressive: DistanceField | None = Field(
        default=None, description="As `price.collar.aggressive`, never more.", examples=['"$0.05"']
    )
    passive: DistanceField | None = Field(
        default=None, description="As `price.collar.passive`, never more.", examples=['"$0.05"']
    )
    max_age: FreshField | None = Field(
        default=None, description="As `price.collar.max_age`, never longer.", examples=["1s"]
    )
    when_missing: WhenMissingField | None = Field(
        default=None, description="As `price.collar.when_missing`; may only be deny where that is last_trade.",
        examples=["deny"],
    )  # fmt: skip


class TighterWalk(Section):
    """A shorter walk."""

    max: DistanceField | None = Field(
        default=None, description="As `price.walk.max`, never more.", examples=['"$0.10"']
    )
    within: WindowField | None = Field(
        default=None, description="As `price.walk.within`, never shorter.", examples=["2m"]
    )


class TighterPrice(Section):
    """Tighter rules on a price."""

    band: TighterBand | None = None
    collar: TighterCollar | None = None
    walk: TighterWalk | None = None
