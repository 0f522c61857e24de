"""The catalogue: every row is reachable and handled in exactly one way, and nothing else is reachable."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pretrade.kalshi.endpoints import ENDPOINTS, MAX_PATH, Endpoint, EndpointClass, Family, Handling, find, handling

ORDERS = "/trade-api/v2/portfolio/events/orders"
ORDER_ID = "2597b999-f887-4195-8bac-c3f97a1f2021"


def sample_path(endpoint: Endpoint) -> tuple[str, tuple[str, ...]]:
    braces = re.findall(r"\{[^}]*\}", endpoint.template)
    values = tuple(f"value-{number}.X_1" for number in range(len(braces)))
    path = endpoint.template
    for brace, value in zip(braces, values, strict=True):
        path = path.replace(brace, value, 1)
    return path, values


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda e: f"{e.method} {e.template}")
def test_every_row_is_found_and_has_one_handling(endpoint: Endpoint) -> None:
    """Catches a row that another row hides, and a class without a handling."""
    path, values = sample_path(endpoint)
    found = find(endpoint.method, path)
    assert found is not None
    assert found.endpoint == endpoint
    assert found.names == values
    assert isinstance(handling(endpoint), Handling)


def test_the_catalogue_is_whole() -> None:
    """Catches rows or classes lost from the data file."""
    assert len(ENDPOINTS) == 223
    assert {endpoint.endpoint_class for endpoint in ENDPOINTS} == set(EndpointClass)
    assert len({(endpoint.method, endpoint.template) for endpoint in ENDPOINTS}) == len(ENDPOINTS)


def test_reads_are_gets_and_nothing_else_is_read() -> None:
    """Catches a write that is passed on as a read, which no policy would ever see."""
    for endpoint in ENDPOINTS:
        if handling(endpoint) in {Handling.READ, Handling.WEBSOCKET}:
            assert endpoint.method == "GET", endpoint
        if endpoint.method != "GET":
            assert handling(endpoint) not in {Handling.READ, Handling.WEBSOCKET}, endpoint


def test_the_order_endpoints_are_exactly_the_v2_family() -> None:
    """Catches a margin or V1 write that is judged as if it were a V2 order."""
    orders = {(e.method, e.template, e.operation) for e in ENDPOINTS if handling(e) is Handling.ORDER}
    assert orders == {
        ("POST", ORDERS, "CreateOrderV2"),
        ("DELETE", ORDERS, "CancelAllOrders"),
        ("POST", f"{ORDERS}/batched", "BatchCreateOrdersV2"),
        ("DELETE", f"{ORDERS}/batched", "BatchCancelOrdersV2"),
        ("POST", ORDERS + "/{order_id}/amend", "AmendOrderV2"),
        ("POST", ORDERS + "/{order_id}/decrease", "DecreaseOrderV2"),
        ("DELETE", ORDERS + "/{order_id}", "CancelOrderV2"),
    }


def test_withdrawals_are_deletes_of_rfqs_and_quotes() -> None:
    """Catches an accept or confirm slipping in among the exits that always pass."""
    withdrawals = [e for e in ENDPOINTS if handling(e) is Handling.WITHDRAW]
    assert len(withdrawals) == 5
    for endpoint in withdrawals:
        assert endpoint.method == "DELETE"
        assert endpoint.endpoint_class in {EndpointClass.RFQ_DELETE, EndpointClass.QUOTE_DELETE}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/trade-api/v2/api_keys"),
        ("POST", "/trade-api/v2/api_keys"),
        ("POST", "/trade-api/v2/api_keys/generate"),
        ("DELETE", "/trade-api/v2/api_keys/abc"),
        ("POST", "/trade-api/v2/portfolio/subaccounts"),
        ("POST", "/trade-api/v2/portfolio/subaccounts/transfer"),
        ("PUT", "/trade-api/v2/portfolio/subaccounts/netting"),
        ("POST", "/trade-api/v2/portfolio/intra_exchange_instance_transfer"),
        ("POST", "/trade-api/v2/portfolio/target_balance_allocation"),
        ("POST", "/trade-api/v2/margin/orders"),
        ("DELETE", "/trade-api/v2/margin/orders/abc"),
        ("PUT", "/trade-api/v2/margin/cross/positions/KXBTCPERP/exit_trigger"),
        ("POST", "/trade-api/v2/fcm/subtraders"),
        ("POST", "/trade-api/v2/fcm/positions/transfers"),
        ("GET", "/klear-api/v1/margin/settlement_balance"),
        ("POST", "/klear-api/v1/margin/withdraw_settlement_balance"),
    ],
)
def test_below_the_policy(method: str, path: str) -> None:
    """Catches a path to money or credentials that a policy text could open."""
    found = find(method, path)
    assert found is not None
    assert handling(found.endpoint) is Handling.BELOW_POLICY


def test_whole_families_are_below_the_policy() -> None:
    """Catches one forgotten write among the margin and clearing rows."""
    for endpoint in ENDPOINTS:
        if endpoint.family is Family.KLEAR or (endpoint.family is Family.MARGIN and endpoint.method != "GET"):
            assert handling(endpoint) is Handling.BELOW_POLICY, endpoint
        if endpoint.family is Family.V1:
            assert handling(endpoint) is Handling.REMOVED_V1, endpoint


@pytest.mark.parametrize(
    ("path", "operation", "names"),
    [
        (f"{ORDERS}/batched", "BatchCancelOrdersV2", ()),
        (f"{ORDERS}/{ORDER_ID}", "CancelOrderV2", (ORDER_ID,)),
        ("/trade-api/v2/portfolio/orders/batched", "BatchCancelOrders", ()),
    ],
)
def test_a_literal_segment_wins_over_a_brace(path: str, operation: str, names: tuple[str, ...]) -> None:
    """Catches a batch cancel judged as the cancel of an order called `batched`."""
    found = find("DELETE", path)
    assert found is not None
    assert (found.endpoint.operation, found.names) == (operation, names)


def test_passthrough_takes_one_to_four_segments() -> None:
    base = "/trade-api/v2/cfbenchmarks"
    for depth in range(1, 5):
        found = find("GET", base + "/v1" * depth)
        assert found is not None
        assert found.endpoint.template == base + "/{...}"
    assert find("GET", base) is None
    assert find("GET", base + "/v1" * 5) is None
    assert find("POST", base + "/v1") is None


@pytest.mark.parametrize(
    "method", ["post", "Post", "PATCH", "TRACE", "OPTIONS", "HEAD", "CONNECT", "PUT", "", "POST ", "GET"]
)
def test_methods_are_exact(method: str) -> None:
    """Catches a method that the exchange reads in another way than we do."""
    assert find(method, ORDERS) is None


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "//",
        "trade-api/v2/portfolio/events/orders",
        f"{ORDERS}/",
        f"/{ORDERS}",
        f"{ORDERS}//batched",
        f"{ORDERS}/./batched",
        f"{ORDERS}/../orders",
        f"{ORDERS}/.",
        f"{ORDERS}/..",
        f"{ORDERS}/...",
        "/trade-api/v2/markets/../portfolio/events/orders",
        "/trade-api/v2/portfolio/events/%6frders",
        "/trade-api/v2/portfolio/events%2Forders",
        "/trade-api/v2/portfolio/events/orders%00",
        "/trade-api/v2/portfolio/events/orders%20",
        "/trade-api/v2/portfolio/events\\orders",
        "/trade-api/v2/portfolio/events/orders;x=1",
        "/trade-api/v2/portfolio/events/orders?x=1",
        "/trade-api/v2/portfolio/events/orders#x",
        "/trade-api/v2/portfolio/events/orders ",
        " /trade-api/v2/portfolio/events/orders",
        "/trade-api/v2/portfolio/events/orders\n",
        "/trade-api/v2/portfolio/events/orders\r\n",
        "/trade-api/v2/portfolio/events/orders\x00",
        "/trade-api/v2/portfolio/events/Orders",
        "/TRADE-API/v2/portfolio/events/orders",
        "/trade-api/v2/portfolio/events/orderſ",
        "/trade-api/v2/portfolio/events/ｏrders",
        "https://external-api.kalshi.com/trade-api/v2/portfolio/events/orders",
        "/trade-api/v1/portfolio/events/orders",
        "/trade-api/v2/portfolio/events/orders/batched/amend",
        "/trade-api/v2/portfolio/events/orders/a/amend/b",
    ],
)
def test_path_tricks_find_nothing(path: str) -> None:
    """Catches a normalising router: whatever differs from the catalogue by one byte is another endpoint."""
    for method in ("GET", "POST", "PUT", "DELETE"):
        assert find(method, path) is None


@pytest.mark.parametrize("last", ["Batched", "BATCHED", "bAtched"])
def test_a_value_that_is_a_literal_but_for_its_case_is_refused(last: str) -> None:
    """Catches a batch cancel disguised as a single one, should the exchange's router ignore case."""
    assert find("DELETE", f"{ORDERS}/{last}") is None


def test_a_path_past_the_limit_is_not_looked_at() -> None:
    assert find("DELETE", f"{ORDERS}/" + "a" * MAX_PATH) is None


@given(st.text(max_size=60))
def test_odd_text_in_a_path_is_found_only_where_it_is_plain(text: str) -> None:
    """Catches a character outside the plain set in a value that we would put into our own path."""
    found = find("DELETE", f"{ORDERS}/{text}")
    if found is not None:
        assert re.fullmatch(r"[A-Za-z0-9._-]+", text, re.ASCII)
        assert found.names in {(text,), ()}
