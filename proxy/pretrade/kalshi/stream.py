"""Our own WebSocket to the exchange: one verified dial, one live-signed handshake, and a plain word for every failure.

Rule of this file: the address comes from the policy alone. No proxy variable is read, no redirect is followed, nothing
is tried twice; the handshake is signed when the verified connection stands, and what the library could log of it is
never logged.
"""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable

import structlog
from websockets.asyncio.client import ClientConnection
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.uri import parse_uri

from pretrade.kalshi.client import USER_AGENT, Address
from pretrade.kalshi.signing import HANDSHAKE_PATH, SignedRequest
from pretrade.model.codes import DenyCode

log = structlog.get_logger()

CONNECT_S = 3.0
HANDSHAKE_S = 5.0
PING_S = 20.0
CLOSE_S = 2.0
MAX_MESSAGE = 1024 * 1024
MAX_WAITING = 16
"""Messages that wait for their reader, before the exchange is made to wait."""


class _Errors(logging.Handler):
    """What the library calls an error, as one line of ours: its own words and the exception's kind, and no more."""

    def emit(self, record: logging.LogRecord) -> None:
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
        log.error("stream_library", said=record.getMessage()[:200], error=kind)


QUIET = logging.Logger("pretrade.stream", logging.ERROR)
"""For the library: at DEBUG it would write handshakes, and with them signatures and tokens, into the log. It belongs to
no hierarchy, so that nobody can lower its level by name."""
QUIET.addHandler(_Errors())


class NotOpenedError(Exception):
    """The exchange's stream was not opened; `code` says how a client is told, the message what was seen. `status` is
    the HTTP status that the exchange answered instead, or None."""

    def __init__(self, code: DenyCode, detail: str, status: int | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.status = status


class StreamDialler:
    """Opens streams at one address. Belongs to one event loop; `context` must verify."""

    def __init__(self, address: Address, context: ssl.SSLContext) -> None:
        """Take the settings; nothing is dialled yet. Raises ValueError for a context that does not verify."""
        if context.verify_mode != ssl.CERT_REQUIRED or not context.check_hostname:
            raise ValueError("the TLS context must verify the certificate and the host name")
        self._address = address
        self._context = context
        port = "" if address.port == 443 else f":{address.port}"
        self._uri = parse_uri(f"wss://{address.server_name}{port}{HANDSHAKE_PATH}")

    async def dial(self, sign: Callable[[], Awaitable[SignedRequest]]) -> ClientConnection:
        """An open stream. `sign` is asked for the handshake's headers once the exchange has proved who it is.

        Raises NotOpenedError, and then nothing is left open.
        """
        connection = await self._connect()
        is_open = False
        try:
            signed = await sign()
            async with asyncio.timeout(HANDSHAKE_S):
                await connection.handshake(signed.headers, USER_AGENT)
            is_open = True
        except (WebSocketException, OSError, EOFError) as e:
            raise _not_opened(e) from None  # the library's own exception holds the whole handshake
        finally:
            if not is_open:
                connection.transport.abort()
        connection.start_keepalive()
        return connection

    async def _connect(self) -> ClientConnection:
        loop, address = asyncio.get_running_loop(), self._address
        try:
            async with asyncio.timeout(CONNECT_S):
                _, connection = await loop.create_connection(
                    self._made, address.host, address.port, ssl=self._context, server_hostname=address.server_name
                )
        except TimeoutError:
            raise NotOpenedError(DenyCode.EXCHANGE_UNREACHABLE, "connecting to the exchange took too long") from None
        except (OSError, UnicodeError) as e:
            raise NotOpenedError(DenyCode.EXCHANGE_UNREACHABLE, f"could not connect to the exchange: {e}") from None
        return connection

    def _made(self) -> ClientConnection:
        """One connection, without compression: no extension is offered, so none can be agreed on."""
        return ClientConnection(
            ClientProtocol(self._uri, max_size=MAX_MESSAGE, logger=QUIET),
            ping_interval=PING_S,
            ping_timeout=PING_S,
            close_timeout=CLOSE_S,
            max_queue=MAX_WAITING,
        )


def _not_opened(error: Exception) -> NotOpenedError:
    """What a failed handshake is to the client."""
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
        code = DenyCode.LIVE_KEY_REFUSED if status == 401 else DenyCode.STREAM_NOT_OPENED
        return NotOpenedError(code, f"the exchange answered {status} to the proxy's handshake", status)
    if isinstance(error, TimeoutError):
        return NotOpenedError(DenyCode.STREAM_NOT_OPENED, "the exchange did not answer the handshake in time")
    kind = type(error).__name__
    return NotOpenedError(DenyCode.STREAM_NOT_OPENED, f"the exchange's answer to the handshake was none ({kind})")
