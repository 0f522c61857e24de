"""Who signs a request and whether the key may do this (auth.md 1 and 3).

Rule of this file: key first, then clock, then signature, then scope; every refusal in the exchange's own body. Order
lookup comes later, so a key without the scope learns nothing about orders.
"""

from collections.abc import Mapping

from pretrade.kalshi.keys import signing_text, verify
from pretrade.practice.errors import ExchangeError, Shape
from pretrade.practice.keys import ApiKey

KEY_HEADER = "KALSHI-ACCESS-KEY"
TIMESTAMP_HEADER = "KALSHI-ACCESS-TIMESTAMP"
SIGNATURE_HEADER = "KALSHI-ACCESS-SIGNATURE"
MAX_SKEW_MS = 10_000


def authenticate(keys: Mapping[str, ApiKey], headers: Mapping[str, str], method: str, path: str, now_ms: int) -> ApiKey:
    """The key that signed this request. Raises 401 in the bodies of auth.md 1."""
    key_id, timestamp, signature = (headers.get(h, "") for h in (KEY_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER))
    if not (key_id and timestamp and signature):
        raise ExchangeError(401, "signature_is_missing_from_headers")
    if not _is_fresh(timestamp, now_ms):
        raise ExchangeError(401, "header_timestamp_expired")
    key = keys.get(key_id)
    if key is None:
        raise _authentication_error("NOT_FOUND")
    if not verify(key.public_key, signature, signing_text(timestamp, method, path)):
        raise _authentication_error("INCORRECT_API_KEY_SIGNATURE")
    return key


def require_scope(key: ApiKey, *needed: str) -> None:
    """Refuse a key that holds none of the needed scopes: 403 in the hybrid body (sim_semantics.md 1)."""
    if not key.allows(*needed):
        raise ExchangeError(403, "insufficient_permissions", f"requires {needed[0]}", shape=Shape.HYBRID)


def _is_fresh(timestamp: str, now_ms: int) -> bool:
    is_number = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 15
    return is_number and abs(int(timestamp) - now_ms) <= MAX_SKEW_MS


def _authentication_error(details: str) -> ExchangeError:
    return ExchangeError(401, "authentication_error", details, message="authentication_error")
