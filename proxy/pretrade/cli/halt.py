"""`pretrade halt` and `pretrade resume`: the kill switch and the way back.

Rule of this file: `halt` works with a policy that is being edited, and with a proxy that does not answer.
"""

import getpass
import re
from pathlib import Path

import click

from pretrade.cli.shared import ask_proxy, load_policy, policy_option
from pretrade.gateway.config import load, paths
from pretrade.gateway.problems import PolicyError
from pretrade.gateway.trading import HALT_FILE

_STATE_DIR = re.compile(r"(?m)^state_dir:[ ]*[\"']?([^\"'#\s]+)")


@click.command()
@policy_option
@click.option("--state", "state_dir", type=click.Path(path_type=Path), help="The state folder, where no policy says.")
@click.option("--reason", required=True, help="Why; it is recorded.")
@click.option("--reducing", is_flag=True, help="Let reduce-only orders through (REDUCING) instead of exits alone.")
def halt(policy_path: Path, state_dir: Path | None, reason: str, *, reducing: bool) -> None:
    """Stop trading at once: from the next request on, only cancels and decreases pass.

    Needs no good policy, only the state folder that it names. Works on a proxy that does not answer too: it then leaves
    a HALT file in the state folder, which the proxy looks for on every write and at its start.
    """
    folder = state_dir or _state_dir(policy_path)
    try:
        answer = ask_proxy(folder, "halt", reason=reason, state="REDUCING" if reducing else "HALTED")
    except click.ClickException as e:
        _leave_file(folder, reason, e)
        return
    click.echo(f"trading state {answer['trading_state']}")
    if not answer["recorded"]:
        click.echo("The journal could not record it; a HALT file keeps it over a restart.", err=True)
    click.echo("`pretrade resume --by NAME --reason TEXT` starts trading again.", err=True)


def _state_dir(policy_path: Path) -> Path:
    """Where the policy keeps its state, also when the rest of it is broken at the moment."""
    try:
        return paths(load(policy_path)).state
    except PolicyError as e:
        if not policy_path.is_file():
            raise click.ClickException(f"there is no {policy_path}; name the state folder with --state DIR") from e
        named = _STATE_DIR.search(policy_path.read_text(encoding="utf-8", errors="replace"))
        folder = policy_path.absolute().parent / (named.group(1) if named else "state")
        click.echo(f"{policy_path} is not good at the moment; its state folder is taken to be {folder}", err=True)
        return folder


def _leave_file(folder: Path, reason: str, error: click.ClickException) -> None:
    path = folder / HALT_FILE
    try:
        path.touch(mode=0o600)
        path.write_text(f"{getpass.getuser()}: {reason}\n", encoding="utf-8")
    except OSError as e:
        raise click.ClickException(f"{error.message}\nand {path} cannot be made either: {e.strerror}") from e
    click.echo(error.message, err=True)
    click.echo(f"left {path} with the reason: a proxy on this folder is HALTED from its next write on")


@click.command()
@policy_option
@click.option("--by", required=True, help="Who resumes; it is recorded beside the user that ran the command.")
@click.option("--reason", required=True, help="Why trading may go on; it is recorded.")
def resume(policy_path: Path, by: str, reason: str) -> None:
    """Let trading go on after a halt. Removes the HALT file."""
    answer = ask_proxy(paths(load_policy(policy_path)).state, "resume", by=by, reason=reason)
    click.echo(f"trading state {answer['trading_state']}")
    if answer["trading_state"] != "ACTIVE":
        raise click.ClickException("somebody halted again at the same time; the halt stands")
