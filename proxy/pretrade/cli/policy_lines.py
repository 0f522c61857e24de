"""What a policy allows, a line a matter, for people.

Rule of this file: every limit is said, in the words of its key where no other is plainer; one that is left out on
purpose is said to be.
"""

from collections.abc import Callable, Iterator
from typing import Any

from pretrade.model.units import Money, format_count, format_money, format_price
from pretrade.policy.check_fields import rate, span
from pretrade.policy.figures import KEYS
from pretrade.policy.halts import Halts
from pretrade.policy.inject import InjectRules
from pretrade.policy.limits import Limits
from pretrade.policy.schema import Client, Market, Policy


def policy_lines(policy: Policy) -> Iterator[str]:
    """Everything that a policy says about orders: a word and what holds."""
    for name, *said in (*_limits(policy.limits), *_prices(policy), *_standing(policy)):
        if said:
            yield f"{name:<10} {', '.join(said)}"
    yield from (f"market     {market}: {', '.join(_terms(market))}" for market in policy.markets)
    for name, client in policy.clients.items():
        sharing = ", which it shares" if client.shares_subaccount else ""
        yield f"client     {', '.join([name, f'subaccount {client.subaccount}{sharing}', *_stated(client)])}"
    for waiver in policy.unlimited_on_purpose:
        yield f"no limit   {waiver.limit}, until {waiver.until}: {waiver.reason}"
    if policy.observe.all:
        yield f"observed   everything, until {policy.observe.until}: nothing is denied by it"
    yield from (f"observed   {watched.rule}, until {watched.until}" for watched in policy.observe.rules)


def _limits(limits: Limits) -> Iterator[list[str]]:
    order, day, market, account = limits.order, limits.day, limits.market, limits.account
    most_day = (
        _figure(day.max_orders, str, "orders"),
        _figure(day.max_notional, format_money, "notional"),
        _figure(day.max_loss, format_money, "lost"),
    )
    close = market.no_open_before_close
    closes = [] if close is None else [f"nothing is opened {span(close)} before it closes"]
    positions = _figure(market.max_position, format_count, "contracts"), _risk(market.max_exposure)
    yield ["one order", *_most(_figure(order.max_count, format_count, "contracts"), _risk(order.max_risk))]
    yield ["one day", *_most(*most_day), day.timezone]
    yield ["a market", *_most(*positions), *closes]
    yield ["an event", *_most(_risk(limits.event.max_exposure))]
    yield ["a series", *_most(_risk(limits.series.max_exposure))]
    yield ["account", *_most(_risk(account.max_exposure), _figure(account.max_open_orders, str, "open orders"))]
    yield from _pace(limits)


def _pace(limits: Limits) -> Iterator[list[str]]:
    if throttle := limits.throttle:
        yield ["throttle", f"new {rate(throttle.place)}", f"amends {rate(throttle.amend)}", f"{throttle.burst} at once"]
    if repeat := limits.repeat:
        again = "" if repeat.allow_in_flight else "not "
        times = f"the same order {repeat.max_same_order} times within {span(repeat.within)}"
        yield ["repeat", times, f"{again}while one is in flight"]


def _prices(policy: Policy) -> Iterator[list[str]]:
    price = policy.price
    if band := price.band:
        yield ["prices", f"{format_price(band.min)} to {format_price(band.max)}"]
    if price.collar:
        yield ["collar", *_group(policy, "price", "collar")]
    if walk := price.walk:
        yield ["walk", f"at most {format_price(walk.max)} within {span(walk.within)}"]
    yield ["liquidity", *_group(policy, "liquidity")]


def _standing(policy: Policy) -> Iterator[list[str]]:
    yield ["require", *_group(policy, "require")]
    confirm = policy.confirm
    if confirm.above_risk is not None:
        people = f"{confirm.approvals} {'person' if confirm.approvals == 1 else 'people'}"
        yield ["confirm", f"above {format_money(confirm.above_risk)} at risk, {people} within {span(confirm.within)}"]
    yield ["inject", *_injected(policy)]
    yield ["groups", f"clients may {'' if policy.order_groups.may_loosen else 'not '}loosen order groups"]
    yield ["halts", *_halts(policy.halts)]
    yield ["notify", *(f"{used}%" for used in policy.notify.at), *policy.notify.command[:1]]


def _injected(policy: Policy) -> Iterator[str]:
    """What is added to orders, where anything is."""
    if policy.inject != InjectRules():
        yield from _group(policy, "inject")


def _halts(halts: Halts) -> Iterator[str]:
    for name in ("rejections", "denials", "exchange_errors"):
        if counted := getattr(halts, name):
            yield f"{name} {counted.count} within {span(counted.within)} {counted.then}"
    if halts.clock_skew:
        yield f"clock_skew above {span(halts.clock_skew.above)} {halts.clock_skew.then}"
    if halts.breaks:
        yield f"breaks {' '.join(halts.breaks.kinds)} {halts.breaks.then}"
    yield from (f"{name} {limit.then}" for name in ("loss", "repeat") if (limit := getattr(halts, name)))


def _terms(market: Market) -> Iterator[str]:
    yield "allowed" if market.allow else "not allowed"
    if market.allow:
        yield from _stated(market)


def _stated(place: Client | Market) -> Iterator[str]:
    """What is tightened there, by the names of its keys."""
    for key in KEYS:
        if (value := key.stated(place)) is not None:
            yield f"{str(key).removeprefix('limits.')} {key.write(value)}"


def _group(policy: Policy, *group: str) -> Iterator[str]:
    """What a group of keys states, by their names."""
    for key in KEYS:
        if key.where[:-1] == group and (value := key.stated(policy)) is not None:
            yield f"{key.where[-1]} {key.write(value)}"


def _most(*figures: str) -> list[str]:
    """The figures that are stated, under one `at most`."""
    stated = ", ".join(figure for figure in figures if figure)
    return [f"at most {stated}"] if stated else []


def _figure(value: Any, write: Callable[[Any], str], what: str) -> str:
    return "" if value is None else f"{write(value)} {what}"


def _risk(value: Money | None) -> str:
    return _figure(value, format_money, "at risk")
