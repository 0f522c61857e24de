"""`pretrade check`: is this policy one that the proxy would load?"""

from pathlib import Path

import click

from pretrade.cli.shared import load_policy
from pretrade.model.units import format_count, format_money, format_price
from pretrade.policy.schema import Market


@click.command()
@click.argument("policy_path", metavar="POLICY", type=click.Path(path_type=Path), default=Path("policy.yaml"))
def check(policy_path: Path) -> None:
    """Check the text of a policy and say what it allows. Changes nothing.

    The files that it names (keys, certificates) are checked by `pretrade run`, before a port opens.

    Exits with 1 and every problem's line and column when the file would be refused.
    """
    loaded = load_policy(policy_path)
    policy = loaded.policy
    instance, order, band = policy.instance, policy.limits.order, policy.price.band
    click.echo(f"{policy_path}: good, sha256 {loaded.sha256[:16]}")
    click.echo(f"  instance   role {instance.role}, {instance.mode} on {instance.environment}")
    click.echo(
        f"  one order  at most {format_count(order.max_count)} contracts and {format_money(order.max_risk)} at risk"
    )
    click.echo(f"  prices     {format_price(band.min)} to {format_price(band.max)}")
    click.echo(f"  one day    at most {policy.limits.day.max_orders} orders, {policy.limits.day.timezone}")
    for market in policy.markets:
        click.echo(f"  market     {market.match}: {_terms(market)}")
    for name, client in policy.clients.items():
        click.echo(f"  client     {name}, subaccount {client.subaccount}")


def _terms(market: Market) -> str:
    if not market.allow:
        return "not allowed"
    terms = ["allowed"]
    order, band = market.limits and market.limits.order, market.price and market.price.band
    if order and order.max_count is not None:
        terms.append(f"at most {format_count(order.max_count)} contracts")
    if order and order.max_risk is not None:
        terms.append(f"at most {format_money(order.max_risk)} at risk")
    if band and band.min is not None:
        terms.append(f"from {format_price(band.min)}")
    if band and band.max is not None:
        terms.append(f"up to {format_price(band.max)}")
    return ", ".join(terms)
