"""A small signed client over real TLS, for what the SDKs would hide: raw bytes, wrong headers, exact bodies."""

import base64
import json
import ssl
import time
from typing import Any, Self

import aiohttp
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from tests.practice.support import BTC, ed25519_key, rsa_key

from pretrade.practice.server import RunningPractice

API = "/trade-api/v2"
ORDERS = API + "/portfolio/events/orders"


def sign(key: Any, text: str) -> str:
    if isinstance(key, RSAPrivateKey):
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
        return base64.b64encode(key.sign(text.encode(), pss, hashes.SHA256())).decode()
    return base64.b64encode(key.sign(text.encode())).decode()


def signed_headers(method: str, path: str, key_id: str = "full", skew_ms: int = 0) -> dict[str, str]:
    stamp = str(time.time_ns() // 1_000_000 + skew_ms)
    key = ed25519_key() if key_id == "ed" else rsa_key()
    return {
        "KALSHI-ACCESS-KEY": key_id,
        "KALSHI-ACCESS-TIMESTAMP": stamp,
        "KALSHI-ACCESS-SIGNATURE": sign(key, stamp + method + path.partition("?")[0]),
    }


def order_body(**more: Any) -> dict[str, Any]:
    """A bid for 10 at 0.10 in the bitcoin market, which rests."""
    body = {
        "ticker": BTC,
        "side": "bid",
        "count": "10.00",
        "price": "0.1000",
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
    }
    return {name: value for name, value in (body | more).items() if value is not ...}


class Client:
    """One HTTPS session to a running exchange; every call answers (status, body as JSON or None)."""

    def __init__(self, practice: RunningPractice) -> None:
        self.practice = practice

    async def __aenter__(self) -> Self:
        context = ssl.create_default_context(cafile=str(self.practice.ca_file))
        self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = "full",
        headers: Any = None,
        raw: Any = None,
    ) -> tuple[int, Any]:
        sent = signed_headers(method, path, key) if key is not None else {}
        data = raw if raw is not None else (json.dumps(body).encode() if body is not None else None)
        if data is not None:
            sent["Content-Type"] = "application/json"
        sent |= headers or {}
        async with self.session.request(method, self.practice.origin + path, data=data, headers=sent) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text else None

    async def create(self, **more: Any) -> tuple[int, Any]:
        return await self.call("POST", ORDERS, order_body(**more))

    async def control(self, method: str, action: str, body: Any = None, token: str | None = None) -> tuple[int, Any]:
        headers = {"X-Practice-Token": self.practice.control_token if token is None else token}
        return await self.call(method, f"/practice/control/{action}", body, key=None, headers=headers)
