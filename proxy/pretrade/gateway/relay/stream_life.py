"""One stream from its handshake to its end: recorded, dialled, told, pumped, closed on both sides, recorded.

Rule of this file: a live handshake is signed only after the row that says so is on disk; every opened stream gets its
closed row; nothing that a client sends reaches the exchange but through `pumps`.
"""

import asyncio
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection

from pretrade.gateway.instance import Instance
from pretrade.gateway.messages import Answer, Refusal, printable
from pretrade.gateway.relay.pumps import FAILED, NORMAL, Ending, Pumps
from pretrade.gateway.relay.streams import Admission
from pretrade.gateway.way.refusals import Refuser
from pretrade.journal.errors import JournalUnavailable
from pretrade.journal.events import EventKind, utc_text
from pretrade.kalshi.signing import SignedRequest
from pretrade.kalshi.stream import CLOSE_S, NotOpenedError, StreamDialler
from pretrade.kalshi.stream_commands import Refused, error_frame
from pretrade.model.codes import CODES, DenyCode


@dataclass(slots=True)
class StreamLife:
    """One admitted handshake and what becomes of it.

    `told` is what the client's handshake waits for: None when the exchange has opened the stream, else the answer
    instead. `is_open` is to be set True when the client's side stands after that, False when the client is gone.
    """

    instance: Instance
    dialler: StreamDialler
    refuser: Refuser
    admission: Admission
    client: ServerConnection
    stopping: asyncio.Event
    told: asyncio.Future[Answer | None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    is_open: asyncio.Future[bool] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    async def run(self) -> None:
        """Live until the client, the exchange or the proxy ends the stream."""
        exchange = await self._dial()
        if isinstance(exchange, Answer):
            self.told.set_result(exchange)
        else:
            await self._serve(exchange)

    def finish(self) -> None:
        """Free the seat, and leave no handshake without an answer. To be called once, when `run` has ended, or was
        cancelled, be it before it began."""
        self.instance.streams.end(self.admission)
        if not self.told.done():
            code = DenyCode.SHUTTING_DOWN if self.stopping.is_set() else DenyCode.INTERNAL_FAULT
            self.told.set_result(self._refuse(code, "the proxy gave the stream up"))

    async def _dial(self) -> ClientConnection | Answer:
        asked = self.instance.journal.append(EventKind.STREAM, self._body("asked"), self.admission.decision_id)
        try:
            await asked
        except JournalUnavailable as e:
            return self._refuse(DenyCode.JOURNAL_UNAVAILABLE, f"the stream could not be recorded: {e}")
        try:
            return await self.dialler.dial(self._sign)
        except NotOpenedError as e:
            self._note("refused", code=str(e.code), status=e.status, detail=printable(str(e)))
            return self._refuse(e.code, printable(str(e)))

    async def _sign(self) -> SignedRequest:
        return await self.instance.signers.of(self.admission.client.name).sign_handshake(self.instance.clock.now_ms())

    async def _serve(self, exchange: ClientConnection) -> None:
        pumps = Pumps(self.client, exchange, self.admission.client.sees_private, self._on_refused, self.stopping)
        ending = Ending("proxy", FAILED, "pretrade: the relay failed", is_retryable=True)
        self._note("opened")
        try:
            self.told.set_result(None)
            gone = Ending("client", 1006, "pretrade: the client was gone before its handshake ended")
            ending = await pumps.run() if await self.is_open else gone
        finally:
            self._note(
                "closed",
                by=ending.by,
                code=ending.code,
                reason=printable(ending.reason),
                commands=pumps.commands,
                messages=pumps.messages,
            )
            # Nothing of the client's goes up, its reason for leaving neither.
            told = self._told(ending)
            await asyncio.gather(_close(self.client, ending.client_code, told), _close(exchange, NORMAL, ""))

    def _on_refused(self, refused: Refused) -> str:
        answer = self._refuse(refused.code, printable(refused.detail))
        is_retryable = refused.ends and CODES[refused.code].is_retryable
        return error_frame(refused, answer.decision_id, self._retry_at() if is_retryable else None)

    def _told(self, ending: Ending) -> str:
        """What stands in the client's close frame, 123 bytes at most: the exchange's own words as they came; ours say
        whether to come again, and from when where the client has used up its minute's streams."""
        if ending.is_retryable is None:
            return ending.reason
        words = f"{ending.reason}; retryable={str(ending.is_retryable).lower()}"
        at = self._retry_at() if ending.is_retryable else None
        return words if at is None else f"{words}; retry_at={at}"

    def _retry_at(self) -> str | None:
        at_ms = self.instance.streams.may_open_at_ms(self.admission.client)
        return None if at_ms is None else utc_text(at_ms * 1_000_000)

    def _refuse(self, code: DenyCode, detail: str) -> Answer:
        admission = self.admission
        return self.refuser.refuse(Refusal(code, detail), admission.raw, client=admission.client.name)

    def _note(self, state: str, **more: object) -> None:
        self.instance.journal.record(EventKind.STREAM, self._body(state) | more, self.admission.decision_id)

    def _body(self, state: str) -> dict[str, object]:
        return {"state": state, "client": self.admission.client.name, "door": str(self.admission.raw.door)}


async def _close(side: Connection, code: int, reason: str) -> None:
    """Close one side. Whoever does not take part in time, or does not even read, is cut off."""
    try:
        async with asyncio.timeout(CLOSE_S):
            await side.close(code, reason)
    except TimeoutError:
        side.transport.abort()
