"""Step 4: whose request is this? The signature that the client already sends says so.

It is made with a key that is registered here and worthless at the exchange. It covers time, method and path, not the
body: so it must be fresh, and `replay` holds it to one request.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pretrade.gateway.messages import RawRequest, Refusal
from pretrade.gateway.way.peers import owner_of
from pretrade.kalshi.keys import PublicKey, signing_text, verify
from pretrade.model.codes import DenyCode
from pretrade.model.frozen import frozen

FRESH_MS = 5_000
"""How far a signature's timestamp may be from our clock, either way (the exchange's own window is 5 to 10 s, auth.md
1).
"""

_TIMESTAMP = re.compile(r"[1-9][0-9]{12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client: its name in the policy, its subaccount, the public half of its own key, whether streams may
    show it the account's own business, whether others trade in its subaccount too, and the id of the user of this
    machine that alone may come in as it, None for any."""

    name: str
    key_id: str
    subaccount: int
    public_key: PublicKey
    sees_private: bool = False
    shares_subaccount: bool = False
    user: int | None = None


@frozen
class Identified:
    """A request whose signature is the client's; whether it is fresh is `check_fresh`'s question."""

    client: Client
    timestamp_ms: int
    signature: str


def identify(raw: RawRequest, clients: Mapping[str, Client]) -> Identified | Refusal:
    """Find the client by its key id (`clients` is keyed by it) and verify its signature of this method and path."""
    key_id = raw.value("kalshi-access-key")
    timestamp = raw.value("kalshi-access-timestamp")
    signature = raw.value("kalshi-access-signature")
    if not key_id or not timestamp or not signature:
        return Refusal(
            DenyCode.SIGNATURE_MISSING, "the KALSHI-ACCESS-KEY, -TIMESTAMP and -SIGNATURE headers are needed"
        )
    client = clients.get(key_id)
    if client is None:
        return Refusal(DenyCode.CLIENT_UNKNOWN, "the key id in KALSHI-ACCESS-KEY is not registered")
    if not _TIMESTAMP.fullmatch(timestamp):
        return Refusal(DenyCode.SIGNATURE_STALE, "KALSHI-ACCESS-TIMESTAMP must be unix milliseconds, 13 digits")
    if not verify(client.public_key, signature, signing_text(timestamp, raw.method, raw.path)):
        detail = f"the signature is not one by client {client.name} of this request"
        # Who cannot sign for a key id is not told whose it is.
        return Refusal(
            DenyCode.SIGNATURE_INVALID, detail, told="the signature is not one of this request by this key id"
        )
    return Identified(client, int(timestamp), signature)


def check_user(client: Client, raw: RawRequest) -> Refusal | None:
    """Refuse a connection that no process of the client's user holds; where that cannot be found out, too."""
    if client.user is None:
        return None
    try:
        owner = None if raw.peer is None or raw.at is None else owner_of(raw.peer, raw.at)
    except (OSError, ValueError):
        owner = None
    if owner == client.user:
        return None
    whose = "nobody on this machine" if owner is None else f"user {owner}"
    detail = f"client {client.name} is bound to user {client.user}, the connection belongs to {whose}"
    return Refusal(DenyCode.CLIENT_USER_NOT_ALLOWED, detail)


def check_fresh(who: Identified, now_ms: int, started_ms: int) -> Refusal | None:
    """Refuse a timestamp outside the window, or from before this process began: its replay memory starts empty."""
    age = now_ms - who.timestamp_ms
    if abs(age) > FRESH_MS:
        detail = f"the timestamp is {age} ms old; at most {FRESH_MS} ms either way are taken"
        return Refusal(DenyCode.SIGNATURE_STALE, detail)
    if who.timestamp_ms < started_ms:
        detail = "the signature was made before the proxy started; sign again (if this clock was set back, restart it)"
        return Refusal(DenyCode.SIGNATURE_STALE, detail)
    return None
