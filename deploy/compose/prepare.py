"""Make what docker-compose.yml mounts: for each role its policy, keys and certificates; and a practice exchange that
knows the keys.

    docker compose run --rm prepare          or        python deploy/compose/prepare.py FOLDER [USER-ID]

Rule of this file: each role's folder holds its own keys and nothing of another's. Every secret is written 0600 from its
first moment on, and given to the containers' user where this runs as root. A folder with anything in it is left alone.
"""

import datetime as dt
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from pretrade.cli.init import CLIENT, CLIENT_KEY_ID, LIVE_SCOPES, default_policy
from pretrade.gateway.config import loads
from pretrade.gateway.keys import certs
from pretrade.kalshi.hosts import all_names
from pretrade.kalshi.keys import generate_private_key, private_pem_of, public_pem_of
from pretrade.practice.api.keys import add_key
from pretrade.practice.certs import ensure_certificates, write_private

EXCHANGE = "10.77.9.9"
CONTAINER_USER = 10001
READ_SCOPES = ("read",)


@dataclass(frozen=True, slots=True)
class Desk:
    """One role's place: the sidecar's address on the network that it shares with its client alone, and its key."""

    role: str
    mode: str
    address: str
    key_name: str
    scopes: tuple[str, ...]

    @property
    def folder(self) -> str:
        """Its name in the folder and in docker-compose.yml."""
        return self.role.lower()

    @property
    def key_id(self) -> str:
        """Its key's id at the practice exchange."""
        return f"practice-{self.folder}-key"


DESKS = (
    Desk("W", "live", "10.77.1.2", "live.pem", LIVE_SCOPES),
    Desk("R", "live", "10.77.2.2", "read.pem", READ_SCOPES),
    Desk("ABH", "dry_run", "10.77.3.2", "read.pem", READ_SCOPES),
)
"""Only W's key can trade. R refuses every write, ABH answers as the exchange would and sends nothing."""


def policy_of(desk: Desk) -> str:
    """The default policy on this desk's addresses and paths. Raises ValueError where the default has changed."""
    text = default_policy()
    for old, new in (
        ("role: W ", f"role: {desk.role} "),
        ("mode: dry_run ", f"mode: {desk.mode} "),
        ("127.0.0.1:8080", f"{desk.address}:8080"),
        ("127.0.0.1:8081", f"{desk.address}:8081"),
        ("https://127.0.0.1:9443", f"https://{EXCHANGE}:9443"),
        ("ca: practice/ca.crt", "ca: practice-ca.crt"),
        ("key_id: practice-live-key", f"key_id: {desk.key_id}"),
        ("key_file: keys/live.pem", f"key_file: /run/secrets/{desk.key_name}"),
        ("certs_dir: certs ", "certs_dir: /run/secrets "),
        ("state_dir: state ", "state_dir: /var/lib/pretrade "),
        (f"public_key: keys/{CLIENT}.pub.pem", f"public_key: {CLIENT}.pub.pem"),
    ):
        if text.count(old) != 1:
            raise ValueError(f"the default policy has {old!r} {text.count(old)} times, once was expected")
        text = text.replace(old, new)
    return loads(text, source=f"{desk.folder}/policy.yaml").text


def prepare(made: Path) -> None:
    """Fill an empty folder. Raises ValueError where there is anything in it, and changes nothing."""
    if made.exists() and any(one.name != ".gitignore" for one in made.iterdir()):
        raise ValueError(f"{made} is not empty: move it away first; what is in it may be the only copy of a key")
    now = dt.datetime.now(dt.UTC)
    made.mkdir(mode=0o755, parents=True, exist_ok=True)
    (made / ".gitignore").write_text("*\n", encoding="utf-8")
    practice = made / "practice"
    practice.mkdir(mode=0o700)
    practice_ca, _ = ensure_certificates(practice, now, EXCHANGE)
    for desk in DESKS:
        _fill(made, desk, now)
        (made / desk.folder / "config" / "practice-ca.crt").write_bytes(practice_ca.read_bytes())


def _fill(made: Path, desk: Desk, now: dt.datetime) -> None:
    config, kept_secret, client = (made / desk.folder / name for name in ("config", "secrets", "client"))
    for folder in (config, kept_secret, client):
        folder.mkdir(mode=0o755, parents=True)
    certs.make(kept_secret, all_names(), now)
    key, bot_key = generate_private_key("ed25519"), generate_private_key("rsa")
    write_private(kept_secret / desk.key_name, private_pem_of(key))
    add_key(made / "practice", desk.key_id, public_pem_of(key.public_key()), desk.scopes)
    write_private(client / "bot.pem", private_pem_of(bot_key))
    (config / f"{CLIENT}.pub.pem").write_bytes(public_pem_of(bot_key.public_key()))
    (config / "policy.yaml").write_text(policy_of(desk), encoding="utf-8")


def give(made: Path, user: int) -> None:
    """Give everything to the containers' user, who is the only one to read the secrets. Only root can."""
    for path in (made, *made.rglob("*")):
        os.chown(path, user, user, follow_symlinks=False)


def main(arguments: list[str]) -> int:
    """Fill the folder that is named; 0 when it is filled."""
    made, user = Path(arguments[0]), int(arguments[1]) if len(arguments) > 1 else CONTAINER_USER
    try:
        prepare(made)
    except ValueError as e:
        print(f"prepare: {e}", file=sys.stderr)
        return 1
    if os.geteuid() == 0:
        give(made, user)
    print(f"{made} is filled; the bots' key id is {CLIENT_KEY_ID}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
