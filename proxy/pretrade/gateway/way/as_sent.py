"""A write as it would be sent, with the facts that it is judged by: read first, then what the policy has written in.

Rule of this file: nothing is awaited and nothing changed, so that the order and every question about it meet the same.
"""

from dataclasses import replace

from pretrade.gateway.instance import Instance
from pretrade.gateway.way.facts import gather
from pretrade.gateway.way.identity import Client
from pretrade.model.facts import Facts
from pretrade.model.orders import Write
from pretrade.model.rewrites import Rewrite
from pretrade.risk.checks.injecting import inject

TO_BE_MADE = "the group that is made with the order"
"""Stands for a client's order group that there is none of yet, where nothing is sent."""


def as_sent(
    instance: Instance, client: Client, write: Write, *, by_proxy: bool = False
) -> tuple[Write, Facts, tuple[Rewrite, ...]]:
    """The write with what the policy has written into it, its facts, and what that was."""
    facts = gather(instance, client, write, by_proxy=by_proxy)
    sent, rewrites = inject(write, facts, instance.policy)
    return sent, facts, rewrites


def as_asked(instance: Instance, client: Client, write: Write) -> tuple[Write, Facts]:
    """The same for a question, which makes no order group: one that an order would make first counts as made."""
    facts = _asked(instance, client, write)
    return inject(write, facts, instance.policy)[0], facts


def written_in(instance: Instance, client: Client, write: Write) -> tuple[Rewrite, ...]:
    """What would be written into a write that a question is about."""
    return inject(write, _asked(instance, client, write), instance.policy)[1]


def _asked(instance: Instance, client: Client, write: Write) -> Facts:
    facts = gather(instance, client, write)
    if None not in facts.own_groups:
        return facts
    return replace(facts, own_groups=tuple(own or TO_BE_MADE for own in facts.own_groups))
