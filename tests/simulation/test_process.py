"""A killed process does nothing any more, though its tasks end as Python ends them."""

import asyncio
from contextlib import suppress
from pathlib import Path

from tests.simulation.loop import VirtualLoop, run
from tests.simulation.process import task_factory
from tests.simulation.world import World

from pretrade.model.instance import TradingState


def test_what_a_killed_process_was_about_to_write_is_not_written(tmp_path: Path) -> None:
    """Catches a resume that is cut off by the kill and leaves a HALT file, as it does where it is cancelled: the next
    run would be HALTED whatever the disk has of the resume, and no world would show what happens where it is not."""
    loop = VirtualLoop(1)
    loop.set_task_factory(task_factory)  # type: ignore[arg-type]
    world = World(1, loop, tmp_path)

    async def main() -> None:
        world.disk.faulty = False
        process = world.fate.start()
        trading = process.instance.trading
        await trading.stop(TradingState.HALTED, cause="operator", reason="test")
        resuming = process.start(trading.resume(actor="op", by="Ann", reason="test"))
        await asyncio.sleep(0)
        assert trading.is_resuming
        process.crash()
        with suppress(asyncio.CancelledError):
            await resuming
        assert not trading.is_resuming

    run(loop, main())
    assert list(tmp_path.iterdir()) == []
