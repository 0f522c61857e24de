"""The rules between keys: what no single value of a policy can break alone.

Rule of this file: one small function a rule, each yields what is wrong and at which key. They run once every key by
itself can be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pretrade.model.instance import Environment, Mode, Role
from pretrade.model.units import format_count, format_money, format_price

if TYPE_CHECKING:
    from pretrade.policy.schema import Market, Policy

type Where = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken rule: the key to look at, as the way there from the top of the file, and what is wrong."""

    where: Where
    message: str

    def __str__(self) -> str:
        return f"{dotted(self.where)}: {self.message}"


def dotted(where: Where) -> str:
    """Write a key's place the way people do, as in `markets[1].limits.order.max_count`."""
    named = (part if isinstance(part, int) or part.isprintable() else ascii(part) for part in where)
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in named)
    return text.removeprefix(".")


def violations(policy: Policy) -> Iterator[Violation]:
    """Every broken rule of a policy whose keys can all be read."""
    for rule in RULES:
        yield from rule(policy)


def _instance(policy: Policy) -> Iterator[Violation]:
    """Role ABH never trades live in production, and role W only where `instance.allow_production` is true."""
    instance = policy.instance
    if instance.environment is not Environment.PRODUCTION or instance.mode is not Mode.LIVE:
        return
    if instance.role is Role.ABH:
        yield Violation(("instance", "mode"), "an ABH instance never trades live in production; use dry_run")
    if instance.role is Role.W and not instance.allow_production:
        yield Violation(
            ("instance", "mode"), "live in production with role W needs instance.allow_production: true as well"
        )


def _doors(policy: Policy) -> Iterator[Violation]:
    """The two doors of `listen` have addresses of their own."""
    listen = policy.listen
    if listen.proxy == listen.base_url and listen.proxy.port != 0:
        yield Violation(("listen", "base_url"), "must differ from listen.proxy: each door needs its own port")


def _practice(policy: Policy) -> Iterator[Violation]:
    """Where `instance.environment` is practice, `exchange.practice` says where that is."""
    if policy.instance.environment is Environment.PRACTICE and policy.exchange.practice is None:
        yield Violation(("exchange", "practice"), "missing; instance.environment is practice, so it must say where")


def _key_ids(policy: Policy) -> Iterator[Violation]:
    """No two clients have the same `key_id`, and none has the live key's."""
    owners = {policy.signing.key_id: "signing.key_id"}
    for name, client in policy.clients.items():
        own = f"clients.{name}.key_id"
        owner = owners.setdefault(client.key_id, own)
        if owner != own:
            yield Violation(("clients", name, "key_id"), f"{client.key_id!r} is already the value of {owner}")


def _subaccounts(policy: Policy) -> Iterator[Violation]:
    """One client, one subaccount: no two clients have the same."""
    owners: dict[int, str] = {}
    for name, client in policy.clients.items():
        owner = owners.setdefault(client.subaccount, name)
        if owner != name:
            yield Violation(
                ("clients", name, "subaccount"),
                f"{client.subaccount} already belongs to clients.{owner}: one client, one subaccount",
            )


def _band(policy: Policy) -> Iterator[Violation]:
    """`price.band.min` is lower than `price.band.max`."""
    band = policy.price.band
    if band.min >= band.max:
        yield Violation(
            ("price", "band", "min"),
            f"${format_price(band.min)} must be lower than price.band.max, ${format_price(band.max)}",
        )


def _last_market(policy: Policy) -> Iterator[Violation]:
    """The last entry of `markets` matches `*`."""
    last = len(policy.markets) - 1
    if policy.markets[last].match != "*":
        yield Violation(
            ("markets", last, "match"), 'the last entry must match "*", to say what holds for all other markets'
        )


def _reachable(policy: Policy) -> Iterator[Violation]:
    """Every entry of `markets` can be reached: none stands below one that takes all it fits."""
    for index, market in enumerate(policy.markets):
        # A glob whose own text fits an earlier glob can only fit tickers which that one has taken already.
        earlier = next((i for i in range(index) if fnmatchcase(market.match, policy.markets[i].match)), None)
        if earlier is not None:
            taken = f"markets[{earlier}] ({policy.markets[earlier].match}) takes everything that {market.match} fits"
            yield Violation(("markets", index, "match"), f"never reached: {taken}")


def _tightens(policy: Policy) -> Iterator[Violation]:
    """The limits of an entry of `markets` only tighten the ones that hold for all markets, and leave a price."""
    for index, market in enumerate(policy.markets):
        yield from _maxima_tighten(policy, ("markets", index), market)
        yield from _band_narrows(policy, ("markets", index), market)


def _maxima_tighten(policy: Policy, place: Where, market: Market) -> Iterator[Violation]:
    order = market.limits.order if market.limits else None
    if order and order.max_count is not None and order.max_count > policy.limits.order.max_count:
        figures = f"{format_count(order.max_count)} is looser than {format_count(policy.limits.order.max_count)}"
        yield _looser((*place, "limits", "order", "max_count"), figures, "limits.order.max_count")
    if order and order.max_risk is not None and order.max_risk > policy.limits.order.max_risk:
        figures = f"{format_money(order.max_risk)} is looser than {format_money(policy.limits.order.max_risk)}"
        yield _looser((*place, "limits", "order", "max_risk"), figures, "limits.order.max_risk")


def _band_narrows(policy: Policy, place: Where, market: Market) -> Iterator[Violation]:
    band, whole = market.price.band if market.price else None, policy.price.band
    if band is None:
        return
    if band.min is not None and band.min < whole.min:
        figures = f"${format_price(band.min)} is looser than ${format_price(whole.min)}"
        yield _looser((*place, "price", "band", "min"), figures, "price.band.min")
    if band.max is not None and band.max > whole.max:
        figures = f"${format_price(band.max)} is looser than ${format_price(whole.max)}"
        yield _looser((*place, "price", "band", "max"), figures, "price.band.max")
    if (band.min or whole.min) >= (band.max or whole.max):
        yield Violation((*place, "price", "band"), "leaves no price between its min and its max")


def _looser(where: Where, figures: str, rule: str) -> Violation:
    return Violation(where, f"{figures}, which {rule} sets for all markets; an entry may only tighten")


RULES: tuple[Callable[[Policy], Iterator[Violation]], ...] = (
    _instance,
    _doors,
    _practice,
    _key_ids,
    _subaccounts,
    _band,
    _last_market,
    _reachable,
    _tightens,
)
"""Every rule; its docstring is the sentence that docs/policy.md prints."""
