"""The fields of a body and the parameters of a query: all known, each once, each in its form.

Rule of this file: what `forms` says is wrong becomes a WireError that also says where.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Never

from pretrade.kalshi import forms
from pretrade.kalshi.forms import Reader
from pretrade.kalshi.wire_error import WireError, shown
from pretrade.model.codes import DenyCode

_QUERY_PAIR = re.compile(r"([a-z_]+)=([A-Za-z0-9._-]+)", re.ASCII)
_QUERY_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,2}", re.ASCII)


class Fields:
    """One JSON object whose keys are all known; made from one with an unknown key, it refuses at once."""

    def __init__(self, values: Mapping[str, object], known: Collection[str], leg: int | None = None) -> None:
        self._values = values
        self.leg = leg
        for name in values:
            if name not in known:
                message = f"is not a field of this endpoint{nearest(name, known)}"
                raise WireError(DenyCode.FIELD_UNKNOWN, f"{self.where(name)} {message}", name, leg)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def where(self, name: str) -> str:
        """The field's name as the client would look it up: `price`, or `orders[2].price` in a batch."""
        return name if self.leg is None else f"orders[{self.leg}].{name}"

    def need[T](self, name: str, read: Reader[T]) -> T:
        """The value of a required field. Raises WireError where it is missing or not in its form."""
        if name not in self._values:
            self.missing(name)
        try:
            return read(self._values[name])
        except ValueError as error:
            self.refuse(name, str(error))

    def take[T](self, name: str, read: Reader[T]) -> T | None:
        """The value of an optional field, None where the key is absent. An explicit null is not absent: no known client
        sends one, and what the exchange makes of it is not documented."""
        return self.need(name, read) if name in self._values else None

    def missing(self, name: str) -> Never:
        """Raise the WireError for a required field that is not there."""
        raise WireError(DenyCode.FIELD_MISSING, f"{self.where(name)} is missing", name, self.leg)

    def refuse(self, name: str, why: str) -> Never:
        """Raise the WireError for a field that is not as it must be."""
        raise WireError(DenyCode.FIELD_INVALID, f"{self.where(name)}: {why}", name, self.leg)


def nearest(name: str, known: Collection[str]) -> str:
    """`; did you mean X?` where a known name is close, else the list of what is known."""
    close = get_close_matches(name[:64], known, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; it takes {', '.join(sorted(known))}" if known else ""


@dataclass(frozen=True, slots=True)
class Query:
    """What a query may say on a write; None where it does not."""

    subaccount: int | None = None
    exchange_index: int | None = None
    market_ticker: str | None = None


_NOTHING_ASKED = Query()


def read_query(query: str, allowed: Collection[str]) -> Query:
    """Read the raw query (without `?`): only the allowed names, each once, plain characters, nothing encoded.

    The query is not covered by any signature, so nothing unknown may ride in it. Raises WireError(QUERY_NOT_ALLOWED).
    """
    if not query:
        return _NOTHING_ASKED
    raw: dict[str, str] = {}
    for pair in query.split("&"):
        match = _QUERY_PAIR.fullmatch(pair)
        name = match.group(1) if match else pair.partition("=")[0]
        if name not in allowed:
            raise _bad_query(f"the query parameter {shown(name)} is not allowed here{nearest(name, allowed)}")
        if match is None:
            raise _bad_query(f"the query parameter {name} is not of the form {name}=VALUE with plain characters")
        if name in raw:
            raise _bad_query(f"the query parameter {name} stands there twice")
        raw[name] = match.group(2)
    return Query(
        subaccount=_value(raw, "subaccount", _whole(forms.subaccount)),
        exchange_index=_value(raw, "exchange_index", _whole(forms.exchange_index)),
        market_ticker=_value(raw, "market_ticker", forms.ticker),
    )


def _bad_query(message: str) -> WireError:
    return WireError(DenyCode.QUERY_NOT_ALLOWED, message)


def _value[T](raw: Mapping[str, str], name: str, read: Reader[T]) -> T | None:
    if name not in raw:
        return None
    try:
        return read(raw[name])
    except ValueError as error:
        raise _bad_query(f"the query parameter {name} {error}") from error


def _whole(read: Reader[int]) -> Reader[int]:
    """The same reader for a number that stands as text in a query."""

    def read_text(value: object) -> int:
        digits = forms.text(value)
        return read(int(digits) if _QUERY_INTEGER.fullmatch(digits) else digits)

    return read_text
