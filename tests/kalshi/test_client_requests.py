"""The bytes that six real clients send, as they were recorded on loopback, against what they mean."""

import json
from pathlib import Path
from typing import Any

import pytest

from pretrade.kalshi.endpoints import Handling, find, handling
from pretrade.kalshi.legacy import recognise
from pretrade.kalshi.wire import WireError, decode, describe, encode, restore
from pretrade.model.codes import DenyCode
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
    Write,
)
from pretrade.model.units import Count, Price

REQUESTS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "data" / "client_requests.json").read_text())
TICKER = "KXTEST-26DEC31-T1"
ID = "2597b999-f887-4195-8bac-c3f97a1f2021"


def order(side: Side = Side.BID, count: int = 1000, **fields: Any) -> NewOrder:
    fields.setdefault("time_in_force", TimeInForce.GOOD_TILL_CANCELED)
    fields.setdefault("self_trade_prevention_type", SelfTradePrevention.TAKER_AT_CROSS)
    return NewOrder(TICKER, side, Count(count), Price(5600), **fields)


def full(shard: int) -> Write:
    return CreateOrder(
        order(
            client_order_id="c1",
            expiration_time=1790000000,
            post_only=True,
            cancel_order_on_pause=True,
            subaccount=3,
            order_group_id="og1",
            exchange_index=shard,
        )
    )


def amend(count: int, **fields: Any) -> Write:
    return AmendOrder(ID, TICKER, Side.BID, Price(5700), Count(count), **fields)


MAKER = SelfTradePrevention.MAKER
MEANINGS: dict[str, Write] = {
    "create": CreateOrder(order(client_order_id="c1")),
    "create_full_shard_1": full(1),
    "create_full_auto_shard": full(-1),
    "create_maker": CreateOrder(order(client_order_id="c1", self_trade_prevention_type=MAKER)),
    "create_ask_without_id": CreateOrder(order(Side.ASK, self_trade_prevention_type=MAKER)),
    "create_pair": CreateBatch((order(client_order_id="c1"), order(Side.ASK, client_order_id="c2"))),
    "create_batch_of_one": CreateBatch((order(client_order_id="c1"),)),
    "create_pair_without_ids": CreateBatch(
        (
            order(count=100, self_trade_prevention_type=MAKER),
            order(Side.ASK, count=200, self_trade_prevention_type=MAKER),
        )
    ),
    "amend": amend(800),
    "amend_new_id": amend(800, updated_client_order_id="c9"),
    "amend_same_count": amend(1000),
    "decrease_by": DecreaseOrder(ID, reduce_by=Count(200)),
    "decrease_to": DecreaseOrder(ID, reduce_to=Count(200)),
    "cancel": CancelOrder(ID),
    "cancel_placed": CancelOrder(ID, exchange_index=-1, market_ticker=TICKER, subaccount=0),
    "cancel_subaccount_1": CancelOrder(ID, subaccount=1),
    "cancel_batch": CancelBatch((CancelOrder(ID),)),
    "cancel_batch_subaccount": CancelBatch((CancelOrder(ID, subaccount=0),)),
    "cancel_all": CancelAll(0),
    "v1_create": CreateOrder(order(Side.ASK, client_order_id="c1", time_in_force=TimeInForce.FILL_OR_KILL)),
    "v1_create_batch": CreateBatch((order(count=100),)),
    "v1_amend": amend(800, client_order_id="c1", updated_client_order_id="c2"),
    "v1_decrease": DecreaseOrder(ID, reduce_by=Count(200)),
    "v1_cancel": CancelOrder(ID),
    "v1_cancel_batch": CancelBatch((CancelOrder(ID),)),
}


def name(request: dict[str, Any]) -> str:
    return f"{request['client']}-{request['means']}"


def of(*prefixes: str) -> list[dict[str, Any]]:
    return [request for request in REQUESTS if request["means"].startswith(prefixes)]


def test_the_recording_covers_all_six_clients_and_every_meaning() -> None:
    assert len({request["client"] for request in REQUESTS}) == 6
    assert {request["means"] for request in REQUESTS} == set(MEANINGS) | {"refused_unknown_field"}


@pytest.mark.parametrize("request_", of("create", "amend", "decrease", "cancel"), ids=name)
def test_v2_requests_decode_to_what_they_mean_and_go_out_in_our_bytes(request_: dict[str, Any]) -> None:
    """Catches a real client that we misread or turn away."""
    found = find(request_["method"], request_["path"])
    assert found is not None
    assert handling(found.endpoint) is Handling.ORDER
    body = request_["body"].encode()
    write = decode(found, request_["query"], request_["content_type"], body)
    assert write == MEANINGS[request_["means"]]
    sent = encode(write)
    assert (sent.method, sent.path, sent.query) == (request_["method"], request_["path"], request_["query"])
    assert same_meaning(json.loads(sent.body or b"{}"), json.loads(body or b"{}"))
    assert restore(json.loads(json.dumps(describe(write)))) == write


def same_meaning(ours: Any, theirs: Any) -> bool:
    """Equal but for the spelling of figures and flags that are false."""
    if isinstance(theirs, dict):
        told = {key: value for key, value in theirs.items() if value is not False}
        ours = {key: value for key, value in ours.items() if value is not False}
        return ours.keys() == told.keys() and all(same_meaning(ours[key], told[key]) for key in told)
    if isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same_meaning, ours, theirs))
    if isinstance(theirs, str) and theirs[0].isdigit() and theirs != ID:
        return float(ours) == float(theirs)
    return bool(ours == theirs) and type(ours) is type(theirs)


@pytest.mark.parametrize("request_", of("refused"), ids=name)
def test_a_field_outside_the_schema_is_refused(request_: dict[str, Any]) -> None:
    """Catches an unknown field riding along: what the exchange would do with it, nobody knows."""
    found = find(request_["method"], request_["path"])
    assert found is not None
    with pytest.raises(WireError, match="buy_max_cost_dollars is not a field") as caught:
        decode(found, request_["query"], request_["content_type"], request_["body"].encode())
    assert (caught.value.code, caught.value.field) == (DenyCode.FIELD_UNKNOWN, "buy_max_cost_dollars")


@pytest.mark.parametrize("request_", of("v1_"), ids=name)
def test_v1_requests_are_translated_exactly(request_: dict[str, Any]) -> None:
    """Catches a hint that tells a V1 client to send another order than the one it meant."""
    found = find(request_["method"], request_["path"])
    assert found is not None
    assert handling(found.endpoint) is Handling.REMOVED_V1
    legacy = recognise(found, request_["query"], request_["content_type"], request_["body"].encode())
    assert legacy.write == MEANINGS[request_["means"]]
    assert legacy.kind == describe(legacy.write)["type"]
    sent = encode(legacy.write)
    assert f"{sent.method} {sent.path}" in legacy.hint
    assert sent.body.decode() in legacy.hint
