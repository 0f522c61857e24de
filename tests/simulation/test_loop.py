"""The virtual loop: it keeps asyncio's promises, leaves the rest to the seed, and tells a world that cannot go on."""

import asyncio

import pytest
from tests.simulation.loop import StuckError, VirtualLoop, run


async def race(moments: list[float]) -> list[int]:
    """The order in which sleepers wake."""
    woken: list[int] = []

    async def sleep(number: int, seconds: float) -> None:
        await asyncio.sleep(seconds)
        woken.append(number)

    await asyncio.gather(*(sleep(number, seconds) for number, seconds in enumerate(moments)))
    return woken


def test_time_jumps_and_nothing_real_is_waited_for():
    async def main() -> float:
        await asyncio.sleep(86_400)
        return asyncio.get_running_loop().time()

    assert run(VirtualLoop(1), main()) == 86_400


def test_timers_wake_in_the_order_of_their_moments():
    assert run(VirtualLoop(1), race([3, 1, 2])) == [1, 2, 0]


def test_what_is_due_at_the_same_moment_is_decided_by_the_seed():
    """Catches a scheduler that always takes the same turn: no interleaving but one would ever be seen."""
    orders = {tuple(run(VirtualLoop(seed), race([1.0] * 4))) for seed in range(40)}
    assert len(orders) > 10
    assert run(VirtualLoop(7), race([1.0] * 6)) == run(VirtualLoop(7), race([1.0] * 6))


def test_callbacks_run_in_the_order_they_were_handed_in():
    """asyncio promises it, so a finding that needs another order would be none."""

    async def main() -> list[int]:
        loop, seen = asyncio.get_running_loop(), []
        for number in range(5):
            loop.call_soon(seen.append, number)
        await asyncio.sleep(0.001)
        return seen

    for seed in range(5):
        assert run(VirtualLoop(seed), main()) == [0, 1, 2, 3, 4]


def test_a_deadline_ends_what_takes_too_long():
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.sleep(6)
        return asyncio.get_running_loop().time()

    assert run(VirtualLoop(1), main()) == 5


def test_a_world_in_which_nobody_can_go_on_is_told():
    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(StuckError, match="waits for what can never come"):
        run(VirtualLoop(1), main())


def test_a_world_that_spins_is_told():
    async def main() -> None:
        while True:
            await asyncio.sleep(0)

    with pytest.raises(StuckError, match="spins"):
        run(VirtualLoop(1), main())


def test_threads_are_refused():
    """Catches work handed to a thread: the run would depend on the machine from there on."""

    async def main() -> None:
        await asyncio.to_thread(print)

    with pytest.raises(StuckError, match="thread"):
        run(VirtualLoop(1), main())
