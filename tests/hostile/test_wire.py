"""The whole corpus against a running `pretrade run`, through both doors: at the exchange not one byte that our
serialiser did not write, at the client a clear refusal or a closed connection within 10 s.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine

import pytest
from tests.e2e.harness import World
from tests.e2e.invariants import windows_of
from tests.gateway.doorkit import HOST, Opened, Response, SilentError
from tests.gateway.gatekit import request
from tests.hostile.corpus import FAMILIES, MARK, READ, SENT, Made
from tests.hostile.exchange import Record

from pretrade.cli.init import LIVE_KEY_ID

AT_ONCE = 4


def shown(answer: Response) -> str:
    """One word for what a client saw."""
    if answer.status in (200, 201):
        return SENT if answer.status == 201 else READ
    return answer.code if answer.body or not answer.status else f"{answer.status} without a body"


def signed(made: Made, host: str) -> bytes:
    """The case's bytes; no two are signed in one millisecond, of which a door takes only two."""
    time.sleep(0.0011)
    return made(host)


async def in_tunnel(way: Opened, made: Made) -> Response:
    return await way.try_tunnel(signed(made, HOST), f"{HOST}:443")


async def at_base_url(way: Opened, made: Made) -> Response:
    wire = await way.base_url()
    answer = await wire.ask(signed(made, f"127.0.0.1:{way.base_url_port}"))
    await wire.close()
    return answer


DOORS: dict[str, Callable[[Opened, Made], Coroutine[None, None, Response]]] = {
    "proxy": in_tunnel, "base_url": at_base_url,
}  # fmt: skip


async def ask_all(way: Opened, door: str, cases: dict[str, tuple[Made, str]], told: list[bytes]) -> dict[str, str]:
    """What each case's client saw, a few of them at once; all of its bytes go into `told`."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(made: Made) -> str:
        async with turn:
            try:
                answer = await DOORS[door](way, made)
                told.append(answer.head + answer.body)
                return shown(answer)
            except SilentError:
                return "nothing within 10 s"

    return dict(zip(cases, await asyncio.gather(*(one(made) for made, _ in cases.values())), strict=True))


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("family", FAMILIES)
async def test_the_corpus(world: World, way: Opened, record: Record, family: str, door: str) -> None:
    """Catches a lenient front door: a case that is answered otherwise than listed, more or fewer orders than clients
    were told of, bytes of a client's at the exchange, a door that a case leaves unable to serve the next one, and the
    live key or its id in an answer."""
    cases, told = FAMILIES[family], [b""]
    record.new_writes()
    seen = await ask_all(way, door, cases, told)
    good = shown(await DOORS[door](way, lambda host: request(host=host)))
    assert {name: was for name, was in seen.items() if was != cases[name][1]} == {}
    assert good == SENT
    assert record.new_writes() == 1 + sum(was == SENT for was in seen.values())
    assert MARK not in str(record.writes())
    answers = b"\n".join(told)
    assert LIVE_KEY_ID.encode() not in answers and not windows_of(world.live_key.read_bytes(), answers)
