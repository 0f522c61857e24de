"""What counts as the same order again, and until when."""

import asyncio

import pytest
from tests.builders import amend, order

from pretrade.gateway.messages import Answer
from pretrade.gateway.way.attempts import Attempt, Attempts, meaning
from pretrade.model.orders import (
    CancelAll,
    CreateBatch,
    CreateOrder,
    NewOrder,
    SelfTradePrevention,
    Side,
    TimeInForce,
    Write,
)

BASE = CreateOrder(order())
OK, OPEN = Answer(201, b"{}"), Answer(504, b"{}", outcome_unknown=True)


@pytest.mark.parametrize(
    ("write", "is_same"),
    [
        (CreateOrder(order()), True),
        (CreateOrder(order(subaccount=0)), True),
        (CreateOrder(order("10.01")), False),
        (CreateOrder(order(price="0.5601")), False),
        (CreateOrder(order(side=Side.ASK)), False),
        (CreateOrder(order(ticker="KXBTC-26DEC31-T100001")), False),
        (CreateOrder(order(time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL)), False),
        (CreateOrder(order(expiration_time=1_800_000_000)), False),
        (CreateOrder(order(post_only=True)), False),
        (CreateOrder(order(cancel_order_on_pause=True)), False),
        (CreateOrder(order(order_group_id="g-1")), False),
        (CreateOrder(order(exchange_index=1)), False),
        (CreateOrder(order(subaccount=1)), False),
        (CreateBatch((order(),)), False),
    ],
)
def test_the_same_order_is_the_same_in_every_field(write: Write, is_same: bool) -> None:
    """Catches another order answered with the first one's outcome, and a stated subaccount taken for another one."""
    assert (meaning("bot", 0, write) == meaning("bot", 0, BASE)) is is_same


@pytest.mark.parametrize(
    "write",
    [
        CreateOrder(order(client_order_id="c-1")),
        CreateBatch((order(), order(client_order_id="c-1"))),
        amend(),
        CancelAll(0),
    ],
)
def test_what_has_an_id_or_is_no_create_is_never_a_copy(write: Write) -> None:
    """Catches a second cancel that is not sent, and an order with an id of its own taken for another one: the
    exchange tells those apart itself."""
    assert meaning("bot", 0, write) is None


def test_two_clients_mean_two_orders() -> None:
    """Catches one client that is given another one's outcome."""
    assert meaning("bot", 0, BASE) != meaning("other", 0, BASE)


def attempt(write: Write = BASE) -> Attempt:
    return Attempt("d-1", meaning("bot", 0, write), asyncio.get_running_loop().create_future())


def found(attempts: Attempts) -> Attempt | None:
    return attempts.same_order(meaning("bot", 0, BASE))


async def test_an_order_is_open_from_its_beginning_to_its_delivery() -> None:
    """Catches a copy that is sent while the first one is unanswered, or answered to nobody."""
    attempts, first = Attempts(), attempt()
    attempts.open(first)
    assert found(attempts) is first
    first.sent = first.took_effect = True
    first.answer.set_result(OK)
    assert found(attempts) is first
    attempts.close(first, delivered=False)
    assert found(attempts) is first
    attempts.close(first, delivered=True)
    assert found(attempts) is None


async def test_what_is_unknown_stays_open_though_it_was_delivered() -> None:
    """Catches a copy of an order that may be live: it would be a second position."""
    attempts, first = Attempts(), attempt()
    attempts.open(first)
    first.sent = first.took_effect = True
    first.answer.set_result(OPEN)
    attempts.close(first, delivered=True)
    assert first.unknown
    assert found(attempts) is first


@pytest.mark.parametrize("delivered", [True, False])
async def test_a_denial_is_judged_anew(delivered: bool) -> None:
    """Catches an old denial given to an order that may pass by now."""
    attempts, first = Attempts(), attempt()
    attempts.open(first)
    first.answer.set_result(Answer(403, b"{}"))
    attempts.close(first, delivered=delivered)
    assert found(attempts) is None


