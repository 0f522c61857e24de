"""One connection as the exchange sees it: whose it is, its subscriptions, and the messages that wait to be sent.

Rule of this file: no clock, no exchange, no network. Whatever goes out passes `Session.tell` (messages of a channel,
where numbers are given, faults happen and buffers overflow) or `Session.reply` (answers to commands).
"""

import json
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from pretrade.practice.stream.channels import Channel
from pretrade.practice.stream.errors import StreamError
from pretrade.practice.stream.faults import StreamFaultKind, StreamFaultPlan

type Json = dict[str, Any]

GOING_AWAY = 1001
POLICY_VIOLATION = 1008


@dataclass(frozen=True, slots=True)
class Member:
    """Whose connection it is; a key bound to a subaccount sees the private messages of that one only (auth.md 3)."""

    account: str
    subaccount: int | None = None

    def owns(self, account: str, subaccount: int) -> bool:
        """Whether private messages of this account and subaccount are for this member."""
        return account == self.account and self.subaccount in {None, subaccount}


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """How much a connection may ask for. The exchange has limits of all these kinds but publishes no number, so the
    numbers are documented choices. `buffer` is in messages waiting of one subscription (answers count as one too)."""

    connections: int = 200
    subscriptions: int = 1_000
    markets: int = 10_000
    commands_a_second: int = 100
    buffer: int = 10_000


@dataclass(frozen=True, slots=True)
class Frame:
    """A message to send, `after_seconds` from now; a `spoilt` one is cut in half."""

    sid: int
    body: Json
    after_seconds: float = 0.0
    spoilt: bool = False

    def text(self, now_ms: int) -> str:
        """The text frame, stamped with the moment it is sent; answers are stamped too (a documented choice)."""
        text = json.dumps(self.body | {"sending_ts_ms": now_ms}, separators=(",", ":"), ensure_ascii=False)
        return text[: len(text) // 2] if self.spoilt else text


@dataclass(frozen=True, slots=True)
class End:
    """The connection is closed with this code, or cut without a close frame for None."""

    code: int | None


@dataclass(slots=True)
class Subscription:
    """One channel on one connection. `tickers` is None for every market; `ids` are those picked of a feed."""

    sid: int
    channel: Channel
    tickers: dict[str, None] | None = None
    ids: dict[str, None] = field(default_factory=dict)
    use_yes_price: bool = False
    skip_ticker_ack: bool = False
    seq: int = 0
    waiting: int = 0
    commands_at: deque[int] = field(default_factory=deque)

    def wants(self, ticker: str) -> bool:
        """Whether messages about this market belong to the subscription."""
        return self.tickers is None or ticker in self.tickers

    def next_seq(self) -> int:
        """The number of the next message: 1, 2, 3, ..."""
        self.seq += 1
        return self.seq


class Session:
    """The subscriptions and the outbox of one connection. `wake` is called whenever something waits to be sent."""

    def __init__(self, member: Member, limits: StreamLimits, faults: StreamFaultPlan, wake: Callable[[], None]) -> None:
        self.member = member
        self.limits = limits
        self.wake = wake
        self.subscriptions: dict[int, Subscription] = {}
        self.is_silent = False
        self._faults = faults
        self._outbox: deque[Frame | End] = deque()
        self._answers_waiting = 0
        self._last_sid = 0

    def subscribe(self, channel: Channel, tickers: Iterable[str] | None) -> Subscription:
        """A new subscription with the next sid. Raises error 27 beyond the limit of a connection."""
        if len(self.subscriptions) >= self.limits.subscriptions:
            raise StreamError(27)
        self._last_sid += 1
        picked = None if tickers is None else dict.fromkeys(tickers)
        self.subscriptions[self._last_sid] = made = Subscription(self._last_sid, channel, picked)
        return made

    def unsubscribe(self, sid: int) -> Subscription:
        """End a subscription; what already waits is still sent. Raises error 7."""
        if sid not in self.subscriptions:
            raise StreamError(7)
        return self.subscriptions.pop(sid)

    def on(self, channel: str) -> list[Subscription]:
        """The subscriptions to a channel, oldest first."""
        return [sub for sub in self.subscriptions.values() if sub.channel.name == channel]

    def tell(self, sub: Subscription, kind: str, msg: Json, command_id: int = 0) -> None:
        """Queue a message of a subscription, as the faults that wait for its channel would have it.

        A full buffer ends the subscription with error 25; its waiting messages are lost, the connection stays.
        """
        if sub.sid not in self.subscriptions:
            return
        fault = self._faults.take(sub.channel.name)
        what = None if fault is None else fault.kind
        if what is StreamFaultKind.DROP:
            return
        body = self._body(sub, kind, msg, command_id)
        match what:
            case StreamFaultKind.GAP:
                return
            case StreamFaultKind.SILENCE:
                self.is_silent = True
            case StreamFaultKind.CLOSE | StreamFaultKind.ABORT:
                self._queue(End(GOING_AWAY if what is StreamFaultKind.CLOSE else None))
            case StreamFaultKind.DUPLICATE:
                self._send(sub, Frame(sub.sid, body))
                self._send(sub, Frame(sub.sid, body))
            case _:
                seconds = 0.0 if fault is None else fault.seconds
                self._send(sub, Frame(sub.sid, body, seconds, spoilt=what is StreamFaultKind.GARBAGE))

    def reply(self, kind: str, command_id: int, msg: Any = None, sub: Subscription | None = None) -> None:
        """Queue the answer to a command. An answer about a subscription carries its sid and takes its next number.

        Who does not read the answers to what it asks is closed with code 1008.
        """
        body: Json = {"type": kind} | ({"id": command_id} if command_id else {})
        if sub is not None:
            body |= {"sid": sub.sid, "seq": sub.next_seq()}
        if msg is not None:
            body["msg"] = msg
        if self._answers_waiting >= self.limits.buffer:
            self._outbox.clear()
            self._queue(End(POLICY_VIOLATION))
            return
        self._answers_waiting += 1
        self._queue(Frame(0, body))

    def take(self) -> Frame | End | None:
        """The next thing to send, None when nothing waits. Nothing follows an End, and nothing comes out of a silent
        connection."""
        if not self._outbox or self.is_silent:
            return None
        item = self._outbox.popleft()
        if isinstance(item, End):
            self._outbox.clear()
        elif item.sid == 0:
            self._answers_waiting -= 1
        elif item.sid in self.subscriptions:
            self.subscriptions[item.sid].waiting -= 1
        return item

    def _body(self, sub: Subscription, kind: str, msg: Json, command_id: int) -> Json:
        body: Json = {"type": kind, "sid": sub.sid}
        if command_id:
            body["id"] = command_id
        if sub.channel.numbered:
            body["seq"] = sub.next_seq()
        return body | {"msg": msg}

    def _send(self, sub: Subscription, frame: Frame) -> None:
        if sub.waiting >= self.limits.buffer:
            self._overflow(sub)
        elif sub.sid in self.subscriptions:
            sub.waiting += 1
            self._queue(frame)

    def _overflow(self, sub: Subscription) -> None:
        """Terminal error 25 (asyncapi, Terminal Errors): the client must subscribe again."""
        del self.subscriptions[sub.sid]
        self._outbox = deque(item for item in self._outbox if isinstance(item, End) or item.sid != sub.sid)
        body = {"type": "error", "sid": sub.sid}
        if sub.channel.numbered:
            body["seq"] = sub.next_seq()
        self._answers_waiting += 1
        self._queue(Frame(0, body | {"msg": StreamError(25).message()}))

    def _queue(self, item: Frame | End) -> None:
        self._outbox.append(item)
        self.wake()
