"""What the stream's tests share: a listener without a network, and a client's copy of an order book."""

import json
from dataclasses import dataclass, field
from typing import Any

from kalshi.ws.dispatch import MESSAGE_MODELS
from kalshi.ws.models.base import ErrorMessage, OkMessage, SubscribedMessage, UnsubscribedMessage
from pykalshi.feed import _MESSAGE_MODELS as PYKALSHI_MODELS

from pretrade.model.orders import Side
from pretrade.practice.stream import desk
from pretrade.practice.stream.hub import Hub
from pretrade.practice.stream.session import Frame, Member, StreamLimits

ANSWERS = {
    "subscribed": SubscribedMessage,
    "unsubscribed": UnsubscribedMessage,
    "ok": OkMessage,
    "error": ErrorMessage,
}
NOW_MS = 1_800_000_000_000


def parsed(frame: dict[str, Any]) -> Any:
    """A frame read by kalshi-sdk's own model, and by pykalshi's if it has one. Neither knows event_lifecycle, and
    kalshi-sdk knows no one-sided snapshots."""
    if (model := PYKALSHI_MODELS.get(frame["type"])) is not None:
        model.model_validate(frame["msg"])
    return (MESSAGE_MODELS | ANSWERS)[frame["type"]].model_validate(frame)


class Listener:
    """One connection to a hub in this process."""

    def __init__(self, hub: Hub, account: str = "alice", subaccount: int | None = None) -> None:
        self.hub = hub
        self.session = hub.open(Member(account, subaccount))
        self._last_id = 0

    def send(self, cmd: str, **params: Any) -> list[dict[str, Any]]:
        """Give a command and return everything that is sent then."""
        self._last_id += 1
        return self.say(json.dumps({"id": self._last_id, "cmd": cmd, "params": params}))

    def say(self, text: str) -> list[dict[str, Any]]:
        """Send a raw text and return everything that is sent then."""
        desk.answer(self.hub, self.session, text)
        return self.taken()

    def subscribe(self, *channels: str, **params: Any) -> list[dict[str, Any]]:
        return self.send("subscribe", channels=list(channels), **params)

    def taken(self) -> list[dict[str, Any]]:
        """Everything that waits, as a client would read it."""
        frames = []
        while (item := self.hub.take(self.session)) is not None:
            assert isinstance(item, Frame), f"the connection was ended with {item}"
            frames.append(json.loads(item.text(NOW_MS)))
        return frames


def hub_of(exchange: Any, **limits: int) -> Hub:
    return Hub(exchange, limits=StreamLimits(**limits))


@dataclass
class MirrorBook:
    """A client's copy of one book: applies snapshots and deltas, and notices a missing number by itself.

    Written from the documentation, not from the code under test; prices stay text, as the client sees them.
    """

    levels: dict[str, dict[str, int]] = field(default_factory=lambda: {"yes": {}, "no": {}})
    last_seq: int = 0
    is_lost: bool = False

    def read(self, frame: dict[str, Any]) -> None:
        if "seq" in frame:
            self.is_lost = self.is_lost or frame["seq"] != self.last_seq + 1
            self.last_seq = frame["seq"]
        if frame["type"] == "orderbook_snapshot":
            for side in ("yes", "no"):
                self.levels[side] = {p: _hundredths(c) for p, c in frame["msg"].get(f"{side}_dollars_fp", [])}
            self.is_lost = False
        if frame["type"] == "orderbook_delta" and not self.is_lost:
            level, msg = self.levels[frame["msg"]["side"]], frame["msg"]
            level[msg["price_dollars"]] = level.get(msg["price_dollars"], 0) + _hundredths(msg["delta_fp"])
            if level[msg["price_dollars"]] == 0:
                del level[msg["price_dollars"]]


def book_as_shown(exchange: Any, ticker: str, *, use_yes_price: bool) -> dict[str, dict[str, int]]:
    """The exchange's book in the words of the stream, worked out from the orders themselves."""
    shown: dict[str, dict[str, int]] = {"yes": {}, "no": {}}
    for order in exchange.orders.values():
        if order.ticker == ticker and order.status == "resting":
            is_no = order.side is Side.ASK
            price = 10_000 - order.price if is_no and not use_yes_price else order.price
            side = shown["no" if is_no else "yes"]
            text = f"{price / 10_000:.4f}"
            side[text] = side.get(text, 0) + order.remaining
    return shown


def _hundredths(text: str) -> int:
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    whole, _, fraction = digits.partition(".")
    assert len(fraction) == 2, f"a count has two decimals, was {text!r}"
    return sign * (int(whole) * 100 + int(fraction))
