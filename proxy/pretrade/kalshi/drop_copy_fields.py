"""The forms of single fields of the exchange's record: text and exact, or an AnswerError.

Rule of this file: one object's field in, one value out. Nothing is rounded but the average price of a fill, which goes
to the dearer price of the leg bought.
"""

import datetime as dt
import re

from pretrade.kalshi.answer_fields import AnswerError, Fields
from pretrade.kalshi.errors import plain
from pretrade.model.drop_copy import OrderStatus
from pretrade.model.orders import Side
from pretrade.model.units import ONE_DOLLAR, ONE_DOLLAR_PRICE, Count, Money, Price, UnitError, ceil_div, parse_decimal

_MAX_CLIENT_ORDER_ID = 200
_PER_PRICE = ONE_DOLLAR // ONE_DOLLAR_PRICE
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII)
_STATUSES = {str(status): status for status in OrderStatus}
_SIDES = {str(side): side for side in Side}
_OUTCOME_SIDES = {Side.BID: "yes", Side.ASK: "no"}


def status_of(fields: Fields) -> OrderStatus:
    """The order's status, one of the three. Raises AnswerError."""
    status = _STATUSES.get(fields.text("status"))
    if status is None:
        raise AnswerError(f"its status is {fields.text('status')}")
    return status


def side_of(fields: Fields) -> Side:
    """The direction in YES terms; both of its spellings must say the same. Raises AnswerError."""
    side = _SIDES.get(fields.text("book_side"))
    if side is None:
        raise AnswerError(f"its book_side is {fields.text('book_side')}")
    if fields.has("outcome_side") and fields.text("outcome_side") != _OUTCOME_SIDES[side]:
        raise AnswerError("its book_side and outcome_side contradict each other")
    return side


def client_order_id_of(fields: Fields) -> str | None:
    """Whoever else trades this account may have written anything there, which must not make the record
    unreadable: odd characters become `?`. None where it is empty or absent. Raises AnswerError."""
    value = fields.raw.get("client_order_id")
    if value is not None and not isinstance(value, str):
        raise AnswerError("its client_order_id is not a text")
    return plain(value, _MAX_CLIENT_ORDER_ID) if value else None


def limit_price_of(fields: Fields) -> Price:
    """An order's limit, which lies on a grid of at most 4 decimals. Raises AnswerError."""
    price, rest = divmod(_yes_money(fields), _PER_PRICE)
    if rest:
        raise AnswerError("its yes_price_dollars is finer than $0.0001")
    return _inside(price)


def fill_price_of(fields: Fields, side: Side) -> Price:
    """What a fill traded at, an average rounded to the dearer price of the leg bought. Raises AnswerError."""
    money = _yes_money(fields)
    return _inside(ceil_div(money, _PER_PRICE) if side is Side.BID else money // _PER_PRICE)


def _yes_money(fields: Fields) -> int:
    """The YES price in $0.000001. The NO price beside it must be its complement: all prices are in YES terms."""
    yes = _unsigned(fields, "yes_price_dollars", 6)
    if fields.has("no_price_dollars") and yes + _unsigned(fields, "no_price_dollars", 6) != ONE_DOLLAR:
        raise AnswerError("its yes_price_dollars and no_price_dollars do not make a dollar")
    return yes


def _inside(price: int) -> Price:
    if not 0 < price < ONE_DOLLAR_PRICE:
        raise AnswerError("its yes_price_dollars does not lie between 0 and 1")
    return Price(price)


def count_of(fields: Fields, name: str) -> Count:
    """A count, which may be zero. Raises AnswerError."""
    return Count(_unsigned(fields, name, 2))


def money_of(fields: Fields, name: str) -> Money:
    """An amount that is never negative. Raises AnswerError."""
    return Money(_unsigned(fields, name, 6))


def sum_of(fields: Fields, *names: str) -> Money:
    """Several such amounts added up. Raises AnswerError."""
    return Money(sum(money_of(fields, name) for name in names))


def _unsigned(fields: Fields, name: str, places: int) -> int:
    return _decimal(fields.text(name), places, name)


def signed_of(fields: Fields, name: str, places: int) -> int:
    """A decimal that may be negative, as an integer of 10**-places. Raises AnswerError."""
    text = fields.text(name)
    digits = text.removeprefix("-")
    return _decimal(digits, places, name) * (1 if digits == text else -1)


def _decimal(text: str, places: int, name: str) -> int:
    try:
        return parse_decimal(text, places, f"its {name}")
    except UnitError as e:
        raise AnswerError(plain(str(e), _MAX_CLIENT_ORDER_ID)) from e


def integer_of(fields: Fields, name: str, most: int) -> int:
    """A JSON number from 0 to `most`; true is not 1. Raises AnswerError."""
    value = fields.raw.get(name)
    if type(value) is not int or not 0 <= value <= most:
        raise AnswerError(f"its {name} is not a number from 0 to {most}")
    return value


def moment_of(fields: Fields, name: str) -> int:
    """A moment of RFC 3339 as Unix milliseconds, rounded down and never read as a float. Raises AnswerError."""
    match = _MOMENT.fullmatch(fields.text(name))
    try:
        if match is None:
            raise ValueError(name)
        whole = (dt.datetime.fromisoformat(match[1] + match[3]) - _EPOCH) // dt.timedelta(seconds=1)
    except (ValueError, OverflowError) as e:
        raise AnswerError(f"its {name} is not a moment like 2026-06-11T06:29:30.164956Z") from e
    if whole < 0:
        raise AnswerError(f"its {name} lies before 1970")
    return whole * 1000 + int((match[2] or "").ljust(3, "0")[:3])
