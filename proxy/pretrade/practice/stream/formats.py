"""How the stream writes money, moments and market ids.

Rule of this file: exact integers in, text out.
"""

import datetime as dt
import uuid
from functools import cache

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MONEY_PLACES = 6


def dollars(money: int) -> str:
    """Money as text with 6 decimals."""
    whole, fraction = divmod(abs(money), 10**_MONEY_PLACES)
    return f"{'-' if money < 0 else ''}{whole}.{fraction:0{_MONEY_PLACES}d}"


def rfc3339(at_us: int) -> str:
    """A moment in UTC with microseconds, as in captured frames."""
    return (_EPOCH + dt.timedelta(microseconds=at_us)).isoformat(timespec="microseconds").replace("+00:00", "Z")


@cache
def market_id(ticker: str) -> str:
    """The UUID of a market. The REST side shows none, so it is made from the ticker and is the same in every run."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"kalshi:{ticker}"))
