"""The keys of policy.yaml: every key the program knows, what it means, and nothing else.

Rule of this file: a key that is not here is an error, and so is a missing one that is not marked optional. Descriptions
are what the operator reads in docs/policy.md (`make docs`). A Policy that exists has kept every rule of `rules.py`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from pretrade.policy import rules
from pretrade.policy.fields import (
    ClientName,
    CountField,
    DayOrders,
    End,
    EnvironmentField,
    Flag,
    Glob,
    KeyId,
    ListenField,
    ModeField,
    MultiplierField,
    PathField,
    PriceField,
    RiskField,
    RoleField,
    Subaccount,
    Timezone,
    UrlField,
    Version,
)


class Section(BaseModel):
    """A group of keys: frozen, and closed to keys that it does not name."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Instance(Section):
    """What this proxy is."""

    role: RoleField = Field(
        description="W is the host that trades, R refuses every write, ABH is experimental and never trades live in "
        "production.",
        examples=["W"],
    )
    environment: EnvironmentField = Field(description="Which exchange approved orders go to.", examples=["practice"])
    mode: ModeField = Field(
        description="live sends what is approved; dry_run judges and records, answers like the exchange and sends "
        "nothing.",
        examples=["dry_run"],
    )
    allow_production: Flag = Field(
        description="A second yes: role W trades live in production only where this is true.", examples=["false"]
    )


class Listen(Section):
    """The two doors that clients come in by."""

    proxy: ListenField = Field(
        description="The proxy door, for clients that follow HTTPS_PROXY.", examples=["127.0.0.1:8080"]
    )
    base_url: ListenField = Field(
        description="The base-URL door, for clients that are given an address instead.", examples=["127.0.0.1:8081"]
    )


class Practice(Section):
    """A practice exchange."""

    url: UrlField = Field(
        description="Where the practice exchange answers. The exchange's own names are refused.",
        examples=["https://127.0.0.1:9443"],
    )
    ca: PathField = Field(
        description="The only certificate authority that is believed there, as a PEM file.",
        examples=["practice/ca.crt"],
    )


class Exchange(Section):
    """Where approved orders go. Demo and production are known to the program and cannot be written here."""

    practice: Practice | None = Field(
        default=None, description="Mandatory where `instance.environment` is practice, else optional."
    )


class Signing(Section):
    """The live key, which only the proxy holds."""

    key_id: KeyId = Field(description="The live key's id at the exchange.", examples=["practice-live-key"])
    key_file: PathField = Field(
        description="The live private key, a PEM file that only the proxy's user may read.", examples=["keys/live.pem"]
    )
    passphrase_file: PathField | None = Field(
        default=None,
        description="Where the PEM is encrypted: the file with its passphrase.",
        examples=["keys/live.pass"],
    )


class Client(Section):
    """One client, known by the signature that it makes with its own key."""

    key_id: KeyId = Field(
        description="The id that the client sends; no other client's and not the live key's.",
        examples=["momentum-bot-key"],
    )
    public_key: PathField = Field(
        description="The public half of the client's own key, which is worthless at the exchange.",
        examples=["keys/momentum-bot.pub.pem"],
    )
    subaccount: Subaccount = Field(
        description="The one subaccount that its orders go to, always written out; no other client's.", examples=["0"]
    )


class OrderMaximum(Section):
    """What one order may be at most."""

    max_count: CountField = Field(
        description="Contracts in one order. More is denied as ORDER_COUNT_EXCEEDS_MAXIMUM.", examples=['"100"']
    )
    max_risk: RiskField = Field(
        description="What one order may lose at worst, fees included. More is denied as ORDER_RISK_EXCEEDS_MAXIMUM.",
        examples=['"$200"'],
    )


class Day(Section):
    """What one day may hold at most."""

    timezone: Timezone = Field(description="The time zone in which a day begins.", examples=["America/New_York"])
    max_orders: DayOrders = Field(
        description="Orders approved in a day, all clients together. More are denied as DAY_ORDERS_EXCEED_MAXIMUM.",
        examples=["25"],
    )


class Limits(Section):
    """How much may be asked for."""

    order: OrderMaximum
    day: Day


class Band(Section):
    """The prices that an order may have, both ends included."""

    min: PriceField = Field(
        description="The lowest price. A lower one is denied as PRICE_OUTSIDE_BAND.", examples=['"$0.02"']
    )
    max: PriceField = Field(
        description="The highest price. A higher one is denied as PRICE_OUTSIDE_BAND.", examples=['"$0.98"']
    )


class PriceRules(Section):
    """What a price may be."""

    band: Band


class Fees(Section):
    """What the exchange may take at worst."""

    multiplier_ceiling: MultiplierField = Field(
        description="The highest fee multiplier a market can have; a fee is reckoned at 0.07 times this in every risk.",
        examples=['"1.0"'],
    )


class MarketOrder(Section):
    """Tighter maxima for one order in these markets."""

    max_count: CountField | None = Field(
        default=None, description="As `limits.order.max_count`, never higher.", examples=['"20"']
    )
    max_risk: RiskField | None = Field(
        default=None, description="As `limits.order.max_risk`, never higher.", examples=['"$50"']
    )


class MarketLimits(Section):
    """Tighter limits for these markets."""

    order: MarketOrder | None = None


class MarketBand(Section):
    """A narrower band for these markets."""

    min: PriceField | None = Field(default=None, description="As `price.band.min`, never lower.", examples=['"$0.10"'])
    max: PriceField | None = Field(default=None, description="As `price.band.max`, never higher.", examples=['"$0.90"'])


class MarketPrice(Section):
    """Narrower prices for these markets."""

    band: MarketBand | None = None


class Market(Section):
    """One entry of the market list. Its limits only tighten the ones that hold for all markets."""

    match: Glob = Field(description="The market tickers that this entry fits.", examples=['"KXBTC-*"'])
    allow: Flag = Field(
        description="Whether orders in these markets pass. Else they are denied as MARKET_NOT_ALLOWED.",
        examples=["true"],
    )
    limits: MarketLimits | None = None
    price: MarketPrice | None = None


class Policy(Section):
    """A whole policy: every limit stated, every rule across keys kept."""

    version: Version = Field(description="The version of this form.", examples=["1"])
    instance: Instance
    listen: Listen
    exchange: Exchange
    signing: Signing
    state_dir: PathField = Field(description="The folder of the decision log and of the HALT file.", examples=["state"])
    certs_dir: PathField = Field(
        description="The folder of the certificates that clients are shown and trust.", examples=["certs"]
    )
    clients: Annotated[Mapping[ClientName, Client], AfterValidator(MappingProxyType)] = Field(
        description="Who may come in, by name. `{}` lets nobody in."
    )
    limits: Limits
    price: PriceRules
    fees: Fees
    markets: Annotated[tuple[Market, ...], Field(min_length=1)] = Field(
        description="Read from the top, the first entry that fits a market decides; the last one must match `*`."
    )
    end: End = Field(description="The last line: a file without it was cut short and is refused.", examples=["policy"])

    @model_validator(mode="after")
    def _keep_rules(self) -> Self:
        broken = tuple(rules.violations(self))
        if broken:
            raise PydanticCustomError("policy_rules", "{summary}", {"summary": str(broken[0]), "violations": broken})
        return self
