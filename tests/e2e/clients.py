"""Clients of the proxy as their users have them: both official SDKs, unmodified, and one that writes its own bytes."""

import base64
import http.client
import json
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kalshi_python_sync
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from pretrade.cli.processes import plain_environment

API = "/trade-api/v2"
ORDERS = API + "/portfolio/events/orders"
RECORD = API + "/exchange/user_data_timestamp"
"""What every reading of the exchange's record begins with."""
HOST = "external-api.kalshi.com"
ASYNC_DRIVER = Path(__file__).parent / "async_driver.py"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the user of an SDK sees of one call: a result, or an exception's class, status, body and text."""

    ok: bool
    result: Any = None
    kind: str = ""
    status: int = 0
    text: str = ""
    body: Any = None

    @property
    def code(self) -> str:
        """Our code, or nothing where the answer is the exchange's own."""
        return (self.body or {}).get("code", "")

    @property
    def decision_id(self) -> str:
        return self.body["decision_id"]


class SyncBot:
    """`kalshi-python-sync`, in this process, by the base-URL door: it takes an address and ignores proxy variables."""

    door = "base_url"

    def __init__(self, base_url: str, key_id: str, key_file: Path) -> None:
        configuration = kalshi_python_sync.Configuration(host=base_url)
        configuration.api_key_id = key_id
        configuration.private_key_pem = key_file.read_text()
        self._client = kalshi_python_sync.KalshiClient(configuration)

    def call(self, name: str, /, **arguments: Any) -> Seen:
        try:
            result = getattr(self._client, name)(**arguments)
        except kalshi_python_sync.ApiException as e:
            body = json.loads(e.body) if e.body else None
            return Seen(ok=False, kind=type(e).__name__, status=e.status, text=str(e), body=body)
        return Seen(ok=True, result=None if result is None else result.model_dump(mode="json"))

    def post_batch(self, address: str, orders: list[dict[str, str]]) -> Any:
        """Send the body of a batch to another address than the library would, and give the answer's body."""
        models = kalshi_python_sync.models
        legs = [models.CreateOrderV2Request.from_dict(one) for one in orders]
        body = models.BatchCreateOrdersV2Request(orders=legs)
        api = kalshi_python_sync.OrdersApi(self._client)
        method, _, headers, data, *_ = api._batch_create_orders_v2_serialize(
            batch_create_orders_v2_request=body, _request_auth=None, _content_type=None, _headers=None, _host_index=0
        )
        answer = self._client.call_api(method, address, headers, data)
        text = answer.read()
        assert answer.status == 200, text
        return json.loads(text)

    def close(self) -> None:
        self._client.rest_client.pool_manager.clear()


class AsyncBot:
    """`kalshi-python-async`, a program under `pretrade exec`: its environment alone leads it to the proxy door."""

    door = "proxy"

    def __init__(self, policy: Path, client: str, key_id: str, key_file: Path, log: Path) -> None:
        command = [
            *(sys.executable, "-m", "pretrade", "exec", "-p", str(policy), "--client", client, "--"),
            *(sys.executable, str(ASYNC_DRIVER), key_id, str(key_file)),
        ]
        with log.open("ab") as err:
            self._process = subprocess.Popen(
                command, env=plain_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err, text=True
            )

    def call(self, name: str, /, **arguments: Any) -> Seen:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"call": name, "arguments": arguments}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        body = answer.pop("body", None)
        return Seen(**answer, body=json.loads(body) if body else None)

    def close(self) -> None:
        self._process.communicate(timeout=15)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer with its body as it came."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw) if self.raw else None

    @property
    def code(self) -> str:
        """Our code, or nothing where the answer is the exchange's own."""
        return (self.body or {}).get("code", "")


class RawClient:
    """Signs and sends what it is told, by either door, over a connection of its own for each request."""

    def __init__(self, base_url_port: int, proxy_port: int, ca_file: Path, key_id: str, key_file: Path) -> None:
        self._base_url_port = base_url_port
        self._proxy_port = proxy_port
        self._ca_file = ca_file
        self.key_id = key_id
        self._key = load_pem_private_key(key_file.read_bytes(), None)

    def signed(self, method: str, path: str, *, age_ms: int = 0) -> dict[str, str]:
        """The three headers for a request, made `age_ms` ago."""
        stamp = str(time.time_ns() // 1_000_000 - age_ms)
        text = (stamp + method + path.partition("?")[0]).encode()
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
        signature = self._key.sign(text, pss, hashes.SHA256())
        return {
            "KALSHI-ACCESS-KEY": self.key_id,
            "KALSHI-ACCESS-TIMESTAMP": stamp,
            "KALSHI-ACCESS-SIGNATURE": base64.b64encode(signature).decode(),
        }

    def connection(self, door: str = "base_url", timeout: float = 20) -> http.client.HTTPConnection:
        """An open connection; the proxy door's is a tunnel to the exchange's name, verified with our CA."""
        if door == "base_url":
            return http.client.HTTPConnection("127.0.0.1", self._base_url_port, timeout=timeout)
        context = ssl.create_default_context(cafile=str(self._ca_file))
        tunnel = http.client.HTTPSConnection("127.0.0.1", self._proxy_port, timeout=timeout, context=context)
        tunnel.set_tunnel(HOST, 443)
        return tunnel

    def send(
        self, method: str, target: str, body: Any = None, *, raw: bytes | None = None,
        headers: Mapping[str, str] | None = None, door: str = "base_url",
    ) -> Answer:  # fmt: skip
        """One request; signed now unless `headers` has other signature headers, or says `{}` for none at all."""
        connection = self.connection(door)
        try:
            self.start(connection, method, target, body, raw=raw, headers=headers)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def start(
        self, connection: http.client.HTTPConnection, method: str, target: str, body: Any = None, *,
        raw: bytes | None = None, headers: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        """Send a request and do not wait for its answer."""
        data = raw if raw is not None or body is None else json.dumps(body).encode()
        sent = dict(self.signed(method, target) if headers is None else headers)
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        connection.request(method, target, data, sent)
