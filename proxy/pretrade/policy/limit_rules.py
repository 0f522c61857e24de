"""The rules between keys that are about limits: all stated or waived, and only tightened below the whole policy.

Rule of this file: as in `rules.py`: one small function a rule, each yields what is wrong and at which key.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING

from pretrade.policy.figures import BAND_MAX, BAND_MIN, KEYS, SELF_TRADE
from pretrade.policy.waivers import LIMITS
from pretrade.policy.words import SelfTradeRule
from pretrade.yamltext.places import Where
from pretrade.yamltext.problems import Violation

if TYPE_CHECKING:
    from pretrade.policy.schema import Client, Market, Policy

_KEYS_OF = {limit: tuple(key for key in KEYS if key.name.rpartition(".")[0] == limit) for limit in LIMITS}
"""The keys of each limit that has several; none where the limit is a key itself."""


def all_stated(policy: Policy) -> Iterator[Violation]:
    """Every limit is stated or named in `unlimited_on_purpose`, and not both."""
    waived = {waiver.limit for waiver in policy.unlimited_on_purpose}
    for limit in LIMITS:
        if not _is_stated(policy, limit) and limit not in waived:
            message = "missing; a policy must state it, or name it in unlimited_on_purpose with a reason and a last day"
            yield Violation(tuple(limit.split(".")), message)
    for index, waiver in enumerate(policy.unlimited_on_purpose):
        where = ("unlimited_on_purpose", index, "limit")
        if _is_stated(policy, waiver.limit):
            yield Violation(where, f"{waiver.limit} is stated in this policy; take one of the two away")
        elif waiver.limit in {earlier.limit for earlier in policy.unlimited_on_purpose[:index]}:
            yield Violation(where, f"{waiver.limit} is named twice")


def _is_stated(policy: Policy, limit: str) -> bool:
    value: object = policy
    for name in limit.split("."):
        value = getattr(value, name, None)
    return value is not None


def band(policy: Policy) -> Iterator[Violation]:
    """`price.band.min` is lower than `price.band.max`, also as a client or an entry of `markets` narrows them."""
    whole = policy.price.band
    if whole is not None and whole.min >= whole.max:
        message = f"{BAND_MIN.write(whole.min)} must be lower than price.band.max, {BAND_MAX.write(whole.max)}"
        yield Violation(("price", "band", "min"), message)
        return
    for where, place in _places(policy):
        if place.price is None or place.price.band is None:
            continue
        low, high = (key.stated(place) or key.stated(policy) for key in (BAND_MIN, BAND_MAX))
        if low is not None and high is not None and low >= high:
            yield Violation((*where, "price", "band"), "leaves no price between its min and its max")


def tightens(policy: Policy) -> Iterator[Violation]:
    """What a client and an entry of `markets` state only tightens what holds for all."""
    for_all = [(key, whole) for key in KEYS if (whole := key.stated(policy)) is not None]
    for (where, place), (key, whole) in product(_places(policy), for_all):
        own = key.stated(place)
        if own is None or key.rank(own) <= key.rank(whole):
            continue
        figures = f"{key.write(own)} is looser than {key.write(whole)}"
        message = f"{figures}, which {key} sets for all; here it may only be tightened"
        yield Violation((*where, *key.where), message)


def complete(policy: Policy) -> Iterator[Violation]:
    """Where a limit of several keys is left out for all, a client or an entry that states one of them states all."""
    groups = {limit: keys for limit, keys in _KEYS_OF.items() if keys and not _is_stated(policy, limit)}
    for (where, place), (limit, keys) in product(_places(policy), groups.items()):
        missing = [key.where[-1] for key in keys if key.stated(place) is None]
        if missing and len(missing) < len(keys):
            message = f"must state {' and '.join(missing)} as well: {limit} is left out for all"
            yield Violation((*where, *keys[0].where[:-1]), message)


def self_trade(policy: Policy) -> Iterator[Violation]:
    """Nowhere do two different self-trade preventions hold for one order."""
    for (name, client), (index, market) in product(policy.clients.items(), enumerate(policy.markets)):
        own, entry = SELF_TRADE.stated(client), SELF_TRADE.stated(market)
        if len({own, entry} - {None, SelfTradeRule.ANY}) > 1:
            message = f"{entry} and clients.{name}, which asks for {own}, leave no order"
            yield Violation(("markets", index, *SELF_TRADE.where), message)
    whole = policy.require.self_trade_prevention
    for where, place in _places(policy):
        stated = SELF_TRADE.stated(place)
        if len({stated, whole} - {None, SelfTradeRule.ANY}) > 1:
            yield Violation((*where, *SELF_TRADE.where), f"{stated} is not {whole}, which {SELF_TRADE} sets for all")


def _places(policy: Policy) -> Iterator[tuple[Where, Client | Market]]:
    """Everything that may tighten: every client and every entry of `markets`."""
    yield from ((("clients", name), client) for name, client in policy.clients.items())
    yield from ((("markets", index), market) for index, market in enumerate(policy.markets))
