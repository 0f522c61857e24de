"""What is asked of the exchange for a drop copy: every trap of its defaults written out, and nothing more."""

from urllib.parse import parse_qsl

import pytest

from pretrade.kalshi import drop_copy_reads as reads
from pretrade.kalshi.endpoints import find

SINCE_MS = 1_781_159_370_164
SINCE_S = 1_781_159_340
"""Half a minute earlier, in whole seconds, rounded down."""


def asked(request):
    return request.path.removeprefix("/trade-api/v2"), dict(
        parse_qsl(request.query, strict_parsing=bool(request.query))
    )


@pytest.mark.parametrize(
    ("list_", "path", "query"),
    [
        (reads.RESTING_ORDERS, "/portfolio/orders", {"status": "resting"}),
        (reads.orders_since(SINCE_MS), "/portfolio/orders", {"min_ts": str(SINCE_S)}),
        (reads.orders_since(SINCE_MS, historical=True), "/historical/orders", {"min_ts": str(SINCE_S)}),
        (reads.orders_since(None), "/portfolio/orders", {}),
        (reads.orders_since(0), "/portfolio/orders", {"min_ts": "0"}),
        (reads.fills_since(SINCE_MS), "/portfolio/fills", {"min_ts": str(SINCE_S)}),
        (reads.fills_since(SINCE_MS, historical=True), "/historical/fills", {"min_ts": str(SINCE_S)}),
        (reads.positions_of(0), "/portfolio/positions", {"subaccount": "0", "settlement_status": "unsettled"}),
        (
            reads.settlements_of(3, SINCE_MS),
            "/portfolio/settlements",
            {"subaccount": "3", "min_ts": str(SINCE_S)},
        ),
        (reads.positions_of(63), "/portfolio/positions", {"subaccount": "63", "settlement_status": "unsettled"}),
    ],
)
def test_lists(list_, path, query):
    """Catches orders of subaccount 0 alone, settled positions counted, and a moment rounded up past an order."""
    assert asked(list_.page("")) == (path, query | {"limit": "200"})
    assert find("GET", list_.path) is not None


@pytest.mark.parametrize("cursor", ["p1", "ab==", "a+b/c", "p1&status=canceled", "caf\u00e9 #1", "%2e"])
def test_a_cursor_goes_back_as_it_came_and_says_nothing_more(cursor):
    """Catches a cursor that changes the question, as `+` would become a blank and `&` another parameter."""
    query = asked(reads.RESTING_ORDERS.page(cursor))[1]
    assert query == {"status": "resting", "limit": "200", "cursor": cursor}


def test_single_reads():
    assert asked(reads.balance_of(3)) == ("/portfolio/balance", {"subaccount": "3"})
    assert asked(reads.groups_of(0)) == ("/portfolio/order_groups", {"subaccount": "0"})
    assert asked(reads.single_order("97ec18b7-10d3")) == ("/portfolio/orders/97ec18b7-10d3", {})
    assert asked(reads.USER_DATA_TIMESTAMP)[0] == "/exchange/user_data_timestamp"
    assert asked(reads.HISTORICAL_CUTOFF)[0] == "/historical/cutoff"


@pytest.mark.parametrize(
    "order_id", ["", "..", "a/b", "../fills", "a?limit=1", "a#b", "a b", "a%2fb", "\u00e9", "x" * 129]
)
def test_an_id_that_would_not_stay_in_its_place_is_refused(order_id):
    """Catches a path of somebody's choosing under our signature."""
    with pytest.raises(ValueError, match="must be an id"):
        reads.single_order(order_id)
