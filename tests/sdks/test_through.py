"""Six unmodified client libraries through the proxy, by both doors: every kind of write, denials, what they send again.

Rule of this file: a library is led by `pretrade exec`'s variables or by an option of its own, never by a change to it.
"""

import asyncio
import json
import ssl
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.clients import API
from tests.e2e.harness import World
from tests.e2e.invariants import check_world
from tests.roomy import ROOMY
from tests.sdks.clients import Client, Place
from tests.sdks.matrix import CLIENTS
from tests.sdks.session import Session
from tests.sdks.steps_orders import BID
from tests.sdks.steps_through import STEPS, TOO_MANY, V1_ORDER

from pretrade.cli.client_env import client_environment
from pretrade.cli.init import CLIENT, CLIENT_KEY_ID
from pretrade.gateway.config import load
from pretrade.kalshi.keys import generate_private_key, private_pem_of, public_pem_of

EXCHANGE = "https://external-api.kalshi.com/trade-api/v2"
LONG = (pytest.mark.long, pytest.mark.timeout(480))
TRIALS = (
    pytest.param("proxy", "kalshi-python-async", id="proxy"),
    pytest.param("base_url", "kalshi-python-sync", id="base_url"),
    pytest.param("proxy", "kalshi-python-sync", id="proxy, the other keys", marks=LONG),
    pytest.param("base_url", "kalshi-python-async", id="base_url, the other keys", marks=LONG),
)
"""A door, and the library that signs with Ed25519 there; every other one signs with RSA, and four can do nothing else.
All of them together are each library by each door with each kind of key that it can use."""
ED_BOT, OWNER = "ed-bot", "the-owner"
NO_ID = {name: value for name, value in BID.items() if name != "client_order_id"}

_NEEDS_ID = {"kalshi-sdk", "pykalshi-client"}
"""They place no order without one."""
_ARRIVE_S, _POLL_S = 20.0, 0.02


@dataclass(frozen=True, slots=True)
class End:
    """What is left of an order that met a fault: the status of each create that arrived, and what its user reads."""

    arrived: list[int | None]
    words: str


@dataclass(frozen=True, slots=True)
class Case:
    """A fault of the exchange, and how orders end that meet it. Where an attempt after the first is to arrive, no other
    order is placed meanwhile (`alone`)."""

    name: str
    fault: dict[str, Any]
    end: End
    others: dict[str, End] = field(default_factory=dict)
    alone: bool = False

    def want_of(self, name: str) -> End:
        """How the order of this library ends."""
        return self.others.get(name, self.end)


CASES = (
    Case(
        "refused",
        {"kind": "status", "status": 429},
        End([429], "429"),
        {
            "kalshi-sdk": End([429], "KalshiRateLimitError"),
            "pykalshi": End([429, 201], ""),
            "pykalshi-client": End([429], "KalshiRateLimitError"),
        },
        alone=True,
    ),
    Case("unavailable", {"kind": "status", "status": 503, "execute": True}, End([503], "does not say what became")),
    Case("closed", {"kind": "close_after_read", "execute": True}, End([None], "ended before an answer")),
    Case("held", {"kind": "hold", "seconds": 12.0}, End([None], "no whole answer")),
)
"""Only pykalshi, and only after a refusal that is one (429), places the order anew. The others that try again are given
the first one's answer by the proxy."""


@dataclass(frozen=True, slots=True)
class Door(Place):
    """A place whose variables are exactly what `pretrade exec` sets, or none of them."""

    variables: tuple[tuple[str, str], ...] = ()

    def environment(self) -> dict[str, str]:
        """The variables and nothing else."""
        return dict(self.variables)