@pytest.mark.parametrize("was_sent", [True, False])
async def test_a_fault_is_unknown_from_the_first_byte_on(was_sent: bool) -> None:
    """Catches a fault after sending taken for one before it, which would let the copy out."""
    attempts, first = Attempts(), attempt()
    attempts.open(first)
    first.sent = was_sent
    first.answer.set_exception(RuntimeError("a bug"))
    assert first.unknown is was_sent
    assert first.came_to_nothing is not was_sent
    assert found(attempts) is (first if was_sent else None)


async def test_a_cancelled_answer_is_unknown_from_the_first_byte_on() -> None:
    """Catches a cancelled task taken for an answer that can be read."""
    first = attempt()
    first.sent = True
    first.answer.cancel()
    assert first.unknown


async def test_giving_up_is_possible_until_the_first_byte_alone() -> None:
    """Catches a client told that nothing was sent about an order that went out."""
    early, late = attempt(), attempt()
    assert early.abandon()
    assert early.came_to_nothing
    late.sent = True
    assert not late.abandon()
    assert not late.abandoned
    late.sent = False
    assert late.abandon()


async def test_closing_an_older_attempt_leaves_the_newer_one_open() -> None:
    """Catches the end of an order that was given up closing the one that took its place."""
    attempts, first, second = Attempts(), attempt(), attempt()
    attempts.open(first)
    first.abandon()
    attempts.open(second)
    first.answer.set_result(Answer(503, b"{}"))
    attempts.close(first, delivered=True)
    assert found(attempts) is second


async def test_under_way_is_what_a_stop_waits_for() -> None:
    """Catches a stop that leaves while an order, an amend or a cancel is under way."""
    attempts, one, two = Attempts(), attempt(), attempt(CancelAll(0))
    attempts.open(one)
    attempts.open(two)
    assert set(attempts.unanswered) == {one.answer, two.answer}
    assert attempts.under_way == {"d-1"}
    one.answer.set_result(OPEN)
    two.answer.cancel()
    await asyncio.sleep(0)
    assert attempts.unanswered == ()
    assert attempts.under_way == set()


async def test_whoever_waits_may_be_cancelled_and_the_others_get_the_answer() -> None:
    """Catches a client that hangs up, or a hook past its deadline, which takes the answer with it."""
    attempts, one = Attempts(), attempt()
    attempts.open(one)
    gone, first, second = (asyncio.create_task(one.wait()) for _ in range(3))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait((gone,))
    assert not one.answer.done()
    one.answer.set_result(OK)
    attempts.end(one)
    assert (await first, await second, await one.wait()) == (OK, OK, OK)
    assert gone.cancelled()


async def test_a_write_that_was_given_up_at_once_tells_all_who_wait() -> None:
    """Catches an order whose fault is told to one of those who wait, while the others wait for ever."""
    attempts, one = Attempts(), attempt()
    attempts.open(one)
    waiting = [asyncio.create_task(one.wait()) for _ in range(2)]
    await asyncio.sleep(0)
    one.answer.set_exception(RuntimeError("a bug"))
    attempts.end(one)
    assert [type(error) for error in await asyncio.gather(*waiting, return_exceptions=True)] == [RuntimeError] * 2


def test_every_field_of_an_order_is_part_of_its_meaning() -> None:
    """Catches a field that is added to an order later and makes no difference here."""
    changes = {
        "ticker": "KXBTC-26DEC31-T100001",
        "side": Side.ASK,
        "count": "0.01",
        "price": "0.0001",
        "time_in_force": TimeInForce.FILL_OR_KILL,
        "self_trade_prevention_type": SelfTradePrevention.MAKER,
        "expiration_time": 1,
        "post_only": True,
        "reduce_only": True,
        "cancel_order_on_pause": True,
        "subaccount": 9,
        "order_group_id": "g-1",
        "exchange_index": 3,
    }
    assert set(changes) | {"client_order_id"} == set(NewOrder.__slots__)
    meanings = {meaning("bot", 0, CreateOrder(order(**{name: value}))) for name, value in changes.items()}
    assert len(meanings | {meaning("bot", 0, BASE)}) == len(changes) + 1
