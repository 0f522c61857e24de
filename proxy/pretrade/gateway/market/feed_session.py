"""The conversation on one connection of our own stream: what is to be said, and what each message that comes means.

Rule of this file: no network and no task. `due` gives the commands that it is time for, `take` takes in one message;
the two share one event loop and one clock. A doubt about what was missed is never kept: books go at once, and come back
with a new subscription; what makes no sense at all is a FeedError, and the connection ends.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from pretrade.gateway.machine.clock import Clock
from pretrade.gateway.market.books import Books
from pretrade.gateway.market.feed_state import FeedState
from pretrade.gateway.market.live_books import MissedError
from pretrade.gateway.market.market_facts import MarketFactsCache
from pretrade.gateway.market.market_group import MarketGroup
from pretrade.kalshi.answer_fields import AnswerError
from pretrade.kalshi.feed_commands import ACCOUNT, BOOKS, GROUPS, LIFECYCLE, TRADES, list_subscriptions, subscribe
from pretrade.kalshi.feed_messages import (
    AccountChanged,
    Content,
    Delta,
    Done,
    EventFeeChanged,
    GroupTripped,
    Listed,
    MarketChanged,
    Message,
    Refused,
    Snapshot,
    Subscribed,
    Traded,
    read_message,
)

PROBE_MS = 500
"""How often the age of all books is proved anew, at the least."""
SILENT_MS = 5_000
"""How long the exchange may owe an answer before the connection counts as dead."""


class FeedError(Exception):
    """The connection is of no use any more; the message says why."""


@dataclass(frozen=True, slots=True)
class Hearers:
    """Where the news go: books, facts of markets, and whoever wants to know that the account is not as it was, or that
    an order group has tripped."""

    books: Books
    markets: MarketFactsCache
    account: Callable[[], None]
    group: Callable[[str], None]


@dataclass(slots=True)
class FeedSession:
    """One connection, from its opening on. `hears_account` asks for the private channels as well, `hears_groups` for
    that of order groups."""

    hearers: Hearers
    clock: Clock
    state: FeedState
    hears_account: bool
    hears_groups: bool = False
    _last_id: int = 0
    _opening: dict[int, tuple[str, ...]] = field(default_factory=dict)
    _channels: dict[int, str] = field(default_factory=dict)
    _numbers: dict[int, int] = field(default_factory=dict)
    _probe: tuple[int, int] | None = None
    _probed_ms: int = 0
    _books: MarketGroup = field(init=False)
    _trades: MarketGroup = field(init=False)

    def __post_init__(self) -> None:
        self._books, self._trades = MarketGroup(BOOKS, self._next_id), MarketGroup(TRADES, self._next_id)

    def opening(self) -> list[str]:
        """The first commands: the channels that are not about some markets only."""
        groups = [(LIFECYCLE,), *([ACCOUNT] if self.hears_account else []), *([GROUPS] if self.hears_groups else [])]
        self._opening = {self._next_id(): channels for channels in groups}
        return [subscribe(command_id, channels) for command_id, channels in self._opening.items()]

    def due(self) -> list[str]:
        """The commands that it is time for now. Raises FeedError where an answer is overdue."""
        now_ms = self.clock.age_ms()
        asked_ms = [group.asked_ms for group in (self._books, self._trades) if group.asked_ms is not None]
        asked_ms += [self._probe[1]] if self._probe else []
        if asked_ms and now_ms - min(asked_ms) >= SILENT_MS:
            raise FeedError(f"the exchange has not answered for {SILENT_MS // 1_000} s")
        books, wanted = self.hearers.books, self.hearers.books.wanted()
        for ticker in self._books.gone(wanted):
            books.live.forget(ticker)
        commands = [*self._books.due(wanted, now_ms, books.live.has), *self._trades.due(wanted, now_ms)]
        if self._probe is None and now_ms - self._probed_ms >= min(PROBE_MS, books.keep_ms // 2):
            self._probe, self._probed_ms = (self._next_id(), now_ms), now_ms
            commands.append(list_subscriptions(self._probe[0]))
        return commands

    def take(self, frame: str | bytes) -> None:
        """Take in one message. Raises FeedError for one that cannot be read or that ends what we asked for."""
        try:
            message = read_message(frame)
        except AnswerError as e:
            raise FeedError(f"the exchange sent a message, but {e}") from None
        self.state.messages += 1
        if not self._is_next(message):
            self._missed(message)
        try:
            if not self._take_news(message, message.content):
                self._take_answer(message.command_id, message.content)
        except MissedError:
            self.state.gaps += 1
            self._lose_books()

    def _take_news(self, message: Message, content: Content) -> bool:
        """Take in what has happened; False for what is an answer."""
        books = self.hearers.books.live
        match content:
            case Snapshot() if message.sid == self._books.sid:
                asked_ms = self._books.told(content.ticker, message.command_id)
                if asked_ms is not None:
                    books.take_snapshot(content, asked_ms)
            case Delta() if message.sid == self._books.sid:
                books.take_delta(content)
            case Traded() if message.sid == self._trades.sid:
                books.take_trade(content, self.clock.age_ms(), max(0, self.clock.now_ms() - content.at_ms))
            case MarketChanged():
                self.hearers.markets.market_changed(content)
            case EventFeeChanged():
                self.hearers.markets.fees_changed(content)
            case AccountChanged():
                self.hearers.account()
            case GroupTripped():
                self.hearers.group(content.group_id)
            case _:
                return False
        return True

    def _take_answer(self, command_id: int, content: Content) -> None:
        """Take in what became of a command."""
        match content:
            case Subscribed():
                self._subscribed(command_id, content)
            case Listed():
                self._listed(command_id, content)
            case Refused():
                self._refused(command_id, content)
            case Done():
                self._books.done(command_id)
                self._trades.done(command_id)

    def _subscribed(self, command_id: int, content: Subscribed) -> None:
        for group in (self._books, self._trades):
            if group.opened(command_id, content):
                self._channels[content.sid] = content.channel
                return
        if content.channel in self._opening.get(command_id, ()):
            self._channels[content.sid] = content.channel

    def _listed(self, command_id: int, content: Listed) -> None:
        """A probe's answer: every book is as new as its question, if it is still told about."""
        if self._probe is None or command_id != self._probe[0]:
            return
        asked_ms, self._probe = self._probe[1], None
        lost = [channel for sid, channel in self._channels.items() if sid not in content.sids]
        if lost:
            raise FeedError(f"the exchange has ended the subscription to {lost[0]}")
        self.hearers.books.live.prove(asked_ms)
        self.state.proved_ms = asked_ms

    def _refused(self, command_id: int, content: Refused) -> None:
        now_ms = self.clock.age_ms()
        if any(group.refused(command_id, content, now_ms) for group in (self._books, self._trades)):
            return
        channels = self._opening.pop(command_id, None)
        if channels is None:
            raise FeedError(f"the exchange says: {content.text} ({content.code})")
        self.state.refused[channels] = f"{content.text} ({content.code})"

    def _is_next(self, message: Message) -> bool:
        """Whether nothing was missed before this message of its subscription, as far as its number tells."""
        if message.sid is None or message.seq is None or message.sid not in self._channels:
            return True
        last, self._numbers[message.sid] = self._numbers.get(message.sid), message.seq
        return last is None or message.seq == last + 1

    def _missed(self, message: Message) -> None:
        """A message before this one was missed: what it was about nobody knows."""
        self.state.gaps += 1
        if message.sid == self._books.sid:
            self._lose_books()
        elif message.sid == self._trades.sid:
            self.hearers.books.live.lose_trades()
        else:
            self.hearers.markets.doubt()

    def _lose_books(self) -> None:
        """Have no book any more, and subscribe anew."""
        self.hearers.books.live.lose_books()
        if self._books.sid is not None:
            self._channels.pop(self._books.sid, None)
        self._books.renew(self.clock.age_ms())

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id
