"""From the bytes of a request to one of the model's writes, or to the exchange's 400 (orders.md 7).

Rule of this file: the texts are those of the exchange's JSON decoder and validator; what is a number's form is checked
here (flat 400), what is its value is checked on admission (nested 400).
"""

import re
from typing import Any

from pretrade.model.orders import (
    AmendOrder,
    CancelOrder,
    DecreaseOrder,
    NewOrder,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from pretrade.model.units import Count, Price
from pretrade.practice.api import gojson
from pretrade.practice.api.schemas import (
    AMEND,
    CANCEL_ENTRY,
    CREATE,
    DECREASE,
    Field,
    Kind,
    Schema,
)
from pretrade.practice.core.accounts import LAST_SUBACCOUNT
from pretrade.practice.core.errors import ExchangeError, Shape, bad_parameter, bad_request, field_name

_TYPES: dict[Kind, type] = {Kind.STRING: str, Kind.INT: int, Kind.BOOL: bool, Kind.STRINGS: list, Kind.OBJECTS: list}
_MEMBERS: dict[Kind, tuple[type, str]] = {Kind.STRINGS: (str, "string"), Kind.OBJECTS: (dict, "struct")}
_DECIMAL = re.compile(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,20}))?", re.ASCII)


def require_json(content_type: str) -> None:
    """Refuse a body that does not say it is JSON: the exchange reads no other (orders.md 7)."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise ExchangeError(400, "invalid_content_type", shape=Shape.FLAT)


def json_object(body: bytes, schema_name: str) -> dict[str, Any]:
    """The JSON object in a body, without fields for null. Raises 400 `bad_request` in the decoder's words."""
    try:
        value = gojson.read(body)
    except ValueError as error:
        raise bad_request(str(error)) from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise bad_request(f"json: cannot unmarshal {gojson.type_of(value)} into Go value of type {schema_name}")
    return value


def fields(schema: Schema, value: dict[str, Any]) -> dict[str, Any]:
    """The fields that are present (null counts as absent), all of the right type and in bounds, none missing."""
    known = {field.name: field for field in schema.fields}
    present = {name: given for name, given in value.items() if name in known and given is not None}
    for name, given in present.items():
        _require_type(schema, known[name], given)
    for field in schema.fields:
        _require_valid(schema, field, present.get(field.name))
    return present


def entries(value: dict[str, Any], batch_name: str) -> list[dict[str, Any]]:
    """The objects of a batch's `orders`. Raises 400 unless there is a list of at least one object."""
    orders = value.get("orders")
    if not isinstance(orders, list) or not orders:
        raise bad_request(
            f"Key: '{batch_name}.Orders' Error:Field validation for 'Orders' failed on the 'required' tag"
        )
    for order in orders:
        if not isinstance(order, dict):
            raise bad_request(
                f"json: cannot unmarshal {gojson.type_of(order)} into Go struct field {batch_name}.orders"
            )
    return orders


def new_order(value: dict[str, Any]) -> NewOrder:
    """A create body (orders.md 2)."""
    got = fields(CREATE, value)
    return NewOrder(
        ticker=got["ticker"],
        side=Side(got["side"]),
        count=Count(figure(got["count"], 2, "invalid_order_size")),
        price=Price(figure(got["price"], 4, "invalid_price")),
        time_in_force=TimeInForce(got["time_in_force"]),
        self_trade_prevention_type=SelfTradePrevention(got["self_trade_prevention_type"]),
        client_order_id=got.get("client_order_id") or None,
        expiration_time=got.get("expiration_time"),
        post_only=got.get("post_only", False),
        reduce_only=got.get("reduce_only", False),
        cancel_order_on_pause=got.get("cancel_order_on_pause", False),
        subaccount=got.get("subaccount"),
        order_group_id=got.get("order_group_id") or None,
        exchange_index=got.get("exchange_index"),
    )


def amend(order_id: str, subaccount: int | None, value: dict[str, Any]) -> AmendOrder:
    """An amend body (orders.md 4)."""
    got = fields(AMEND, value)
    return AmendOrder(
        order_id=order_id,
        ticker=got["ticker"],
        side=Side(got["side"]),
        price=Price(figure(got["price"], 4, "invalid_price")),
        count=Count(figure(got["count"], 2, "invalid_order_size")),
        client_order_id=got.get("client_order_id") or None,
        updated_client_order_id=got.get("updated_client_order_id") or None,
        expiration_time=got.get("expiration_time"),
        exchange_index=got.get("exchange_index"),
        subaccount=subaccount,
    )


