"""The keys of a world file: every key there is, what it means, and nothing else.

Rule of this file: a key that is not here is an error, and so is a missing one without a default. Descriptions are what
people read in the reference. A WorldKeys that exists has kept every rule of `rules`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from pretrade.model.units import Money, Price
from pretrade.practice.core.instruments import PriceStructure, SettlementBounds
from pretrade.practice.worlds import forms, rules
from pretrade.practice.worlds.forms import When
from pretrade.yamltext.forms import Section, refuse_broken

_DAY_US = 86_400_000_000


class SeriesKeys(Section):
    """A family of events."""

    ticker: forms.Ticker = Field(description="Its ticker.", examples=["KXBTC"])
    title: forms.Text = Field(description="Its title.", examples=["Bitcoin price"])
    category: forms.Text = Field("Practice", description="Its category.")
    frequency: forms.Text = Field("custom", description="How often it has an event.")
    fee_type: forms.FeeTypeField | None = Field(None, description="Its fee type; quadratic by default.")
    fee_multiplier: forms.Multiplier = Field(100, description="Its fee multiplier; 1 by default.")
    tags: tuple[forms.Text, ...] = Field((), description="Its tags, a list.")


class EventKeys(Section):
    """One question with its markets."""

    ticker: forms.Ticker = Field(description="Its ticker.", examples=["KXBTC-26DEC31"])
    series: forms.Ticker = Field(description="The ticker of its series.", examples=["KXBTC"])
    title: forms.Text = Field(description="Its title.", examples=["Bitcoin at the end of 2026"])
    sub_title: forms.Text = Field("", description="Its sub-title.")
    mutually_exclusive: forms.Flag = Field(default=False, description="Whether at most one of its markets pays YES.")
    fee_type: forms.FeeTypeField | None = Field(None, description="Instead of the series' fee type.")
    fee_multiplier: forms.Multiplier | None = Field(None, description="Instead of the series' fee multiplier.")


class LevelKeys(Section):
    """An order that rests in the book from the start."""

    account: forms.Name = Field(description="Whose it is.", examples=["crowd"])
    side: forms.SideField = Field(description="bid buys YES, ask sells it.", examples=["bid"])
    price: forms.PriceField = Field(description="Its price in YES terms.", examples=["$0.45"])
    count: forms.CountField = Field(description="Contracts.", examples=["100"])
    subaccount: forms.Subaccount = Field(0, description="The account's subaccount.")


class MakerKeys(Section):
    """A market maker that quotes both sides."""

    kind: forms.MakerKind = Field(
        description="none never quotes; static quotes the same prices again and again; reactive moves its middle one "
        "tick the way a taker went; walk moves it by chance every now and then, whoever trades.",
        examples=["walk"],
    )
    levels: forms.Levels = Field(5, description="Price levels on each side.")
    gap: forms.Levels = Field(1, description="Ticks from the middle to the best quote.")
    smallest: forms.Whole = Field(50, description="The smallest quote, in whole contracts.")
    largest: forms.Whole = Field(300, description="The largest quote, in whole contracts.")
    inventory_limit: forms.CountField | None = Field(
        None, description="At this many contracts either way it stops quoting the side that adds to them."
    )
    every: forms.SomeSpan = Field(1_000_000, description="walk: time between two steps of one tick.")
    mean: forms.PriceField | None = Field(
        None, description="walk: where it is drawn to; the market's `mid` by default."
    )
    pull: forms.Chance = Field(200_000, description="walk: the chance that a step goes towards the mean for sure.")


class NoiseKeys(Section):
    """Strangers who buy and sell at the best price, by chance."""

    every: forms.SomeSpan = Field(description="The mean time between two of their orders.", examples=["5s"])
    smallest: forms.Whole = Field(1, description="The smallest order, in whole contracts.")
    largest: forms.Whole = Field(20, description="The largest order, in whole contracts.")


class MarketKeys(Section):
    """One contract."""

    ticker: forms.Ticker = Field(description="Its ticker.", examples=["KXBTC-26DEC31-T100000"])
    event: forms.Ticker = Field(description="The ticker of its event.", examples=["KXBTC-26DEC31"])
    yes_sub_title: forms.Text = Field(description="What YES says.", examples=["$100,000 or above"])
    no_sub_title: forms.Text = Field("", description="What NO says.")
    title: forms.Text = Field("", description="Its title; made from the event's and `yes_sub_title` by default.")
    closes: forms.Moment = Field(description="When trading ends.", examples=["+2d"])
    opens: forms.Moment = Field(When(-_DAY_US, relative=True), description="When trading begins; -1d by default.")
    created: forms.Moment | None = Field(None, description="When it was made.")
    expected_expiration: forms.Moment | None = Field(None, description="When it is expected to be determined.")
    latest_expiration: forms.Moment | None = Field(None, description="When it is determined at the latest.")
    settlement_timer: forms.Span = Field(0, description="From determination to payout.")
    can_close_early: forms.Flag = Field(default=True, description="Whether it may close early.")
    early_close_condition: forms.Text = Field("", description="When it would.")
    structure: forms.Structure = Field(
        PriceStructure.LINEAR_CENT, description="Its price grid; linear_cent by default."
    )
    shard: forms.Shard = Field(0, description="Its shard (`exchange_index`).")
    type: forms.Text = Field("binary", description="Its market type.")
    floor_strike: forms.Strike | None = Field(None, description="Its lower strike.")
    cap_strike: forms.Strike | None = Field(None, description="Its upper strike.")
    strike_type: forms.Text = Field("", description="Its kind of strike.")
    rules_primary: forms.Text = Field("", description="Its rules.")
    rules_secondary: forms.Text = Field("", description="More of its rules.")
    fee_waiver_until: forms.Moment | None = Field(None, description="Until when no fee is taken.")
    settlement_bounds: forms.Bounds = Field(SettlementBounds.DEFAULT, description="Its settlement bounds.")
    settlement_floor: forms.FloorField = Field(0, description="With bounds floor: the least that a YES will pay.")
    mid: forms.PriceField = Field(Price(5_000), description="Where its market maker starts; $0.50 by default.")
    book: tuple[LevelKeys, ...] = Field((), description="Orders that rest from the start, first in the queue first.")
    maker: MakerKeys | None = Field(None, description="Its own market maker, instead of the world's.")
    noise: NoiseKeys | None = Field(None, description="Its own strangers, instead of the world's.")


class PurseKeys(Section):
    """Cash of one subaccount on one shard; the subaccount is opened by it."""

    subaccount: forms.Subaccount = Field(0, description="The subaccount.")
    shard: forms.Shard = Field(0, description="The shard.")
    cash: forms.MoneyField = Field(description="How much.", examples=["$500"])


class PositionKeys(Section):
    """A position held from the start; the account `house` holds the other side of it."""

    market: forms.Ticker = Field(description="In which market.", examples=["KXBTC-26DEC31-T100000"])
    leg: forms.Leg = Field(description="yes or no.", examples=["yes"])
    count: forms.CountField = Field(description="Contracts.", examples=["25"])
    price: forms.PriceField = Field(description="What a contract of the leg cost.", examples=["$0.40"])
    subaccount: forms.Subaccount = Field(0, description="The account's subaccount.")


class AccountKeys(Section):
    """A member of the exchange."""

    cash: forms.MoneyField = Field(Money(0), description="Cash of subaccount 0 on shard 0.")
    purses: tuple[PurseKeys, ...] = Field((), description="Cash elsewhere.")
    positions: tuple[PositionKeys, ...] = Field((), description="Positions from the start, their cost paid already.")
    rounding: forms.Rounding = Field(
        "direct", description="How its balance is rounded: direct to $0.0001, cent to $0.01 (orders.md 12)."
    )
    tier: forms.Tier | None = Field(None, description="Its rate limits; those of the program's start by default.")


class ApiKeyKeys(Section):
    """An API key."""

    key_id: forms.Name = Field(description="Its id.", examples=["bot-1"])
    account: forms.Name = Field(description="Whose it is.", examples=["main"])
    public_key: forms.Text = Field(
        description="The path of its public half (PEM), from this file; or that half itself as base64 on one line.",
        examples=["bot.pub.pem"],
    )
    scopes: tuple[forms.Text, ...] = Field(("read", "write"), description="A list; read and write by default.")
    name: forms.Text = Field("", description="What its owner calls it.")
    subaccount: forms.Subaccount | None = Field(None, description="The only subaccount it may use.")
    region_until: forms.Moment | None = Field(None, description="Until when its account's region is attested.")


class LagKeys(Section):
    """How old portfolio reads are."""

    orders: forms.Span = Field(0, description="The list of orders.")
    order: forms.Span = Field(0, description="A single order.")
    fills: forms.Span = Field(0, description="Fills.")
    positions: forms.Span = Field(0, description="Positions.")
    balance: forms.Span = Field(0, description="The balance.")


class FaultKeys(Section):
    """A fault from the start; the other keys are those of `pretrade practice fault`."""

    model_config = ConfigDict(frozen=True, extra="allow")

    kind: forms.Text = Field(description="What goes wrong.", examples=["hold"])


class StepKeys(Section):
    """Something that happens at its time; the other keys are the arguments of the action."""

    model_config = ConfigDict(frozen=True, extra="allow")

    at: forms.Moment = Field(description="When.", examples=["30s"])
    do: forms.Text = Field(description="Which action, as in `pretrade practice ACTION`.", examples=["move"])


class WorldKeys(Section):
    """A world: what there is to trade, who trades, and what happens."""

    version: forms.Version = Field(description="The version of this file's format.", examples=["1"])
    series: tuple[SeriesKeys, ...] = Field(description="The series.", min_length=1)
    events: tuple[EventKeys, ...] = Field(description="The events.", min_length=1)
    markets: tuple[MarketKeys, ...] = Field(description="The markets.", min_length=1)
    accounts: Annotated[Mapping[forms.Name, AccountKeys], AfterValidator(MappingProxyType)] = Field(
        default_factory=lambda: MappingProxyType({}), description="The members of the exchange by name."
    )
    newcomer_cash: forms.MoneyField = Field(
        Money(10_000_000_000), description="Cash of an account that only a key names; $10000 by default."
    )
    keys: tuple[ApiKeyKeys, ...] = Field((), description="API keys, beside those of the folder's key file.")
    maker: MakerKeys = Field(
        MakerKeys(kind="reactive"), description="The market maker of every market without its own; reactive by default."
    )
    noise: NoiseKeys | None = Field(None, description="Strangers who trade in every market; none by default.")
    read_lag: LagKeys = Field(LagKeys(), description="How old portfolio reads are; current by default.")
    faults: tuple[FaultKeys, ...] = Field((), description="Faults from the start.")
    stream_faults: tuple[FaultKeys, ...] = Field((), description="Faults of streams from the start.")
    extras: forms.Text = Field(
        "", description="The path of a JSON file with milestones, live data and the like, from this file."
    )
    script: tuple[StepKeys, ...] = Field((), description="What happens over time.")

    @model_validator(mode="after")
    def _keep_rules(self) -> Self:
        refuse_broken(tuple(rules.violations(self)))
        return self

    def maker_of(self, market: MarketKeys) -> MakerKeys:
        """The market maker of a market."""
        return market.maker or self.maker
