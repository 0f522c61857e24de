"""What is asked of the exchange for a drop copy: paths and queries.

Rule of this file: every default of the exchange's is written out that could be a trap. Positions, balances and order
groups are asked by subaccount, because two of them default to subaccount 0 and the third names none in its answer;
orders and fills are asked without one, which means all (market_data.md 5, 6). Groups may be asked without one, too,
where their subaccounts are known.
"""

from dataclasses import dataclass
from urllib.parse import urlencode

from pretrade.kalshi.drop_copy import Page, read_page
from pretrade.kalshi.forms import identifier
from pretrade.kalshi.signing import ReadRequest

_ROOT = "/trade-api/v2"
_PORTFOLIO = f"{_ROOT}/portfolio"

PAGE_ROWS = 200
"""Far below the largest page (1000, market_data.md 3): its JSON is parsed in one go, and orders wait meanwhile."""

CLOCK_MARGIN_MS = 30_000
"""How much earlier a list is asked for than wanted: clocks differ (the signature's window bounds by how much), and the
exchange's filter is in whole seconds of which it does not say whether the first one belongs to it."""

USER_DATA_TIMESTAMP = ReadRequest(f"{_ROOT}/exchange/user_data_timestamp")
HISTORICAL_CUTOFF = ReadRequest(f"{_ROOT}/historical/cutoff")


@dataclass(frozen=True, slots=True)
class ListRead:
    """One list that comes in pages: `rows` is the field of an answer that holds them.

    `cursor_may_be_absent` where the exchange's schema leaves the cursor of the last page out.
    """

    path: str
    rows: str
    params: tuple[tuple[str, str], ...] = ()
    cursor_may_be_absent: bool = False

    def page(self, cursor: str) -> ReadRequest:
        """The request for the page at a cursor; the empty one is the first page's."""
        asked = (*self.params, ("limit", str(PAGE_ROWS)))
        return ReadRequest(self.path, urlencode((*asked, ("cursor", cursor)) if cursor else asked))

    def read_page(self, body: bytes) -> Page:
        """One page of it. Raises AnswerError."""
        return read_page(body, self.rows, cursor_may_be_absent=self.cursor_may_be_absent)


RESTING_ORDERS = ListRead(f"{_PORTFOLIO}/orders", "orders", (("status", "resting"),))


def orders_since(since_ms: int | None, *, historical: bool = False) -> ListRead:
    """All orders, whatever became of them, that were created since a moment; without one, all there are."""
    return ListRead(f"{_ROOT}/historical/orders" if historical else f"{_PORTFOLIO}/orders", "orders", _since(since_ms))


def fills_since(since_ms: int | None, *, historical: bool = False) -> ListRead:
    """All fills since a moment; without one, all there are."""
    return ListRead(f"{_ROOT}/historical/fills" if historical else f"{_PORTFOLIO}/fills", "fills", _since(since_ms))


def settlements_of(subaccount: int, since_ms: int | None) -> ListRead:
    """What was paid out in one subaccount since a moment; the rows do not say in which, so it is asked by number."""
    params = (("subaccount", str(subaccount)), *_since(since_ms))
    return ListRead(f"{_PORTFOLIO}/settlements", "settlements", params)


def positions_of(subaccount: int) -> ListRead:
    """The positions of one subaccount that are not settled, closed ones included."""
    params = (("subaccount", str(subaccount)), ("settlement_status", "unsettled"))
    return ListRead(f"{_PORTFOLIO}/positions", "market_positions", params, cursor_may_be_absent=True)


def single_order(order_id: str) -> ReadRequest:
    """One order by its id. Raises ValueError for an id that would not stay one segment of a path."""
    return ReadRequest(f"{_PORTFOLIO}/orders/{identifier(order_id)}")


def balance_of(subaccount: int) -> ReadRequest:
    """The free cash of one subaccount over all shards."""
    return ReadRequest(f"{_PORTFOLIO}/balance", urlencode({"subaccount": subaccount}))


def groups_of(subaccount: int) -> ReadRequest:
    """The order groups of one subaccount, which come in one answer."""
    return ReadRequest(f"{_PORTFOLIO}/order_groups", urlencode({"subaccount": subaccount}))


ALL_GROUPS = ReadRequest(f"{_PORTFOLIO}/order_groups")
"""The order groups of every subaccount."""


def _since(since_ms: int | None) -> tuple[tuple[str, str], ...]:
    if since_ms is None:
        return ()
    return (("min_ts", str(max(0, (since_ms - CLOCK_MARGIN_MS) // 1000))),)
