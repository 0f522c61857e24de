"""From the bytes of a request to one of the model's writes, or to the exchange's 400 (orders.md 7).

Rule of this file: the texts are those of the exchange's JSON decoder and validator; what is a number's form is checked
here (flat 400), what is its value is checked on admission (nested 400).
"""

import json
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
from pretrade.practice.errors import ExchangeError, Shape, bad_parameter, bad_request
from pretrade.practice.schemas import AMEND, CANCEL_ENTRY, CREATE, DECREASE, Field, Kind, Schema

_TYPES = {Kind.STRING: str, Kind.INT: int, Kind.BOOL: bool}
_DECIMAL = re.compile(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,20}))?", re.ASCII)
_MAX_SUBACCOUNT = 63


def json_object(content_type: str, body: bytes, schema_name: str) -> dict[str, Any]:
    """The JSON object in a body. Raises 400 `invalid_content_type`, or 400 `bad_request` in the decoder's words."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise ExchangeError(400, "invalid_content_type", shape=Shape.FLAT)
    if not body.strip():
        raise bad_request("EOF")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise bad_request(f"invalid JSON: {error}") from error
    if not isinstance(value, dict):
        raise bad_request(f"json: cannot unmarshal {_json_type(value)} into Go value of type {schema_name}")
    return value


def fields(schema: Schema, value: dict[str, Any]) -> dict[str, Any]:
    """The fields that are present (null counts as absent), all of the right type, none missing that must be there."""
    present = {f.name: value[f.name] for f in schema.fields if value.get(f.name) is not None}
    for field in schema.fields:
        if field.name in present:
            _require_type(schema, field, present[field.name])
    for field in schema.fields:
        given = present.get(field.name)
        if field.required and given in {None, ""}:
            raise _invalid(schema, field, "required")
        if field.words and given not in field.words:
            raise _invalid(schema, field, "oneof")
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
            raise bad_request(f"json: cannot unmarshal {_json_type(order)} into Go struct field {batch_name}.orders")
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
        subaccount=_subaccount_field(CREATE, got),
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
        subaccount=_subaccount_field(CANCEL_ENTRY, got),
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
    if number is not None and not 0 <= number <= _MAX_SUBACCOUNT:
        raise bad_parameter(operation, "Subaccount", "gte" if number < 0 else "lte")
    return number


def _subaccount_field(schema: Schema, got: dict[str, Any]) -> int | None:
    number = got.get("subaccount")
    if number is not None and not 0 <= number <= _MAX_SUBACCOUNT:
        raise _invalid(schema, Field("subaccount"), "gte" if number < 0 else "lte")
    return number


def _require_type(schema: Schema, field: Field, value: object) -> None:
    if type(value) is not _TYPES[field.kind]:
        where = f"Go struct field {schema.name}.{field.name} of type {field.kind}"
        raise bad_request(f"json: cannot unmarshal {_json_type(value)} into {where}")


def _invalid(schema: Schema, field: Field, rule: str) -> ExchangeError:
    name = "".join(part.capitalize() for part in field.name.split("_"))
    return bad_request(f"Key: '{schema.name}.{name}' Error:Field validation for '{name}' failed on the '{rule}' tag")


def _json_type(value: object) -> str:
    match value:
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case dict():
            return "object"
        case _:
            return "null"
