"""The head that goes to the relay: ours, whatever the client's had in it. (What is refused: test_relay_hostile.)"""

import pytest

from pretrade.gateway.messages import Door, RawRequest
from pretrade.gateway.relay.handshake import check_handshake, relay_head

KEY = "AAECAwQFBgcICQoLDA0ODw=="


def raw(*more: tuple[str, str], connection: str = "Upgrade", key: str = KEY) -> RawRequest:
    headers = (
        ("host", "127.0.0.1:8081"), ("upgrade", "websocket"), ("connection", connection),
        ("sec-websocket-version", "13"), ("sec-websocket-key", key), *more,
    )  # fmt: skip
    return RawRequest(Door.BASE_URL, "GET", "/trade-api/ws/v2", "HTTP/1.1", headers, b"", scheme="http")


@pytest.mark.parametrize("connection", ["Upgrade", "upgrade", "keep-alive, Upgrade", "Upgrade,keep-alive"])
def test_the_known_clients_ways_to_ask_pass(connection: str) -> None:
    assert check_handshake(raw(connection=connection)) is None


@pytest.mark.parametrize(
    "key", [KEY[:-2], KEY + "=", KEY[:-3] + "B==", KEY[:-4] + " w==", "\u00e9" * 24, KEY + "\r\nX: y"]
)
def test_a_key_is_sixteen_bytes_in_their_one_spelling(key: str) -> None:
    """Catches a header's end inside the one value that is passed on."""
    assert check_handshake(raw(key=key)) is not None


def test_nothing_of_the_client_s_passes_on_but_its_key() -> None:
    """Catches a client's signature, cookie, extension or forged token in the relay's hands."""
    more = (
        ("pretrade-token", "forged"), ("cookie", "a=b"), ("sec-websocket-extensions", "permessage-deflate"),
        ("sec-websocket-protocol", "x"), ("kalshi-access-key", "k"),
    )  # fmt: skip
    lines = relay_head(raw(*more), "127.0.0.1:5", "token").decode().split("\r\n")
    assert lines == [
        "GET /trade-api/ws/v2 HTTP/1.1", "Host: 127.0.0.1:5", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {KEY}", "Pretrade-Token: token", "", "",
    ]  # fmt: skip