def decrease(order_id: str, subaccount: int | None, value: dict[str, Any]) -> DecreaseOrder:
    """A decrease body: exactly one of `reduce_by` and `reduce_to` (orders.md 5)."""
    got = fields(DECREASE, value)
    if ("reduce_by" in got) == ("reduce_to" in got):
        raise bad_request("exactly one of reduce_by and reduce_to must be given")
    sizes = {n: Count(figure(got[n], 2, "invalid_order_size")) for n in ("reduce_by", "reduce_to") if n in got}
    if sizes.get("reduce_by") == 0:
        raise ExchangeError(400, "invalid_order_size")
    return DecreaseOrder(
        order_id=order_id,
        exchange_index=got.get("exchange_index"),
        market_ticker=got.get("market_ticker"),
        subaccount=subaccount,
        **sizes,
    )


def cancel_entry(value: dict[str, Any]) -> CancelOrder:
    """One entry of a batch cancel (orders.md 3)."""
    got = fields(CANCEL_ENTRY, value)
    return CancelOrder(
        order_id=got["order_id"],
        exchange_index=got.get("exchange_index"),
        market_ticker=got.get("market_ticker"),
        subaccount=got.get("subaccount"),
    )


def figure(text: str, places: int, code: str) -> int:
    """A decimal as an integer of 10**-places. Not a decimal: flat 400; negative or too fine: 400 `code`."""
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise bad_request(f"can't convert {text[:40]!r} to a decimal")
    sign, whole, fraction = match.group(1), match.group(2), match.group(3) or ""
    if sign or fraction[places:].strip("0"):
        raise ExchangeError(400, code)
    return int(whole + fraction[:places].ljust(places, "0"))


def require_subaccount(operation: str, number: int | None) -> int | None:
    """A subaccount's number is 0 to 63 (orders.md 2)."""
    if number is not None and not 0 <= number <= LAST_SUBACCOUNT:
        raise bad_parameter(operation, "subaccount", "gte" if number < 0 else "lte")
    return number


def _require_type(schema: Schema, field: Field, value: Any) -> None:
    where = f"Go struct field {schema.name}.{field.name} of type"
    if not _is_of(field.kind, value):
        raise bad_request(f"json: cannot unmarshal {_told(value, field.kind)} into {where} {field.kind}")
    if field.kind in _MEMBERS:
        kind, name = _MEMBERS[field.kind]
        _require_members(value, kind, f"{where} {name}")


def _is_of(kind: Kind, value: Any) -> bool:
    """Exactly of the type: a bool is no number, a number that is no integer no text."""
    return type(value) is _TYPES[kind]


def _require_members(values: list[Any], kind: type, where: str) -> None:
    for odd in (value for value in values if not isinstance(value, kind)):
        raise bad_request(f"json: cannot unmarshal {gojson.type_of(odd)} into {where}")


def _told(value: Any, wanted: Kind) -> str:
    """What the decoder says it met: a number that is no integer is quoted where an integer was wanted."""
    quoted = f" {value}" if wanted is Kind.INT and isinstance(value, gojson.Number) else ""
    return gojson.type_of(value) + quoted


def _require_valid(schema: Schema, field: Field, given: Any) -> None:
    if given is None or given == "":
        if field.required:
            raise _invalid(schema, field, "required")
        return
    words = given if field.kind is Kind.STRINGS else [given]
    if field.words and any(word not in field.words for word in words):
        raise _invalid(schema, field, "oneof")
    if field.low is not None and given < field.low:
        raise _invalid(schema, field, "gte")
    if field.high is not None and given > field.high:
        raise _invalid(schema, field, "lte")


def _invalid(schema: Schema, field: Field, rule: str) -> ExchangeError:
    name = field_name(field.name)
    return bad_request(f"Key: '{schema.name}.{name}' Error:Field validation for '{name}' failed on the '{rule}' tag")
