"""`pretrade practice fault|lag|clock|…`: what somebody who plays exchange makes go wrong."""

from collections.abc import Mapping

import click

from pretrade.cli.practice_client import Operator, for_operator
from pretrade.practice.faults.kinds import KINDS
from pretrade.practice.stream.channels import CHANNELS

_for_seconds = click.option(
    "--for", "lasting", type=click.FloatRange(0, min_open=True), metavar="SECONDS", help="Take it back by itself."
)
_times = click.option("--times", type=click.IntRange(1), help="How many are hit.  [default: 1]")
_always = click.option("--always", is_flag=True, help="All are hit, until the faults are cleared.")
_KINDS = "\n\n".join(f"{kind}: {info.meaning}" for kind, info in KINDS.items())


@click.command()
@click.argument("seconds", type=click.FloatRange(0, 600), default=0.0)
@click.option("--fills", type=click.FloatRange(0, 600), help="Fills, and with them positions and balance.")
@click.option("--orders", type=click.FloatRange(0, 600), help="The list of orders.")
@click.option("--order", type=click.FloatRange(0, 600), help="The single order.")
@click.option("--positions", type=click.FloatRange(0, 600), help="Positions.")
@click.option("--balance", type=click.FloatRange(0, 600), help="The balance.")
@_for_seconds
@for_operator
def lag(operator: Operator, /, seconds: float, lasting: float | None, **parts: float | None) -> None:
    """Let portfolio reads be SECONDS old, each kind or only some; 0 makes them current again."""
    operator.act("lag", seconds=seconds, lasting=lasting, **parts)


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("seconds", type=click.FloatRange(-86_400, 86_400))
@_for_seconds
@for_operator
def clock(operator: Operator, seconds: float, lasting: float | None) -> None:
    """Put the clock of signature checks SECONDS ahead (below 0: behind); 0 sets it right."""
    operator.act("clock", skew=seconds, lasting=lasting)


@click.command("cancel-all-lingers")
@click.argument("seconds", type=click.FloatRange(0, 600))
@for_operator
def cancel_all_lingers(operator: Operator, seconds: float) -> None:
    """Let a cancel-all take orders of the next SECONDS too; 0 ends it at once."""
    operator.act("cancel_all_lingers", seconds=seconds)


@click.command(epilog=_KINDS)
@click.argument("kind")
@click.option("--method", help="For this method only.")
@click.option("--path", help="For paths that begin so, or fit where it has * or ?.")
@click.option("--key", help="For API keys that fit.")
@_times
@_always
@click.option("--after", type=click.IntRange(0), help="Spare that many first.")
@click.option("--probability", type=click.FloatRange(0, 1, min_open=True), help="Hit only some of them.")
@click.option("--execute/--no-execute", default=None, help="Whether the request takes effect, where a choice is.")
@click.option("--seconds", type=float, help="How long or how old.")
@click.option("--lasting", type=float, help="For how many seconds a condition holds.")
@click.option("--skew", type=float, help="How many seconds the clock is ahead.")
@click.option("--status", type=click.IntRange(400, 599), help="The status of the answer.")
@click.option("--rate", type=click.IntRange(1), help="Bytes a second.")
@click.option("--every", type=click.IntRange(1), help="Which entries of a batch are refused.")
@click.option("--off", type=int, help="By how many bytes Content-Length is wrong.")
@click.option("--location", help="Where a redirect leads.")
@for_operator
def fault(operator: Operator, /, times: int | None, *, always: bool, **options: object) -> None:
    """Let the next request that fits fail in the way of KIND, one of those below."""
    operator.act("faults", **_given(options) | _count(times, always=always))


@click.command("stream-fault")
@click.argument("kind")
@click.option("--channel", type=click.Choice(list(CHANNELS)), metavar="NAME", help="For this channel only.")
@_times
@_always
@click.option("--seconds", type=float, help="How late a delayed message is.")
@for_operator
def stream_fault(operator: Operator, /, times: int | None, *, always: bool, **options: object) -> None:
    """Let the next WebSocket message go wrong: drop, gap, duplicate, delay, garbage, close, abort, silence."""
    operator.act("stream_faults", **_given(options) | _count(times, always=always))


def _given(options: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in options.items() if value is not None}


def _count(times: int | None, *, always: bool) -> dict[str, object]:
    if always and times is not None:
        raise click.UsageError("name --times or --always, not both")
    return {"times": None} if always else {} if times is None else {"times": times}


COMMANDS = (lag, clock, cancel_all_lingers, fault, stream_fault)
