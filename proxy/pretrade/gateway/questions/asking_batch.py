"""A client's question about several orders, in the exchange's own form of a batch: what would become of it as it
stands, and how much of each order would pass beside those before it.

Rule of this file: it is decoded, written out and judged as the batch itself would be, and is never one: nothing is
held, recorded as a decision, or sent.
"""

import asyncio
from dataclasses import dataclass

from pretrade.gateway.instance import Instance
from pretrade.gateway.market.market_seen import learn
from pretrade.gateway.messages import RawRequest
from pretrade.gateway.questions.asking_together import MOST_ORDERS, fit
from pretrade.gateway.questions.headroom import Prepare
from pretrade.gateway.way.as_sent import written_in
from pretrade.gateway.way.identity import Client
from pretrade.gateway.way.normalise import write_out
from pretrade.kalshi.endpoints import find
from pretrade.kalshi.wire import WireError, decode
from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Decision
from pretrade.model.orders import CreateBatch
from pretrade.model.rewrites import Rewrite
from pretrade.risk.checks.engine import decide
from pretrade.risk.checks.headroom import Headroom

BATCH_PATH = "/trade-api/v2/portfolio/events/orders/batched"
"""Where the exchange takes a body of this form."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of a batch: what the checks say of it as it stands, what would be written into it, and how much of
    each order would pass (None where other orders kept changing that)."""

    decision: Decision
    rewrites: tuple[Rewrite, ...]
    rooms: tuple[Headroom, ...] | None


def read_batch(client: Client, raw: RawRequest) -> CreateBatch:
    """The batch of a body, with its client's subaccount written in. Raises WireError for what the exchange's form does
    not allow, and for more orders than are answered."""
    endpoint = find("POST", BATCH_PATH)
    if endpoint is None:
        raise LookupError(f"the catalogue does not know POST {BATCH_PATH}")
    write = decode(endpoint, raw.query, raw.value("content-type"), raw.body)
    batch, _ = write_out(write, subaccount=client.subaccount, decision_id="asked")
    if not isinstance(batch, CreateBatch):
        raise TypeError(f"a batch decodes as {type(batch).__name__}")
    if len(batch.orders) > MOST_ORDERS:
        problem = f"orders: a question is about {MOST_ORDERS} orders at most, this about {len(batch.orders)}"
        raise WireError(DenyCode.FIELD_INVALID, problem)
    return batch


async def ask(instance: Instance, client: Client, batch: CreateBatch, prepare: Prepare, turn: asyncio.Lock) -> Found:
    """What would become of a batch now. Questions that share a `turn` are worked out one after another: of ten at once
    each would hold an order up for a judgement, again and again."""
    await learn(instance, batch)
    async with turn:
        rooms = await fit(instance, client, batch.orders, prepare)
    write, facts = prepare(instance, client, batch)
    return Found(decide(write, facts, instance.policy), written_in(instance, client, batch), rooms)
