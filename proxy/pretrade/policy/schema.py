"""The keys of policy.yaml: every key the program knows, what it means, and nothing else.

Rule of this file: a key that is not here is an error, and so is a missing one that is not marked optional. Descriptions
are what the operator reads in docs/policy.md (`make docs`). A Policy that exists has kept every rule of `rules.py`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from pretrade.policy import rules
from pretrade.policy.fields import (
    AgeField,
    ClientName,
    End,
    EnvironmentField,
    EveryField,
    Flag,
    Glob,
    KeyId,
    ListenField,
    ModeField,
    MultiplierField,
    OtherHostField,
    PathField,
    RoleField,
    Scope,
    Subaccount,
    UrlField,
    UserName,
    Version,
)
from pretrade.policy.halts import Halts, Notify
from pretrade.policy.inject import InjectRules, TighterInject
from pretrade.policy.limits import ClientLimits, EntryLimits, Limits
from pretrade.policy.liquidity import LiquidityRules, TighterLiquidity
from pretrade.policy.prices import PriceRules, TighterPrice
from pretrade.policy.required import Confirm, OrderGroups, RequireRules, TighterConfirm, TighterRequire
from pretrade.policy.waivers import Observe, Waiver
from pretrade.yamltext.forms import Section, refuse_broken


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


class LiveKey(Section):
    """One live key, which only the proxy holds."""

    key_id: KeyId = Field(description="The live key's id at the exchange.", examples=["practice-live-key"])
    key_file: PathField = Field(
        description="The live private key, a PEM file that only the proxy's user may read.", examples=["keys/live.pem"]
    )
    passphrase_file: PathField | None = Field(
        default=None,
        description="Where the PEM is encrypted: the file with its passphrase.",
        examples=["keys/live.pass"],
    )
    acknowledge: tuple[Scope, ...] = Field(
        default=(),
        description="Scopes that the live key has beyond reading and trading, each accepted here by its name. Without "
        "it, `pretrade run` refuses a key that could also move money or make keys; `write` means all of them. "
        "`unlisted`: the key may not list keys, and somebody has seen on the exchange's own page what it may do.",
        examples=["[write]"],
    )


class NamedKey(LiveKey):
    """A live key for the clients that name it in `clients.NAME.signing`, and for nothing else."""

    subaccount: Subaccount | None = Field(
        default=None,
        description="The one subaccount that the exchange has bound the key to; every client that names the key must "
        "have it. The preflight refuses a key that is not bound so. Where it is "
        "not stated, the preflight only asks that no binding keeps a client from its subaccount.",
        examples=["1"],
    )


class Signing(LiveKey):
    """The general live key. It signs our own reads of the account, so it must see every subaccount in use, and the
    requests of the clients that name no key of `signing.keys`. Where every client names one, the scope read is
    enough for it."""

    keys: Annotated[Mapping[ClientName, NamedKey], AfterValidator(MappingProxyType)] = Field(
        default_factory=lambda: MappingProxyType({}),
        description="Live keys beside it, by names of your own. Each signs for the clients that name it and for "
        "nobody else: their orders, amends, decreases, cancels, signed reads and streams.",
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
        description="The one subaccount that its orders go to, always written out; another client's only where both "
        "say `shares_subaccount`.",
        examples=["0"],
    )
    signing: ClientName | None = Field(
        default=None,
        description="The name in `signing.keys` of the live key that signs this client's requests; no other ever "
        "does. Where it is not stated, the general key of `signing` signs them.",
        examples=["momentum"],
    )
    shares_subaccount: Flag = Field(
        default=False,
        description="Whether another client may have the same subaccount: only where both say so. Positions are then "
        "counted together, whoever holds them; orders stay each client's own, and others' are denied as "
        "ORDER_NOT_OWNED. Where it is not stated, it may not.",
        examples=["true"],
    )
    private_channels: Flag = Field(
        default=False,
        description="Whether its streams may show the account's own business: orders, fills, positions and quotes, of "
        "every client and subaccount. Where it is not stated, they may not.",
        examples=["true"],
    )
    user: UserName | None = Field(
        default=None,
        description="The user of the proxy's own machine whose processes alone may come in as this client, besides its "
        "signature: a key that another user has read is worth nothing then. Others are refused as "
        "CLIENT_USER_NOT_ALLOWED. Where it is not stated, the signature is enough.",
        examples=["bot"],
    )
    limits: ClientLimits | None = None
    price: TighterPrice | None = None
    liquidity: TighterLiquidity | None = None
    require: TighterRequire | None = None
    confirm: TighterConfirm | None = None
    inject: TighterInject | None = None


class Fees(Section):
    """What the exchange may take at worst."""

    multiplier_ceiling: MultiplierField = Field(
        description="The highest fee multiplier a market can have; a fee is reckoned at 0.07 times this in every risk.",
        examples=['"1.0"'],
    )


class Reconcile(Section):
    """How often the exchange's own record of orders, fills, positions and balances is read and compared with ours."""

    every: EveryField = Field(
        description="How often it is read; it is also read at the start and after every unknown outcome.",
        examples=["15s"],
    )
    max_age: AgeField = Field(
        description="How old the last good reading may be, counted from when it was begun. It keeps the proxy from "
        "trading on what it cannot see. Past it, orders are denied as LEDGER_NOT_RECONCILED; cancels and decreases "
        "pass.",
        examples=["2m"],
    )


