"""The bounds that come out of what all, one client and one entry of `markets` state.

Rule of this file: limits on the same figure are one bound, the tightest; limits on different figures (the whole
account's, the client's own, one market's) all hold.
"""

from types import MappingProxyType
from typing import Any, Literal

from pretrade.model.orders import SelfTradePrevention
from pretrade.policy import figures
from pretrade.policy.bounds import (
    Bound,
    Bounds,
    Collar,
    Confirm,
    Injected,
    LiquidityBounds,
    Repeat,
    Required,
    Throttle,
    Walk,
)
from pretrade.policy.figures import Figure, Key
from pretrade.policy.sources import Sources, Stated, tightest
from pretrade.policy.words import SelfTradeRule

_LIQUIDITY: dict[str, Key[Any]] = {
    "max_slippage": figures.MAX_SLIPPAGE,
    "max_slippage_percent": figures.MAX_SLIPPAGE_PERCENT,
    "min_depth": figures.MIN_DEPTH,
    "max_share": figures.MAX_SHARE,
    "min_grade": figures.MIN_GRADE,
}
_LIQUIDITY_SETTINGS: dict[str, Key[Any]] = {
    "below_grade": figures.BELOW_GRADE,
    "max_age_ms": figures.LIQUIDITY_AGE,
}
_REQUIRED: dict[str, Key[Any]] = {
    "post_only": figures.POST_ONLY,
    "reduce_only": figures.REDUCE_ONLY,
    "expiration_within_ms": figures.EXPIRATION,
    "self_trade_prevention": figures.SELF_TRADE,
    "cancel_order_on_pause": figures.CANCEL_ON_PAUSE,
}


def bounds_of(sources: Sources) -> Bounds:
    """Everything that holds for one client in one market."""
    entry = sources.entry
    max_count = sources.one(figures.MAX_COUNT)
    max_risk = sources.one(figures.MAX_RISK)
    band_min = sources.one(figures.BAND_MIN)
    band_max = sources.one(figures.BAND_MAX)
    before_close = sources.one(figures.NO_OPEN_BEFORE_CLOSE)
    return Bounds(
        allowed=entry is not None and entry.allow,
        matched=str(entry) if entry else "",
        max_count=max_count.value,
        max_risk=max_risk.value,
        band_min=band_min.value,
        band_max=band_max.value,
        allowed_rule=sources.entry_rule("allow") if entry else "markets",
        max_count_rule=max_count.rule,
        max_risk_rule=max_risk.rule,
        band_min_rule=band_min.rule,
        band_max_rule=band_max.rule,
        max_position=_figures(sources, figures.MAX_POSITION),
        market_exposure=_figures(sources, figures.MARKET_EXPOSURE),
        event_exposure=_figures(sources, figures.EVENT_EXPOSURE),
        series_exposure=_figures(sources, figures.SERIES_EXPOSURE),
        account_exposure=_figures(sources, figures.ACCOUNT_EXPOSURE),
        open_orders=_figures(sources, figures.OPEN_ORDERS),
        day_orders=_figures(sources, figures.DAY_ORDERS),
        day_notional=_figures(sources, figures.DAY_NOTIONAL),
        day_loss=_figures(sources, figures.DAY_LOSS),
        throttles=(*_throttles(sources, "place"), *_throttles(sources, "amend")),
        repeat=_repeat(sources),
        collar=_collar(sources),
        walk=_walk(sources),
        liquidity=_liquidity(sources),
        required=_required(sources),
        confirm=_confirm(sources),
        no_open_before_close_ms=before_close.value,
        no_open_before_close_rule=before_close.rule,
        injected=_injected(sources),
    )


def _figures(sources: Sources, figure: Figure) -> tuple[Bound, ...]:
    """Every bound on a figure: the whole account's, the client's own, and the one market's where only an entry has
    it."""
    per_market, entry = figure.per_market, sources.by_entry(figure.entry_key) if figure.entry_key else ()
    # An entry's limit is on the whole account in one market: everybody's own figure where that is per market too.
    same, other = (entry, ()) if per_market else ((), entry)
    return (
        *(_bound(stated, per_market=per_market) for stated in tightest(*sources.by_all(figure.key), *same)),
        *(_bound(stated, is_client=True, per_market=per_market) for stated in sources.by_client(figure.key)),
        *(_bound(stated, per_market=True) for stated in other),
    )


