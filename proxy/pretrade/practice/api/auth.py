"""Who signs a request and whether the key may do this (auth.md 1 and 3).

Rule of this file: key first, then clock, then signature, then scope; every refusal in the exchange's own body. Order
lookup comes later, so a key without the scope learns nothing about orders.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pretrade.kalshi.keys import signing_text, verify
from pretrade.practice.api.keystore import ApiKey
from pretrade.practice.core.errors import ExchangeError, Shape

KEY_HEADER = "KALSHI-ACCESS-KEY"
TIMESTAMP_HEADER = "KALSHI-ACCESS-TIMESTAMP"
SIGNATURE_HEADER = "KALSHI-ACCESS-SIGNATURE"


@dataclass(slots=True)
class ClockWindow:
    """How far a timestamp may be off, both ways, and how far the exchange's own clock is off (positive: ahead).

    The real bound lies between 5 and 30 s (auth.md 1); 10 s is a choice.
    """

    window_ms: int = 10_000
    skew_ms: int = 0

    def accepts(self, timestamp: str, now_ms: int) -> bool:
        """Whether a timestamp header, given in decimal milliseconds, is fresh."""
        is_number = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 15
        return is_number and abs(int(timestamp) - now_ms - self.skew_ms) <= self.window_ms


def authenticate(
    keys: Mapping[str, ApiKey],
    headers: Mapping[str, str],
    method: str,
    path: str,
    now_ms: int,
    window: ClockWindow | None = None,
) -> ApiKey:
    """The key that signed this request. Raises 401 in the bodies of auth.md 1."""
    key_id, timestamp, signature = (headers.get(h, "") for h in (KEY_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER))
    if not (key_id and timestamp and signature):
        raise ExchangeError(401, "signature_is_missing_from_headers")
    if not (window or ClockWindow()).accepts(timestamp, now_ms):
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


def require_rest(key: ApiKey) -> None:
    """Refuse a key of an FCM subtrader, which the whole REST API refuses (auth.md 3)."""
    if key.fcm_subtrader_id is not None:
        text = "this API key is bound to an FCM subtrader and cannot access this endpoint"
        raise ExchangeError(403, "insufficient_permissions", text, shape=Shape.HYBRID)


def _authentication_error(details: str) -> ExchangeError:
    return ExchangeError(401, "authentication_error", details, message="authentication_error")
