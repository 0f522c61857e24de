"""From the fields of a V1 body to the fields of the V2 body that means exactly the same (orders.md 10 and 14).

Rule of this file: what V2 cannot say is refused, never rounded to something near. The result is read by `bodies` like
any V2 body, so V2's own forms and combinations hold for it too.
"""

from pretrade.kalshi import forms
from pretrade.kalshi.fields import Fields
from pretrade.model.units import ONE_CONTRACT, ONE_DOLLAR_PRICE, Count, Price, format_count, format_price

_CENT_AS_PRICE = 100
_CENT_AS_MONEY = 10_000

_PRICES = ("yes_price", "no_price", "yes_price_dollars", "no_price_dollars")
_ORDER = frozenset({"ticker", "side", "action", "count", "count_fp", *_PRICES})
_CREATE_SAME = frozenset(
    {
        "client_order_id",
        "time_in_force",
        "self_trade_prevention_type",
        "post_only",
        "reduce_only",
        "cancel_order_on_pause",
        "subaccount",
        "order_group_id",
        "exchange_index",
    }
)
_AMEND_SAME = frozenset({"client_order_id", "updated_client_order_id", "exchange_index"})
CREATE_KEYS = _ORDER | _CREATE_SAME | {"type", "buy_max_cost", "sell_position_floor", "expiration_ts"}
AMEND_KEYS = _ORDER | _AMEND_SAME
DECREASE_KEYS = frozenset({"reduce_by", "reduce_by_fp", "reduce_to", "reduce_to_fp", "exchange_index"})

_cents = forms.integer(1, 99)
_contracts = forms.integer(0, 10**9)
_cost_in_cents = forms.integer(1, 10**12)


def create_fields(fields: Fields) -> dict[str, object]:
    """A V2 create body from a V1 one. time_in_force is good_till_canceled and self-trade prevention taker_at_cross
    where the V1 body left them out. Raises WireError."""
    if fields.take("type", forms.word(("limit", "market"))) == "market":
        fields.refuse("type", "V2 has no market orders; send immediate_or_cancel at the worst price you would take")
    if fields.take("sell_position_floor", forms.integer(0, 0)) is not None:
        fields.refuse("sell_position_floor", "V2 has reduce_only instead, with immediate_or_cancel")
    order: dict[str, object] = {"time_in_force": "good_till_canceled", "self_trade_prevention_type": "taker_at_cross"}
    order |= _direction(fields) | _same(fields, _CREATE_SAME)
    if "expiration_ts" in fields:
        order["expiration_time"] = fields.need("expiration_ts", forms.unix_seconds)
    if "buy_max_cost" in fields:
        _check_cost(fields)
        order["time_in_force"] = "fill_or_kill"
    return order


def amend_fields(fields: Fields) -> dict[str, object]:
    """A V2 amend body from a V1 one. Raises WireError."""
    return _direction(fields) | _same(fields, _AMEND_SAME)


def decrease_fields(fields: Fields) -> dict[str, object]:
    """A V2 decrease body from a V1 one. Raises WireError."""
    counts = {name: _count(fields, name) for name in ("reduce_by", "reduce_to")}
    given = {name: format_count(count) for name, count in counts.items() if count is not None}
    return given | _same(fields, frozenset({"exchange_index"}))


def _direction(fields: Fields) -> dict[str, object]:
    return {
        "ticker": fields.need("ticker", forms.ticker),
        "side": _side(fields),
        "count": format_count(_needed_count(fields)),
        "price": format_price(_yes_price(fields)),
    }


def _side(fields: Fields) -> str:
    """Buy yes and sell no are a bid, sell yes and buy no an ask (orders.md 10)."""
    outcome = fields.need("side", forms.word(("yes", "no")))
    action = fields.need("action", forms.word(("buy", "sell")))
    return "bid" if (action == "buy") is (outcome == "yes") else "ask"


def _yes_price(fields: Fields) -> Price:
    given = [name for name in _PRICES if name in fields]
    if not given:
        fields.missing("yes_price or no_price")
    if len(given) > 1:
        fields.refuse(given[1], f"stands beside {given[0]}; exactly one price may be given")
    price = fields.need(given[0], forms.price if given[0].endswith("_dollars") else _price_in_cents)
    return price if given[0].startswith("yes") else Price(ONE_DOLLAR_PRICE - price)


def _price_in_cents(value: object) -> Price:
    return Price(_cents(value) * _CENT_AS_PRICE)


def _needed_count(fields: Fields) -> Count:
    count = _count(fields, "count")
    if count is None:
        fields.missing("count")
    return count


def _count(fields: Fields, name: str) -> Count | None:
    """A count as whole contracts, as a decimal text under the `_fp` name, or as both if they agree."""
    whole = fields.take(name, _contracts)
    exact = fields.take(f"{name}_fp", forms.count_or_zero)
    if whole is None:
        return exact
    if exact is not None and exact != whole * ONE_CONTRACT:
        fields.refuse(f"{name}_fp", f"differs from {name}")
    return Count(whole * ONE_CONTRACT)


def _check_cost(fields: Fields) -> None:
    """buy_max_cost made a buy fill-or-kill and capped its cost. V2 cannot say the cap, so a V2 order is the same only
    where price x count stays within it."""
    if fields.need("action", forms.text) != "buy" or "time_in_force" in fields:
        fields.refuse("buy_max_cost", "goes only with a buy that names no time_in_force")
    price = _yes_price(fields)
    paid = price if _side(fields) == "bid" else ONE_DOLLAR_PRICE - price
    if paid * _needed_count(fields) > fields.need("buy_max_cost", _cost_in_cents) * _CENT_AS_MONEY:
        fields.refuse("buy_max_cost", "V2 has no such cap, and price x count is above it; lower the count")


def _same(fields: Fields, names: frozenset[str]) -> dict[str, object]:
    return {name: fields.need(name, lambda value: value) for name in sorted(names) if name in fields}
