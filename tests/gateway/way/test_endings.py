"""How writes ended: an order's end stands in the log before any later order does."""

import asyncio
from pathlib import Path

from tests.gateway.fakes import LIVE, NoEnds, open_world, until

from pretrade.journal.events import EventKind


async def test_no_order_passes_while_another_tries_to_record_an_earlier_end(tmp_path: Path) -> None:
    """Catches an order that takes the end of an earlier one for recorded because another order is at it just then: its
    own row would come to stand where that end is missing."""
    world = open_world(tmp_path, LIVE)
    disk = NoEnds(world)
    assert (await world.ask(world.order(client_order_id="c-1"))).status == 201
    await until(lambda: not world.instance.journal.healthy)
    disk.hold()
    at_it = asyncio.create_task(world.ask(world.order(client_order_id="c-2")))
    await asyncio.to_thread(disk.reached.wait, 5)
    another = asyncio.create_task(world.ask(world.order(client_order_id="c-3")))
    for _ in range(100):
        await asyncio.sleep(0)
    disk.go_on.set()
    assert ((await at_it).status, (await another).status) == (503, 503)
    assert len(world.upstream.sent) == 1
    disk.refuses = False
    assert (await world.ask(world.order(client_order_id="c-4"))).status == 201
    await world.instance.journal.settled()
    kinds = [kind for kind in disk.kinds() if kind in {EventKind.DECISION, EventKind.OUTCOME}]
    assert kinds == [EventKind.DECISION, EventKind.OUTCOME] * 2
    await world.close()
