"""The exchange's record, field by field: what is right is exact, and what is wrong in any way is no figure at all."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kalshi.drop_copy_rows import BALANCE, FILL, ORDER, POSITION, SETTLEMENT, body

from pretrade.kalshi import drop_copy
from pretrade.kalshi.answer_fields import AnswerError, Fields
from pretrade.model.drop_copy import (
    ExchangeBalance,
    ExchangeFill,
    ExchangeGroup,
    ExchangeOrder,
    ExchangePosition,
    ExchangeSettlement,
    OrderStatus,
)
from pretrade.model.orders import Side

MOMENT_MS = 1_781_159_370_164


def read_order(row):
    return drop_copy.read_order(Fields(row))


def read_fill(row):
    return drop_copy.read_fill(Fields(row))


def read_position(row):
    return drop_copy.read_position(Fields(row), 3)


def read_balance(row):
    return drop_copy.read_balance(body(row), 3)


def read_settlement(row):
    return drop_copy.read_settlement(Fields(row), 3)


READERS = {
    read_order: ORDER, read_fill: FILL, read_position: POSITION, read_balance: BALANCE, read_settlement: SETTLEMENT,
}  # fmt: skip


def changed(row, **changes):
    """A row with these fields changed; `...` takes one out."""
    return {name: value for name, value in (row | changes).items() if value is not ...}


def test_an_order_is_read_exactly():
    """Catches a price in cents, a count in whole contracts, and a moment or an amount that went through a float."""
    assert read_order(ORDER) == ExchangeOrder(
        order_id="o-1",
        client_order_id="c-1",
        subaccount=3,
        ticker="KXBTC-26DEC31-T100000",
        side=Side.ASK,
        price=5_600,
        status=OrderStatus.RESTING,
        filled=250,
        remaining=750,
        created_ms=MOMENT_MS,
        updated_ms=1_781_159_371_999,
        order_group_id=None,
        cost=1_100_000,
        fees=17_600,
        exchange_index=0,
    )


def test_a_fill_a_position_a_balance_and_groups_are_read_exactly():
    """Catches a NO position read as YES, a loss read as a profit, a balance in truncated cents."""
    ticker = "KXBTC-26DEC31-T100000"
    assert read_fill(FILL) == ExchangeFill("f-1", "o-1", 0, ticker, Side.BID, 100, 5_200, 17_500, MOMENT_MS)
    assert read_position(POSITION) == ExchangePosition(3, ticker, -300, 2_500_000, -50_000, 18_900)
    assert read_balance(BALANCE) == ExchangeBalance(3, 98_018_600)
    assert read_balance(BALANCE | {"balance_dollars": "-0.0100"}) == ExchangeBalance(3, -10_000)
    groups = {"order_groups": [{"id": "g-1", "contracts_limit_fp": "1.00"}, {"id": "g-2"}]}
    assert drop_copy.read_groups(body(groups), 3) == (ExchangeGroup("g-1", 3, 100), ExchangeGroup("g-2", 3, None))
    assert drop_copy.read_groups(b"{}", 3) == ()
    paid = ExchangeSettlement(3, ticker, 0, 300, 3_000_000, MOMENT_MS)
    assert read_settlement(SETTLEMENT) == paid, "its revenue is a number of cents"


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"yes_price_dollars": "0.560000", "no_price_dollars": "0.440000"}, "price", 5_600),
        ({"yes_price_dollars": "0.0001", "no_price_dollars": ...}, "price", 1),
        ({"book_side": "bid", "outcome_side": ...}, "side", Side.BID),
        ({"client_order_id": ""}, "client_order_id", None),
        ({"client_order_id": ...}, "client_order_id", None),
        ({"client_order_id": "caf\u00e9\x00"}, "client_order_id", "caf??"),
        ({"last_update_time": ...}, "updated_ms", None),
        ({"last_update_time": None}, "updated_ms", None),
        ({"order_group_id": "g-1"}, "order_group_id", "g-1"),
        ({"exchange_index": 2}, "exchange_index", 2),
        ({"status": "executed", "remaining_count_fp": "0.00"}, "status", OrderStatus.EXECUTED),
        ({"status": "canceled", "remaining_count_fp": "0.00"}, "remaining", 0),
        ({"created_time": "2026-06-11T06:29:30Z"}, "created_ms", 1_781_159_370_000),
        ({"created_time": "2026-06-11T06:29:30.1649561Z"}, "created_ms", MOMENT_MS),
        ({"created_time": "2026-06-11T08:29:30.9999+02:00"}, "created_ms", 1_781_159_370_999),
        ({"created_time": "2026-06-11T06:29:30.5Z"}, "created_ms", 1_781_159_370_500),
        ({"a_new_field": {"deep": [1.5]}}, "price", 5_600),
    ],
)
def test_forms_of_an_order_that_mean_something(changes, field, value):
    assert getattr(read_order(changed(ORDER, **changes)), field) == value


@pytest.mark.parametrize(
    ("side", "yes", "no", "price"),
    [
        ("bid", "0.520000", "0.480000", 5_200),
        ("bid", "0.520001", "0.479999", 5_201),
        ("bid", "0.523333", "0.476667", 5_234),
        ("ask", "0.523333", "0.476667", 5_233),
        ("ask", "0.520099", "0.479901", 5_200),
    ],
)
def test_an_averaged_price_of_a_fill_is_never_too_cheap(side, yes, no, price):
    """Catches an average cut to 4 decimals: a bid would count for less than it cost."""
    outcome = {"bid": "yes", "ask": "no"}[side]
    row = FILL | {"book_side": side, "outcome_side": outcome, "yes_price_dollars": yes, "no_price_dollars": no}
    assert read_fill(row).price == price


WRONG_ORDERS = [
    ("its status is pending", {"status": "pending"}),
    ("its status is RESTING", {"status": "RESTING"}),
    ("its book_side is yes", {"book_side": "yes"}),
    ("contradict", {"outcome_side": "yes"}),
    ("finer than", {"yes_price_dollars": "0.560001", "no_price_dollars": "0.439999"}),
    ("do not make a dollar", {"no_price_dollars": "0.5600"}),
    ("between 0 and 1", {"yes_price_dollars": "1.0000", "no_price_dollars": "0.0000"}),
    ("between 0 and 1", {"yes_price_dollars": "0.0000", "no_price_dollars": "1.0000"}),
    ("is canceled and 7.50 of it remain", {"status": "canceled"}),
    ("is executed and 7.50 of it remain", {"status": "executed"}),
    ("more than \\$1 a contract", {"taker_fill_cost_dollars": "2.100000"}),
    ("at most 2 decimals", {"fill_count_fp": "2.505"}),
    ("plain decimal", {"remaining_count_fp": "-7.50"}),
    ("plain decimal", {"remaining_count_fp": "7,50"}),
    ("plain decimal", {"remaining_count_fp": "1e1"}),
    ("plain decimal", {"remaining_count_fp": "NaN"}),
    ("plain decimal", {"remaining_count_fp": "9999999999999.00"}),
    ("at most 6 decimals", {"taker_fees_dollars": "0.0175001"}),
    ("plain decimal", {"taker_fees_dollars": "-0.0100"}),
    ("number from 0 to 63", {"subaccount_number": 64}),
    ("number from 0 to 63", {"subaccount_number": True}),
    ("number from 0 to 63", {"subaccount_number": 1.0}),
    ("number from 0 to 63", {"subaccount_number": -1}),
    ("number from 0 to 100", {"exchange_index": "0"}),
    ("number from 0 to 100", {"exchange_index": 101}),
    ("client_order_id is not a text", {"client_order_id": 7}),
    ("not a moment", {"created_time": "2026-06-11"}),
    ("not a moment", {"created_time": "2026-06-11T06:29:30"}),
    ("not a moment", {"created_time": "20260611T062930Z"}),
    ("not a moment", {"created_time": "2026-13-11T06:29:30Z"}),
    ("not a moment", {"created_time": "1781159370"}),
    ("not a moment", {"last_update_time": "soon"}),
    ("before 1970", {"created_time": "0001-01-01T00:00:00Z"}),
    ("before 1970", {"created_time": "0001-01-01T00:00:00+23:00"}),
]


@pytest.mark.parametrize(("reason", "changes"), WRONG_ORDERS)
def test_an_order_that_is_wrong_in_one_way_is_refused(reason, changes):
    """Catches a lenient reading of one field: an order that does not rest, at no price, in another subaccount."""
    with pytest.raises(AnswerError, match=reason):
        read_order(changed(ORDER, **changes))


@pytest.mark.parametrize(
    ("reason", "read", "row", "changes"),
    [
        ("is zero", read_fill, FILL, {"count_fp": "0.00"}),
        ("plain decimal", read_fill, FILL, {"count_fp": "-1.00"}),
        ("at most 6 decimals", read_fill, FILL, {"yes_price_dollars": "0.5200001"}),
        ("between 0 and 1", read_fill, FILL, {"yes_price_dollars": "0.999999", "no_price_dollars": "0.000001"}),
        ("at most 2 decimals", read_position, POSITION, {"position_fp": "3.001"}),
        ("plain decimal", read_position, POSITION, {"position_fp": "--3.00"}),
        ("plain decimal", read_position, POSITION, {"position_fp": "+3.00"}),
        ("plain decimal", read_position, POSITION, {"market_exposure_dollars": "-2.500000"}),
        ("not a number from 0", read_settlement, SETTLEMENT, {"revenue": "300"}),
        ("not a number from 0", read_settlement, SETTLEMENT, {"revenue": -1}),
        ("more than a dollar", read_settlement, SETTLEMENT, {"revenue": 301}),
        ("plain decimal", read_settlement, SETTLEMENT, {"no_count_fp": "-3.00"}),
        ("not a moment", read_settlement, SETTLEMENT, {"settled_time": "2026-06-11"}),
        ("at most 6 decimals", read_balance, BALANCE, {"balance_dollars": "98.01860001"}),
    ],
)
def test_other_rows_that_are_wrong_are_refused(reason, read, row, changes):
    with pytest.raises(AnswerError, match=reason):
        read(changed(row, **changes))


NEEDED = {
    read_order: {
        "order_id", "subaccount_number", "ticker", "book_side", "yes_price_dollars", "status", "fill_count_fp",
        "remaining_count_fp", "taker_fill_cost_dollars", "maker_fill_cost_dollars", "taker_fees_dollars",
        "maker_fees_dollars", "created_time",
    },
    read_fill: {
        "fill_id", "order_id", "subaccount_number", "ticker", "book_side", "count_fp", "yes_price_dollars", "fee_cost",
        "created_time",
    },
    read_position: {
        "ticker", "position_fp", "market_exposure_dollars", "realized_pnl_dollars", "fees_paid_dollars",
    },
    read_balance: {"balance_dollars"},
    read_settlement: {"ticker", "yes_count_fp", "no_count_fp", "revenue", "settled_time"},
}  # fmt: skip
ALSO_READ = {"client_order_id", "last_update_time", "no_price_dollars", "outcome_side"}
CASES = [(read, name) for read, names in NEEDED.items() for name in sorted(names)]
NAMES = {"order_id", "fill_id", "ticker"}
WRONG_TYPES = [1, 1.5, True, [], {}, ["0.5600"], {"value": "1.00"}, "", " ", "\x00", "x" * 5_000]


@pytest.mark.parametrize(("read", "name"), CASES)
def test_a_field_that_is_needed_and_missing_is_not_zero(read, name):
    """Catches a default in place of a figure: no subaccount is not subaccount 0, no count is not none."""
    for missing in (..., None):
        with pytest.raises(AnswerError, match=name):
            read(changed(READERS[read], **{name: missing}))


@pytest.mark.parametrize(
    ("read", "name"), CASES + [(read, name) for read in (read_order, read_fill) for name in sorted(ALSO_READ)]
)
def test_a_field_of_another_type_is_refused(read, name):
    """Catches a number taken for a figure in text (which went through a float on the way), or a list for an id."""
    right = READERS[read].get(name)
    if right is None:
        return
    for wrong in WRONG_TYPES:
        if type(wrong) is type(right) and not isinstance(right, str):
            continue
        if isinstance(wrong, str) and (name == "client_order_id" or (name in NAMES and wrong == " ")):
            continue
        try:
            value = read(changed(READERS[read], **{name: wrong}))
        except AnswerError:
            continue
        assert wrong == "" and name in ALSO_READ, (name, wrong, value)


def test_only_the_fields_that_are_used_are_needed():
    """Catches a reader that is stricter than it says: the exchange takes fields out now and then."""
    for read, names in NEEDED.items():
        assert read({name: value for name, value in READERS[read].items() if name in names}) is not None


def test_pages_say_where_the_next_one_begins():
    page = drop_copy.read_page(body({"orders": [ORDER, ORDER], "cursor": "abc=="}), "orders")
    assert (len(page.rows), page.cursor) == (2, "abc==")
    assert drop_copy.read_page(b'{"market_positions": []}', "market_positions", cursor_may_be_absent=True).cursor == ""


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("no readable cursor", b'{"orders": []}'),
        ("no readable cursor", b'{"orders": [], "cursor": null}'),
        ("no readable cursor", b'{"orders": [], "cursor": 7}'),
        ("no list of orders", b'{"cursor": ""}'),
        ("no list of orders", b'{"orders": null, "cursor": ""}'),
        ("no list of orders", b'{"orders": {}, "cursor": ""}'),
        ("no list of orders", b'{"orders": ["o-1"], "cursor": ""}'),
        ("not readable JSON", b'{"orders": [], "orders": [], "cursor": ""}'),
        ("not readable JSON", b'{"orders": [{"order_id": "1", "order_id": "2"}], "cursor": ""}'),
        ("not readable JSON", b'{"orders": [], "cur'),
        ("not readable JSON", b""),
        ("not readable JSON", b"\xff"),
        ("not a JSON object", b"[]"),
    ],
)
def test_a_page_that_is_not_whole_is_refused(reason, text):
    """Catches half a page taken for the last one: the orders on the pages after it would be gone."""
    with pytest.raises(AnswerError, match=reason):
        drop_copy.read_page(text, "orders")


def test_a_single_order_must_be_the_one_that_was_asked_for():
    """Catches the exchange's answers about another order (seen in May 2026)."""
    assert drop_copy.read_single_order(body({"order": ORDER}), "o-1").order_id == "o-1"
    with pytest.raises(AnswerError, match="about the order o-1"):
        drop_copy.read_single_order(body({"order": ORDER}), "o-2")
    for wrong in ({}, {"order": None}, {"order": [ORDER]}, ORDER):
        with pytest.raises(AnswerError, match="no order"):
            drop_copy.read_single_order(body(wrong), "o-1")


