"""What the exchange says of API keys: their list, what a scope allows, the answer to a probe, its clock (auth.md 3, 4).

Rule of this file: pure and strict. A scope that we do not know is never taken for little power, nor for enough.
"""

from collections.abc import Collection
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from functools import lru_cache

from pretrade.kalshi.answer_fields import AnswerError, Fields, read_object
from pretrade.kalshi.drop_copy import says_not_found
from pretrade.kalshi.signing import ReadRequest

API_KEYS = ReadRequest("/trade-api/v2/api_keys")
EXCHANGE_STATUS = ReadRequest("/trade-api/v2/exchange/status")

READ = "read"
WRITE = "write"
TRADE = "write::trade"

_LAST_SUBACCOUNT = 63
_LATEST_S = 253_402_300_799
"""The end of the year 9999, the last that a date can say."""
_NOT_FOUND = 404
_FORBIDDEN = 403


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One row of the listing; without a `subaccount` the key reaches all of them."""

    key_id: str
    scopes: frozenset[str]
    subaccount: int | None
    is_subtraders: bool


@dataclass(frozen=True, slots=True)
class KeyListing:
    """All keys of the account; `region_ends_s` is when (Unix seconds) its region must be attested anew, if ever."""

    keys: tuple[ApiKey, ...]
    region_ends_s: int | None

    def find(self, key_id: str) -> ApiKey | None:
        """The key with this id."""
        return next((key for key in self.keys if key.key_id == key_id), None)


class Probed(Enum):
    """What the answer to the cancel of an order that cannot exist shows."""

    MAY_TRADE = auto()
    MAY_NOT = auto()
    UNCLEAR = auto()


def may_trade(scopes: Collection[str]) -> bool:
    """Whether a key with these scopes may place and cancel orders."""
    return WRITE in scopes or TRADE in scopes


def beyond_reading(scopes: Collection[str]) -> tuple[str, ...]:
    """Every scope that is not one of reading, one that we do not know included."""
    return tuple(sorted(scope for scope in scopes if scope != READ and not scope.startswith(f"{READ}::")))


def beyond_trading(scopes: Collection[str], acknowledged: Collection[str] = ()) -> tuple[str, ...]:
    """Every scope that is neither reading nor trading nor acknowledged; a parent that is acknowledged implies its
    children."""
    return tuple(
        scope
        for scope in beyond_reading(scopes)
        if scope != TRADE and scope not in acknowledged and scope.partition("::")[0] not in acknowledged
    )


def read_listing(body: bytes) -> KeyListing:
    """The answer to `API_KEYS`. Raises AnswerError where any row cannot be understood: it may be ours."""
    fields = read_object(body)
    keys = tuple(_key(row) for row in fields.objects("api_keys"))
    if len({key.key_id for key in keys}) != len(keys):
        raise AnswerError("it lists a key twice")
    ends = "api_key_region_expiration_ts"
    return KeyListing(keys, _integer(fields, ends, _LATEST_S) if fields.has(ends) else None)


def _key(row: Fields) -> ApiKey:
    scopes = row.raw.get("scopes")
    if not isinstance(scopes, list) or not scopes or not all(isinstance(scope, str) and scope for scope in scopes):
        raise AnswerError("a key in it has no list of scopes")
    return ApiKey(
        key_id=row.text("api_key_id"),
        scopes=frozenset(scopes),
        subaccount=_integer(row, "subaccount", _LAST_SUBACCOUNT) if row.has("subaccount") else None,
        is_subtraders=row.optional_text("fcm_subtrader_id") is not None,
    )


def _integer(fields: Fields, name: str, most: int) -> int:
    value = fields.raw.get(name)
    if type(value) is not int or not 0 <= value <= most:
        raise AnswerError(f"its {name} is not a number from 0 to {most}")
    return value


def read_probe(status: int, body: bytes) -> Probed:
    """What the answer to `Signer.sign_probe` shows. Rights are looked at before the order is looked for, so that 404
    means a key that may trade and 403 one that may not, each only in the exchange's own words; all else is unclear."""
    if status == _NOT_FOUND and says_not_found(body):
        return Probed.MAY_TRADE
    if status != _FORBIDDEN:
        return Probed.UNCLEAR
    try:
        read_object(body)
    except AnswerError:
        return Probed.UNCLEAR
    return Probed.MAY_NOT


def read_exchange_status(body: bytes) -> bool:
    """Whether the exchange is open and trades now, from the answer to `EXCHANGE_STATUS`. Raises AnswerError."""
    raw = read_object(body).raw
    switches = [raw.get(name) for name in ("exchange_active", "trading_active")]
    if not all(isinstance(switch, bool) for switch in switches):
        raise AnswerError("it does not say whether the exchange is active")
    return all(switches)


@lru_cache(maxsize=8)
def read_date(header: str) -> int | None:
    """The moment of a Date header in Unix seconds; None where there is none that can be read. Kept, because all answers
    of one second have the same."""
    try:
        moment = parsedate_to_datetime(header)
        return None if moment.tzinfo is None else int(moment.timestamp())
    except (ValueError, OverflowError):
        return None
