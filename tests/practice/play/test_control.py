"""The control endpoint and its actions: who may, what is refused in which words, what each does."""

import asyncio
import json
import time
from dataclasses import replace
from email.utils import parsedate_to_datetime

import pytest
from tests.practice.rawclient import API, ORDERS, Client
from tests.practice.support import BTC, rsa_key

from pretrade.kalshi.keys import public_pem_of
from pretrade.practice.play import actions
from pretrade.practice.play.action import ActionError

RESTING = API + "/portfolio/orders?status=resting"
OTHER = "KXHIGHNY-26NOV22-T52"


async def refused(client, action, arguments):
    status, body = await client.control("POST", action, arguments)
    assert status == 400, body
    return body["error"]


async def said(client, action, **arguments):
    status, body = await client.control("POST", action, arguments)
    assert status == 200, body
    return body["message"]


async def test_control_needs_its_token(practice):
    async with Client(practice) as client:
        for token in ("", "wrong"):
            assert (await client.control("GET", "requests", token=token))[0] == 403
            assert (await client.control("POST", "pause", {}, token=token))[0] == 403
        assert (await client.call("GET", API + "/exchange/status", key=None))[1]["trading_active"] is True


@pytest.mark.parametrize(
    ("method", "name", "words"),
    [
        ("POST", "pauze", "POST knows no pauze; did you mean pause?"),
        ("GET", "stat", "GET knows no stat; did you mean state?"),
        ("DELETE", "keys", "DELETE knows no keys"),
        ("PUT", "state", "PUT knows no state"),
        ("POST", "requests", "POST knows no requests"),
    ],
)
async def test_what_there_is_not_is_told_with_the_nearest_name(practice, method, name, words):
    async with Client(practice) as client:
        status, body = await client.control(method, name)
        assert (status, body["error"].startswith(words)) == (404, True), body


