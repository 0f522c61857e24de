"""Which markets a list of markets means: the filters of GET /markets, and which of them go together.

Rule of this file: one table of what goes together, taken from the exchange's reference of the operation. A combination
outside it is refused with 400; the validator's word for it (`excluded_with`) is a documented choice.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pretrade.model.markets import MarketStatus
from pretrade.practice.api.archive import is_archived
from pretrade.practice.api.call import Call
from pretrade.practice.api.filters import Span, span
from pretrade.practice.api.market_views import created_us, updated_us
from pretrade.practice.api.multivariate import collection_of
from pretrade.practice.api.query import Query
from pretrade.practice.core.state import MarketState

type Test = Callable[[MarketState], bool]

STATUSES: dict[str, frozenset[str]] = {
    "unopened": frozenset({MarketStatus.INITIALIZED}),
    "open": frozenset({MarketStatus.ACTIVE}),
    "paused": frozenset({MarketStatus.INACTIVE}),
    "closed": frozenset({MarketStatus.CLOSED, MarketStatus.DETERMINED, MarketStatus.DISPUTED, MarketStatus.AMENDED}),
    "settled": frozenset({MarketStatus.FINALIZED}),
}
"""The filter's words and the statuses of market objects they mean (docs "Market Lifecycle"): closed is whatever is past
its close and not paid out."""
_STATUS_WITH: dict[str, frozenset[str | None]] = {
    "created": frozenset({"unopened", "open", None}),
    "close": frozenset({"closed", None}),
    "settled": frozenset({"settled", None}),
    "updated": frozenset({None}),
}
"""Which status filters go with a span of time."""
_MOMENTS: dict[str, Callable[[MarketState], int | None]] = {
    "created": lambda state: created_us(state.market),
    "close": lambda state: state.market.close_us,
    "settled": lambda state: state.settled_us,
    "updated": updated_us,
}


@dataclass(frozen=True, slots=True)
class _Times:
    """The one span of time that a query may name, and what it is about."""

    about: str
    span: Span


def living_markets(call: Call) -> Test:
    """Whether a market fits every filter of GET /markets and is not archived. Raises 400."""
    query, now = call.query, call.exchange.clock()
    status, times = query.word("status", tuple(STATUSES)), _times(query)
    _require_together(query, status, times)
    named = _named(call)

    def wanted(state: MarketState) -> bool:
        return (
            named(state)
            and (status is None or state.status(now) in STATUSES[status])
            and (times is None or times.span.holds(_MOMENTS[times.about](state)))
            and not is_archived(call, state)
        )

    return wanted


def archived_markets(call: Call) -> Test:
    """Whether a market is archived and fits every filter of GET /historical/markets. Raises 400."""
    named = _named(call)
    return lambda state: is_archived(call, state) and named(state)


def _named(call: Call) -> Test:
    """The filters by name, which both lists have."""
    query, events = call.query, call.exchange.events
    tickers = frozenset(query.texts("tickers"))
    event_ticker, series = query.text("event_ticker"), query.text("series_ticker")
    combos = query.word("mve_filter", ("only", "exclude"))

    def wanted(state: MarketState) -> bool:
        event = events[state.market.event_ticker]
        return (
            (not tickers or state.market.ticker in tickers)
            and event_ticker in {None, event.ticker}
            and series in {None, event.series_ticker}
            and (combos is None or (collection_of(call, event) is not None) == (combos == "only"))
        )

    return wanted


def _times(query: Query) -> _Times | None:
    found = [_Times(about, named) for about in _MOMENTS if (named := span(query, about))]
    if len(found) > 1:
        raise query.bad(f"{found[1].about}_ts", "excluded_with")
    return found[0] if found else None


def _require_together(query: Query, status: str | None, times: _Times | None) -> None:
    """Refuse what the exchange does not combine: see `_STATUS_WITH`, and that `updated` goes with hardly anything."""
    if times is None:
        return
    if status not in _STATUS_WITH[times.about]:
        raise query.bad("status", "excluded_with")
    if times.about != "updated":
        return
    if query.text("event_ticker") or query.texts("tickers") or query.text("mve_filter") == "only":
        raise query.bad("updated_ts", "excluded_with")
    if query.text("series_ticker") and query.text("mve_filter") != "exclude":
        raise query.bad("mve_filter", "required_with")
