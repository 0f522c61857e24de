"""`pretrade practice fill|move|pause|…`: what somebody who plays exchange does to orders and markets."""

import click

from pretrade.cli.practice_client import Operator, for_operator
from pretrade.practice.core.instruments import PriceStructure

_for_seconds = click.option(
    "--for", "lasting", type=click.FloatRange(0, min_open=True), metavar="SECONDS", help="Take it back by itself."
)
_shard = click.option("--shard", type=int, help="On one shard only.")
_exchange = click.option("--exchange", is_flag=True, help="The whole exchange: cancels are refused too.")


@click.command()
@click.argument("order")
@click.argument("count", required=False)
@for_operator
def fill(operator: Operator, order: str, count: str | None) -> None:
    """Trade against a resting order: all of it, or COUNT contracts.

    ORDER is its id, the beginning of its id, or its client_order_id.
    """
    operator.act("fill", order_id=order, count=count)


@click.command()
@click.argument("market")
@click.argument("price")
@click.option("--trade", is_flag=True, help="Trade all that rests on the way first, orders of clients too.")
@for_operator
def move(operator: Operator, market: str, price: str, *, trade: bool) -> None:
    """Bring MARKET to PRICE: the market maker quotes around it from now on."""
    operator.act("move", market=market, price=price, trade=trade)


@click.command()
@click.argument("market", required=False)
@_exchange
@_shard
@_for_seconds
@for_operator
def pause(operator: Operator, market: str | None, shard: int | None, lasting: float | None, *, exchange: bool) -> None:
    """Pause MARKET, or all trading where none is named."""
    operator.act("pause", **_target(market, shard, exchange=exchange), lasting=lasting)


@click.command()
@click.argument("market", required=False)
@_exchange
@_shard
@for_operator
def resume(operator: Operator, market: str | None, shard: int | None, *, exchange: bool) -> None:
    """End the pause of MARKET, or of all trading where none is named."""
    operator.act("resume", **_target(market, shard, exchange=exchange))


@click.command()
@click.argument("market")
@click.option("--at", metavar="TIME", help="Move its close there instead, as in 2026-12-31T23:59:00Z.")
@click.option("--in", "within", type=click.FloatRange(0), metavar="SECONDS", help="Move its close there instead.")
@for_operator
def close(operator: Operator, market: str, at: str | None, within: float | None) -> None:
    """Close MARKET now; its resting orders are canceled."""
    operator.act("close", market=market, at=at, within=within)


@click.command()
@click.argument("market")
@click.argument("result")
@for_operator
def determine(operator: Operator, market: str, result: str) -> None:
    """Say how MARKET ended: RESULT is yes, no, or what a YES contract pays, as in $0.35."""
    outcome = {"result": result} if result in {"yes", "no"} else {"result": "scalar", "value": result}
    operator.act("determine", market=market, **outcome)


@click.command()
@click.argument("market")
@for_operator
def dispute(operator: Operator, market: str) -> None:
    """Challenge the result of MARKET before it is paid out: it waits until `determine` says it again."""
    operator.act("dispute", market=market)


@click.command()
@click.argument("market")
@click.argument("result", required=False)
@for_operator
def settle(operator: Operator, market: str, result: str | None) -> None:
    """Pay out MARKET. With RESULT (yes, no, $0.35) it is closed and determined first, as far as it is not yet."""
    outcome = {} if result is None else {"result": result}
    if result not in {None, "yes", "no"}:
        outcome = {"result": "scalar", "value": str(result)}
    operator.act("settle", market=market, **outcome)


@click.command()
@click.argument("market")
@click.argument("grid", type=click.Choice([str(structure) for structure in PriceStructure]), metavar="STRUCTURE")
@for_operator
def structure(operator: Operator, market: str, grid: str) -> None:
    """Give MARKET another price grid while it is open, as in deci_cent. Resting orders stay where they are."""
    operator.act("structure", market=market, structure=grid)


@click.command()
@click.argument("event")
@click.argument("multiplier", required=False)
@click.option("--type", "fee_type", help="The fee type; by default that of the series.")
@for_operator
def fee(operator: Operator, event: str, multiplier: str | None, fee_type: str | None) -> None:
    """Charge EVENT by another fee MULTIPLIER, as in 0.5, than its series; without one, by the series' again."""
    operator.act("fee", event=event, multiplier=multiplier, fee_type=fee_type)


def _target(market: str | None, shard: int | None, *, exchange: bool) -> dict[str, object]:
    if market is not None and exchange:
        raise click.UsageError("name a market or --exchange, not both")
    if market is not None:
        return {"what": "market", "market": market, "shard": shard}
    return {"what": "exchange" if exchange else "trading", "shard": shard}


COMMANDS = (fill, move, pause, resume, close, determine, dispute, settle, structure, fee)