@pytest.mark.parametrize(
    ("action", "arguments", "words"),
    [
        ("fill", {"order_id": "none"}, "fill: no resting order is called none"),
        ("fill", {}, "fill: order_id is missing"),
        ("fill", {"order_id": "MINE", "count": "0"}, "fill: count: "),
        ("fill", {"order_id": "MINE", "count": "10.01"}, "fill: count 10.01 is more than the 10.00 that still rest"),
        ("move", {"market": "KXBTC", "price": "0.5"}, "move: there is no market KXBTC; did you mean KXBTC-26DEC31-T"),
        (
            "move",
            {"market": BTC, "price": "0.455"},
            "move: $0.4550 is between two ticks of KXBTC-26DEC31-T100000; the nearest are $0.4500 and ",
        ),
        ("move", {"market": BTC, "price": "1.2"}, "move: price: "),
        ("move", {"market": BTC, "price": 0.45}, "move: price should be a valid integer"),
        ("pause", {"what": "trade"}, "pause: what should be 'trading', 'exchange' or 'market', was 'trade'"),
        ("pause", {"what": "market"}, "pause: what: market needs a market"),
        ("pause", {"market": BTC}, "pause: what: market needs a market"),
        ("pause", {"shard": 7}, "pause: there is no shard "),
        ("pause", {"what": "market", "market": BTC, "shard": 0}, "pause: a market lives on one shard"),
        ("pause", {"lasting": 0}, "pause: lasting should be greater than 0, was 0"),
        ("pause", {"trading_active": False}, "pause: unknown field trading_active; "),
        ("resume", {"what": "market", "market": BTC}, "resume: the exchange refuses it: market state conflict"),
        ("close", {"market": BTC, "at": "tomorrow"}, "close: at: must be a time like 2026-12-31T23:59:00Z"),
        ("close", {"market": BTC, "at": "2026-12-31T23:59:00"}, "close: at: must say its time zone"),
        (
            "close",
            {"market": BTC, "at": "2020-01-01T00:00:00Z"},
            "close: the exchange refuses it: market state conflict",
        ),
        ("determine", {"market": BTC}, "determine: result is missing"),
        ("determine", {"market": BTC, "result": "scalar"}, "determine: a value goes with the result scalar"),
        (
            "determine",
            {"market": BTC, "result": "scalar", "value": "1.5"},
            "determine: value: what a YES pays must be from $0 to $1",
        ),
        ("settle", {"market": BTC}, "settle: KXBTC-26DEC31-T100000 has no result yet; say yes, no or what a YES pays"),
        ("dispute", {"market": BTC}, "dispute: the exchange refuses it: market state conflict"),
        (
            "structure",
            {"market": BTC, "structure": "decicent"},
            "structure: there is no price grid decicent; did you mean deci_cent?",
        ),
        ("fee", {"event": "KXBTC"}, "fee: there is no event KXBTC; did you mean KXBTC-26DEC31?"),
        ("fee", {"event": "KXBTC-26DEC31", "fee_type": "free"}, "fee: there is no fee type free; "),
        ("deposit", {"amount": "0"}, "deposit: amount should be greater than 0"),
        ("deposit", {"amount": "$5", "account": "mine"}, "deposit: there is no account mine; did you mean main?"),
        ("deposit", {"amount": "$5", "shard": 7}, "deposit: there is no shard 7; the shards are 0"),
        ("deposit", {"amount": "$5", "subaccount": 64}, "deposit: subaccount should be less than or equal to 63"),
        ("lag", {"seconds": 601}, "lag: seconds should be less than or equal to 600, was 601"),
        ("clock", {}, "clock: skew is missing"),
        ("add_key", {"key_id": "k", "public_key": "x"}, "add_key: public_key must be a public key as PEM text"),
        (
            "add_key",
            {"key_id": "k", "public_key": "PEM", "scopes": ["writes"]},
            "add_key: there is no scope writes; did you mean write?",
        ),
        (
            "add_key",
            {"key_id": "k", "public_key": "PEM", "scopes": ["write"]},
            "add_key: the exchange grants write only",
        ),
        ("remove_key", {"key_id": "ful"}, "remove_key: there is no key ful; did you mean full?"),
        ("faults", {"kind": "fire"}, "faults: kind cannot be 'fire'; "),
        ("stream_faults", {"kind": "drop", "channel": "x"}, "stream_faults: channel must be * or one of "),
        (
            "stream_faults",
            {"kind": "drop", "chanel": "fill"},
            "stream_faults: unknown field chanel; did you mean channel?",
        ),
    ],
)
async def test_a_refusal_says_why_and_changes_nothing(practice, action, arguments, words):
    """Catches an action that does half of it, and an error that a person cannot act on."""
    async with Client(practice) as client:
        _, placed = await client.create()
        pem = public_pem_of(rsa_key().public_key()).decode()
        real = {"MINE": placed["order_id"], "PEM": pem}
        given = {k: real.get(v, v) if isinstance(v, str) else v for k, v in arguments.items()}
        before = (await client.control("GET", "state"))[1]
        assert (await refused(client, action, given)).startswith(words)
        after = (await client.control("GET", "state"))[1]
        assert after | {"now": ""} == before | {"now": ""}


@pytest.mark.parametrize("body", [b"{", b"[]", b"1"])
async def test_a_body_that_is_no_object_is_refused(practice, body):
    async with Client(practice) as client:
        headers = {"X-Practice-Token": practice.control_token}
        status, answer = await client.call("POST", "/practice/control/lag", raw=body, key=None, headers=headers)
        assert (status, answer["error"].startswith("the body must be")) == (400, True)


