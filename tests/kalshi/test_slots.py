"""A share of a lane for each reader: nobody takes all of it, and nothing that was taken is lost."""

import asyncio

import pytest

from pretrade.kalshi.slots import Slots


def soon(seconds: float = 0.01) -> float:
    return asyncio.get_running_loop().time() + seconds


async def test_a_reader_has_a_share_and_no_more() -> None:
    """Catches one client whose hanging reads keep everybody else's waiting. Seen red without the shares."""
    slots = Slots(8)
    for _ in range(2):
        await slots.take("a", soon())
    with pytest.raises(TimeoutError):
        await slots.take("a", soon())
    await slots.take("b", soon())
    slots.give_back("a")
    await slots.take("a", soon())


async def test_who_keeps_to_no_share_may_have_all() -> None:
    """Catches a share for what is not asked for by one of several: orders, exits, our own reading of the record."""
    slots = Slots(8)
    for _ in range(8):
        await slots.take(None, soon())
    assert slots.locked()
    with pytest.raises(TimeoutError):
        await slots.take(None, soon())


async def test_who_gives_up_at_the_door_of_all_keeps_nothing() -> None:
    """Catches a share that is lost with each deadline or hang-up, until its reader can ask nothing any more. Seen red
    without the release."""
    slots = Slots(4)
    for _ in range(4):
        await slots.take(None, soon())
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await slots.take("a", soon())
        waiting = asyncio.create_task(slots.take("a", soon(60)))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    slots.give_back(None)
    await slots.take("a", soon())
    slots.give_back("a")
    assert not slots.locked()


async def test_a_lane_of_one_has_room_for_one() -> None:
    """Catches a share of nothing."""
    slots = Slots(1)
    await slots.take("a", soon())
    slots.give_back("a")
    await slots.take("b", soon())