_CODE, _SENTENCE = "ORDER_COUNT_EXCEEDS_MAXIMUM", "order count 1000.00 is above limits.order.max_count 100.00"
_HINT = "Send a smaller order."
DENIED = {
    "kalshi-python-sync": ("ForbiddenException", _CODE, _SENTENCE, _HINT),
    "kalshi-python-async": ("ForbiddenException", _CODE, _SENTENCE, _HINT),
    "kalshi-typescript": ("AxiosError", _CODE, _SENTENCE, _HINT),
    "kalshi-sdk": ("KalshiAuthError", _SENTENCE),
    "pykalshi": ("AuthenticationError", _CODE, _SENTENCE, _HINT),
    "pykalshi-client": ("KalshiAPIError", _CODE, _SENTENCE, _HINT),
}
"""What the user of each library has of a denial: the exception's class, then what its text or its body holds."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One library at one door of a running proxy. `turn` keeps a fault for the library that it is meant for."""

    world: World
    door: str
    client: Client
    turn: asyncio.Lock
    cases: tuple["Case", ...]

    @property
    def number(self) -> int:
        """The library's own, in the counts of its orders, so that the exchange's log says whose they are."""
        return CLIENTS.index(self.client.name) + 1

    async def session(self) -> list[str]:
        """What went wrong in a session of every kind of call."""
        names = {f"id{n}": f"{self.client.name}-{self.door}-{n}" for n in range(1, 5)}
        session = Session(self.client, names)
        await session.go(STEPS)
        return session.wrong

    async def denial(self) -> list[str]:
        """What is missing of what the user of a denied order must have, nothing of which reaches the exchange."""
        seen = await self.client("create_order_v2", **TOO_MANY | {"client_order_id": f"denied-{self.client.name}"})
        have = f"{seen.kind} {seen.text}"
        wrong = [f"no {words!r} in {have}" for words in DENIED[self.client.name] if words not in have]
        if self.client.can("create_order"):
            old = await self.client("create_order", **V1_ORDER)
            wants = ("ORDER_FAMILY_REMOVED", "/portfolio/events/orders", r"\"side\":\"ask\"", r"\"price\":\"0.6000\"")
            wrong += [f"no {words} in {old.status} {old.text}" for words in wants if words not in old.text]
        return wrong

    async def place(self, case: "Case") -> str:
        """Place an order whose first arrival at the exchange meets a fault; what is wrong with the end, or nothing.

        The order has no id, so that nothing but the proxy keeps a second one from being placed.
        """
        count = f"{10 * self.number + CASES.index(case) + 1}.00"
        own_id = {"client_order_id": f"{case.name}-{self.client.name}"} if self.client.name in _NEEDS_ID else {}
        async with self.turn:
            before = len(await self._seen())
            await asyncio.to_thread(self.world.control, "DELETE", "faults")
            await asyncio.to_thread(self.world.fault, **case.fault)
            asked = asyncio.create_task(self.client("create_order_v2", **NO_ID | own_id | {"count": count}))
            async with asyncio.timeout(_ARRIVE_S):
                while not asked.done() and len(await self._seen()) == before:
                    await asyncio.sleep(_POLL_S)
            if case.alone:
                await asked
        seen = await asked
        arrived = [one["status"] for one in await self._seen() if f'"count":"{count}"' in one["body"]]
        want = case.want_of(self.client.name)
        # A library that asks again for the same order gets its outcome, once the exchange's record has shown it.
        is_told = want.words in f"{seen.kind} {seen.text}" or (seen.ok and self.client.name == "pykalshi")
        if arrived == want.arrived and is_told:
            return ""
        return f"{self.client.name}, {case.name}: arrived {arrived}, the user reads {seen.kind} {seen.text[:400]}"

    async def _seen(self) -> list[dict[str, Any]]:
        # not `exchange_requests`: what asks for processes is not for several threads at once
        return (await asyncio.to_thread(self.world.control, "GET", "requests"))["requests"]


def make_world(root: Path) -> World:
    """A running proxy in live mode with a second client, whose key is Ed25519 and whose subaccount is its own."""
    key = generate_private_key("ed25519")
    (root / "ed.pem").write_bytes(private_pem_of(key))
    (root / "ed.pub.pem").write_bytes(public_pem_of(key.public_key()))
    entry = f"  {ED_BOT}:\n    key_id: {ED_BOT}\n    public_key: {root / 'ed.pub.pem'}\n    subaccount: 1\n"
    world = World(root, *ROOMY, ("clients:\n  momentum-bot:", f"clients:\n{entry}  momentum-bot:"))
    open_subaccount(world)
    return world