async def test_a_person_fills_a_resting_order_by_any_of_its_names(practice):
    async with Client(practice) as client:
        _, placed = await client.create(count="10", client_order_id="mine")
        status, body = await client.control("POST", "fill", {"order_id": placed["order_id"], "count": "4"})
        assert (status, body["fill"]["count_fp"], body["fill"]["yes_price_dollars"]) == (200, "4.00", "0.1000")
        assert body["message"] == f"filled 4.00 of order {placed['order_id'][:8]} at $0.1000, 6.00 still rest"
        assert "3.00 still rest" in await said(client, "fill", order_id="mine", count="3")
        assert await said(client, "fill", order_id=placed["order_id"][:12]) == (
            f"filled 3.00 of order {placed['order_id'][:8]} at $0.1000, the whole of it"
        )
        _, got = await client.call("GET", f"{API}/portfolio/orders/{placed['order_id']}")
        assert (got["order"]["status"], got["order"]["fill_count_fp"]) == ("executed", "10.00")
        assert "no resting order" in await refused(client, "fill", {"order_id": placed["order_id"]})


def best(book):
    book = book["orderbook_fp"]
    return book["yes_dollars"][-1][0], book["no_dollars"][-1][0]


async def test_a_person_moves_a_market(practice):
    """Catches a move that the maker takes back at the next fill, and one that trades though nobody asked."""
    async with Client(practice) as client:
        _, mine = await client.create(price="0.5000")
        message = await said(client, "move", market=BTC, price="$0.30")
        assert message.startswith(f"{BTC} moved to $0.3000, ")
        _, book = await client.call("GET", f"{API}/markets/{BTC}/orderbook", key=None)
        assert book["orderbook_fp"]["yes_dollars"][-1] == ["0.5000", "10.00"], "the order in the way still rests"
        traded = await said(client, "move", market=BTC, price="0.30", trade=True)
        assert traded == f"{BTC} moved to $0.3000, 10 quotes, 10.00 traded on the way"
        _, book = await client.call("GET", f"{API}/markets/{BTC}/orderbook", key=None)
        assert best(book) == ("0.2900", "0.6900")
        _, got = await client.call("GET", f"{API}/portfolio/orders/{mine['order_id']}")
        assert got["order"]["status"] == "executed"
        await client.create(price="0.9000", time_in_force="immediate_or_cancel", count="1")
        _, book = await client.call("GET", f"{API}/markets/{BTC}/orderbook", key=None)
        assert best(book) == ("0.3000", "0.6800"), "the maker goes on from there"


@pytest.mark.parametrize("what", ["trading", "exchange"])
@pytest.mark.parametrize("shard", [None, 0])
async def test_a_person_pauses_and_resumes(practice, what, shard):
    async with Client(practice) as client:
        _, placed = await client.create()
        await said(client, "pause", what=what, **({} if shard is None else {"shard": shard}))
        refusal = (await client.create())[1]["error"]["code"]
        assert refusal == {"trading": "trading_is_paused", "exchange": "exchange_is_paused"}[what]
        canceled = await client.call("DELETE", f"{ORDERS}/{placed['order_id']}?market_ticker={BTC}")
        assert (canceled[0] == 200) == (what == "trading")
        await said(client, "resume", what=what, **({} if shard is None else {"shard": shard}))
        assert (await client.create())[0] == 201


async def test_a_pause_of_trading_does_not_end_one_of_the_exchange(practice):
    """Catches one switch that sets the other."""
    async with Client(practice) as client:
        await said(client, "pause", what="exchange")
        await said(client, "pause", what="trading")
        await said(client, "resume", what="exchange")
        assert (await client.create())[1]["error"]["code"] == "trading_is_paused"


async def test_one_market_pauses_alone(practice):
    async with Client(practice) as client:
        assert await said(client, "pause", what="market", market=BTC) == f"market {BTC} paused"
        assert (await client.create())[1]["error"]["code"] == "MARKET_NOT_ACTIVE"
        assert (await client.create(ticker=OTHER))[0] == 201
        await said(client, "resume", what="market", market=BTC)
        _, book = await client.call("GET", f"{API}/markets/{BTC}/orderbook", key=None)
        assert len(book["orderbook_fp"]["yes_dollars"]) == 5, "the maker quotes again"


