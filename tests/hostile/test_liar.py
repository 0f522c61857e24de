"""What a lying exchange can make a client see, and what reading its lies may cost the proxy."""

import asyncio
import string
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from tests.e2e.harness import World
from tests.gateway.doorkit import HOST, Opened, Response
from tests.gateway.gatekit import KEY, request, signature
from tests.hostile.conftest import GENEROUS
from tests.hostile.test_crowd import Crowd, Meter, crowd, large_answers_never_read

from pretrade.kalshi.keys import generate_private_key, public_pem_of

LIAR = Path(__file__).parent / "liar.py"
BALANCE = "/trade-api/v2/portfolio/balance"
CEILING_MB = 150
"""What an instance may use; 128 was measured, of which an idle one has 108."""
OTHER_KEY = generate_private_key("ed25519")
LIST = "/trade-api/v2/markets?cursor=size"


class LiarsWorld(World):
    """A world whose exchange is a liar, so that its record is never read."""

    reconciles = False
    is_cold = True

    def _start_tap(self) -> subprocess.Popen[str]:
        pem = str(self.folder / "practice" / "server.pem")
        liar = subprocess.Popen(
            [sys.executable, str(LIAR), str(self._tap_port), pem],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert liar.stdout is not None
        assert liar.stdout.readline() == "ready\n"
        return liar


def _other(public_key: Path) -> tuple[str, str]:
    """The change of a policy by which it has a second client."""
    first = "    subaccount: 0\n"
    named = f"  other-bot:\n    key_id: other-bot-key\n    public_key: {public_key}\n    subaccount: 1\n"
    return first, first + named


@pytest.fixture(scope="module")
def lied_to(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("liar")
    (folder / "bot.pub.pem").write_bytes(public_pem_of(KEY.public_key()))
    (folder / "other.pub.pem").write_bytes(public_pem_of(OTHER_KEY.public_key()))
    changes = (*GENEROUS, ("keys/momentum-bot.pub.pem", str(folder / "bot.pub.pem")), _other(folder / "other.pub.pem"))
    with LiarsWorld(folder, *changes, tap=True) as running:
        yield running


@pytest.fixture
def through(lied_to: World) -> Opened:
    return Opened(None, lied_to.proxy_port, lied_to.base_url_port)  # type: ignore[arg-type]


async def ask(way: Opened, data: bytes) -> Response:
    return await way.try_tunnel(data, f"{HOST}:443")


async def test_an_answer_never_carries_the_live_signature(lied_to: World, through: Opened) -> None:
    """Catches an exchange, or a box before it, that says back what it was sent: for some seconds the live signature is
    as good as the key for that path. Seen red."""
    read = await ask(through, request("GET", f"{BALANCE}?subaccount=echo"))
    assert read.code == "EXCHANGE_SILENT"
    assert b"KALSHI-ACCESS-SIGNATURE: " not in read.body
    assert b"repeats the request's signature" in read.body
    unsigned = await ask(through, request("GET", "/trade-api/v2/exchange/status?x=echo"))
    assert unsigned.status == 200


ODD = {byte: bytes([byte]) for byte in range(256)} | {
    "a header behind": b"text/html\r\nSet-Cookie: a=b", "a body behind": b"text/html\r\n\r\n<script>",
    "folded": b"text/html\r\n X: y", "bare LF": b"text/html\nX: y", "bare CR": b"text/html\rX: y",
}  # fmt: skip


async def test_no_answer_of_the_exchange_is_two_answers_to_a_client(through: Opened) -> None:
    """Catches response splitting: whatever bytes stand in the one header that is passed on, a client sees one answer
    with the headers we write, or a refusal of ours."""
    known = {b"content-type", b"content-length", b"connection"}
    wire = await through.tunnel()
    for name, odd in ODD.items():
        data = request("GET", f"{BALANCE}?x=type-{(b'text/x' + odd + b'y').hex()}")
        answer = await wire.ask(data)
        if not answer.status:
            wire = await through.tunnel()
            answer = await wire.ask(data)
        lines = answer.head.removesuffix(b"\r\n\r\n").split(b"\r\n")[1:]
        assert {line.partition(b":")[0].lower() for line in lines} <= known, name
        assert answer.body == b"{}" or answer.code == "EXCHANGE_SILENT", name
        assert all(chr(byte) in string.printable or byte > 127 for byte in answer.head), name
    await wire.close()


async def lists_on_kept_connections(others: Crowd) -> None:
    """Lists of 3 MB by the proxy door, each read to its end on a connection that is kept."""
    for number in range(60):
        wire = await others.way.tunnel()
        others.wires.append(wire)
        assert len((await wire.ask(request("GET", f"{LIST}-3000000&x={number}"))).body) == 3_000_000


@pytest.mark.parametrize("bomb", [large_answers_never_read, lists_on_kept_connections], ids=lambda bomb: bomb.__name__)
async def test_large_answers(lied_to: World, through: Opened, bomb: Callable[[Crowd], Awaitable[None]]) -> None:
    """Catches answers kept for clients that do not read (762 MB for one of them) or have gone, and what a kept
    connection keeps of an answer (201 MB for sixty). A good client is served meanwhile. Seen red."""
    async with Meter(lied_to) as meter, crowd(through) as others:
        await bomb(others)
        assert (await ask(through, request("GET", BALANCE))).status == 200
    print(f"{bomb.__name__}: {meter.highest_mb:.0f} MB")
    assert meter.highest_mb < CEILING_MB


def as_other(target: str, host: str) -> bytes:
    """A read of the second client's."""
    lines = [f"GET {target} HTTP/1.1", f"Host: {host}"]
    lines += signature("GET", target.partition("?")[0], OTHER_KEY, "other-bot-key")
    return "\r\n".join([*lines, "", ""]).encode()


async def test_one_client_s_lists_leave_room_for_another_s_reads(through: Opened) -> None:
    """Catches a client whose many large answers, of which the end does not come, take every connection and all of the
    room: others waited until those were given up, and with a row of such clients were told 503. Seen red without the
    shares of connections and without those of the room."""
    host = f"127.0.0.1:{through.base_url_port}"
    async with crowd(through) as others:
        await others.send(40, request("GET", "/trade-api/v2/markets?cursor=stuck-8000000", host=host))
        given_up = asyncio.create_task(others.wires[0].reader.read(1))
        good = await through.base_url()
        for number in range(12):
            size = (100, 300_000)[number % 2]
            answer = await good.ask(as_other(f"{LIST}-{size}&x={number}", host))
            assert (answer.status, len(answer.body)) == (200, size)
        assert not given_up.done(), "others' reads had to wait for it"
        given_up.cancel()
        await good.close()
