"""What several clients use together, seen in tenths of its limit: so that a question which costs nothing tells none of
them what the others are doing to the cent.

Rule of this file: pure, and it only ever sees more used than is. So what passes with these facts passes with the true
ones as well; what does not may.
"""

from dataclasses import replace

from pretrade.model.facts import Facts, Measure, Usage
from pretrade.model.loss import LossSeen
from pretrade.model.orders import Write
from pretrade.model.pace import TOKEN, BucketSeen, PaceSeen
from pretrade.model.units import Money
from pretrade.policy.schema import Policy
from pretrade.risk.checks.case import Case, case_of
from pretrade.risk.checks.usage_checks import figure_names

STEPS = 10
"""Into how many parts a limit is cut."""

type Limits[K] = dict[K, int]


def coarse(write: Write, facts: Facts, policy: Policy) -> Facts:
    """The facts of a write with every figure that is not its client's alone rounded up to the next tenth of the
    tightest limit on it, be it of a market, an event or all; a figure past its limit is as it is."""
    case = case_of(write, facts, policy)
    return replace(
        facts,
        usages=_usages(case),
        losses=_losses(case),
        pace=None if facts.pace is None else _pace(case, facts.pace),
    )


def _is_shared(facts: Facts, *, own: bool) -> bool:
    return not own or facts.shares_subaccount


def _usages(case: Case) -> tuple[Usage, ...]:
    limits: Limits[tuple[Measure, str | None, bool]] = {}
    for ticker, leg in case.markets.items():
        names = figure_names(ticker, case.places.get(ticker))
        for measure, scope, bound in leg.bounds.figures:
            _tighten(limits, (measure, names[scope], bound.scope_is_client), bound.limit)
    return tuple([_usage(one, limits.get((one.measure, one.of, one.own)), case.facts) for one in case.facts.usages])


def _usage(one: Usage, limit: int | None, facts: Facts) -> Usage:
    if limit is None or not _is_shared(facts, own=one.own):
        return one
    more = _up(one.before, limit) - one.before
    return one._replace(before=one.before + more, after=one.after + more)


def _losses(case: Case) -> tuple[LossSeen, ...]:
    limits: Limits[bool] = {}
    for leg in case.legs:
        for bound in leg.bounds.day_loss:
            _tighten(limits, bound.scope_is_client, bound.limit)
    return tuple([_loss(one, limits.get(one.own), case.facts) for one in case.facts.losses])


def _loss(one: LossSeen, limit: int | None, facts: Facts) -> LossSeen:
    """A gain counts as none: how large it is shows in how much an order may lose."""
    if limit is None or not _is_shared(facts, own=one.own):
        return one
    return one._replace(loss=Money(_up(max(0, one.loss + one.may_show), limit) - one.may_show))


def _pace(case: Case, pace: PaceSeen) -> PaceSeen:
    limits: Limits[tuple[str, bool]] = {}
    for leg in case.legs:
        for throttle in leg.bounds.throttles:
            _tighten(limits, (throttle.kind, throttle.scope_is_client), throttle.burst * TOKEN)
    return pace._replace(buckets=tuple([_bucket(one, limits, case.facts, pace.now_ms) for one in pace.buckets]))


def _bucket(one: BucketSeen, limits: Limits[tuple[str, bool]], facts: Facts, now_ms: int) -> BucketSeen:
    limit = limits.get((one.kind, one.own))
    if limit is None or not _is_shared(facts, own=one.own):
        return one
    return one._replace(used=_up(one.used_at(now_ms, one.per_second), limit), at_ms=now_ms)


def _tighten[K](limits: Limits[K], key: K, limit: int) -> None:
    limits[key] = min(limits.get(key, limit), limit)


def _up(used: int, limit: int) -> int:
    """A figure at the next tenth of its limit, the limit itself at most; as it is where it is past that."""
    tenth = max(1, limit // STEPS)
    return used if used >= limit else min(limit, -(-used // tenth) * tenth)