async def test_a_market_is_closed_determined_and_settled(practice):
    state = practice.exchange.markets[BTC]
    state.market = replace(state.market, settlement_timer_seconds=3_600)
    async with Client(practice) as client:
        await client.create(price="0.5600", time_in_force="immediate_or_cancel")
        assert await said(client, "close", market=BTC) == f"{BTC} closed"
        assert (await client.create())[1]["error"]["code"] in {"MARKET_NOT_ACTIVE", "MARKET_INACTIVE"}
        assert await said(client, "determine", market=BTC, result="no") == f"{BTC} determined: no"
        assert await said(client, "dispute", market=BTC) == f"{BTC} is disputed"
        assert await said(client, "determine", market=BTC, result="yes") == f"{BTC} determined: yes"
        assert await said(client, "settle", market=BTC) == f"{BTC} settled: one YES pays $1.0000"
        _, settled = await client.call("GET", API + "/portfolio/settlements")
        assert settled["settlements"][0]["market_result"] == "yes"
        assert "state conflict" in await refused(client, "settle", {"market": BTC, "result": "no"})


async def test_a_market_settles_in_one_go(practice):
    async with Client(practice) as client:
        await client.create(price="0.5600", time_in_force="immediate_or_cancel")
        message = await said(client, "settle", market=BTC, result="scalar", value="$0.35")
        assert message == f"{BTC} settled: one YES pays $0.3500"


async def test_grid_fee_and_close_change_while_the_market_is_open(practice):
    async with Client(practice) as client:
        assert (await client.create(price="0.1050"))[0] == 400
        assert await said(client, "structure", market=BTC, structure="deci_cent")
        assert (await client.create(price="0.1050"))[0] == 201
        assert await said(client, "fee", event="KXBTC-26DEC31", multiplier="0.50") == (
            "KXBTC-26DEC31 has fees of its own: multiplier 0.50"
        )
        assert await said(client, "fee", event="KXBTC-26DEC31") == "KXBTC-26DEC31 has the fees of its series"
        assert await said(client, "close", market=BTC, at="2031-01-01T00:00:00Z") == (
            f"{BTC} closes at 2031-01-01T00:00:00Z"
        )
        _, got = await client.call("GET", f"{API}/markets/{BTC}", key=None)
        assert got["market"]["close_time"] == "2031-01-01T00:00:00Z"


async def test_cash_opens_the_subaccount_that_it_is_put_into(practice):
    """Catches a client's subaccount that nothing on the command line can open: every order there is 404."""
    async with Client(practice) as client:
        assert (await client.call("GET", f"{API}/portfolio/balance?subaccount=9"))[0] == 404
        message = await said(client, "deposit", amount="$5", subaccount=9)
        assert message == "put $5.00 into subaccount 9 on shard 0 of main, which has $5.00 now"
        assert (await client.call("GET", f"{API}/portfolio/balance?subaccount=9"))[0] == 200


async def test_deposits_and_keys(practice):
    async with Client(practice) as client:
        message = await said(client, "deposit", amount="$250")
        assert message == "put $250.00 into subaccount 0 on shard 0 of main, which has $10250.00 now"
        assert (await client.call("GET", API + "/portfolio/balance"))[1]["balance"] == 1_025_000
        pem = public_pem_of(rsa_key().public_key()).decode()
        await said(client, "add_key", key_id="new", public_key=pem, scopes=["read"])
        assert (await client.call("GET", API + "/portfolio/balance", key="new"))[0] == 200
        assert (await client.call("POST", ORDERS, {}, key="new"))[0] == 403
        await said(client, "remove_key", key_id="new")
        assert (await client.call("GET", API + "/portfolio/balance", key="new"))[0] == 401
        assert "is attested for 60 s more" in await said(client, "attest_region", seconds=60)
        assert "needs no attestation" in await said(client, "attest_region")


async def test_reads_are_late_and_current_again(practice):
    async with Client(practice) as client:
        assert await said(client, "lag", orders=30) == "reads are late: orders 30 s"
        _, placed = await client.create()
        assert (await client.call("GET", RESTING))[1]["orders"] == []
        assert (await client.call("GET", f"{API}/portfolio/orders/{placed['order_id']}"))[0] == 200
        assert await said(client, "lag") == "reads are current"
        assert len((await client.call("GET", RESTING))[1]["orders"]) == 1


