"""The rules between keys of a world: what no single value can break alone.

Rule of this file: one small function a rule, each yields what is wrong and at which key. They run once every key by
itself can be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING

from pretrade.model.units import format_price
from pretrade.practice.core.instruments import nearest_prices, on_tick
from pretrade.yamltext.problems import Violation

if TYPE_CHECKING:
    from pretrade.practice.worlds.schema import MakerKeys, MarketKeys, NoiseKeys, WorldKeys
    from pretrade.yamltext.places import Where

RESERVED = ("maker", "noise", "house", "visitor")
"""Accounts of the exchange's own people."""


def violations(world: WorldKeys) -> Iterator[Violation]:
    """Every broken rule of a world whose keys can all be read."""
    for rule in RULES:
        yield from rule(world)


def _unique(world: WorldKeys) -> Iterator[Violation]:
    """No two series, events, markets or keys have the same name."""
    named = {
        "series": [("ticker", one.ticker) for one in world.series],
        "events": [("ticker", one.ticker) for one in world.events],
        "markets": [("ticker", one.ticker) for one in world.markets],
        "keys": [("key_id", one.key_id) for one in world.keys],
    }
    for group, names in named.items():
        for index, (key, name) in enumerate(names):
            first = names.index((key, name))
            if first != index:
                yield Violation((group, index, key), f"{name} is already {group}[{first}]")


def _known(world: WorldKeys) -> Iterator[Violation]:
    """Events name series, markets name events, positions name markets, and keys and levels name accounts there are."""
    series, events = [one.ticker for one in world.series], [one.ticker for one in world.events]
    for index, event in enumerate(world.events):
        yield from _among(("events", index, "series"), event.series, series, "series")
    for index, market in enumerate(world.markets):
        yield from _among(("markets", index, "event"), market.event, events, "event")
        for place, level in enumerate(market.book):
            where = ("markets", index, "book", place, "account")
            yield from _among(where, level.account, world.accounts, "account")
    tickers = [one.ticker for one in world.markets]
    for name, account in world.accounts.items():
        for index, held in enumerate(account.positions):
            yield from _among(("accounts", name, "positions", index, "market"), held.market, tickers, "market")


def _reserved(world: WorldKeys) -> Iterator[Violation]:
    """No account and no key takes the name of the exchange's own people."""
    text = f"belongs to the exchange itself, like {', '.join(RESERVED)}; choose another name"
    for name in world.accounts:
        if name in RESERVED:
            yield Violation(("accounts", name), text)
    for index, key in enumerate(world.keys):
        if key.account in RESERVED:
            yield Violation(("keys", index, "account"), text)


def _times(world: WorldKeys) -> Iterator[Violation]:
    """A market opens before it closes, where both are said in the same way."""
    for index, market in enumerate(world.markets):
        if market.opens.relative is market.closes.relative and market.opens.us >= market.closes.us:
            yield Violation(("markets", index, "closes"), "must be later than `opens` (-1d where that is not said)")


def _prices(world: WorldKeys) -> Iterator[Violation]:
    """Prices of levels lie on the grid of their market; middles lie on it too."""
    for index, market in enumerate(world.markets):
        yield from _on_grid(market, ("markets", index, "mid"), market.mid)
        for place, level in enumerate(market.book):
            yield from _on_grid(market, ("markets", index, "book", place, "price"), level.price)


def _sizes(world: WorldKeys) -> Iterator[Violation]:
    """The smallest order of makers and strangers is at least 1 and at most the largest; makers quote a tick away."""
    groups: list[tuple[Where, MakerKeys | NoiseKeys | None]] = [(("maker",), world.maker), (("noise",), world.noise)]
    for index, market in enumerate(world.markets):
        groups += [(("markets", index, "maker"), market.maker), (("markets", index, "noise"), market.noise)]
    for where, group in groups:
        if group is not None and not 1 <= group.smallest <= group.largest:
            yield Violation((*where, "smallest"), f"must be from 1 to `largest`, which is {group.largest}")
        if getattr(group, "gap", 1) < 1:
            yield Violation((*where, "gap"), "must be at least 1: a maker never quotes at its middle")


def _among(where: Where, name: str, known: Iterable[str], what: str) -> Iterator[Violation]:
    names = list(known)
    if name in names:
        return
    close = get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(names) or 'none'}"
    yield Violation(where, f"no {what} is called {name}; {hint}")


def _on_grid(market: MarketKeys, where: Where, price: int) -> Iterator[Violation]:
    if on_tick(market.structure, price):
        return
    near = nearest_prices(partial(on_tick, market.structure), price)
    yield Violation(where, f"${format_price(price)} lies between ticks of {market.structure}; nearest: {near}")


RULES = (_unique, _known, _reserved, _times, _prices, _sizes)