class Market(Section):
    """One entry of the market list. It fits a market where everything that it states of `match`, `event` and `series`
    does; one of them it must state. Its limits only tighten the ones that hold for all markets."""

    match: Glob | None = Field(
        default=None, description="The market tickers that this entry fits.", examples=['"KXBTC-*"']
    )
    event: Glob | None = Field(
        default=None, description="The tickers of the events whose markets it fits.", examples=['"KXBTC-26DEC31*"']
    )
    series: Glob | None = Field(
        default=None,
        description="The tickers of the series whose markets it fits, as the exchange says, however the market itself "
        "is called; also a market that is listed tomorrow.",
        examples=['"KXBTC"'],
    )
    allow: Flag = Field(
        description="Whether orders in these markets pass. Else they are denied as MARKET_NOT_ALLOWED.",
        examples=["true"],
    )
    limits: EntryLimits | None = None
    price: TighterPrice | None = None
    liquidity: TighterLiquidity | None = None
    require: TighterRequire | None = None

    def __str__(self) -> str:
        """The globs for people: `KXBTC-*`, or `series KXBTC, event KXBTC-26*`."""
        others = (f"{name} {glob}" for name, glob in (("event", self.event), ("series", self.series)) if glob)
        return ", ".join((*((self.match,) if self.match else ()), *others))


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
    other_hosts: tuple[OtherHostField, ...] = Field(
        default=(),
        description="What else clients may reach through the proxy door, a weather service or a model: passed through "
        "byte for byte and never read. Every other host is refused.",
        examples=['["api.weather.gov:443"]'],
    )
    clients: Annotated[Mapping[ClientName, Client], AfterValidator(MappingProxyType)] = Field(
        description="Who may come in, by name. `{}` lets nobody in."
    )
    limits: Limits
    unlimited_on_purpose: tuple[Waiver, ...] = Field(
        default=(),
        description="The limits that this policy leaves out. One that is neither stated nor named here is an error.",
    )
    price: PriceRules = PriceRules()
    liquidity: LiquidityRules
    require: RequireRules
    confirm: Confirm
    order_groups: OrderGroups
    inject: InjectRules = InjectRules()
    halts: Halts = Halts()
    notify: Notify
    observe: Observe = Observe()
    fees: Fees
    reconcile: Reconcile
    markets: Annotated[tuple[Market, ...], Field(min_length=1)] = Field(
        description="Read from the top, the first entry that fits a market decides; the last one must match `*`."
    )
    end: End = Field(description="The last line: a file without it was cut short and is refused.", examples=["policy"])

    @model_validator(mode="after")
    def _keep_rules(self) -> Self:
        refuse_broken(tuple(rules.violations(self)))
        return self