@pytest.mark.parametrize(("skew", "status"), [(9, 200), (11, 401), (-11, 401), (0, 200)])
async def test_a_clock_that_is_off_refuses_honest_signatures(practice, skew, status):
    """Catches a skew that moves only one of the two: the window of signatures and the Date header."""
    async with Client(practice) as client:
        await said(client, "clock", skew=skew)
        async with client.session.get(practice.origin + API + "/exchange/status") as answer:
            date = answer.headers["Date"]
        said_s = parsedate_to_datetime(date).timestamp()
        assert abs(said_s - time.time() - skew) < 3
        assert (await client.call("GET", API + "/portfolio/balance"))[0] == status


async def test_what_lasts_ends_by_itself(practice):
    async with Client(practice) as client:
        assert await said(client, "pause", lasting=0.3) == "all trading paused for 0.3 s"
        assert await said(client, "clock", skew=60, lasting=0.3) == "the clock is 60 s ahead for 0.3 s"
        assert "reads are late for 0.3 s" in await said(client, "lag", seconds=9, lasting=0.3)
        assert (await client.call("GET", API + "/portfolio/balance"))[0] == 401
        async with asyncio.timeout(10):
            while (await client.create())[0] != 201:
                await asyncio.sleep(0.05)
        assert len((await client.call("GET", RESTING))[1]["orders"]) == 1


async def test_faults_wait_and_are_forgotten(practice):
    async with Client(practice) as client:
        fault = {"kind": "status", "method": "POST", "status": 503, "times": 1, "execute": True}
        status, body = await client.control("POST", "faults", fault)
        assert (status, body["faults"][0]["kind"]) == (200, "status")
        assert (await client.create())[0] == 503
        assert (await client.control("GET", "faults"))[1] == {"faults": []}
        await client.control("POST", "faults", fault | {"times": None})
        assert (await client.control("DELETE", "faults"))[1]["faults"] == []
        assert (await client.create())[0] == 201
        stream = {"kind": "delay", "channel": "fill", "seconds": 1.5, "times": 3}
        _, body = await client.control("POST", "stream_faults", stream)
        assert body["message"] == "stream fault delay waits for 3 messages of channel fill"
        assert (await client.control("GET", "stream_faults"))[1]["stream_faults"] == [stream]
        assert (await client.control("DELETE", "stream_faults"))[1]["stream_faults"] == []


async def test_the_state_in_a_page(practice):
    async with Client(practice) as client:
        await client.create(price="0.5600", time_in_force="immediate_or_cancel", count="5")
        await client.create(client_order_id="rests")
        state = (await client.control("GET", "state"))[1]
    (main,) = state["accounts"]
    assert main["positions"][0] | {"realized_dollars": ""} == {
        "subaccount": 0, "market": BTC, "count": "5.00", "cost_dollars": "2.800000", "realized_dollars": "",
    }  # fmt: skip
    assert [(order["client_order_id"], order["remaining_count"]) for order in main["resting"]] == [("rests", "10.00")]
    btc = next(market for market in state["markets"] if market["market"] == BTC)
    assert (btc["status"], btc["last_dollars"], btc["volume"]) == ("active", "0.5600", "5.00")
    assert {key["key_id"] for key in state["keys"]} >= {"full", "reader", "sub3"}
    assert json.dumps(state), "plain JSON"


async def test_every_action_is_in_the_catalogue_with_its_arguments(practice):
    async with Client(practice) as client:
        listed = (await client.control("GET", "actions"))[1]["actions"]
    assert set(listed) == set(actions.NAMES)
    assert all(entry["does"] for entry in listed.values())


async def test_an_action_is_done_in_process_too(practice):
    with pytest.raises(ActionError, match="there is no action mve; did you mean move"):
        actions.perform(practice.practice, "mve", {})
    assert actions.perform(practice.practice, "deposit", {"amount": "5"}).details == {}
