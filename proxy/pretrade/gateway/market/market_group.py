"""One channel for the markets that are wanted: subscribe, add, take out, ask for a book anew; one command at a time.

Rule of this file: it says what to ask for and keeps count of what was answered; what is told is others' business.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from pretrade.kalshi.feed_commands import Change, subscribe, unsubscribe, update
from pretrade.kalshi.feed_messages import Refused, Subscribed

REFUSED_MS = 60_000
"""How long a market that was refused is let alone: REST is asked for it."""
AUDIT_MS = 10_000
"""How often one of the books is asked for anew, each in its turn, to compare it."""
RENEW_MS = 1_000
"""Between two subscriptions: a stream that always misses something is no loop."""
MOST_A_COMMAND = 100
"""Markets named by one command, which bounds the burst of books that answers it."""


@dataclass(frozen=True, slots=True)
class _Asked:
    command_id: int
    change: Change | None
    tickers: tuple[str, ...]
    at_ms: int


@dataclass(slots=True)
class MarketGroup:
    """A subscription to one channel. `sid` is its number, None while there is none; `next_id` numbers commands."""

    channel: str
    next_id: Callable[[], int]
    sid: int | None = None
    _held: dict[str, int] = field(default_factory=dict)
    _asked: _Asked | None = None
    _left_alone: dict[str, int] = field(default_factory=dict)
    _not_before_ms: int = 0
    _audited_ms: int = 0
    _ended_sid: int | None = None

    @property
    def asked_ms(self) -> int | None:
        """Since when an answer is owed."""
        return None if self._asked is None else self._asked.at_ms

    def due(self, wanted: Sequence[str], now_ms: int, has: Callable[[str], bool] | None = None) -> list[str]:
        """The next command, if it is time for one. `wanted` has the most important market first; `has` says, for books,
        whether one is here."""
        commands = []
        if self._ended_sid is not None:
            commands.append(unsubscribe(self.next_id(), self._ended_sid))
            self._ended_sid = None
        if self._asked is not None or now_ms < self._not_before_ms:
            return commands
        wanted = [ticker for ticker in wanted if now_ms >= self._left_alone.get(ticker, 0)]
        missing = [ticker for ticker in wanted if ticker not in self._held]
        gone = self.gone(wanted)
        if self.sid is None:
            return commands + (self._ask(None, missing, now_ms) if missing else [])
        if missing:
            return commands + self._ask(Change.ADD, missing, now_ms)
        if gone:
            return commands + self._ask(Change.DELETE, gone, now_ms)
        return commands + (self._audit(now_ms, has) if has is not None else [])

    def gone(self, wanted: Iterable[str]) -> list[str]:
        """What is subscribed to and not wanted any more."""
        kept = set(wanted)
        return [ticker for ticker in self._held if ticker not in kept]

    def opened(self, command_id: int, content: Subscribed) -> bool:
        """Whether this answers our subscribe: the subscription stands."""
        asked = self._asked
        if asked is None or command_id != asked.command_id or content.channel != self.channel:
            return False
        self.sid, self._asked = content.sid, None
        return True

    def done(self, command_id: int) -> None:
        """An update was carried out."""
        asked = self._asked
        if asked is None or command_id != asked.command_id or asked.change is None:
            return
        self._asked = None
        if asked.change is Change.DELETE:
            for ticker in asked.tickers:
                self._held.pop(ticker, None)

    def told(self, ticker: str, command_id: int) -> int | None:
        """A book was told: when it was asked for at the latest. None for one that nobody asked for."""
        asked = self._asked
        if asked is not None and asked.change is Change.SNAPSHOT and asked.tickers == (ticker,):
            self._asked = None
            if command_id == asked.command_id:
                self._held[ticker] = asked.at_ms
        return self._held.get(ticker)

    def refused(self, command_id: int, content: Refused, now_ms: int) -> bool:
        """Whether this refuses our command. The markets it names, or all of them, are let alone for a while."""
        asked = self._asked
        if asked is None or command_id != asked.command_id:
            return False
        self._asked = None
        if asked.change is Change.SNAPSHOT:
            self._audited_ms = now_ms + REFUSED_MS
            return True
        named = [ticker for ticker in asked.tickers if ticker in content.tickers] or asked.tickers
        self._left_alone = {ticker: until for ticker, until in self._left_alone.items() if until > now_ms}
        self._left_alone |= dict.fromkeys(named, now_ms + REFUSED_MS)
        for ticker in asked.tickers:
            self._held.pop(ticker, None)
        return True

    def renew(self, now_ms: int) -> None:
        """End the subscription and begin it anew, a moment after the last time."""
        self._ended_sid, self.sid, self._asked = self.sid, None, None
        self._held.clear()
        self._not_before_ms = max(now_ms, self._not_before_ms + RENEW_MS)

    def _audit(self, now_ms: int, has: Callable[[str], bool]) -> list[str]:
        """Ask for the book that was asked for longest ago, at once where it never came."""
        if not self._held:
            return []
        ticker = min(self._held, key=lambda one: (has(one), self._held[one]))
        pause_ms = AUDIT_MS if has(ticker) else RENEW_MS
        if now_ms - max(self._audited_ms, self._held[ticker]) < pause_ms:
            return []
        self._audited_ms = now_ms
        return self._ask(Change.SNAPSHOT, [ticker], now_ms)

    def _ask(self, change: Change | None, tickers: list[str], now_ms: int) -> list[str]:
        named = tuple(tickers[:MOST_A_COMMAND])
        self._asked = _Asked(self.next_id(), change, named, now_ms)
        if change is None or change is Change.ADD:
            self._held |= dict.fromkeys(named, now_ms)
        if change is None or self.sid is None:
            return [subscribe(self._asked.command_id, (self.channel,), named)]
        return [update(self._asked.command_id, self.sid, change, named)]
