"""Doors, gate and relay in one process, before an exchange at a port, and WebSocket clients for them."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.gateway.doorkit import Opened, Wire, opened
from tests.gateway.fakes import BASE_URL_HOST, KEYS, LIVE, World, open_world, sign, until
from tests.kalshi.stream_server import dialler
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from pretrade.gateway.relay.relay import Relay
from pretrade.journal.events import EventKind
from pretrade.model.instance import Environment

WS_PATH = "/trade-api/ws/v2"
WS_HOST = "external-api-ws.demo.kalshi.co"
SUBSCRIBE = '{"id":1,"cmd":"subscribe","params":{"channels":["ticker"]}}'
DOORS = ("proxy", "base_url")


@dataclass
class Running:
    """A proxy of which only the process is missing, and clients for it."""

    world: World
    relay: Relay
    way: Opened

    def headers(self, key_id: str = "bot-key", path: str = WS_PATH) -> dict[str, str]:
        """A client's signature, made one millisecond after the last one."""
        self.world.time.pass_ms(1)
        stamp = self.world.time.clock.now_ms()
        return {
            "KALSHI-ACCESS-KEY": key_id,
            "KALSHI-ACCESS-TIMESTAMP": str(stamp),
            "KALSHI-ACCESS-SIGNATURE": sign(KEYS[key_id], stamp, "GET", path),
        }

    def connect(self, door: str = "base_url", key_id: str = "bot-key", **more: Any) -> connect:
        """A plain `websockets` client on its way in by a door."""
        settings: dict[str, Any] = {"additional_headers": self.headers(key_id), "close_timeout": 5} | more
        if door == "base_url":
            port = self.way.base_url_port
            return connect(f"ws://{BASE_URL_HOST}{WS_PATH}", proxy=None, host="127.0.0.1", port=port, **settings)
        any_certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        any_certificate.check_hostname, any_certificate.verify_mode = False, ssl.CERT_NONE
        proxy = f"http://127.0.0.1:{self.way.proxy_port}"
        return connect(f"wss://{WS_HOST}{WS_PATH}", proxy=proxy, ssl=any_certificate, **settings)

    async def refused(self, door: str = "base_url", key_id: str = "bot-key", **more: Any) -> tuple[int, bytes]:
        """Status and body of a handshake that must not be let in."""
        try:
            async with self.connect(door, key_id, **more):
                raise AssertionError("the handshake was let in")
        except InvalidStatus as e:
            return e.response.status_code, bytes(e.response.body or b"")

    def handshake(self, *more: str, headers: dict[str, str] | None = None, target: str = WS_PATH) -> bytes:
        """A whole handshake for the base-URL door as bytes, with lines of one's own."""
        lines = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "AAECAwQFBgcICQoLDA0ODw==",
        } | self.headers()
        lines |= headers or {}
        head = [f"GET {target} HTTP/1.1", f"Host: {BASE_URL_HOST}"]
        head += [f"{name}: {value}" for name, value in lines.items() if value]
        return "\r\n".join([*head, *more, "", ""]).encode()

    async def wire(self) -> Wire:
        """A connection to the relay's own port."""
        host, port = self.world.instance.streams.relay or ("", 0)
        return Wire(*await asyncio.open_connection(host, port))

    async def states(self) -> list[dict[str, Any]]:
        """The bodies of the stream's rows."""
        return await self.world.bodies(EventKind.STREAM)

    async def over(self) -> None:
        """Wait until no stream is left."""
        await until(lambda: self.world.instance.streams.count == 0)


@asynccontextmanager
async def running(
    tmp_path: Path, leaf: Path, port: int, ca_file: Path, *changes: tuple[str, str], stalled_s: float = 2.0
) -> AsyncIterator[Running]:
    """Doors, gate and relay in front of an exchange at this port."""
    folder = tmp_path / "state"
    folder.mkdir()
    world = open_world(folder, LIVE, *changes, environment=Environment.DEMO)
    relay = Relay(world.instance, dialler(port, ca_file))
    await relay.start()
    try:
        async with opened(world.gate, leaf, 2.0, stalled_s) as way:
            yield Running(world, relay, way)
            await relay.close()
    finally:
        await relay.close()
        await world.close()


async def closed_with(client: ClientConnection) -> tuple[int | None, str | None]:
    """Code and reason that a client is closed with, whatever comes before."""
    async with asyncio.timeout(10):
        with contextlib.suppress(ConnectionClosed):
            while True:
                await client.recv()
    return client.close_code, client.close_reason
