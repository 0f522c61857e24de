"""Questions to a person, their answers, and what an answer is good for."""

from dataclasses import replace

import pytest
from tests.builders import amend, order

from pretrade.model.orders import CancelAll, CreateBatch, CreateOrder, SelfTradePrevention, Side, TimeInForce, Write
from pretrade.model.units import Count, Price
from pretrade.risk.ledger.confirmations import KEEP_MS, MOST_WAITING, Confirmations, Ticket, anonymous

WITHIN, LIVE = 300_000, "practice live"
RISK = ((None, "confirm.above_risk"),)
ORDER = CreateOrder(order(client_order_id="mine", subaccount=0))


def asked(write: Write = ORDER, *, client: str = "bot", at_ms: int = 1_000, name: str = "d-1") -> Confirmations:
    found = Confirmations()
    found.ask(Ticket(name, client, write, at_ms, LIVE, asked=RISK))
    return found


def approved(write: Write = ORDER) -> Confirmations:
    found = asked(write)
    found.approve("d-1", "ann", 2_000)
    return found


def test_the_same_order_under_another_id_is_found() -> None:
    again = CreateOrder(replace(ORDER.order, client_order_id="another"))
    ticket = approved().find("bot", again, 3_000, WITHIN, LIVE)
    assert ticket is not None
    assert (ticket.decision_id, ticket.approvals) == ("d-1", (("ann", 2_000),))


@pytest.mark.parametrize(
    "change",
    [
        {"ticker": "OTHER"},
        {"side": Side.ASK},
        {"count": Count(1_001)},
        {"count": Count(999)},
        {"price": Price(5_601)},
        {"time_in_force": TimeInForce.IMMEDIATE_OR_CANCEL},
        {"self_trade_prevention_type": SelfTradePrevention.MAKER},
        {"expiration_time": 1},
        {"post_only": True},
        {"reduce_only": True},
        {"cancel_order_on_pause": True},
        {"subaccount": 1},
        {"order_group_id": "g"},
        {"exchange_index": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_any_other_field_makes_another_order(change: dict[str, object]) -> None:
    """Catches an approval of one order that lets another pass: every field of NewOrder but the client's id."""
    other = CreateOrder(replace(ORDER.order, **change))
    assert approved().find("bot", other, 3_000, WITHIN, LIVE) is None


def test_every_field_of_an_order_is_in_the_table_above() -> None:
    """A new field of orders must be in it: `anonymous` drops one field and no other."""
    assert anonymous(ORDER) == CreateOrder(replace(ORDER.order, client_order_id=None))


def test_another_clients_order_is_another() -> None:
    assert approved().find("other-bot", ORDER, 3_000, WITHIN, LIVE) is None


def test_amends_and_batches_are_compared_without_their_ids_too() -> None:
    batch = CreateBatch((ORDER.order, order(client_order_id="second")))
    again = CreateBatch((replace(ORDER.order, client_order_id="x"), order(client_order_id="y")))
    assert approved(batch).find("bot", again, 3_000, WITHIN, LIVE) is not None
    assert approved(batch).find("bot", ORDER, 3_000, WITHIN, LIVE) is None
    change = amend(client_order_id="a", updated_client_order_id="b")
    assert approved(change).find("bot", amend(), 3_000, WITHIN, LIVE) is not None
    assert approved(change).find("bot", amend(order_id="order-2"), 3_000, WITHIN, LIVE) is None
    assert anonymous(CancelAll(0)) == CancelAll(0)


@pytest.mark.parametrize(
    ("now_ms", "stands"), [(2_000, True), (2_000 + WITHIN, True), (2_001 + WITHIN, False), (1_999, False)]
)
def test_an_approval_is_good_for_a_while(now_ms: int, stands: bool) -> None:
    """Counted from the approval, and not longer because a clock was set back."""
    assert (approved().find("bot", ORDER, now_ms, WITHIN, LIVE) is not None) is stands


@pytest.mark.parametrize("under", ["practice dry_run", "demo live", ""])
def test_an_approval_is_good_where_it_was_asked_for(under: str) -> None:
    """Catches an approval of an order that would send nothing, good for money once the mode is another."""
    assert approved().find("bot", ORDER, 3_000, WITHIN, under) is None


def test_a_question_is_good_for_a_while() -> None:
    assert asked().find("bot", ORDER, 1_000 + WITHIN, WITHIN, LIVE) is not None
    assert asked().find("bot", ORDER, 1_001 + WITHIN, WITHIN, LIVE) is None


def test_one_person_approves_once() -> None:
    """Catches two approvals by one person where the policy asks for two people."""
    found = approved()
    found.approve("d-1", "ann", 2_500)
    assert found.tickets["d-1"].approvals == (("ann", 2_000),)
    found.approve("d-1", "bob", 2_600)
    assert found.tickets["d-1"].approvals == (("ann", 2_000), ("bob", 2_600))


def test_a_ticket_of_before_questions_were_kept_is_good_for_nothing() -> None:
    """Catches an approval of an earlier version that is taken for one of everything."""
    found = approved()
    found.tickets["d-1"] = replace(found.tickets["d-1"], asked=())
    assert found.find("bot", ORDER, 3_000, WITHIN, LIVE) is None


@pytest.mark.parametrize(
    ("client", "under", "is_left"), [("bot", LIVE, False), ("bot", "demo live", True), ("other-bot", LIVE, True)]
)
def test_a_wider_question_takes_the_place_of_the_narrower(client: str, under: str, *, is_left: bool) -> None:
    """Catches two approvals of one order: the second one uses up one, and the other waits for an order that nobody
    meant."""
    found = approved()
    again = CreateOrder(replace(ORDER.order, client_order_id="again"))
    found.ask(Ticket("d-2", client, again, 3_000, under, asked=(*RISK, (None, "liquidity.min_grade"))))
    assert ("d-1" in found.tickets) is is_left
    assert "d-2" in found.tickets


def test_what_is_used_is_gone() -> None:
    found = approved()
    found.use("d-1")
    assert found.find("bot", ORDER, 3_000, WITHIN, LIVE) is None
    found.use("d-1")
    found.approve("d-1", "bob", 3_000)
    assert found.tickets == {}


def test_a_client_that_asks_too_much_loses_its_own_oldest_questions() -> None:
    """Catches memory that a client can fill, and one client's questions pushing out another's, or an answer."""
    found = approved()
    found.ask(Ticket("d-other", "other-bot", ORDER, 1_000, LIVE))
    for number in range(MOST_WAITING + 1):
        write = CreateOrder(replace(ORDER.order, count=Count(number + 1)))
        found.ask(Ticket(f"d-more-{number}", "bot", write, 3_000, LIVE))
    assert "d-1" in found.tickets
    assert "d-other" in found.tickets
    assert "d-more-0" not in found.tickets
    assert len(found.tickets) == MOST_WAITING + 2


def test_what_is_far_too_old_is_let_go() -> None:
    found = approved()
    found.ask(Ticket("d-2", "bot", amend(), 2_001 + KEEP_MS, LIVE))
    assert list(found.tickets) == ["d-2"]
