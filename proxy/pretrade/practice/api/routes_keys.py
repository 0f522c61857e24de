"""The routes of API keys: list, register, generate, revoke (auth.md 3).

Rule of this file: a key's private half leaves in the answer to `generate` and is kept nowhere. A key that is bound to a
subaccount manages no keys.
"""

from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pretrade.kalshi.keys import KeyFormatError, KeyKind, PrivateKey, PublicKey, generate_private_key, load_public_key
from pretrade.practice.api.call import Call, Reply, Route
from pretrade.practice.api.keystore import ApiKey
from pretrade.practice.api.schemas import CREATE_KEY, GENERATE_KEY
from pretrade.practice.core.errors import ExchangeError, Shape, bad_request, not_found

_KEYS = "/trade-api/v2/api_keys"
_WRITE = ("write",)
_FULL = ("read", "write")
_OWN_KEY_TIER = "premier"


def listed(call: Call) -> Reply:
    """All keys of the account with their scopes, and until when its region is attested (if it ever was)."""
    call.require_unrestricted()
    subtrader = call.query.text("fcm_subtrader_id")
    mine = [key for key in call.keys.of(call.api_key.account) if subtrader in {None, key.fcm_subtrader_id}]
    body: dict[str, Any] = {"api_keys": [_view(key) for key in mine]}
    expires = call.keys.region_expiration(call.api_key.account)
    return Reply(200, body if expires is None else body | {"api_key_region_expiration_ts": expires})


def register(call: Call) -> Reply:
    """Take in a public key. The SDK's own words: for Premier and above."""
    call.require_unrestricted()
    got = call.fields(CREATE_KEY)
    if not call.limiter.is_at_least(call.api_key.account, _OWN_KEY_TIER):
        text = f"API keys with an own public key need the usage tier {_OWN_KEY_TIER}"
        raise ExchangeError(403, "insufficient_permissions", text, shape=Shape.HYBRID)
    try:
        public_key = load_public_key(got["public_key"].encode())
    except KeyFormatError as error:
        raise ExchangeError(400, "invalid_public_key", str(error)) from error
    return Reply(201, {"api_key_id": _added(call, got, public_key).key_id})


def generate(call: Call) -> Reply:
    """Make a key pair (RSA unless asked otherwise) and hand out the private half, this once."""
    call.require_unrestricted()
    got = call.fields(GENERATE_KEY)
    kind: KeyKind = "ed25519" if got.get("key_type") == "ed25519" else "rsa"
    private_key = generate_private_key(kind)
    key = _added(call, got, private_key.public_key())
    return Reply(201, {"api_key_id": key.key_id, "key_type": kind, "private_key": _pem(private_key)})


def revoke(call: Call) -> Reply:
    """Revoke one of the account's keys, the one that signs included."""
    call.require_unrestricted()
    key = call.keys.get(call.params["api_key"])
    if key is None or key.account != call.api_key.account:
        raise not_found()
    call.keys.remove(key.key_id)
    return Reply(204)


def _added(call: Call, got: dict[str, Any], public_key: PublicKey) -> ApiKey:
    """The key as it was taken in. Raises 400 for scopes or a binding that cannot be."""
    scopes = tuple(dict.fromkeys(got.get("scopes") or _FULL))
    if "write" in scopes and "read" not in scopes:
        raise bad_request("scope write can only be granted together with scope read")
    if got.get("fcm_subtrader_id"):
        raise bad_request("fcm_subtrader_id is for FCM members only")
    subaccount = got.get("subaccount")
    if subaccount is not None:
        call.account.require_subaccount(subaccount)
    key = ApiKey(
        key_id=call.exchange.new_id(),
        account=call.api_key.account,
        public_key=public_key,
        scopes=scopes,
        name=got["name"],
        subaccount=subaccount,
    )
    call.keys.add(key)
    return key


def _pem(key: PrivateKey) -> str:
    """PKCS#1 for RSA and PKCS#8 for Ed25519, as the exchange hands them out."""
    form = PrivateFormat.TraditionalOpenSSL if isinstance(key, RSAPrivateKey) else PrivateFormat.PKCS8
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode("ascii")


def _view(key: ApiKey) -> dict[str, Any]:
    optional = {"subaccount": key.subaccount, "fcm_subtrader_id": key.fcm_subtrader_id}
    view = {"api_key_id": key.key_id, "name": key.name or key.key_id, "scopes": list(key.scopes)}
    return view | {name: value for name, value in optional.items() if value is not None}


ROUTES = (
    Route("GET", _KEYS, "GetApiKeys", listed, ("read",)),
    Route("POST", _KEYS, "CreateApiKey", register, _WRITE),
    Route("POST", _KEYS + "/generate", "GenerateApiKey", generate, _WRITE),
    Route("DELETE", _KEYS + "/{api_key}", "DeleteApiKey", revoke, _WRITE),
)
