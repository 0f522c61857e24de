"""`pretrade doctor`: does a bot's traffic really go through the proxy, and would its orders pass the door?"""

import datetime as dt
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from pretrade.cli.doctor_direct import Address, check_direct, exchange_addresses
from pretrade.cli.doctor_doors import check_base_url_door, check_key, check_proxy_door
from pretrade.cli.doctor_lines import Line, Verdict, fine, found, note
from pretrade.cli.doctor_shell import check_other_variables, check_proxy_variables, check_trust
from pretrade.cli.shared import ask_proxy, load_policy, policy_option
from pretrade.gateway.config import LoadedPolicy, paths
from pretrade.model.instance import Mode, Role, TradingState

_ALL_FINE = "nothing found; that the bot itself comes in by a door shows in `pretrade log tail`"


class _AddressType(click.ParamType[Address]):
    name = "HOST:PORT"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> Address:
        host, _, port = value.rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
            self.fail(f"{value!r} is not HOST:PORT", param, ctx)
        return host.strip("[]"), int(port)


@click.command()
@policy_option
@click.option("--client", required=True, help="The client's name in the policy.")
@click.option(
    "--key", "key_file", type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The bot's own private key: signed reads are sent with it through both doors.",
)  # fmt: skip
@click.option(
    "--door", type=click.Choice(["proxy", "base-url"]), help="Look at the one door that the bot uses.  [default: both]"
)
@click.option(
    "--direct", is_flag=True,
    help="Also try to reach the exchange past the proxy: a connection to each of its addresses, which must fail.",
)  # fmt: skip
@click.option(
    "--address", "addresses", type=_AddressType(), multiple=True, help="With --direct: try these addresses instead."
)
@click.pass_context
def doctor(
    context: click.Context, policy_path: Path, client: str, key_file: Path | None, door: str | None,
    *, direct: bool, addresses: tuple[Address, ...],
) -> None:  # fmt: skip
    """Tell whether a bot's traffic goes through the proxy: `pretrade exec --client X -- pretrade doctor --client X`.

    Looks at the variables of the shell that it is run in, at both doors, at the bot's key and at the proxy itself. It
    sends reads only; one without --key is refused and leaves a row in the log. Exits with 1 when anything is FOUND.
    """
    if addresses and not direct:
        raise click.UsageError("--address says where --direct tries; give both")
    loaded = load_policy(policy_path)
    if client not in loaded.policy.clients:
        known = ", ".join(sorted(loaded.policy.clients)) or "none"
        raise click.ClickException(f"no client {client!r} in the policy; registered: {known}")
    count = 0
    for line in examine(loaded, client, key_file, door, os.environ, addresses or _addresses(direct=direct)):
        click.echo(str(line))
        count += line.verdict is Verdict.FOUND
    click.echo(f"{count} found" if count else _ALL_FINE, err=True)
    context.exit(1 if count else 0)


def _addresses(*, direct: bool) -> tuple[Address, ...]:
    return exchange_addresses() if direct else ()


def examine(
    loaded: LoadedPolicy, client: str, key_file: Path | None, door: str | None,
    environ: Mapping[str, str], addresses: tuple[Address, ...],
) -> Iterator[Line]:  # fmt: skip
    """Every check in its order; `addresses` are tried directly, none when it is empty."""
    if door != "base-url":
        yield from check_proxy_variables(environ, loaded, client)
        yield from check_trust(environ, loaded, dt.datetime.now(dt.UTC))
    yield from check_other_variables(environ, loaded, client)
    key = None
    if key_file is not None:
        key, line = check_key(loaded, client, key_file)
        yield line
    if door != "base-url":
        yield from check_proxy_door(loaded, client, key)
    if door != "proxy":
        yield from check_base_url_door(loaded, client, key)
    yield fine("subaccount", f"orders of {client} go to subaccount {loaded.policy.clients[client].subaccount}")
    yield from check_running(loaded, client)
    if addresses:
        yield from check_direct(addresses)


def check_running(loaded: LoadedPolicy, client: str) -> Iterator[Line]:
    """What the running proxy says of itself, where this user may ask it."""
    try:
        answer = ask_proxy(paths(loaded).state, "status")
    except click.ClickException as e:
        yield note("trading", f"cannot be seen from here: {e.message}", "an operator sees it with `pretrade status`")
        return
    if answer["policy"] != loaded.sha256:
        yield found("policy", "the proxy runs with another text than this file's", "restart it to load the file")
    if client not in _listed(answer["clients"]):
        yield found("client", f"the running proxy does not know {client}", "restart it to let the bot in")
    if answer["journal"] != "ok":
        yield found("journal", f"cannot be written: {answer['journal']}", "an operator makes room or mends the disk")
    yield _trading(answer)
    own = answer["client_states"]
    if isinstance(own, dict) and client in own:
        hint = f"an operator runs `pretrade resume --client {client}`"
        yield found("trading", f"{client} by itself is {own[client]}", hint)


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _trading(answer: Mapping[str, object]) -> Line:
    state, role, mode = (str(answer[name]) for name in ("trading_state", "role", "mode"))
    told = f"{state}, role {role}, {mode} on {answer['environment']}"
    if state != TradingState.ACTIVE:
        return found("trading", told, "orders are denied until an operator runs `pretrade resume`")
    if role == Role.R:
        return note("trading", told, "this proxy refuses every write")
    if mode == Mode.DRY_RUN:
        return note("trading", told, "orders are judged, recorded and answered, and never sent")
    return fine("trading", told)
