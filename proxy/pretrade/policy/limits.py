"""The keys of `limits`: what holds for everybody, for one client, and for the markets of one entry.

Rule of this file: what holds for everybody is stated in full, or waived by name (`waivers.py`); a client and an entry
of `markets` state only what they tighten. `figures.py` says what each key holds.
"""

from pydantic import Field

from pretrade.policy.check_fields import BeforeCloseField
from pretrade.policy.fields import (
    AmountField,
    CountField,
    DayOrders,
    OpenOrders,
    PositionField,
    RiskField,
    Timezone,
)
from pretrade.policy.pace import RepeatRules, ThrottleRules, TighterRepeat, TighterThrottle
from pretrade.yamltext.forms import Section


class OrderMaximum(Section):
    """What one order may be at most."""

    max_count: CountField | None = Field(
        default=None,
        description="Contracts in one order. It catches a slip of the finger. More is denied as "
        "ORDER_COUNT_EXCEEDS_MAXIMUM.",
        examples=['"100"'],
    )
    max_risk: RiskField | None = Field(
        default=None,
        description="What one order may lose at worst, fees included. It bounds what one mistake can cost. More is "
        "denied as ORDER_RISK_EXCEEDS_MAXIMUM.",
        examples=['"$200"'],
    )


class DayMaximum(Section):
    """What one day may hold at most."""

    timezone: Timezone = Field(description="The time zone in which a day begins.", examples=["America/New_York"])
    max_orders: DayOrders | None = Field(
        default=None,
        description="Orders approved in a day, all clients together, each leg of a batch one, amends none: a bot that "
        "runs wild stops here. More are denied as DAY_ORDERS_EXCEED_MAXIMUM.",
        examples=["25"],
    )
    max_notional: AmountField | None = Field(
        default=None,
        description="What the day's orders cost, all clients together: the price of the leg bought times the count, "
        "before fees, counted at approval and returned for what is proven canceled. It bounds what a day can turn "
        "over. More is denied as DAY_NOTIONAL_EXCEEDS_MAXIMUM.",
        examples=['"$200"'],
    )
    max_loss: AmountField | None = Field(
        default=None,
        description="What the day may lose: what was realized, fees, and what is held at the price it could be sold "
        "for, against the day's beginning. It ends a bad day before it becomes a worse one. An order that opens and "
        "would reach it is denied as DAY_LOSS_EXCEEDS_MAXIMUM.",
        examples=['"$50"'],
    )


class MarketMaximum(Section):
    """What one market may hold at most, each market by itself."""

    max_position: PositionField | None = Field(
        default=None,
        description="Contracts held in one market, YES or NO, if every order that may still fill on the worse side "
        "does. It keeps a position small enough to be left again. More is denied as POSITION_EXCEEDS_MAXIMUM.",
        examples=['"100"'],
    )
    max_exposure: AmountField | None = Field(
        default=None,
        description="What one market may lose at worst: what the position cost and what the orders that may still fill "
        "would add, fees included. It keeps one wrong view from costing more. More is denied as "
        "MARKET_EXPOSURE_EXCEEDS_MAXIMUM.",
        examples=['"$200"'],
    )
    no_open_before_close: BeforeCloseField | None = Field(
        default=None,
        description="How long before a market closes nothing is opened any more: books are thin then and outcomes "
        "nearly known to others. Such an order is denied as MARKET_CLOSES_SOON.",
        examples=["5m"],
    )


class EventMaximum(Section):
    """What one event may hold at most, each event by itself."""

    max_exposure: AmountField | None = Field(
        default=None,
        description="What all markets of one event together may lose at worst; no market's gain is set against "
        "another's loss. It keeps one outcome from being bought in many markets. More is denied as "
        "EVENT_EXPOSURE_EXCEEDS_MAXIMUM.",
        examples=['"$400"'],
    )


class SeriesMaximum(Section):
    """What one series may hold at most, each series by itself."""

    max_exposure: AmountField | None = Field(
        default=None,
        description="What all events of one series together may lose at worst. It keeps one kind of bet from being "
        "made again for every day or every place. More is denied as SERIES_EXPOSURE_EXCEEDS_MAXIMUM.",
        examples=['"$600"'],
    )


class AccountMaximum(Section):
    """What the whole account may hold at most, all clients and subaccounts together."""

    max_exposure: AmountField | None = Field(
        default=None,
        description="What everything that is held and every order that may still fill may lose together at worst. "
        "It is the most that can be lost from now on. More is denied as ACCOUNT_EXPOSURE_EXCEEDS_MAXIMUM.",
        examples=['"$1000"'],
    )
    max_open_orders: OpenOrders | None = Field(
        default=None,
        description="Orders that may still fill: resting, on their way, or of unknown outcome. It bounds what can fill "
        "while nobody looks. More are denied as OPEN_ORDERS_EXCEED_MAXIMUM.",
        examples=["50"],
    )


