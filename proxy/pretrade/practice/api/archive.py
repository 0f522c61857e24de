"""The border between living and historical data, and on which side of it a record lies.

Rule of this file: one border for all kinds of records. Reads of living data show nothing from beyond it, reads under
`/historical` nothing else; events and series stay where they are.

Documented choice: the border is midnight (UTC) of the day 90 days ago, the exchange's own target of about 3 months. A
market crosses it by its settlement, a trade and a fill by their moment, an order by its end; positions cross with
their market, without the exchange's buffered hand-over of whole events.
"""

from pretrade.practice.api.call import Call
from pretrade.practice.core.accounts import Position
from pretrade.practice.core.errors import not_found
from pretrade.practice.core.records import Order, OrderStatus
from pretrade.practice.core.state import MarketState, State

_DAY_US = 86_400 * 1_000_000
DAYS = 90


def border_us(state: State) -> int:
    """The first moment (microseconds) that still belongs to living data."""
    return (state.clock() // _DAY_US - DAYS) * _DAY_US


def is_archived(call: Call, market: MarketState) -> bool:
    """Whether a market was settled before the border."""
    return market.settled_us is not None and market.settled_us < border_us(call.exchange)


def is_archived_order(state: State, order: Order) -> bool:
    """Whether an order ended before the border; resting orders never cross it."""
    return order.status is not OrderStatus.RESTING and order.updated_us < border_us(state)


def is_archived_position(state: State, position: Position) -> bool:
    """Whether a position was paid out before the border."""
    return position.settled_us is not None and position.settled_us < border_us(state)


def living(call: Call, ticker: str) -> MarketState:
    """A market that is not archived. Raises the exchange's 404."""
    market = call.exchange.market(ticker)
    if is_archived(call, market):
        raise not_found()
    return market


def archived(call: Call, ticker: str) -> MarketState:
    """A market that is archived. Raises the exchange's 404."""
    market = call.exchange.market(ticker)
    if not is_archived(call, market):
        raise not_found()
    return market
