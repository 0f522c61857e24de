"""Our dial to the exchange's stream: signed late, once, for one path, to the address of the policy and nowhere else."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import structlog
from tests.kalshi.stream_server import FakeExchange, dialler, exchange, raw_exchange
from websockets.exceptions import ConnectionClosed

from pretrade.kalshi import stream
from pretrade.kalshi.client import Address
from pretrade.kalshi.keys import generate_private_key, signing_text, verify
from pretrade.kalshi.signing import SignedRequest, Signer
from pretrade.kalshi.stream import NotOpenedError, StreamDialler
from pretrade.model.codes import DenyCode

NOW_MS = 1_795_280_400_000


@pytest.fixture
async def venue(tmp_path: Path) -> AsyncIterator[FakeExchange]:
    async with exchange(tmp_path) as fake:
        yield fake


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


async def sign() -> SignedRequest:
    return SignedRequest("GET", "/trade-api/ws/v2", (("KALSHI-ACCESS-SIGNATURE", "canary-signature"),))


@pytest.mark.parametrize("algorithm", ["ed25519", "rsa"])
async def test_the_signer_signs_the_one_handshake(algorithm: str) -> None:
    """Catches a signature of another text than time, GET and the stream's path."""
    key = generate_private_key(algorithm)
    signer = Signer(key, "live-key")
    signed = await signer.sign_handshake(NOW_MS)
    signer.close()
    headers = dict(signed.headers)
    assert (signed.method, signed.target, signed.body) == ("GET", "/trade-api/ws/v2", b"")
    assert (headers["KALSHI-ACCESS-KEY"], headers["KALSHI-ACCESS-TIMESTAMP"]) == ("live-key", str(NOW_MS))
    text = signing_text(NOW_MS, "GET", "/trade-api/ws/v2")
    assert verify(key.public_key(), headers["KALSHI-ACCESS-SIGNATURE"], text)


async def test_no_proxy_variable_is_followed(venue: FakeExchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches a live handshake sent by way of whatever the environment names."""
    for name in ("HTTPS_PROXY", "https_proxy", "WSS_PROXY", "wss_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    opened = await dialler(venue.port, venue.ca_file).dial(sign)
    await opened.close()
    assert len(venue.handshakes) == 1


async def test_nothing_of_a_handshake_is_logged(venue: FakeExchange, caplog: pytest.LogCaptureFixture) -> None:
    """Catches the library's debug lines, which hold every header, in the process log; the control sees them there."""
    caplog.set_level(logging.DEBUG)
    for name in ("websockets", "websockets.client", "pretrade.stream"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    opened = await dialler(venue.port, venue.ca_file).dial(sign)
    await opened.close()
    ours = [record for record in caplog.records if record.name != "websockets.server"]
    assert "canary-signature" not in "\n".join(record.getMessage() for record in ours)
    assert "canary-signature" in caplog.text, "the other side is seen to log it"


async def test_nothing_is_signed_for_another_server(tmp_path: Path, venue: FakeExchange) -> None:
    """Catches a signature made before the exchange has proved who it is."""
    (tmp_path / "other").mkdir()

    async def never() -> SignedRequest:
        raise AssertionError("signed")

    async with exchange(tmp_path / "other") as other:
        for port, ca_file in ((other.port, venue.ca_file), (1, venue.ca_file)):
            with pytest.raises(NotOpenedError) as caught:
                await dialler(port, ca_file).dial(never)
            assert caught.value.code is DenyCode.EXCHANGE_UNREACHABLE
        assert other.handshakes == []


async def test_a_silent_exchange_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches a dial that waits without end, and a connection that it leaves open."""
    monkeypatch.setattr(stream, "HANDSHAKE_S", 0.2)
    async with raw_exchange(tmp_path, b"", ends=False) as (port, heads):
        with pytest.raises(NotOpenedError, match="in time") as caught:
            await dialler(port, tmp_path / "ca.crt").dial(sign)
        assert caught.value.code is DenyCode.STREAM_NOT_OPENED
        await until(lambda: heads[1:] == [b""])


async def test_a_dial_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    """Catches a half-opened stream that outlives the stop of the proxy."""
    async with raw_exchange(tmp_path, b"", ends=False) as (port, heads):
        dialling = asyncio.create_task(dialler(port, tmp_path / "ca.crt").dial(sign))
        await until(lambda: heads != [])
        dialling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dialling
        await until(lambda: heads[-1] == b"")


async def test_compression_is_neither_offered_nor_taken(venue: FakeExchange) -> None:
    """Catches messages that would have to be inflated: a small frame could be a gigabyte."""
    opened = await dialler(venue.port, venue.ca_file).dial(sign)
    assert "Sec-WebSocket-Extensions" not in venue.handshakes[0].headers
    assert opened.protocol.extensions == []
    await opened.close()
    with pytest.raises(ConnectionClosed):
        await opened.send("x")


def test_an_error_of_the_library_s_is_logged_without_its_exception(caplog: pytest.LogCaptureFixture) -> None:
    """Catches a failure inside the library that nobody hears of, and one that tells what it failed on."""
    with structlog.testing.capture_logs() as lines:
        try:
            raise ValueError("canary-signature")
        except ValueError:
            stream.QUIET.error("process_request failed", exc_info=True)
        stream.QUIET.info("nothing")
    expected = {
        "event": "stream_library",
        "said": "process_request failed",
        "error": "ValueError",
        "log_level": "error",
    }
    assert lines == [expected]
    assert "canary" not in caplog.text


def test_a_context_that_does_not_verify_is_refused() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with pytest.raises(ValueError, match="verify"):
        StreamDialler(Address("127.0.0.1", 443, "127.0.0.1"), context)
