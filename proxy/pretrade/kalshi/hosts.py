"""The exchange's host names, by environment (auth.md 5).

Rule of this file: a host that is not written here is not the exchange. Names are compared exactly and in lower case.
"""

from pretrade.model.instance import Environment

REST_HOSTS: dict[Environment, str] = {
    Environment.DEMO: "external-api.demo.kalshi.co",
    Environment.PRODUCTION: "external-api.kalshi.com",
}
"""The recommended REST host. The practice environment has none: its address stands in the policy."""

WEBSOCKET_HOSTS: dict[Environment, str] = {
    Environment.DEMO: "external-api-ws.demo.kalshi.co",
    Environment.PRODUCTION: "external-api-ws.kalshi.com",
}

_NAMES: dict[Environment, tuple[str, ...]] = {
    Environment.DEMO: (
        "external-api.demo.kalshi.co",
        "demo-api.kalshi.co",
        "external-api-ws.demo.kalshi.co",
        "external-api-margin-ws.demo.kalshi.co",
    ),
    Environment.PRODUCTION: (
        "external-api.kalshi.com",
        "api.elections.kalshi.com",
        "trading-api.kalshi.com",
        "external-api-ws.kalshi.com",
        "external-api-margin-ws.kalshi.com",
    ),
}
_ENVIRONMENTS = {name: environment for environment, names in _NAMES.items() for name in names}

FIX_HOSTS: tuple[str, ...] = (
    "mm.fix.elections.kalshi.com",
    "marketdata.fix.elections.kalshi.com",
    "margin-mm.fix.elections.kalshi.com",
    "fix.demo.kalshi.co",
    "marketdata.fix.demo.kalshi.co",
    "margin-fix.demo.kalshi.co",
)
"""Order entry and data over FIX: full trading past any HTTP proxy, so these must not be reachable from a client."""

FIX_PORTS: range = range(8228, 8234)

CLEARING_HOSTS: tuple[str, ...] = ("api.klear.kalshi.com", "klearing.kalshi.com")
"""The clearing house's API and site: below the policy, never served and never passed through."""

DOMAINS: tuple[str, ...] = ("kalshi.com", "kalshi.co")
"""Every name of the exchange lies in one of these."""


def environment_of(host: str) -> Environment | None:
    """Which environment a host name belongs to; None for a name that is not exactly one of the exchange's."""
    return _ENVIRONMENTS.get(host)


def names_of(environment: Environment) -> tuple[str, ...]:
    """The host names that an instance of this environment answers to. The practice environment answers to all, so that
    an unmodified client runs against it."""
    return all_names() if environment is Environment.PRACTICE else _NAMES[environment]


def all_names() -> tuple[str, ...]:
    """Every REST and WebSocket name of every environment: what the leaf certificate must cover."""
    return tuple(_ENVIRONMENTS)


def is_in_domains(host: str) -> bool:
    """Whether a host lies in the exchange's domains at all, known to us or not, in any case and with a final dot."""
    name = host.lower().rstrip(".")
    return any(name == domain or name.endswith(f".{domain}") for domain in DOMAINS)