def open_subaccount(world: World) -> None:
    """Open subaccount 1 with money in it, as the owner of the account would, and let the exchange forget who did."""
    key, owner = generate_private_key("rsa"), world.root / "owner.pem"
    owner.write_bytes(private_pem_of(key))
    public = public_pem_of(key.public_key()).decode()
    world.control("POST", "add_key", {"key_id": OWNER, "public_key": public})
    path = f"{API}/portfolio/subaccounts"
    request = urllib.request.Request(
        f"https://127.0.0.1:{world.exchange_port}{path}",
        data=b"{}",
        headers=world.raw(OWNER, owner).signed("POST", path) | {"Content-Type": "application/json"},
    )
    context = ssl.create_default_context(cafile=str(world.folder / "practice" / "ca.crt"))
    with urllib.request.urlopen(request, timeout=10, context=context) as answer:  # noqa: S310
        assert json.load(answer)["subaccount_number"] == 1
    world.control("POST", "deposit", {"amount": "$10000", "subaccount": 1})
    world.control("DELETE", "requests")


def door_of(world: World, door: str, name: str, *, is_ed: bool) -> Door:
    """How a library is led to a door: by variables to the one, by its own address to the other."""
    client, key_id, key = (
        (ED_BOT, ED_BOT, world.root / "ed.pem") if is_ed else (CLIENT, CLIENT_KEY_ID, world.client_key)
    )
    variables = client_environment(load(world.policy), client)
    ca_file = Path(variables["NODE_EXTRA_CA_CERTS"])
    if door == "base_url":
        return Door(variables["PRETRADE_BASE_URL"], ca_file, key_id, key)
    return Door(EXCHANGE, ca_file, key_id, key, variables["HTTPS_PROXY"], variables=tuple(variables.items()))


@asynccontextmanager
async def trials(root: Path, door: str, ed25519: str, cases: tuple[Case, ...]) -> AsyncIterator[list[Trial]]:
    """All libraries at one door of a world of their own, which is held to the invariants in the end."""
    world = await asyncio.to_thread(make_world, root)
    turn = asyncio.Lock()
    clients: list[Client] = []
    try:
        places = {name: door_of(world, door, name, is_ed=name == ed25519) for name in CLIENTS}
        clients += await asyncio.gather(*(Client.start(name, place) for name, place in places.items()))
        yield [Trial(world, door, client, turn, cases) for client in clients]
        for client in clients:
            await client.end()
        await asyncio.to_thread(check_world, world)
    finally:
        for client in clients:
            await client.kill()
        await asyncio.to_thread(world.__exit__)


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("door", "ed25519"), TRIALS)
async def test_every_library_by_its_door(
    request: pytest.FixtureRequest, tmp_path: Path, door: str, ed25519: str
) -> None:
    """Catches a byte of a library's that a door does not take, an answer that its models do not read, a denial that its
    user cannot understand, and an order sent again, by new bytes or the same, that becomes a second one."""
    # a held order takes its eight seconds by one door only, but for the long runs: behind both is the same gate
    is_long = request.node.get_closest_marker("long") is not None
    cases = tuple(case for case in CASES if case.name != "held" or door == "proxy" or is_long)
    async with trials(tmp_path, door, ed25519, cases) as every:
        wrong = await asyncio.gather(*(_talks(trial) for trial in every))
        wrong += await asyncio.gather(*(_faults(trial) for trial in every))
        sent = await asyncio.to_thread(every[0].world.control, "GET", "requests")
    assert not any(wrong), "\n".join(one for of_one in wrong for one in of_one)
    assert "1000.00" not in json.dumps(sent), "nothing that was denied reaches the exchange"


async def _talks(trial: Trial) -> list[str]:
    return [f"{trial.client.name}: {one}" for one in (*await trial.session(), *await trial.denial())]


async def _faults(trial: Trial) -> list[str]:
    return [wrong for case in trial.cases if (wrong := await trial.place(case))]
