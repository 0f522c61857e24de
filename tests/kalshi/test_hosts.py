"""The exchange's host names: exact, and never shared between two environments."""

import pytest

from pretrade.kalshi import hosts
from pretrade.model.instance import Environment


@pytest.mark.parametrize(
    ("host", "environment"),
    [
        ("external-api.kalshi.com", Environment.PRODUCTION),
        ("api.elections.kalshi.com", Environment.PRODUCTION),
        ("trading-api.kalshi.com", Environment.PRODUCTION),
        ("external-api-ws.kalshi.com", Environment.PRODUCTION),
        ("external-api-margin-ws.kalshi.com", Environment.PRODUCTION),
        ("external-api.demo.kalshi.co", Environment.DEMO),
        ("demo-api.kalshi.co", Environment.DEMO),
        ("external-api-ws.demo.kalshi.co", Environment.DEMO),
        ("external-api-margin-ws.demo.kalshi.co", Environment.DEMO),
        ("External-API.kalshi.com", None),
        ("external-api.kalshi.com.", None),
        ("external-api.kalshi.com:443", None),
        ("external-api.kalshi.com.evil.example", None),
        ("evil.kalshi.com", None),
        ("kalshi.com", None),
        ("mm.fix.elections.kalshi.com", None),
        ("api.klear.kalshi.com", None),
        ("127.0.0.1", None),
        ("", None),
    ],
)
def test_environment_of(host: str, environment: Environment | None) -> None:
    """Catches a loose comparison that takes a look-alike for the exchange, or demo for production."""
    assert hosts.environment_of(host) is environment


def test_names_are_disjoint_and_practice_answers_to_all() -> None:
    demo, production = hosts.names_of(Environment.DEMO), hosts.names_of(Environment.PRODUCTION)
    assert not set(demo) & set(production)
    assert sorted(hosts.all_names()) == sorted(demo + production)
    assert hosts.names_of(Environment.PRACTICE) == hosts.all_names()
    assert not set(hosts.all_names()) & set(hosts.FIX_HOSTS + hosts.CLEARING_HOSTS)


@pytest.mark.parametrize("environment", [Environment.DEMO, Environment.PRODUCTION])
def test_the_recommended_hosts_are_of_their_environment(environment: Environment) -> None:
    assert hosts.environment_of(hosts.REST_HOSTS[environment]) is environment
    assert hosts.environment_of(hosts.WEBSOCKET_HOSTS[environment]) is environment


def test_every_name_lies_in_the_domains() -> None:
    """Catches a name that the certificate's constraint would not cover."""
    assert all(hosts.is_in_domains(name) for name in hosts.all_names() + hosts.FIX_HOSTS + hosts.CLEARING_HOSTS)
    assert hosts.is_in_domains("New-Host.KALSHI.com.")
    assert not hosts.is_in_domains("notkalshi.com")
    assert not hosts.is_in_domains("kalshi.com.evil.example")