@pytest.mark.parametrize(
    ("is_word", "text"),
    [
        (True, b'{"error": {"code": "not_found", "message": "not found"}}'),
        (True, b'{"code": "not_found", "message": "not found"}'),
        (False, b'{"error": {"code": "error", "message": "error"}}'),
        (False, b'{"error": "not found"}'),
        (False, b"<html>404</html>"),
        (False, b""),
        (False, b"{}"),
    ],
)
def test_only_the_exchanges_own_404_says_that_there_is_no_such_order(is_word, text):
    """Catches a 404 of something on the way that would make orders disappear."""
    assert drop_copy.says_not_found(text) is is_word


def test_moments_of_the_record_and_of_its_history():
    assert drop_copy.read_as_of(b'{"as_of_time": "2026-06-11T06:29:30.164956Z"}') == MOMENT_MS
    cutoff = {"orders_updated_ts": "2026-06-11T06:29:30.164Z", "trades_created_ts": "2026-06-11T06:29:30Z"}
    assert drop_copy.read_cutoff(body(cutoff)) == drop_copy.Cutoff(MOMENT_MS, 1_781_159_370_000)
    for wrong in ({}, {"as_of_time": 1_781_159_370}, {"as_of_time": ""}):
        with pytest.raises(AnswerError, match="as_of_time"):
            drop_copy.read_as_of(body(wrong))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(read=st.sampled_from(list(READERS)), data=st.data())
def test_whatever_a_row_holds_it_is_read_or_refused(read, data):
    """Catches an exception that would pass for a fault of ours and end the reconciliation for good."""
    name = data.draw(st.sampled_from(sorted(READERS[read])))
    row = READERS[read] | {name: data.draw(_JSON)}
    try:
        read(json.loads(json.dumps(row)))
    except AnswerError:
        return
