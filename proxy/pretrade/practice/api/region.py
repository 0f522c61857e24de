"""Whether an account may trade in a market from where it says it is (auth.md 3).

Rule of this file: only the attestation's end is looked at. An account that never attested may trade everything here,
and cancels and decreases are never refused. The code is a documented choice; the exchange documents the rule alone.
"""

from pretrade.practice.api.call import Call
from pretrade.practice.core.errors import ExchangeError, Shape

CATEGORIES = frozenset({"Sports", "Elections", "Entertainment"})
"""What an API key may not trade once its account's region attestation has lapsed."""


def require_region(call: Call, ticker: str) -> None:
    """Refuse an order in one of those categories after the attestation's end: 403. Unknown tickers pass."""
    expires_s = call.keys.region_expiration(call.api_key.account)
    state = call.exchange.markets.get(ticker)
    if expires_s is None or state is None or call.exchange.clock() < expires_s * 1_000_000:
        return
    series = call.exchange.series[call.exchange.events[state.market.event_ticker].series_ticker]
    if series.category in CATEGORIES:
        text = f"the region attestation for API keys has expired; {series.category} markets cannot be traded"
        raise ExchangeError(403, "region_attestation_expired", text, shape=Shape.HYBRID)
