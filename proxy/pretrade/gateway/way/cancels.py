"""Cancel-all by a client that shares its subaccount: it goes out as batch cancels of its own orders.

The exchange's cancel-all would take the other clients' orders too (orders.md 6). A cancel names an order by the id that
the exchange gave it, so one of unknown end cannot be among them; then the answer is no 204, which would say that
nothing rests any more. It names the market and no shard: the exchange finds the shard by the market, and looks on the
wrong one where a cancel names that (orders.md 2).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import batched

from pretrade.gateway.instance import Instance
from pretrade.gateway.messages import Answer
from pretrade.gateway.way.records import WriteRequest
from pretrade.gateway.way.refusals import answer_of
from pretrade.kalshi.client import Answer as ExchangeAnswer
from pretrade.kalshi.outcomes import read_outcome
from pretrade.kalshi.replies import Reply, refusal
from pretrade.model.codes import DenyCode
from pretrade.model.instance import Mode
from pretrade.model.orders import CancelAll, CancelBatch, CancelOrder
from pretrade.model.outcomes import Outcome, OutcomeState

NO_CONTENT = Reply(204, b"")
"""What the exchange answers a cancel-all with."""
NOTHING_TO_CANCEL = Outcome(OutcomeState.NOT_SENT, detail="no order of this client's has an id that it is canceled by")
CANCELS_AT_ONCE = 50
"""Orders that one batch cancels. The exchange takes a batch whole or not at all, 2 tokens an order, and the bucket of
its lowest tier holds 100 (auth.md 7): a larger batch would be refused there each time, and nothing of it ever canceled.
"""
_OVER = "not_found"
"""What it says of an order that has ended, and of one that never was."""
_HINT = "Send the cancel-all again in a few seconds, and look at your orders: what could be canceled is."


@dataclass(frozen=True, slots=True)
class OwnCancels:
    """What a cancel-all stands for: the batches of cancels, of which there may be none, and the orders (by their keys
    in the ledger) of which the exchange has not told the id, so that none of these can be canceled."""

    batches: tuple[CancelBatch, ...]
    nameless: tuple[str, ...]


def own_cancels(instance: Instance, request: WriteRequest) -> OwnCancels | None:
    """The cancels that a cancel-all stands for; None for any other write, and where it cancels nobody else's orders."""
    client = request.client
    if not isinstance(request.write, CancelAll) or not client.shares_subaccount:
        return None
    if instance.policy.instance.mode is Mode.DRY_RUN:
        return None  # the dry run's own book cancels by client
    orders = instance.ledger.live.orders.values()
    # What it has left in another subaccount, by an older policy, would have the whole batch denied.
    mine = [order for order in orders if order.client == client.name and order.subaccount == client.subaccount]
    cancels = (
        CancelOrder(order.order_id, market_ticker=order.ticker, subaccount=order.subaccount)
        for order in mine
        if order.order_id is not None
    )
    batches = tuple(CancelBatch(several) for several in batched(cancels, CANCELS_AT_ONCE, strict=False))
    return OwnCancels(batches, tuple(order.key for order in mine if order.order_id is None))


def answer_cancel_all(instance: Instance, decision_id: str, own: OwnCancels, answers: Sequence[Answer]) -> Answer:
    """The answer to the cancel-all, from those to the batches that went out, or from its own where there was nothing to
    cancel.

    204 where every order of the client's that could rest was canceled or had ended. One whose end was not known when
    it began, and that may rest now, makes it a 504; so does one that the exchange would not cancel, and a batch behind
    the first that did not go through.
    """
    if answers[0].status != (HTTPStatus.OK if own.batches else HTTPStatus.NO_CONTENT):
        return answers[0]
    done = [pair for pair in zip(own.batches, answers, strict=False) if pair[1].status == HTTPStatus.OK]
    refused = [code for batch, answer in done for code in _refused(batch, answer)]
    nameless = [key for key in own.nameless if key in instance.ledger.live.orders]
    left = sum(len(batch.orders) for batch in own.batches[len(done) :])
    if not (refused or nameless or left):
        return answer_of(NO_CONTENT, decision_id)
    told = [f"{len(nameless)} of your orders, whose id the exchange has not told yet"] if nameless else []
    told += [f"{len(refused)} that it would not cancel ({', '.join(sorted(set(refused)))})"] if refused else []
    told += [f"{left} whose cancels did not go through (status {answers[-1].status})"] if left else []
    message = f"what could be canceled is, but there may rest: {'; '.join(told)}"
    return answer_of(
        refusal(DenyCode.OUTCOME_UNKNOWN, decision_id=decision_id, message=message, hint=_HINT), decision_id
    )


def _refused(batch: CancelBatch, answer: Answer) -> list[str]:
    """Why the exchange would not cancel some of them; one that had ended needs no cancel."""
    outcome = read_outcome(batch, ExchangeAnswer(answer.status, answer.content_type, answer.body))
    codes = [leg.code or "no reason told" for leg in outcome.legs if leg.state is not OutcomeState.ACCEPTED]
    return [code for code in codes if code != _OVER]
