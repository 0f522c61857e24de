"""Which limits a policy must state, and the keys `unlimited_on_purpose` and `observe`: what does not hold for a while.

Rule of this file: a limit that is not there is an error unless it is named here with a reason and a last day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from pretrade.policy.check_fields import DateField, ReasonField
from pretrade.policy.fields import Flag
from pretrade.policy.figures import DAY_LOSS, FIGURES, KEYS, MAX_COUNT, MAX_RISK
from pretrade.yamltext.forms import Form, Section
from pretrade.yamltext.problems import Violation

if TYPE_CHECKING:
    from pretrade.policy.schema import Policy

LIMITS: tuple[str, ...] = (
    str(MAX_COUNT),
    str(MAX_RISK),
    *(str(figure.key) for figure in (*FIGURES, DAY_LOSS)),
    "limits.market.no_open_before_close",
    "limits.throttle",
    "limits.repeat",
    "price.band",
    "price.collar",
    "price.walk",
    "liquidity.max_slippage",
    "liquidity.max_slippage_percent",
    "liquidity.min_depth",
    "liquidity.max_share_of_depth",
    "liquidity.min_grade",
    "confirm.above_risk",
    "halts.rejections",
    "halts.denials",
    "halts.exchange_errors",
    "halts.clock_skew",
    "halts.breaks",
    "halts.loss",
    "halts.repeat",
)
"""Every limit that a policy states or waives. A group of keys is one limit where its keys mean nothing alone."""

_OBSERVABLE: tuple[str, ...] = tuple(
    sorted(
        {".".join(key.where[:end]) for key in KEYS for end in range(1, len(key.where) + 1) if key.where[0] != "inject"}
        | {"markets"}
    )
)


def _name(kind: str, names: tuple[str, ...]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text in names:
            return text
        close = get_close_matches(text.casefold(), names, n=1)
        raise ValueError(f"no {kind} is called {text!r}" + (f"; did you mean {close[0]}?" if close else ""))

    return parse


LimitName = Annotated[str, Form("", "the key of a limit", _name("limit", LIMITS))]
RuleName = Annotated[
    str, Form("", "a key of limits, price, liquidity, require, or markets", _name("rule", _OBSERVABLE))
]


class Waiver(Section):
    """One limit that this policy leaves out on purpose."""

    limit: LimitName = Field(description="The limit that is left out.", examples=["limits.day.max_loss"])
    reason: ReasonField = Field(
        description="Why, for whoever reads this later.", examples=['"no account to lose from"']
    )
    until: DateField = Field(
        description="The last day. After it, a file is refused and a running proxy denies every order as "
        "LIMIT_WAIVER_EXPIRED; cancels pass.",
        examples=["2026-12-31"],
    )


class ObservedRule(Section):
    """One rule that is watched only."""

    rule: RuleName = Field(
        description="The key of the rule or of a group of them, for everybody; also where a client or an entry of "
        "`markets` has set it.",
        examples=["price.collar"],
    )
    until: DateField = Field(description="The last day. After it, the rule is enforced.", examples=["2026-12-31"])


class Observe(Section):
    """What is judged and recorded and denies nothing: how a new desk or a new limit is tried out. Roles, endpoints,
    HALTED and REDUCING are always enforced. Where it is not stated, everything is enforced."""

    all: Flag = Field(default=False, description="Whether every rule is only watched.", examples=["false"])
    until: DateField | None = Field(
        default=None,
        description="The last day of `all`, mandatory where that is true. After it, everything is enforced.",
        examples=["2026-12-31"],
    )
    rules: tuple[ObservedRule, ...] = ()


def expired(policy: Policy, day: str) -> tuple[Waiver, ...]:
    """The waivers that no longer hold on a day (YYYY-MM-DD, in the policy's time zone)."""
    return tuple([waiver for waiver in policy.unlimited_on_purpose if day > waiver.until])


def past_waivers(policy: Policy, day: str) -> Iterator[Violation]:
    """What a proxy cannot be started with on a day: waivers that have ended."""
    for index, waiver in enumerate(policy.unlimited_on_purpose):
        if day > waiver.until:
            ended = (
                f"{waiver.until} is past (today is {day}): state {waiver.limit}, or say anew how long it is left out"
            )
            yield Violation(("unlimited_on_purpose", index, "until"), ended)


def past_observations(policy: Policy, day: str) -> Iterator[Violation]:
    """What is enforced on a day although the policy still says that it is only watched."""
    observe = policy.observe
    if observe.all and observe.until is not None and day > observe.until:
        yield Violation(("observe", "until"), f"{observe.until} is past (today is {day}): everything is enforced again")
    for index, watched in enumerate(observe.rules):
        if day > watched.until:
            ended = f"{watched.until} is past (today is {day}): {watched.rule} is enforced again; take the entry away"
            yield Violation(("observe", "rules", index, "until"), ended)


def observations(policy: Policy, day: str) -> list[str]:
    """What is only watched on a day, for people."""
    everything = [("everything", policy.observe.until)] if policy.observe.all and policy.observe.until else []
    rules = [(watched.rule, watched.until) for watched in policy.observe.rules]
    return [f"{rule} until {until}" for rule, until in (*everything, *rules) if day <= until]


def is_observed(policy: Policy, rule: str, day: str) -> bool:
    """Whether a rule is only watched on a day, by the key that a report names: a client's `clients.X.…` and an entry's
    `markets[i].…` are watched with the key that they tighten."""
    observe = policy.observe
    if observe.all and observe.until is not None and day <= observe.until:
        return True
    general = _general(rule)
    return any(
        day <= watched.until and (general == watched.rule or general.startswith(f"{watched.rule}."))
        for watched in observe.rules
    )


def _general(rule: str) -> str:
    """The key for everybody that a rule belongs to."""
    if rule.startswith("clients."):
        return rule.split(".", 2)[-1]
    entry, _, key = rule.partition("].")
    if not entry.startswith("markets["):
        return rule
    return "markets" if key in ("", "allow") else key
