"""What is read by name is read once for all, given out while it is young, and let alone for a moment when it fails."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from tests.gateway.fakes import FakeTime, until

from pretrade.gateway.market.shelf import MOMENT_MS, USED_MS, Failure, Shelf, one_by_one

KEEP_MS = 60_000
SIZE = 10


@dataclass
class Source:
    """What is read: notes every read, waits while it is held, fails what it is told to fail."""

    reads: list[tuple[str, ...]] = field(default_factory=list)
    failures: dict[str, Failure] = field(default_factory=dict)
    version: int = 1
    fault: Exception | None = None
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.go_on.set()

    async def read(self, names: tuple[str, ...]) -> Mapping[str, str | Failure]:
        self.reads.append(names)
        version = self.version
        await self.go_on.wait()
        if self.fault is not None:
            raise self.fault
        return {name: self.failures.get(name, f"{name} v{version}") for name in names}


def whole(names: object) -> list[tuple[str, ...]]:
    group = tuple(names)  # type: ignore[arg-type]
    return [group] if group else []


class Bench:
    """A shelf, its source and its time."""

    def __init__(self, split: object = one_by_one, patience: float = 5.0) -> None:
        self.time, self.source = FakeTime(), Source()
        self.shelf = Shelf(
            self.time.clock,
            self.source.read,
            split,
            keep_ms=KEEP_MS,
            size=SIZE,
            patience=patience,  # type: ignore[arg-type]
        )

    async def have(self, *names: str, patience: float = 5.0) -> list[str | Failure]:
        return list((await self.shelf.have(names, asyncio.get_running_loop().time() + patience)).values())


async def test_a_thing_is_read_once_and_then_given_out() -> None:
    bench = Bench()
    assert bench.shelf.fresh("a") is None
    assert await bench.have("a", "b", "a") == ["a v1", "b v1"]
    assert await bench.have("b", "a") == ["b v1", "a v1"]
    assert bench.shelf.fresh("a") == "a v1"
    assert bench.source.reads == [("a",), ("b",)]


async def test_a_hundred_that_wait_for_the_same_thing_are_one_read() -> None:
    """Catches a read for everyone who asks, and a read that is forgotten while one of those who wait is gone."""
    bench = Bench()
    bench.source.go_on.clear()
    waiting = [asyncio.create_task(bench.have("a", "b")) for _ in range(100)]
    await until(lambda: len(bench.source.reads) == 2)
    waiting[0].cancel()
    late = asyncio.create_task(bench.have("b"))
    await asyncio.sleep(0)
    bench.source.go_on.set()
    assert await asyncio.gather(*waiting[1:], late) == [*[["a v1", "b v1"]] * 99, ["b v1"]]
    assert bench.source.reads == [("a",), ("b",)]


async def test_those_who_ask_for_several_things_wait_for_reads_under_way_and_start_the_rest() -> None:
    """Catches a group that is read again because one name of it is new."""
    bench = Bench(whole)
    bench.source.go_on.clear()
    first = asyncio.create_task(bench.have("a", "b"))
    await until(lambda: len(bench.source.reads) == 1)
    second = asyncio.create_task(bench.have("b", "c", "d"))
    await until(lambda: len(bench.source.reads) == 2)
    bench.source.go_on.set()
    assert await asyncio.gather(first, second) == [["a v1", "b v1"], ["b v1", "c v1", "d v1"]]
    assert bench.source.reads == [("a", "b"), ("c", "d")]


async def test_the_first_who_asks_may_leave_without_ending_the_read_of_the_others() -> None:
    """Catches a read that belongs to one client: when its connection goes, everybody's read would be gone."""
    bench = Bench()
    bench.source.go_on.clear()
    first = asyncio.create_task(bench.have("a"))
    await until(lambda: bool(bench.source.reads))
    second = asyncio.create_task(bench.have("a"))
    await asyncio.sleep(0)
    first.cancel()
    bench.source.go_on.set()
    assert await second == ["a v1"]
    assert len(bench.source.reads) == 1


@pytest.mark.parametrize(("age_ms", "is_given"), [(0, True), (KEEP_MS - 1, True), (KEEP_MS, False)])
async def test_a_thing_ages_by_the_monotonic_clock(age_ms: int, is_given: bool) -> None:
    """Catches a thing given out past its time, and an age by the wall clock, which people set."""
    bench = Bench()
    await bench.have("a")
    bench.time.mono_ns += age_ms * 1_000_000
    bench.time.utc_ns += 10**18
    assert (bench.shelf.fresh("a") is not None) is is_given
    bench.source.version = 2
    assert await bench.have("a") == (["a v1"] if is_given else ["a v2"])


