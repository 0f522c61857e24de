"""The default world: a few series, events and markets, and the account that trades in them.

Rule of this file: data only. Closing times count from the start, so that the default world never runs out; the dates in
the tickers are names.
"""

from pretrade.practice.instruments import Event, Market, PriceStructure, Series
from pretrade.practice.state import World

MAIN_ACCOUNT = "main"
MAIN_CASH = 10_000 * 1_000_000
"""$10,000 as money."""

_DAY = 86_400 * 1_000_000
_SERIES = (
    Series("KXBTC", "Bitcoin price", "Crypto", "custom"),
    Series("KXHIGHNY", "Highest temperature in New York", "Climate and Weather", "daily"),
    Series("KXFED", "Federal funds rate", "Economics", "custom"),
)
_EVENTS = (
    Event("KXBTC-26DEC31", "KXBTC", "Bitcoin price at the end of 2026", "On Dec 31, 2026"),
    Event("KXHIGHNY-26NOV22", "KXHIGHNY", "Highest temperature in NYC", "On Nov 22, 2026"),
    Event("KXFED-26DEC", "KXFED", "Upper bound of the federal funds rate", "After the December 2026 meeting"),
)


_CENT, _TAPERED, _DECI = PriceStructure.LINEAR_CENT, PriceStructure.TAPERED_DECI_CENT, PriceStructure.DECI_CENT
_MARKETS = (
    ("KXBTC-26DEC31-T100000", 40, 5_500, "$100,000 or above", _CENT, 100_000),
    ("KXBTC-26DEC31-T120000", 40, 3_000, "$120,000 or above", _CENT, 120_000),
    ("KXBTC-26DEC31-T150000", 40, 800, "$150,000 or above", _TAPERED, 150_000),
    ("KXHIGHNY-26NOV22-T52", 2, 4_200, "52 degrees or above", _CENT, 52),
    ("KXHIGHNY-26NOV22-T57", 2, 1_500, "57 degrees or above", _CENT, 57),
    ("KXFED-26DEC-T4.25", 30, 6_500, "Above 4.25%", _CENT, None),
    ("KXFED-26DEC-T4.00", 30, 8_800, "Above 4.00%", _DECI, None),
)
"""Ticker, days until it closes, the market maker's first middle, what YES says, price grid, strike."""


def default_world(now_us: int) -> World:
    """Three events with seven markets, open since a day ago; linear cents, one tapered and one tenth-of-a-cent grid."""
    return World(_SERIES, _EVENTS, tuple(_market(now_us, *row) for row in _MARKETS))


def _market(
    now_us: int, ticker: str, days: int, mid: int, says: str, structure: PriceStructure, strike: int | None
) -> Market:
    event = next(event for event in _EVENTS if ticker.startswith(event.ticker + "-"))
    return Market(
        ticker=ticker,
        event_ticker=event.ticker,
        title=f"{event.title}: {says}?",
        yes_sub_title=says,
        open_us=now_us - _DAY,
        close_us=now_us + days * _DAY,
        opening_mid=mid,
        floor_strike=strike,
        structure=structure,
    )
