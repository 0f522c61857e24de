"""Our own reads: never more than half of the lowest tier's budget, few at once, asked again where that may help."""

import asyncio
from dataclasses import replace

import pytest
from tests.gateway.fakes import answered
from tests.gateway.recordkit import API, FAST, Desk, on_desk, quiet

from pretrade.gateway.account.drop_copy import DropCopyError, Wanted
from pretrade.gateway.account.own_reads import ReadLimits
from pretrade.kalshi.client import NotSent, Unknown
from pretrade.model.drop_copy import DropCopy

ONE = Wanted((0,))
MANY = Wanted((0, 1, 3), order_ids=frozenset(f"o-{n}" for n in range(300)), since_ms=0, fills_since_ms=0)
HALF_OF_BASIC = 100
LARGEST = 10
DOWN = {"code": "service_unavailable", "message": "down"}


def _cost(target: str) -> int:
    return 2 if target.startswith(f"{API}/portfolio/orders/") else 10


def test_no_second_takes_more_than_half_of_the_lowest_tier():
    """Catches a burst at each reading: clients' reads, signed by the same key, would be the ones refused."""
    simulation = quiet("basic")

    async def main(desk: Desk) -> list[tuple[float, int]]:
        await asyncio.gather(desk.reader.read(MANY), desk.reader.read(ONE))
        await desk.reader.read(MANY)
        return [(at, _cost(target)) for at, target in desk.upstream.asked]

    asked = on_desk(simulation, main, ReadLimits())
    assert len(asked) > 600
    for start, _ in asked:
        assert sum(cost for at, cost in asked if start <= at < start + 1) <= HALF_OF_BASIC + LARGEST
    whole = asked[-1][0] - asked[0][0]
    assert sum(cost for _, cost in asked) / whole > HALF_OF_BASIC * 0.9


def test_too_many_requests_are_waited_out():
    """Catches a copy given up because clients had used the budget, and one that hammers on meanwhile."""
    simulation = quiet("basic")
    limiter, refused = simulation.practice.dispatcher.limiter, []

    async def main(desk: Desk) -> DropCopy:
        def hog() -> None:
            if asyncio.get_running_loop().time() < 3:
                bucket = limiter._filled("main", -1, simulation.now_us)
                bucket.level = 0
                refused.append(1)

        desk.upstream.before = hog
        return await desk.reader.read(ONE)

    assert on_desk(simulation, main, ReadLimits()).subaccounts == (0,)
    assert 3 <= len(refused) <= 8


def test_too_many_requests_for_ever_end_at_the_deadline():
    async def main(desk: Desk) -> None:
        async def always(request, **more):
            return answered(429, {"error": "too many requests"})

        desk.upstream.send = always  # type: ignore[method-assign]
        await desk.reader.read(ONE)

    with pytest.raises(DropCopyError, match="within 5 s"):
        on_desk(quiet(), main, replace(FAST, seconds=5.0))


def test_no_more_than_four_are_under_way_at_once():
    """Catches a reading that opens a connection for each of 300 orders."""

    async def main(desk: Desk) -> int:
        desk.upstream.latency_s = 0.05
        await desk.reader.read(MANY)
        return desk.upstream.most_at_once

    assert on_desk(quiet(), main, replace(FAST, seconds=600.0)) == 4


@pytest.mark.parametrize(
    ("sent", "says", "answer"),
    [
        (3, "was answered 503 (service_unavailable: down)", answered(503, DOWN)),
        (3, "was answered 500", answered(500)),
        (3, "was answered 504", answered(504, "<html>")),
        (3, "was not answered: the connection ended", Unknown("the connection ended")),
        (3, "was not answered: refused", NotSent("refused")),
        (1, "was answered 401 (authentication_error)", answered(401, {"error": {"code": "authentication_error"}})),
        (1, "was answered 403", answered(403)),
        (1, "was answered 400", answered(400, {"msg": ""})),
        (1, "was answered 404", answered(404)),
        (1, "was answered 201", answered(201, {})),
        (1, "was answered 307", answered(307)),
        (1, "was answered 200, but its body is not readable JSON", answered(200)),
    ],
)  # fmt: skip
def test_what_may_pass_is_asked_again_and_the_rest_is_told(sent, says, answer):
    """Catches a wrong key asked about for ever, and a lost packet that ends a reconciliation."""
    asked = []

    async def main(desk: Desk) -> None:
        async def same(request, **more):
            asked.append(request.target)
            if isinstance(answer, Exception):
                raise answer
            return answer

        desk.upstream.send = same  # type: ignore[method-assign]
        await desk.reader.read(ONE)

    with pytest.raises(DropCopyError) as told:
        on_desk(quiet(), main)
    assert str(told.value).startswith(f"GET {API}/exchange/user_data_timestamp {says}")
    assert len(asked) == sent


def test_each_request_is_signed_anew():
    """Catches a repeated read whose signature has expired while it waited (auth.md 1)."""
    stamps = []

    async def main(desk: Desk) -> None:
        async def lost(request, **more):
            stamps.append(dict(request.headers)["KALSHI-ACCESS-TIMESTAMP"])
            await asyncio.sleep(8)
            raise Unknown("lost")

        desk.upstream.send = lost  # type: ignore[method-assign]
        await desk.reader.read(ONE)

    with pytest.raises(DropCopyError):
        on_desk(quiet(), main)
    assert len(set(stamps)) == 3
