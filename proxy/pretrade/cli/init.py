"""`pretrade init`: a working folder with everything the first run needs, on a practice exchange."""

import datetime as dt
from importlib import resources
from pathlib import Path

import click

from pretrade.gateway.keys import certs
from pretrade.kalshi.hosts import all_names
from pretrade.kalshi.keys import generate_private_key, private_pem_of, public_pem_of
from pretrade.practice.api.keys import add_key
from pretrade.practice.certs import ensure_certificates, write_private

LIVE_KEY_ID = "practice-live-key"
CLIENT = "momentum-bot"
CLIENT_KEY_ID = "momentum-bot-key"
LIVE_SCOPES = ("read", "write::trade")
"""What a live key needs and no more: it cannot move money or make keys (auth.md 3)."""

_GITIGNORE = "keys/\nstate/\npractice/\ncerts/*.pem\n"


def default_policy() -> str:
    """The text of the commented default policy."""
    return resources.files("pretrade.cli").joinpath("default_policy.yaml").read_text(encoding="utf-8")


def make_folder(folder: Path, policy: str) -> None:
    """Fill a new folder: policy, certificates, a live key that the practice exchange knows, a client key that it does
    not.

    Raises click.ClickException when the folder has anything in it already.
    """
    if folder.exists() and any(folder.iterdir()):
        raise click.ClickException(f"{folder} is not empty; name a new folder")
    for name in (folder, folder / "keys", folder / "state", folder / "practice"):
        name.mkdir(mode=0o700, parents=True, exist_ok=True)
    now = dt.datetime.now(dt.UTC)
    certs.make(folder / "certs", all_names(), now)
    ensure_certificates(folder / "practice", now)
    _make_keys(folder)
    (folder / ".gitignore").write_text(_GITIGNORE, encoding="utf-8")
    (folder / "policy.yaml").write_text(policy, encoding="utf-8")


def _make_keys(folder: Path) -> None:
    keys = folder / "keys"
    live, client = generate_private_key("ed25519"), generate_private_key("rsa")
    write_private(keys / "live.pem", private_pem_of(live))
    write_private(keys / f"{CLIENT}.pem", private_pem_of(client))
    (keys / f"{CLIENT}.pub.pem").write_bytes(public_pem_of(client.public_key()))
    add_key(folder / "practice", LIVE_KEY_ID, public_pem_of(live.public_key()), LIVE_SCOPES)


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
def init(folder: Path) -> None:
    """Make a working folder: commented policy, certificates, keys for a practice exchange, a client key.

    The live key is Ed25519, which signs about 20 times faster than RSA; the client's key is RSA, which every SDK can
    use.
    """
    make_folder(folder, default_policy())
    click.echo(f"{folder} is ready: policy.yaml, certs/, keys/, practice/, state/")
    click.echo(f"\nIn {folder}, each in a terminal of its own:")
    click.echo("  pretrade practice          an exchange to practise on")
    click.echo("  pretrade run               the proxy (dry_run until the policy says live)")
    click.echo(f"  pretrade exec --client {CLIENT} -- python bot.py")
    click.echo(f"\nThe bot signs with keys/{CLIENT}.pem under the key id {CLIENT_KEY_ID}.")
