"""Writes of every kind for property tests: whatever `decode` could give, and nothing else."""

from hypothesis import strategies as st

from pretrade.kalshi.endpoints import ENDPOINTS, Handling, handling
from pretrade.model.groups import ChangeGroup, CreateGroup, GroupAct, GroupWrite, LimitGroup
from pretrade.model.orders import (
    AmendOrder,
    CancelAll,
    CancelBatch,
    CancelOrder,
    CreateBatch,
    CreateOrder,
    DecreaseOrder,
    NewOrder,
    SelfTradePrevention,
    Side,
    TimeInForce,
    Withdraw,
    Write,
)
from pretrade.model.units import Count, Price

TICKER_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
ID_LETTERS = TICKER_LETTERS + TICKER_LETTERS.lower()

TICKERS = st.builds(str.__add__, st.sampled_from(TICKER_LETTERS), st.text(TICKER_LETTERS + "._-", max_size=127))
IDS = st.builds(str.__add__, st.sampled_from(ID_LETTERS), st.text(ID_LETTERS + "._-", max_size=127))
ORDER_IDS = IDS.filter(lambda text: text.lower() != "batched")
CLIENT_ORDER_IDS = st.builds(
    str.__add__, st.sampled_from(ID_LETTERS + "_"), st.text(ID_LETTERS + "._:@/+=#~-", max_size=127)
)
PRICES = st.integers(1, 9_999).map(Price)
COUNTS = st.integers(1, 10**14 - 1).map(Count)
SUBACCOUNTS = st.none() | st.integers(0, 63)
SHARDS = st.none() | st.integers(-1, 100)
TIMES = st.integers(1, 9_999_999_999)


@st.composite
def new_orders(draw: st.DrawFn) -> NewOrder:
    time_in_force = draw(st.sampled_from(TimeInForce))
    rests = time_in_force is TimeInForce.GOOD_TILL_CANCELED
    return NewOrder(
        ticker=draw(TICKERS),
        side=draw(st.sampled_from(Side)),
        count=draw(COUNTS),
        price=draw(PRICES),
        time_in_force=time_in_force,
        self_trade_prevention_type=draw(st.sampled_from(SelfTradePrevention)),
        client_order_id=draw(st.none() | CLIENT_ORDER_IDS),
        expiration_time=draw(st.none() | TIMES) if rests else None,
        post_only=draw(st.booleans()) if rests else False,
        reduce_only=draw(st.booleans()) if time_in_force is TimeInForce.IMMEDIATE_OR_CANCEL else False,
        cancel_order_on_pause=draw(st.none() | st.booleans()),
        subaccount=draw(SUBACCOUNTS),
        order_group_id=draw(st.none() | IDS),
        exchange_index=draw(SHARDS),
    )


BATCHES = st.lists(new_orders(), min_size=1, max_size=3, unique_by=lambda order: order.client_order_id or object()).map(
    tuple
)

AMENDS = st.builds(
    AmendOrder,
    order_id=ORDER_IDS,
    ticker=TICKERS,
    side=st.sampled_from(Side),
    price=PRICES,
    count=COUNTS,
    client_order_id=st.none() | CLIENT_ORDER_IDS,
    updated_client_order_id=st.none() | CLIENT_ORDER_IDS,
    expiration_time=st.none() | st.just(0) | TIMES,
    exchange_index=SHARDS,
    subaccount=SUBACCOUNTS,
)

_PLACE = {"exchange_index": SHARDS, "market_ticker": st.none() | TICKERS, "subaccount": SUBACCOUNTS}
DECREASES = st.builds(DecreaseOrder, order_id=ORDER_IDS, reduce_by=COUNTS, **_PLACE) | st.builds(
    DecreaseOrder, order_id=ORDER_IDS, reduce_to=st.integers(0, 10**14 - 1).map(Count), **_PLACE
)
CANCELS = st.builds(CancelOrder, order_id=ORDER_IDS, **_PLACE)
_BATCH_CANCELS = st.lists(st.builds(CancelOrder, order_id=IDS, **_PLACE), min_size=1, max_size=3).map(tuple)

_WITHDRAWALS = [endpoint for endpoint in ENDPOINTS if handling(endpoint) is Handling.WITHDRAW]


@st.composite
def withdrawals(draw: st.DrawFn) -> Withdraw:
    template = draw(st.sampled_from(_WITHDRAWALS)).template
    return Withdraw(template, tuple(draw(IDS) for _ in range(template.count("{"))))


_WHERE = {"subaccount": SUBACCOUNTS, "exchange_index": SHARDS}
_GROUP_IDS = IDS.filter(lambda text: text.lower() != "create")
_GROUP_LIMITS = st.integers(100, 100_000_000).map(Count)
GROUP_WRITES: st.SearchStrategy[GroupWrite] = (
    st.builds(CreateGroup, _GROUP_LIMITS, **_WHERE)
    | st.builds(LimitGroup, _GROUP_IDS, _GROUP_LIMITS, **_WHERE)
    | st.builds(ChangeGroup, _GROUP_IDS, st.sampled_from(GroupAct), **_WHERE)
)

WRITES: st.SearchStrategy[Write] = (
    st.builds(CreateOrder, new_orders())
    | st.builds(CreateBatch, BATCHES)
    | AMENDS
    | DECREASES
    | CANCELS
    | st.builds(CancelBatch, _BATCH_CANCELS)
    | st.builds(CancelAll, SUBACCOUNTS)
    | withdrawals()
    | GROUP_WRITES
)