async def test_a_thing_is_as_old_as_the_question() -> None:
    """Catches an age from when the answer came: what it says may have been over since it was asked for."""
    bench = Bench()
    bench.source.go_on.clear()
    waiting = asyncio.create_task(bench.have("a"))
    await until(lambda: bool(bench.source.reads))
    bench.time.pass_ms(KEEP_MS - 1)
    bench.source.go_on.set()
    await waiting
    assert bench.shelf.fresh("a") == "a v1"
    bench.time.pass_ms(1)
    assert bench.shelf.fresh("a") is None


@pytest.mark.parametrize("keep_ms", [MOMENT_MS, 5_000])
async def test_what_failed_is_let_alone_for_its_moment(keep_ms: int) -> None:
    """Catches a loop of orders that becomes a loop of reads, and a failure that is remembered for ever."""
    bench = Bench()
    failure = Failure("no", keep_ms)
    bench.source.failures["a"] = failure
    for _ in range(50):
        assert await bench.have("a") == [failure]
    bench.time.pass_ms(keep_ms - 1)
    assert await bench.have("a") == [failure]
    assert len(bench.source.reads) == 1
    bench.time.pass_ms(1)
    bench.source.failures.clear()
    assert await bench.have("a") == ["a v1"]
    assert len(bench.source.reads) == 2


async def test_nobody_waits_past_the_deadline_and_what_then_comes_is_kept() -> None:
    bench = Bench()
    bench.source.go_on.clear()
    (nothing,) = await bench.have("a", patience=0.01)
    assert isinstance(nothing, Failure)
    bench.source.go_on.set()
    await until(lambda: bench.shelf.fresh("a") is not None)
    assert bench.source.reads == [("a",)]


async def test_a_read_that_hangs_is_ended_and_counts_as_failed() -> None:
    """Catches one hanging read that keeps everybody from ever asking again."""
    bench = Bench(patience=0.02)
    bench.source.go_on.clear()
    assert await bench.have("a") == [Failure("the exchange did not answer within 0.02 s")]
    bench.source.go_on.set()
    bench.time.pass_ms(MOMENT_MS)
    assert await bench.have("a") == ["a v1"]


async def test_a_fault_of_the_program_comes_out_and_blocks_nothing() -> None:
    """Catches a bug that is swallowed, and one after which the name counts as being read for ever."""
    bench = Bench()
    bench.source.fault = RuntimeError("bug")
    with pytest.raises(RuntimeError):
        await bench.have("a")
    bench.source.fault = None
    assert await bench.have("a") == ["a v1"]


async def test_the_least_used_go_when_there_are_too_many() -> None:
    """Catches a shelf that grows with every name that a client makes up, or that drops what is in use for them."""
    bench = Bench()
    await bench.have("used", *(f"n{number}" for number in range(SIZE - 1)))
    for number in range(100):
        assert bench.shelf.fresh("used") == "used v1"
        await bench.have(f"m{number}")
    bench.source.failures = {f"f{number}": Failure("no") for number in range(100)}
    await bench.have(*bench.source.failures)
    assert bench.shelf.fresh("used") == "used v1"
    assert bench.shelf.fresh("n0") is None
    assert (len(bench.shelf._kept), len(bench.shelf._failed), len(bench.shelf._reading)) == (SIZE, SIZE, 0)


