"""The rules between keys: what no single value of a policy can break alone.

Rule of this file: one small function a rule, each yields what is wrong and at which key. They run once every key by
itself can be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING

from pretrade.model.instance import Environment, Mode, Role
from pretrade.policy import limit_rules
from pretrade.policy.matching import MarketList
from pretrade.yamltext.problems import Violation

if TYPE_CHECKING:
    from pretrade.policy.schema import Policy


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
    """No two keys have the same `key_id`, be they live ones or clients'."""
    owners = {policy.signing.key_id: "signing.key_id"}
    named = [(("signing", "keys", name, "key_id"), key.key_id) for name, key in policy.signing.keys.items()]
    clients = [(("clients", name, "key_id"), client.key_id) for name, client in policy.clients.items()]
    for where, key_id in (*named, *clients):
        own = ".".join(where)
        owner = owners.setdefault(key_id, own)
        if owner != own:
            yield Violation(where, f"{key_id!r} is already the value of {owner}")


def _key_files(policy: Policy) -> Iterator[Violation]:
    """No two live keys have the same `key_file`."""
    owners = {policy.signing.key_file: "signing.key_file"}
    for name, key in policy.signing.keys.items():
        own = f"signing.keys.{name}.key_file"
        owner = owners.setdefault(key.key_file, own)
        if owner != own:
            yield Violation(("signing", "keys", name, "key_file"), f"{key.key_file} is already the value of {owner}")


def _signed_by(policy: Policy) -> Iterator[Violation]:
    """A client's `signing` names a key of `signing.keys`, and one that its `subaccount` can be traded with."""
    known = policy.signing.keys
    for name, client in policy.clients.items():
        where = ("clients", name, "signing")
        if client.signing is None:
            continue
        key = known.get(client.signing)
        if key is None:
            listed = f"it lists {', '.join(known)}" if known else "it lists none"
            yield Violation(where, f"signing.keys has no {client.signing!r}; {listed}")
        elif key.subaccount is not None and key.subaccount != client.subaccount:
            bound = f"signing.keys.{client.signing} is bound to subaccount {key.subaccount}"
            yield Violation(where, f"{bound} and cannot trade {client.subaccount}, which is this client's")


def _keys_in_use(policy: Policy) -> Iterator[Violation]:
    """Every key of `signing.keys` is named by a client: a live key that nobody needs does not lie here."""
    used = {client.signing for client in policy.clients.values()}
    for name in policy.signing.keys:
        if name not in used:
            yield Violation(("signing", "keys", name), "no client names it in `signing`; name it there or take it out")


def _subaccounts(policy: Policy) -> Iterator[Violation]:
    """One client, one subaccount: two clients have the same only where both say `shares_subaccount: true`."""
    for name, client in policy.clients.items():
        other = next(_unwilling(policy, name), None)
        if other is not None:
            both = "two clients have one subaccount only where both say shares_subaccount: true"
            shy = " and ".join(f"clients.{n}" for n in (other, name) if not policy.clients[n].shares_subaccount)
            message = f"{client.subaccount} already belongs to clients.{other}; {both}; missing at {shy}"
            yield Violation(("clients", name, "subaccount"), message)


def _unwilling(policy: Policy, name: str) -> Iterator[str]:
    """The clients above this one that have its subaccount, where not both say that they share it."""
    client = policy.clients[name]
    for other, owner in takewhile(lambda item: item[0] != name, policy.clients.items()):
        both = owner.shares_subaccount and client.shares_subaccount
        if owner.subaccount == client.subaccount and not both:
            yield other


def _reconcile(policy: Policy) -> Iterator[Violation]:
    """`reconcile.max_age` is longer than `reconcile.every`."""
    if policy.reconcile.max_age <= policy.reconcile.every:
        yield Violation(
            ("reconcile", "max_age"), "must be longer than reconcile.every, or orders would wait between two readings"
        )


def _notify(policy: Policy) -> Iterator[Violation]:
    """The thresholds of `notify.at` rise."""
    at = policy.notify.at
    for index, (earlier, later) in enumerate(pairwise(at), start=1):
        if earlier >= later:
            yield Violation(("notify", "at", index), f"must be more than {earlier}, which stands before it")


def _break_kinds(policy: Policy) -> Iterator[Violation]:
    """`halts.breaks.kinds` names each kind once."""
    kinds = policy.halts.breaks.kinds if policy.halts.breaks else ()
    for index, kind in enumerate(kinds):
        if kind in kinds[:index]:
            yield Violation(("halts", "breaks", "kinds", index), f"{kind} is named twice")


def _observe(policy: Policy) -> Iterator[Violation]:
    """Where `observe.all` is true, `observe.until` says for how long."""
    if policy.observe.all and policy.observe.until is None:
        yield Violation(("observe", "until"), "missing; where observe.all is true, it must say the last day")


def _market_states(policy: Policy) -> Iterator[Violation]:
    """Every entry of `markets` states `match`, `event` or `series`."""
    for index, market in enumerate(policy.markets):
        if not str(market):
            yield Violation(("markets", index), "states no match, no event and no series; it must state one of them")


def _last_market(policy: Policy) -> Iterator[Violation]:
    """The last entry of `markets` matches `*`, whatever the event and the series."""
    last = len(policy.markets) - 1
    if str(policy.markets[last]) != "*":
        yield Violation(
            ("markets", last, "match"), 'the last entry must match "*", to say what holds for all other markets'
        )


def _reachable(policy: Policy) -> Iterator[Violation]:
    """Every entry of `markets` can be reached: none stands below one that takes all it fits."""
    markets = MarketList(policy.markets)
    for index, market in enumerate(policy.markets):
        # A glob whose own text fits an earlier glob can only fit names which that one has taken already.
        if not str(market):
            continue
        earlier = markets.first_fit(market.match or "*", market.event or "*", market.series or "*")
        if earlier is not None and earlier < index and str(policy.markets[earlier]):
            taken = f"markets[{earlier}] ({policy.markets[earlier]}) takes everything that {market} fits"
            key = next(key for key in ("match", "event", "series") if getattr(market, key))
            yield Violation(("markets", index, key), f"never reached: {taken}")


RULES: tuple[Callable[[Policy], Iterator[Violation]], ...] = (
    _instance,
    _doors,
    _practice,
    _key_ids,
    _key_files,
    _signed_by,
    _keys_in_use,
    _subaccounts,
    limit_rules.all_stated,
    limit_rules.band,
    limit_rules.tightens,
    limit_rules.complete,
    limit_rules.self_trade,
    _notify,
    _break_kinds,
    _observe,
    _reconcile,
    _market_states,
    _last_market,
    _reachable,
)
"""Every rule; its docstring is the sentence that docs/policy.md prints."""
