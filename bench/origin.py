"""The exchange of the benchmark: canned answers over TLS, as fast as asyncio gives them.

Run as `python origin.py PORT SERVER_PEM`; it ends when its standard input does. It checks nothing: both proxies are
measured against the same work behind them, and as little of it as possible. The account in it is empty and stays so:
no order is ever filled, so that what pretrade reads of its own account agrees with what it did.
"""

import asyncio
import json
import ssl
import sys
import time
from email.utils import formatdate

_MARKET = {
    "ticker": "KXBTC-26DEC31-T100000",
    "event_ticker": "KXBTC-26DEC31",
    "exchange_index": 0,
    "price_ranges": [{"start": "0.0000", "end": "1.0000", "step": "0.0100"}],
    "market_type": "binary",
    "title": "Will the price of Bitcoin be above $100,000 on Dec 31, 2026?",
    "yes_sub_title": "$100,000 or above",
    "no_sub_title": "Below $100,000",
    "status": "active",
    "open_time": "2026-10-01T14:00:00Z",
    "close_time": "2026-12-31T22:00:00Z",
    "expected_expiration_time": "2026-12-31T22:05:00Z",
    "yes_bid_dollars": "0.5500",
    "yes_ask_dollars": "0.5600",
    "no_bid_dollars": "0.4400",
    "no_ask_dollars": "0.4500",
    "last_price_dollars": "0.5600",
    "volume_fp": "120345.00",
    "open_interest_fp": "80231.00",
    "rules_primary": "If the price of Bitcoin is above 100,000 at 5 PM EST, the market resolves to Yes.",
}
_EVENT = {"event_ticker": _MARKET["event_ticker"], "series_ticker": "KXBTC"}
_SERIES = {"ticker": "KXBTC", "fee_type": "quadratic", "fee_multiplier": 1}
_EPOCH = "2026-01-01T00:00:00Z"
_CUTOFF = {"trades_created_ts": _EPOCH, "orders_updated_ts": _EPOCH, "market_positions_last_updated_ts": _EPOCH}

_KEY = {"api_key_id": "live-key", "name": "bench", "scopes": ["read", "write::trade"]}
_READS: dict[bytes, object] = {
    b"/api_keys": {"api_keys": [_KEY]},
    b"/exchange/status": {"exchange_active": True, "trading_active": True},
    b"/markets": {"markets": [_MARKET], "cursor": ""},
    b"/markets/KXBTC-26DEC31-T100000": {"market": _MARKET},
    b"/events/KXBTC-26DEC31": {"event": _EVENT, "markets": []},
    b"/series/KXBTC": {"series": _SERIES},
    b"/historical/cutoff": _CUTOFF,
    b"/portfolio/balance": {
        "balance": 1_000_000,
        "balance_dollars": "10000.0000",
        "portfolio_value": 0,
        "updated_ts": 1_790_000_000,
    },
    b"/portfolio/fills": {"fills": [], "cursor": ""},
    b"/portfolio/order_groups": {"order_groups": []},
    b"/portfolio/orders": {"orders": [], "cursor": ""},
    b"/portfolio/positions": {"market_positions": [], "event_positions": [], "cursor": ""},
    b"/portfolio/settlements": {"settlements": [], "cursor": ""},
}
_BODIES = {b"/trade-api/v2" + path: json.dumps(body).encode() for path, body in _READS.items()}
_USER_DATA_TIMESTAMP = b"/trade-api/v2/exchange/user_data_timestamp"


def answer(head: bytes, body: bytes) -> bytes:
    """One whole answer to one request."""
    if head.startswith(b"GET "):
        return _read(head[4 : head.index(b" ", 4)].partition(b"?")[0])
    order = json.loads(body)
    accepted = {
        "order_id": "5f0e9a1c-7b7e-4a44-9a0b-1f2d3c4b5a69",
        "client_order_id": order["client_order_id"],
        "fill_count": "0.00",
        "remaining_count": "0.00",
        "ts_ms": 1_790_000_000_000,
    }
    return _message(b"201 Created", json.dumps(accepted).encode())


def _read(path: bytes) -> bytes:
    if path == _USER_DATA_TIMESTAMP:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return _message(b"200 OK", json.dumps({"as_of_time": now}).encode())
    body = _BODIES.get(path)
    return _message(b"404 Not Found", b"{}") if body is None else _message(b"200 OK", body)


def _message(status: bytes, body: bytes) -> bytes:
    date = formatdate(usegmt=True).encode()
    head = b"HTTP/1.1 %b\r\nDate: %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % (status, date, len(body)) + body


class Exchange(asyncio.Protocol):
    """One kept connection; requests have a Content-Length or no body."""

    def __init__(self) -> None:
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head, rest = self._received[:end], self._received[end + 4 :]
            size = content_length(head)
            if len(rest) < size:
                return
            self._received = rest[size:]
            if self._transport is not None:
                self._transport.write(answer(head, rest[:size]))


def content_length(head: bytes) -> int:
    """The Content-Length of a message's head; 0 when it has none."""
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.removeprefix(b"content-length:"))
    return 0


async def serve(port: int, certificate: str) -> None:
    """Answer on loopback until standard input ends."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = await asyncio.get_running_loop().create_server(Exchange, "127.0.0.1", port, ssl=context)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2]))
