"""`pretrade halt` and `pretrade resume`: the kill switch and the way back."""

from pathlib import Path

import click

from pretrade.cli.shared import ask_proxy, load_policy, policy_option
from pretrade.gateway.config import LoadedPolicy, paths
from pretrade.gateway.trading import HALT_FILE


@click.command()
@policy_option
@click.option("--reason", required=True, help="Why; it is recorded.")
@click.option("--reducing", is_flag=True, help="Let reduce-only orders through (REDUCING) instead of exits alone.")
def halt(policy_path: Path, reason: str, *, reducing: bool) -> None:
    """Stop trading at once: from the next request on, only cancels and decreases pass.

    Works on a proxy that does not answer too: it then leaves a HALT file in the state folder, which the proxy looks
    for on every write and at its start.
    """
    loaded = load_policy(policy_path)
    state = "REDUCING" if reducing else "HALTED"
    try:
        answer = ask_proxy(loaded, "halt", reason=reason, state=state)
    except click.ClickException as e:
        _leave_file(loaded, e)
        return
    click.echo(f"trading state {answer['trading_state']}")
    if not answer["recorded"]:
        click.echo("The journal could not record it; a HALT file keeps it over a restart.", err=True)
    click.echo("`pretrade resume --by NAME --reason TEXT` starts trading again.", err=True)


def _leave_file(loaded: LoadedPolicy, error: click.ClickException) -> None:
    path = paths(loaded).state / HALT_FILE
    try:
        path.touch(mode=0o600)
    except OSError as e:
        raise click.ClickException(f"{error.message}\nand {path} cannot be made either: {e.strerror}") from e
    click.echo(error.message, err=True)
    click.echo(f"left {path}: a proxy on this folder is HALTED from its next write on")


@click.command()
@policy_option
@click.option("--by", required=True, help="Who resumes; it is recorded beside the user that ran the command.")
@click.option("--reason", required=True, help="Why trading may go on; it is recorded.")
def resume(policy_path: Path, by: str, reason: str) -> None:
    """Let trading go on after a halt. Removes the HALT file."""
    answer = ask_proxy(load_policy(policy_path), "resume", by=by, reason=reason)
    click.echo(f"trading state {answer['trading_state']}")
