"""Reads: passed on as they came, signed where the endpoint needs it, passed back as they came, recorded in batches."""

from pretrade.gateway.instance import Instance
from pretrade.gateway.machine.clock import Stopwatch
from pretrade.gateway.messages import Answer, RawRequest, Refusal
from pretrade.gateway.way.identity import Client
from pretrade.journal.events import EventKind, utc_text
from pretrade.kalshi.client import Lane, NotSent, Unknown
from pretrade.kalshi.endpoints import Endpoint
from pretrade.kalshi.signing import ReadRequest, SignedRequest, unsigned
from pretrade.model.codes import DenyCode

BATCH = 200


class Reads:
    """Passes reads and keeps their log."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._log: list[dict[str, object]] = []

    async def handle(self, client: Client, raw: RawRequest, endpoint: Endpoint, watch: Stopwatch) -> Answer | Refusal:
        """The exchange's own answer to a read, or why there is none."""
        signed = await self._signed(client, ReadRequest(raw.path, raw.query), endpoint)
        watch.lap("sign")
        try:
            answer = await self._instance.upstream.send(signed, lane=Lane.READ, reader=client.name)
        except NotSent as e:
            return Refusal(DenyCode.EXCHANGE_UNREACHABLE, str(e))
        except Unknown as e:
            return Refusal(DenyCode.EXCHANGE_SILENT, str(e))
        watch.lap("send")
        self.note(client, raw, answer.status, watch.total())
        if answer.status == 401:
            return Refusal(DenyCode.LIVE_KEY_REFUSED, "the exchange answered 401 to the proxy's key")
        return Answer(answer.status, answer.body, answer.content_type)

    async def _signed(self, client: Client, read: ReadRequest, endpoint: Endpoint) -> SignedRequest:
        if not endpoint.needs_signature:
            return unsigned(read)
        return await self._instance.signers.of(client.name).sign_read(read, self._instance.clock.now_ms())

    def note(self, client: Client, raw: RawRequest, status: int, microseconds: int) -> None:
        """Keep a read for the log."""
        self._log.append(
            {
                "client": client.name,
                "door": str(raw.door),
                "method": raw.method,
                "path": raw.path,
                "query": raw.query[:200],
                "status": status,
                "us": microseconds,
                "utc": utc_text(self._instance.clock.utc_ns()),
            }
        )
        if len(self._log) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Write the reads noted so far as one row."""
        if not self._log:
            return
        reads, self._log = self._log, []
        self._instance.journal.record(EventKind.READS, {"count": len(reads), "reads": reads})
