"""`pretrade halt` and `pretrade resume`: the kill switch and the way back.

Rule of this file: `halt` works with a policy that is being edited, and with a proxy that does not answer.
"""

import getpass
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from pretrade.cli.shared import ask_proxy, load_policy, policy_option
from pretrade.cli.sweep import cancel_all
from pretrade.gateway.config import PolicyError, load, paths
from pretrade.gateway.stops.halt_file import halt_file

_CLIENT = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_STATE_DIR = re.compile(r"(?m)^state_dir:[ ]*[\"']?([^\"'#\s]+)")


_client_option = click.option("--client", default="", help="This client alone, by its name in the policy.")


@click.command()
@policy_option
@_client_option
@click.option("--state", "state_dir", type=click.Path(path_type=Path), help="The state folder, where no policy says.")
@click.option("--reason", required=True, help="Why; it is recorded.")
@click.option("--reducing", is_flag=True, help="Let reduce-only orders through (REDUCING) instead of exits alone.")
@click.option("--cancel", is_flag=True, help="Then cancel all that rests, and read the record until it is gone.")
def halt(policy_path: Path, client: str, state_dir: Path | None, reason: str, *, reducing: bool, cancel: bool) -> None:
    """Stop trading at once, of all clients or of one: from the next request on, only cancels and decreases pass.

    Needs no good policy, only the state folder that it names. Works on a proxy that does not answer too: it then leaves
    a HALT file in the state folder, which the proxy looks for on every write and at its start.

    With --cancel it exits with 1 while an order may still rest: the exchange's record says so, not its answer.
    """
    if cancel and reducing:
        raise click.UsageError("--cancel goes with HALTED: under REDUCING, clients place reduce-only orders meanwhile")
    folder = state_dir or _state_dir(policy_path)
    if client and not _CLIENT.fullmatch(client):
        raise click.ClickException(f"{client!r} is no client's name; without --client all of them are halted")
    asked = {"reason": reason, "state": "REDUCING" if reducing else "HALTED", "client": client}
    try:
        answer = ask_proxy(folder, "halt", **asked)
    except click.ClickException as e:
        if not _may_know(policy_path, client):
            raise
        _leave_file(halt_file(folder, client), reason, e)
        if cancel:
            raise click.ClickException(
                "nothing was canceled: cancel at the exchange, or start the proxy and run this again"
            ) from e
        return
    _show(client, answer)
    if not answer["recorded"]:
        click.echo("The journal could not record it; a HALT file keeps it over a restart.", err=True)
    named = f" --client {client}" if client else ""
    click.echo(f"`pretrade resume{named} --by NAME --reason TEXT` starts trading again.", err=True)
    if cancel:
        cancel_all(folder, client)


def _may_know(policy_path: Path, client: str) -> bool:
    """Whether a HALT file for this client would ever be looked at, as far as the policy can be read."""
    try:
        return not client or client in load(policy_path).policy.clients
    except PolicyError:
        return True


def _show(client: str, answer: Mapping[str, Any]) -> None:
    """The states as they are now; a client's own is not all that holds for it."""
    if client:
        click.echo(f"trading state of {client} {answer['client_state']}")
    click.echo(f"trading state {answer['trading_state']}")
    for name, state in answer["client_states"].items():
        if name != client:
            click.echo(f"trading state of {name} {state}")


def _state_dir(policy_path: Path) -> Path:
    """Where the policy keeps its state, also when the rest of it is broken at the moment."""
    try:
        return paths(load(policy_path)).state
    except PolicyError as e:
        try:
            text = policy_path.read_text(encoding="utf-8", errors="replace")
        except OSError as unread:
            said = f"{policy_path} cannot be read: {unread.strerror}; name the state folder with --state DIR"
            raise click.ClickException(said) from e
        named = _STATE_DIR.search(text)
        folder = policy_path.absolute().parent / (named.group(1) if named else "state")
        click.echo(f"{policy_path} is not good at the moment; its state folder is taken to be {folder}", err=True)
        return folder


def _leave_file(path: Path, reason: str, error: click.ClickException) -> None:
    try:
        path.touch(mode=0o600)
        path.write_text(f"{getpass.getuser()}: {reason}\n", encoding="utf-8")
    except OSError as e:
        raise click.ClickException(f"{error.message}\nand {path} cannot be made either: {e.strerror}") from e
    click.echo(error.message, err=True)
    click.echo(f"left {path} with the reason: a proxy on this folder is HALTED from its next write on")


@click.command()
@policy_option
@_client_option
@click.option("--by", required=True, help="Who resumes; it is recorded beside the user that ran the command.")
@click.option("--reason", required=True, help="Why trading may go on; it is recorded.")
def resume(policy_path: Path, client: str, by: str, reason: str) -> None:
    """Let trading go on after a halt, of the whole account or of one client; neither resumes the other. Removes the
    HALT file."""
    answer: Mapping[str, Any] = ask_proxy(
        paths(load_policy(policy_path)).state, "resume", by=by, reason=reason, client=client
    )
    _show(client, answer)
    if answer["client_state" if client else "trading_state"] != "ACTIVE":
        raise click.ClickException("it was halted again at the same time; the halt stands")
