"""Reads of our own, no client's: signed, paced below the exchange's budget, few at once, and asked again where that
may help.

Rule of this file: only reads, which may be repeated; what to do with an answer is the caller's business. No read ends
by itself while the exchange says that there were too many: whoever reads sets a deadline.
"""

import asyncio
from dataclasses import dataclass

from pretrade.gateway.machine.clock import Clock
from pretrade.kalshi.answer_fields import AnswerError, read_object
from pretrade.kalshi.client import Answer, Lane, NotSent, Unknown, Upstream
from pretrade.kalshi.errors import read_error
from pretrade.kalshi.signing import ReadRequest, Signer

DEFAULT_COST = 10
"""Tokens that a read takes out of the account's bucket (auth.md 7)."""
SINGLE_ORDER_COST = 2

_OK = 200
_NOT_FOUND = 404
_TOO_MANY = 429
_PASSING = frozenset([408, 500, 502, 503, 504])
"""What a moment later may be otherwise; no other status is asked again."""
_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 2.0


class ReadFailedError(Exception):
    """An answer that could not be had; the message is a sentence for people."""


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """How much our own reads may take of the exchange. `tokens_per_second` is half of what the lowest tier has (auth.md
    7), so that clients always have the other half; `pages` bounds one list, `seconds` one whole reading, `tries` how
    often one request is sent that fails for another reason than that there were too many."""

    tokens_per_second: int = 100
    at_once: int = 4
    pages: int = 250
    seconds: float = 30.0
    tries: int = 3


class OwnReads:
    """Carries out reads in the lane `RECONCILE`. Belongs to one event loop, whose clock paces it."""

    def __init__(self, signer: Signer, upstream: Upstream, clock: Clock, limits: ReadLimits) -> None:
        self._signer = signer
        self._upstream = upstream
        self._clock = clock
        self._limits = limits
        self._at_once = asyncio.Semaphore(limits.at_once)
        self._next_turn = 0.0

    async def get(self, read: ReadRequest, *, cost: int = DEFAULT_COST) -> bytes:
        """The body of a 200. Raises ReadFailedError for anything else."""
        answer = await self._answer(read, cost)
        if answer.status != _OK:
            raise ReadFailedError(_answered(read, answer))
        return answer.body

    async def find(self, read: ReadRequest, *, cost: int = DEFAULT_COST) -> Answer:
        """A 200 or a 404, whoever said the latter. Raises ReadFailedError for anything else."""
        answer = await self._answer(read, cost)
        if answer.status not in {_OK, _NOT_FOUND}:
            raise ReadFailedError(_answered(read, answer))
        return answer

    async def _answer(self, read: ReadRequest, cost: int) -> Answer:
        """An answer that asking again would not change; the last one where it did not."""
        tries_left, pause_s = self._limits.tries, _FIRST_PAUSE_S
        async with self._at_once:
            while True:
                answer = await self._ask(read, cost)
                if isinstance(answer, Answer) and answer.status not in {_TOO_MANY, *_PASSING}:
                    return answer
                if isinstance(answer, str) or answer.status != _TOO_MANY:
                    tries_left -= 1
                if not tries_left:
                    raise ReadFailedError(answer if isinstance(answer, str) else _answered(read, answer))
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _ask(self, read: ReadRequest, cost: int) -> Answer | str:
        """Send it once: the answer, or why there is none."""
        await self._turn(cost)
        signed = await self._signer.sign_read(read, self._clock.now_ms())
        try:
            return await self._upstream.send(signed, lane=Lane.RECONCILE)
        except (NotSent, Unknown) as e:
            return f"GET {read.path} was not answered: {e}"

    async def _turn(self, cost: int) -> None:
        """Wait until the tokens of all earlier requests have flowed in again: nothing is ever saved up for a burst."""
        now = asyncio.get_running_loop().time()
        turn = max(now, self._next_turn)
        self._next_turn = turn + cost / self._limits.tokens_per_second
        await asyncio.sleep(turn - now)


def _answered(read: ReadRequest, answer: Answer) -> str:
    try:
        error = read_error(read_object(answer.body).raw)
    except AnswerError:
        return f"GET {read.path} was answered {answer.status}"
    words = ": ".join(word for word in (error.code, error.text) if word)
    return f"GET {read.path} was answered {answer.status}" + (f" ({words})" if words else "")