class Limits(Section):
    """How much may be asked for. An order that would pass a limit is denied; one that can only reduce a position is
    held to `order.max_count` alone."""

    order: OrderMaximum = OrderMaximum()
    day: DayMaximum
    market: MarketMaximum = MarketMaximum()
    event: EventMaximum = EventMaximum()
    series: SeriesMaximum = SeriesMaximum()
    account: AccountMaximum = AccountMaximum()
    throttle: ThrottleRules | None = None
    repeat: RepeatRules | None = None


class TighterOrder(Section):
    """Tighter maxima for one order."""

    max_count: CountField | None = Field(
        default=None, description="As `limits.order.max_count`, never higher.", examples=['"20"']
    )
    max_risk: RiskField | None = Field(
        default=None, description="As `limits.order.max_risk`, never higher.", examples=['"$50"']
    )


class ClientDay(Section):
    """What this client's own orders may be in a day."""

    max_orders: DayOrders | None = Field(
        default=None, description="As `limits.day.max_orders`, of this client's orders alone; never higher.",
        examples=["10"],
    )  # fmt: skip
    max_notional: AmountField | None = Field(
        default=None, description="As `limits.day.max_notional`, of this client's orders alone; never higher.",
        examples=['"$100"'],
    )  # fmt: skip
    max_loss: AmountField | None = Field(
        default=None, description="As `limits.day.max_loss`, of this client's subaccount alone; never higher.",
        examples=['"$20"'],
    )  # fmt: skip


class ClientMarket(Section):
    """What this client's own subaccount may hold in one market."""

    max_position: PositionField | None = Field(
        default=None, description="As `limits.market.max_position`, of this client's subaccount alone; never higher.",
        examples=['"50"'],
    )  # fmt: skip
    max_exposure: AmountField | None = Field(
        default=None, description="As `limits.market.max_exposure`, of this client's subaccount alone; never higher.",
        examples=['"$100"'],
    )  # fmt: skip
    no_open_before_close: BeforeCloseField | None = Field(
        default=None, description="As `limits.market.no_open_before_close`, never shorter.", examples=["10m"]
    )


class ClientEvent(Section):
    """What this client's own subaccount may hold in one event."""

    max_exposure: AmountField | None = Field(
        default=None, description="As `limits.event.max_exposure`, of this client's subaccount alone; never higher.",
        examples=['"$200"'],
    )  # fmt: skip


class ClientSeries(Section):
    """What this client's own subaccount may hold in one series."""

    max_exposure: AmountField | None = Field(
        default=None, description="As `limits.series.max_exposure`, of this client's subaccount alone; never higher.",
        examples=['"$300"'],
    )  # fmt: skip


class ClientAccount(Section):
    """What this client's own subaccount may hold in all markets together."""

    max_exposure: AmountField | None = Field(
        default=None, description="As `limits.account.max_exposure`, of this client's subaccount alone; never higher.",
        examples=['"$500"'],
    )  # fmt: skip
    max_open_orders: OpenOrders | None = Field(
        default=None, description="As `limits.account.max_open_orders`, of this client's orders alone; never higher.",
        examples=["20"],
    )  # fmt: skip


class ClientLimits(Section):
    """Tighter limits for this client, beside the ones that hold for all."""

    order: TighterOrder | None = None
    day: ClientDay | None = None
    market: ClientMarket | None = None
    event: ClientEvent | None = None
    series: ClientSeries | None = None
    account: ClientAccount | None = None
    throttle: TighterThrottle | None = None
    repeat: TighterRepeat | None = None


class EntryDay(Section):
    """What a day may hold in each of these markets by itself, all clients together."""

    max_orders: DayOrders | None = Field(
        default=None, description="As `limits.day.max_orders`, of the orders in one such market alone; never higher.",
        examples=["10"],
    )  # fmt: skip
    max_notional: AmountField | None = Field(
        default=None, description="As `limits.day.max_notional`, of the orders in one such market alone; never higher.",
        examples=['"$100"'],
    )  # fmt: skip


class EntryMarket(Section):
    """What each of these markets may hold by itself, all clients together."""

    max_position: PositionField | None = Field(
        default=None, description="As `limits.market.max_position`, never higher.", examples=['"50"']
    )
    max_exposure: AmountField | None = Field(
        default=None, description="As `limits.market.max_exposure`, never higher.", examples=['"$100"']
    )
    max_open_orders: OpenOrders | None = Field(
        default=None,
        description="Orders in one such market that may still fill, all clients together. More are denied as "
        "OPEN_ORDERS_EXCEED_MAXIMUM.",
        examples=["10"],
    )
    no_open_before_close: BeforeCloseField | None = Field(
        default=None, description="As `limits.market.no_open_before_close`, never shorter.", examples=["10m"]
    )


class EntryLimits(Section):
    """Tighter limits for these markets, each market by itself."""

    order: TighterOrder | None = None
    day: EntryDay | None = None
    market: EntryMarket | None = None
    throttle: TighterThrottle | None = None
    repeat: TighterRepeat | None = None