def _bound(stated: Stated[int], *, per_market: bool, is_client: bool = False) -> Bound:
    limit, rule = stated
    return Bound(is_client, per_market, limit, rule)


def _throttles(sources: Sources, kind: Literal["place", "amend"]) -> tuple[Throttle, ...]:
    """The buckets of one kind: all clients' together, the client's own, and the one market's. Where a client or an
    entry states a rate or a burst alone, its bucket has the other one of everybody's."""
    key = figures.PLACE_RATE if kind == "place" else figures.AMEND_RATE
    general = (sources.by_all(key), sources.by_all(figures.BURST))
    places = (
        (general, False, False),
        ((sources.by_client(key), sources.by_client(figures.BURST)), True, False),
        ((sources.by_entry(key), sources.by_entry(figures.BURST)), False, True),
    )
    return tuple(
        Throttle(kind, is_client, per_market, rate, burst, own[0][1])
        for (rates, bursts), is_client, per_market in places
        if (own := (*rates, *bursts))
        for (rate, _), (burst, _) in zip(rates or general[0], bursts or general[1], strict=True)
    )


def _repeat(sources: Sources) -> Repeat | None:
    most, within = sources.one(figures.MAX_SAME), sources.one(figures.SAME_WITHIN)
    in_flight = sources.one(figures.ALLOW_IN_FLIGHT)
    if most.value is None or within.value is None or in_flight.value is None:
        return None
    return Repeat(most.value, within.value, in_flight.value, most.rule, in_flight.rule)


def _collar(sources: Sources) -> Collar | None:
    aggressive, passive = sources.one(figures.AGGRESSIVE), sources.one(figures.PASSIVE)
    age, missing = sources.one(figures.COLLAR_AGE), sources.one(figures.WHEN_MISSING)
    if aggressive.value is None or passive.value is None or age.value is None or missing.value is None:
        return None
    rules = aggressive.rule, passive.rule, age.rule, missing.rule
    return Collar(aggressive.value, passive.value, age.value, missing.value, *rules)


def _walk(sources: Sources) -> Walk | None:
    furthest, within = sources.one(figures.WALK_MAX), sources.one(figures.WALK_WITHIN)
    return None if furthest.value is None or within.value is None else Walk(furthest.value, within.value, furthest.rule)


def _liquidity(sources: Sources) -> LiquidityBounds | None:
    demands = {name: sources.one(key) for name, key in _LIQUIDITY.items()}
    if all(demand.value is None for demand in demands.values()):
        return None
    stated = demands | {name: sources.one(key) for name, key in _LIQUIDITY_SETTINGS.items()}
    rules = {name: demand.rule for name, demand in stated.items() if demand.value is not None}
    values: dict[str, Any] = {name: demand.value for name, demand in stated.items()}
    return LiquidityBounds(**values, rules=MappingProxyType(rules))


def _required(sources: Sources) -> Required:
    stated = {name: sources.one(key) for name, key in _REQUIRED.items()}
    values: dict[str, Any] = {name: asked.value for name, asked in stated.items()}
    kind = values["self_trade_prevention"]
    values["expiration_within_ms"] = values["expiration_within_ms"].ms
    values["self_trade_prevention"] = None if kind is SelfTradeRule.ANY else SelfTradePrevention(kind)
    return Required(**values, rules=MappingProxyType({name: asked.rule for name, asked in stated.items()}))


def _confirm(sources: Sources) -> Confirm:
    confirm, above_risk = sources.policy.confirm, sources.one(figures.ABOVE_RISK)
    return Confirm(above_risk.value, confirm.approvals, confirm.within, above_risk.rule)


def _injected(sources: Sources) -> Injected:
    group, within = sources.one(figures.INJECT_GROUP), sources.one(figures.INJECT_EXPIRATION)
    on_pause = sources.one(figures.INJECT_ON_PAUSE)
    return Injected(
        group.value,
        bool(on_pause.value),
        within.value,
        group.rule,
        on_pause_rule=on_pause.rule,
        within_rule=within.rule,
    )
