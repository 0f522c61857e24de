"""The drop copy over real sockets and real TLS: the practice exchange as a program of its own, and in this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.builders import order
from tests.e2e.harness import make_folder
from tests.e2e.programs import Pretrade, free_ports
from tests.practice.rawclient import Client
from tests.practice.support import rsa_key, start_practice

from pretrade.cli.init import LIVE_KEY_ID
from pretrade.gateway.account.drop_copy import DropCopyError, DropCopyReader, Wanted
from pretrade.gateway.account.own_reads import ReadLimits
from pretrade.gateway.machine.clock import Clock
from pretrade.kalshi.client import Address, Answer, Lane, Upstream, tls_context
from pretrade.kalshi.keys import PrivateKey, load_private_key
from pretrade.kalshi.outcomes import read_outcome
from pretrade.kalshi.signing import ReadRequest, Signer
from pretrade.model.decisions import Approved
from pretrade.model.drop_copy import OrderStatus
from pretrade.model.orders import CancelOrder, CreateOrder, TimeInForce, Write
from pretrade.practice.faults.kinds import FaultKind
from pretrade.practice.faults.plan import Fault

PROMPT = ReadLimits(tokens_per_second=2_000)
FAULTS = ("close_after_read", "reset", "cut_answer", "truncated_json", "duplicate_keys", "wrong_types", "wrong_length")


@dataclass
class Line:
    """Our own client to a running exchange, and the reader on it."""

    upstream: Upstream
    signer: Signer
    reader: DropCopyReader

    async def write(self, write: Write) -> Answer:
        """Carry out a write as the gate would once it was approved."""
        signed = await self.signer.sign(Approved(write, ()), Clock().now_ms())
        return await self.upstream.send(signed, lane=Lane.ORDER)

    async def place(self, **changes: object) -> str:
        """Place an order and return its id."""
        create = CreateOrder(order(subaccount=0, **changes))
        leg = read_outcome(create, await self.write(create)).legs[0]
        assert leg.order_id is not None
        return leg.order_id


@asynccontextmanager
async def line_to(port: int, ca_file: Path, key: PrivateKey, key_id: str, **more: object) -> AsyncIterator[Line]:
    address = Address("127.0.0.1", port, "127.0.0.1")
    upstream, signer = Upstream(address, tls_context(ca_file), **more), Signer(key, key_id)
    try:
        yield Line(upstream, signer, DropCopyReader(signer, upstream, Clock(), PROMPT))
    finally:
        await upstream.close()
        signer.close()


async def test_the_record_of_a_real_exchange(tmp_path):
    """Catches what only the wire shows: a query that is signed with the path, an answer in chunks, a real clock."""
    proxy, base_url, exchange = free_ports(3)
    folder = tmp_path / "work"
    make_folder(folder, (), mode="live", proxy=proxy, base_url=base_url, exchange=exchange)
    practice = Pretrade(
        "practice", ("practice", "--folder", str(folder / "practice"), "--port", str(exchange)), tmp_path
    )
    try:
        await asyncio.to_thread(practice.wait_ready)
        key = load_private_key((folder / "keys" / "live.pem").read_bytes())
        async with line_to(exchange, folder / "practice" / "ca.crt", key, LIVE_KEY_ID) as line:
            began_ms = Clock().now_ms()
            rests = await line.place(price="0.0500", count="3.00", client_order_id="rests")
            filled = await line.place(
                price="0.9500", count="2.00", client_order_id="fills", time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL
            )
            gone = await line.place(price="0.0400", client_order_id="canceled")
            assert (await line.write(CancelOrder(gone, subaccount=0))).status == 200
            wanted = Wanted((0,), frozenset([filled, gone, "never-was"]), began_ms, began_ms, began_ms)
            copy = await line.reader.read(wanted)
    finally:
        practice.end()
    orders = {order.order_id: order for order in copy.orders}
    assert {order_id: order.status for order_id, order in orders.items()} == {
        rests: OrderStatus.RESTING,
        filled: OrderStatus.EXECUTED,
        gone: OrderStatus.CANCELED,
    }
    assert {order.client_order_id for order in copy.orders} == {"rests", "fills", "canceled"}
    assert [(p.subaccount, p.count, p.cost) for p in copy.positions] == [(0, 200, orders[filled].cost)]
    assert sum(fill.count * fill.price for fill in copy.fills) == orders[filled].cost
    assert sum(fill.fee for fill in copy.fills) == orders[filled].fees
    assert (copy.gone, copy.subaccounts) == (frozenset(["never-was"]), (0,))
    assert began_ms <= copy.as_of_ms <= Clock().now_ms()


async def test_faults_on_the_wire_and_a_key_that_is_bound_to_a_subaccount(tmp_path):
    """Catches a copy out of half an answer, and one that a bound key cannot have at all."""
    running = await start_practice(tmp_path / "practice")
    try:
        async with (
            Client(running) as client,
            line_to(running.port, running.ca_file, rsa_key(), "full", answer_timeout=0.5) as whole,
            line_to(running.port, running.ca_file, rsa_key(), "sub3") as bound,
        ):
            assert (await client.create())[0] == 201
            for kind in FAULTS:
                running.faults.add(Fault(FaultKind(kind), path="/trade-api/v2/portfolio/orders"))
                try:
                    assert len((await whole.reader.read(Wanted((0,)))).orders) == 1, kind
                except DropCopyError as e:
                    assert "GET /trade-api/v2/portfolio/orders" in str(e)
            copy = await bound.reader.read(Wanted((3,)))
            assert (copy.orders, copy.subaccounts, copy.balances[0].subaccount) == ((), (3,), 3)
            with pytest.raises(DropCopyError, match="403"):
                await bound.reader.read(Wanted((0, 3)))
    finally:
        await running.stop()


async def test_clients_hanging_reads_keep_no_record_waiting_nor_the_other_way_round(tmp_path):
    """Catches one pool for both: whoever fills it with slow reads would keep us from knowing what we hold."""
    running = await start_practice(tmp_path / "practice")
    try:
        async with line_to(running.port, running.ca_file, rsa_key(), "full", max_connections=1) as line:
            for path, lane in (("/trade-api/v2/markets", Lane.READ), ("/trade-api/v2/series", Lane.RECONCILE)):
                running.faults.add(Fault(FaultKind.HOLD, path=path, seconds=60.0))
                signed = await line.signer.sign_read(ReadRequest(path), Clock().now_ms())
                hanging = asyncio.ensure_future(line.upstream.send(signed, lane=lane))
                async with asyncio.timeout(5):
                    while running.faults.waiting():
                        await asyncio.sleep(0.005)
                if lane is Lane.READ:
                    assert (await line.reader.read(Wanted((0,)))).subaccounts == (0,)
                else:
                    other = await line.signer.sign_read(ReadRequest("/trade-api/v2/exchange/status"), Clock().now_ms())
                    assert (await line.upstream.send(other, lane=Lane.READ)).status == 200
                assert not hanging.done()
                hanging.cancel()
    finally:
        await running.stop()
