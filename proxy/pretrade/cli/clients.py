"""`pretrade clients`: register the public half of a bot's own key, and list who is registered."""

import re
from pathlib import Path

import click
import yaml

from pretrade.cli.shared import load_policy, policy_option
from pretrade.gateway.config import KeyPaths, LoadedPolicy, PolicyError, loads, paths
from pretrade.gateway.keys.keyfile import KeyFileError, open_private_key
from pretrade.kalshi.keys import KeyFormatError, PublicKey, load_private_key, load_public_key, public_pem_of

_PRIVATE_MARK = b"PRIVATE KEY-----"


@click.group(invoke_without_command=True)
@policy_option
@click.pass_context
def clients(context: click.Context, policy_path: Path) -> None:
    """List the registered clients, or add one."""
    context.obj = load_policy(policy_path)
    if context.invoked_subcommand is None:
        _list(context.obj)


def _list(loaded: LoadedPolicy) -> None:
    for name, client in loaded.policy.clients.items():
        click.echo(f"{name}  key id {client.key_id}  subaccount {client.subaccount}  {paths(loaded).client_keys[name]}")


@clients.command()
@click.argument("name")
@click.option(
    "--key", "key_file", required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The bot's own key: a PEM file with the private or the public half. Only the public half is kept.",
)  # fmt: skip
@click.option("--key-id", help="The key id that the bot sends.  [default: NAME-key]")
@click.option(
    "--subaccount", type=click.IntRange(0, 63), help="The subaccount it trades.  [default: the next free one]"
)
@click.pass_obj
def add(loaded: LoadedPolicy, name: str, key_file: Path, key_id: str | None, subaccount: int | None) -> None:
    """Register the bot NAME: keep the public half of its own key and add it to the policy.

    The key must be worthless at the exchange: delete it there, or make one that never was there. A running proxy
    keeps the policy that it started with; restart it to let the bot in.
    """
    public_key = _public_half(key_file)
    if subaccount is None:
        taken = {client.subaccount for client in loaded.policy.clients.values()}
        subaccount = next((number for number in range(64) if number not in taken), 0)
    _refuse_twin(loaded, public_key)
    target = Path("keys") / f"{name}.pub.pem"
    entry = {"key_id": key_id or f"{name}-key", "public_key": str(target), "subaccount": subaccount}
    changed = _with_entry(loaded, name, entry)
    path = loaded.path.parent / target
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_bytes(public_pem_of(public_key))
    _replace(loaded.path, changed)
    click.echo(f"registered {name}: key id {entry['key_id']}, subaccount {subaccount}, public key {path}")
    if subaccount:
        click.echo(f"`pretrade keys check` says whether the exchange has opened subaccount {subaccount}", err=True)
    click.echo("restart the proxy to let it in", err=True)


def _public_half(key_file: Path) -> PublicKey:
    pem = key_file.read_bytes()
    try:
        return load_private_key(pem).public_key() if _PRIVATE_MARK in pem else load_public_key(pem)
    except KeyFormatError as e:
        raise click.ClickException(f"{key_file}: {e}") from e


def _refuse_twin(loaded: LoadedPolicy, public_key: PublicKey) -> None:
    """Two clients with one key could not be told apart, and the live key is no client's."""
    where = paths(loaded)
    if any(_holds(live, public_key) for live in (where.live_key, *where.named_keys.values())):
        raise click.ClickException("this is the live key itself; a client needs one that is worthless at the exchange")
    for other, path in where.client_keys.items():
        if path.exists() and path.read_bytes() == public_pem_of(public_key):
            raise click.ClickException(f"this key is registered already, for {other}; a client needs a key of its own")


def _holds(live: KeyPaths, public_key: PublicKey) -> bool:
    try:
        key = open_private_key(live.key, live.passphrase)
    except KeyFileError:
        return False  # nothing to compare with here; the start says what is wrong with it
    return public_pem_of(key.public_key()) == public_pem_of(public_key)


def _with_entry(loaded: LoadedPolicy, name: str, entry: dict[str, object]) -> str:
    """The policy's text with the entry as the first client; judged as a whole before anything is written."""
    lines = [f"  {name}:", *(f"    {key}: {value}" for key, value in entry.items())]
    text = loaded.text
    root = yaml.compose(text)
    entries = root.value if isinstance(root, yaml.MappingNode) else []
    node = next(value for key, value in entries if key.value == "clients")
    if node.flow_style and not node.value:
        changed = f"{text[: node.start_mark.index].rstrip()}\n" + "\n".join(lines) + text[node.end_mark.index :]
    elif node.flow_style:
        raise click.ClickException(f"{loaded.path}: write `clients` one name a line, so that another can be added")
    else:
        changed = re.sub(r"(?m)^clients:.*\n", lambda found: found.group() + "\n".join(lines) + "\n", text, count=1)
    if changed == text:
        raise click.ClickException(f"{loaded.path}: write `clients:` plain, at the start of a line, to add a client")
    try:
        loads(changed, source=str(loaded.path))
    except PolicyError as e:
        raise click.ClickException(f"the policy would not be good with this client; nothing was changed\n{e}") from e
    return changed


def _replace(path: Path, text: str) -> None:
    """Replace a file's text in one step, keeping its mode."""
    written = path.with_name(f".{path.name}.new")
    written.write_text(text, encoding="utf-8")
    written.chmod(path.stat().st_mode & 0o777)
    written.replace(path)
