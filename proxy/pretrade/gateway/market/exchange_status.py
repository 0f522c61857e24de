"""Whether the exchange is up and trades, as it says itself.

Rule of this file: read every few seconds, never on an order's way. What was not heard of for a while is not known, and
unknown is None: nothing here is true because it was true once.
"""

import asyncio
from dataclasses import dataclass

from pretrade.gateway.machine.clock import Clock
from pretrade.kalshi.answer_fields import AnswerError, Fields, read_object
from pretrade.kalshi.client import Answer, Lane, NotSent, Unknown, Upstream
from pretrade.kalshi.signing import ReadRequest, unsigned
from pretrade.model.seen import ExchangeSeen

EVERY_S = 3.0
KEEP_MS = 12_000
"""How long an answer counts: three may fail in a row."""
PATIENCE_S = 3.0
FIRST_S = 2.0
"""How long the doors wait for the first answer."""
REQUEST = ReadRequest("/trade-api/v2/exchange/status")

_OK = 200


@dataclass(frozen=True, slots=True)
class _Switches:
    is_active: bool
    is_trading: bool


@dataclass(frozen=True, slots=True)
class _Said:
    whole: _Switches
    shards: dict[int, _Switches]
    asked_ms: int


class ExchangeStatus:
    """What the exchange said last. `problem` says why a later answer could not be had, empty where it could."""

    def __init__(self, upstream: Upstream, clock: Clock) -> None:
        self._upstream = upstream
        self._clock = clock
        self._said: _Said | None = None
        self._first: asyncio.Task[None] | None = None
        self.problem = ""

    def seen(self) -> ExchangeSeen | None:
        """What it says of itself above its list of shards, None where it was not heard of for KEEP_MS."""
        said = self._known()
        if said is None:
            return None
        return ExchangeSeen(said.whole.is_active, said.whole.is_trading, self._clock.age_ms() - said.asked_ms)

    def is_trading(self, shard: int) -> bool | None:
        """Whether a shard is up and trades; None where that is not known.

        What an answer says above its list of shards is about the first one, and about the only one where it has no
        list.
        """
        said = self._known()
        if said is None:
            return None
        own = said.shards.get(shard) or (said.whole if shard == 0 and not said.shards else None)
        return None if own is None else own.is_active and own.is_trading

    async def run(self) -> None:
        """Read it again and again, without end."""
        if self._first is not None:
            await self._first
        while True:
            await asyncio.sleep(EVERY_S)
            await self.read()

    async def first(self) -> None:
        """Read it once before the doors open, so that the first order need not be refused; they open without it too."""
        self._first = asyncio.create_task(self.read(), name="the first exchange status")
        await asyncio.wait((self._first,), timeout=FIRST_S)

    async def read(self) -> None:
        """Read it now. Never raises for what the exchange or the network does."""
        asked_ms = self._clock.age_ms()
        try:
            async with asyncio.timeout(PATIENCE_S):
                answer = await self._upstream.send(unsigned(REQUEST), lane=Lane.RECONCILE)
            self._take(answer, asked_ms)
        except TimeoutError:
            self.problem = f"the exchange did not answer within {PATIENCE_S:g} s"
        except (NotSent, Unknown, AnswerError) as e:
            self.problem = f"the exchange's status could not be read: {e}"

    def _take(self, answer: Answer, asked_ms: int) -> None:
        """Raises AnswerError for what says nothing."""
        if answer.status != _OK:
            raise AnswerError(f"it answered {answer.status}")
        fields = read_object(answer.body)
        shards: dict[int, _Switches] = {}
        if fields.has("exchange_index_statuses"):
            for entry in fields.objects("exchange_index_statuses"):
                index = entry.optional_number("exchange_index", 0)
                if index is None or index in shards:
                    raise AnswerError("it has a shard without a number, or one twice")
                shards[index] = _switches(entry)
        self._said, self.problem = _Said(_switches(fields), shards, asked_ms), ""

    def _known(self) -> _Said | None:
        said = self._said
        return said if said is not None and self._clock.age_ms() - said.asked_ms < KEEP_MS else None


def _switches(fields: Fields) -> _Switches:
    return _Switches(_flag(fields, "exchange_active"), _flag(fields, "trading_active"))


def _flag(fields: Fields, name: str) -> bool:
    value = fields.raw.get(name)
    if not isinstance(value, bool):
        raise AnswerError(f"its {name} is neither true nor false")
    return value