async def test_what_is_used_is_worn_from_half_of_its_life_on() -> None:
    """Catches a renewal of everything ever seen, and one that comes only when a thing is gone already."""
    bench = Bench()
    await bench.have("a")
    bench.time.pass_ms(1_000)
    await bench.have("b")
    assert bench.shelf.worn() == []
    bench.time.pass_ms(KEEP_MS // 2 - 1_000)
    assert bench.shelf.worn() == ["a"]
    bench.time.pass_ms(1_000)
    assert bench.shelf.worn() == ["a", "b"]
    bench.time.pass_ms(USED_MS)
    assert bench.shelf.worn() == []
    assert bench.shelf.fresh("b") is None
    assert bench.shelf.worn() == ["b"]


async def test_a_renewal_replaces_and_is_no_use() -> None:
    """Catches a thing that its own renewals keep in use for ever."""
    bench = Bench()
    await bench.have("a")
    bench.source.version = 2
    bench.time.pass_ms(KEEP_MS // 2)
    await bench.shelf.renew(["a"])
    bench.time.pass_ms(KEEP_MS - 1)
    assert bench.shelf.fresh("a") == "a v2"
    for _ in range(USED_MS // KEEP_MS):
        bench.time.pass_ms(KEEP_MS)
        await bench.shelf.renew(bench.shelf.worn())
    bench.time.pass_ms(KEEP_MS)
    assert bench.shelf.worn() == []


async def test_a_renewal_that_fails_takes_nothing_away_and_is_not_tried_at_once_again() -> None:
    """Catches facts lost to one bad answer while they are young, and a renewal that hammers."""
    bench = Bench()
    await bench.have("a")
    bench.time.pass_ms(KEEP_MS // 2)
    bench.source.failures["a"] = Failure("no")
    await bench.shelf.renew(["a"])
    assert await bench.have("a") == ["a v1"]
    assert bench.shelf.worn() == []
    bench.time.pass_ms(KEEP_MS // 2)
    assert bench.shelf.worn() == ["a"]
    assert await bench.have("a") == [Failure("no")]


@pytest.mark.parametrize("leaves", [False, True])
async def test_a_renewal_shares_its_read_with_those_who_wait_and_may_leave(leaves: bool) -> None:
    """Catches a housekeeping that is stopped and takes the read of a waiting order with it."""
    bench = Bench()
    bench.source.go_on.clear()
    renewal = asyncio.create_task(bench.shelf.renew(["a"]))
    await until(lambda: bool(bench.source.reads))
    waiting = asyncio.create_task(bench.have("a"))
    await asyncio.sleep(0)
    if leaves:
        renewal.cancel()
        await asyncio.wait([renewal])
    bench.source.go_on.set()
    assert await waiting == ["a v1"]
    assert bench.source.reads == [("a",)]
    await asyncio.wait([renewal])


async def test_a_fault_of_the_program_comes_out_of_a_renewal_too() -> None:
    bench = Bench()
    await bench.have("a")
    bench.source.fault = RuntimeError("bug")
    with pytest.raises(RuntimeError):
        await bench.shelf.renew(["a"])
    assert await bench.have("a") == ["a v1"]
    await bench.shelf.renew([])


async def test_what_somebody_else_told_changes_a_thing_that_is_here() -> None:
    """Catches news that wait for the next read, and news of what nobody asked for that come to be here without one."""
    bench = Bench()
    await bench.have("a", "b")
    bench.time.pass_ms(1_000)
    bench.shelf.change("a", lambda thing: f"{thing} changed")
    bench.shelf.change("b", lambda _: None)
    bench.shelf.change("c", lambda _: "never read")
    assert [bench.shelf.fresh(name) for name in "abc"] == ["a v1 changed", None, None]
    assert [bench.shelf.age_ms(name) for name in "abc"] == [1_000, None, None]
    bench.source.version = 2
    assert await bench.have("a", "b") == ["a v1 changed", "b v2"]


async def test_what_was_being_read_when_news_came_is_not_kept() -> None:
    """Catches an answer from before a change that arrives after it, and has the last word."""
    bench = Bench()
    await bench.have("a")
    bench.source.go_on.clear()
    reading = asyncio.create_task(bench.shelf.renew(["a"]))
    await until(lambda: len(bench.source.reads) == 2)
    bench.shelf.change("a", lambda _: "changed")
    bench.source.go_on.set()
    await reading
    assert bench.shelf.fresh("a") == "changed"
    await bench.shelf.renew(["a"])
    assert bench.shelf.fresh("a") == "a v1"


async def test_what_is_in_doubt_is_read_again_soon() -> None:
    bench = Bench()
    await bench.have("a")
    bench.time.pass_ms(10)
    await bench.have("b")
    assert bench.shelf.worn() == []
    bench.shelf.doubt()
    assert bench.shelf.worn() == ["a"]
    bench.time.pass_ms(1)
    bench.shelf.doubt()
    assert bench.shelf.worn() == ["a", "b"]
    await bench.shelf.renew(["a"])
    assert bench.shelf.worn() == ["b"]


async def test_a_read_that_waits_for_nothing_is_no_fault_in_a_loop_with_eager_tasks() -> None:
    """mitmproxy's loop begins tasks at once. Catches a read that is over before anybody has noted that it began."""
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    assert await Bench().have("a", "b") == ["a v1", "b v1"]
