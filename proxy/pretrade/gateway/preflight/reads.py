"""What the preflight asks of the exchange: its status, the list of keys, a balance a subaccount, and at need the probe;
and by each further key a balance of what it trades.

Rule of this file: it asks and notes what was heard and when; what that means is `rules`' business. Nothing
here can change anything at the exchange: reads, and the cancel of an order that cannot exist.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from itertools import chain

from pretrade.gateway.keys.signers import Signers
from pretrade.gateway.machine.clock import Clock
from pretrade.kalshi.api_keys import API_KEYS, EXCHANGE_STATUS
from pretrade.kalshi.client import Answer, Lane, NotSent, Unknown, Upstream
from pretrade.kalshi.drop_copy_reads import balance_of
from pretrade.kalshi.signing import ReadRequest, SignedRequest, Signer, unsigned

AT_ONCE = 4
REFUSED = frozenset({401, 403})
_TOO_MANY = 429
_FIRST_FAULT = 500


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer, or in words why there is none, and this machine's time (ms) before and after."""

    answer: Answer | str
    before_ms: int
    after_ms: int

    @property
    def silence(self) -> str:
        """Why there is no answer that says anything; empty where there is one. A later one may be otherwise."""
        if isinstance(self.answer, str):
            return self.answer
        is_passing = self.answer.status == _TOO_MANY or self.answer.status >= _FIRST_FAULT
        return f"the exchange answered {self.answer.status}" if is_passing else ""


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that was heard; `probe` is None where it was not asked for. `named` is what each further key was
    answered, by its name: the rest was asked with the general one."""

    status: Heard
    listing: Heard
    balances: dict[int, Heard]
    probe: Heard | None
    named: Mapping[str, Mapping[int, Heard]] = field(default_factory=dict)

    @property
    def signed(self) -> tuple[Heard, ...]:
        """What was heard to signed requests, which no cache on the way can have answered."""
        probe = () if self.probe is None else (self.probe,)
        named = chain.from_iterable(balances.values() for balances in self.named.values())
        return (self.listing, *self.balances.values(), *named, *probe)

    @property
    def is_whole(self) -> bool:
        """Whether everything that was asked had an answer."""
        return not any(heard.silence for heard in (self.status, *self.signed))


type Asked = dict[int, asyncio.Task[Heard]]
"""The balances that one key is asked for, by their subaccounts."""


class PreflightReads:
    """Asks the exchange with the live keys. Belongs to one event loop."""

    def __init__(self, signers: Signers, upstream: Upstream, clock: Clock) -> None:
        self._signers = signers
        self._upstream = upstream
        self._clock = clock
        self._at_once = asyncio.Semaphore(AT_ONCE)

    async def look(self, subaccounts: frozenset[int], named: Mapping[str, frozenset[int]], *, may_probe: bool) -> Seen:
        """Ask everything once; `named` are the subaccounts of each further key. The probe is sent only where the
        general key may not list keys, which would say more, and there is no other."""
        general = self._signers.general
        async with asyncio.TaskGroup() as group:
            status = group.create_task(self._ask(lambda: _ready(unsigned(EXCHANGE_STATUS)), Lane.RECONCILE))
            listing = group.create_task(self._read(general, API_KEYS))
            balances = self._ask_balances(group, general, subaccounts)
            others = {
                name: self._ask_balances(group, self._signers.named[name], numbers) for name, numbers in named.items()
            }
        answer = listing.result().answer
        is_closed = isinstance(answer, Answer) and answer.status in REFUSED
        probe = await self._ask(self._probe, Lane.EXIT) if is_closed and may_probe and not named else None
        heard = {name: _results(tasks) for name, tasks in others.items()}
        return Seen(status.result(), listing.result(), _results(balances), probe, heard)

    def _ask_balances(self, group: asyncio.TaskGroup, signer: Signer, numbers: frozenset[int]) -> Asked:
        return {number: group.create_task(self._read(signer, balance_of(number))) for number in sorted(numbers)}

    async def _read(self, signer: Signer, read: ReadRequest) -> Heard:
        return await self._ask(lambda: signer.sign_read(read, self._clock.now_ms()), Lane.RECONCILE)

    async def _probe(self) -> SignedRequest:
        return await self._signers.general.sign_probe(self._clock.now_ms())

    async def _ask(self, sign: Callable[[], Awaitable[SignedRequest]], lane: Lane) -> Heard:
        async with self._at_once:
            before_ms = self._clock.now_ms()
            try:
                answer: Answer | str = await self._upstream.send(await sign(), lane=lane)
            except (NotSent, Unknown) as e:
                answer = str(e)
            return Heard(answer, before_ms, self._clock.now_ms())


def _results(asked: Asked) -> dict[int, Heard]:
    return {number: task.result() for number, task in asked.items()}


async def _ready(request: SignedRequest) -> SignedRequest:
    return request
