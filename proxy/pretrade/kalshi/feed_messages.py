"""What the exchange says on our own stream, read strictly: every message is one value, or an AnswerError.

Rule of this file: pure. What is used must be exact; types and fields that are not known here are passed over, because
the exchange adds some at any time (market_data.md 8, asyncapi). The messages of the account's own channels are not
read: that something happened is all they say here, and what it was stands in the exchange's record.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pretrade.kalshi.answer_fields import AnswerError, Fields, read_object
from pretrade.kalshi.errors import plain
from pretrade.kalshi.market_facts import RESULTS, read_ranges
from pretrade.kalshi.order_book import Side, read_count, read_price, read_side
from pretrade.model.markets import MarketStatus, PriceRange
from pretrade.model.units import ONE_DOLLAR_PRICE, Price

_MOST = 2**53
_MOST_TEXT = 200


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A whole book, both sides as bids in their own dollars."""

    ticker: str
    yes: Side
    no: Side


@dataclass(frozen=True, slots=True)
class Delta:
    """How one level changed: by how many 0.01 contracts (below zero: fewer) at a price in its side's own dollars."""

    ticker: str
    is_yes: bool
    price: Price
    change: int


@dataclass(frozen=True, slots=True)
class Traded:
    """A public trade on the book, at its price in YES terms, by the exchange's clock."""

    ticker: str
    price: Price
    at_ms: int


@dataclass(frozen=True, slots=True)
class MarketChanged:
    """What has become of a market; what is None stays as it was, but for `result` (what one YES will be paid out at),
    which a new status without one takes away. Where all is None nobody knows before it is read."""

    ticker: str
    status: MarketStatus | None = None
    close_ms: int | None = None
    price_ranges: tuple[PriceRange, ...] | None = None
    result: Price | None = None


@dataclass(frozen=True, slots=True)
class EventFeeChanged:
    """What trading in an event's markets costs is another now."""

    event: str


@dataclass(frozen=True, slots=True)
class AccountChanged:
    """Something happened to an order, a fill or a position of the account."""


@dataclass(frozen=True, slots=True)
class GroupTripped:
    """An order group's orders were canceled, and it takes no more."""

    group_id: str


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A channel of a subscribe command was opened under this number."""

    channel: str
    sid: int


@dataclass(frozen=True, slots=True)
class Listed:
    """The subscriptions that there are."""

    sids: frozenset[int]


@dataclass(frozen=True, slots=True)
class Done:
    """A command was carried out."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A command was refused, or a subscription ended; `tickers` are the markets that it was refused for."""

    code: int
    text: str
    tickers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Other:
    """Nothing that is of use here."""


type Content = (
    Snapshot
    | Delta
    | Traded
    | MarketChanged
    | EventFeeChanged
    | AccountChanged
    | GroupTripped
    | Subscribed
    | Listed
    | Done
    | Refused
    | Other
)


@dataclass(frozen=True, slots=True)
class Message:
    """One message: the command it answers (0: none), the subscription it belongs to and its number there, if any."""

    content: Content
    command_id: int = 0
    sid: int | None = None
    seq: int | None = None


def read_message(frame: str | bytes) -> Message:
    """The message in a frame. Raises AnswerError for what is none, or is one of ours that is not as it must be."""
    fields = read_object(frame.encode() if isinstance(frame, str) else frame)
    read = _READERS.get(fields.text("type"))
    return Message(
        content=Other() if read is None else read(fields),
        command_id=_number(fields, "id") or 0,
        sid=_number(fields, "sid"),
        seq=_number(fields, "seq"),
    )


def _snapshot(fields: Fields) -> Content:
    msg = fields.object("msg")
    return Snapshot(
        ticker=msg.text("market_ticker"),
        yes=read_side(msg, "yes_dollars_fp"),
        no=read_side(msg, "no_dollars_fp", _other_leg),
    )


def _delta(fields: Fields) -> Content:
    msg = fields.object("msg")
    side, price = msg.text("side"), read_price(msg.raw.get("price_dollars"), "price_dollars")
    if side not in {"yes", "no"}:
        raise AnswerError("its side is neither yes nor no")
    is_yes = side == "yes"
    change = _signed_count(msg.text("delta_fp"))
    return Delta(msg.text("market_ticker"), is_yes, price if is_yes else _other_leg(price), change)


def _other_leg(price: Price) -> Price:
    """A NO bid, which the stream was asked to tell in YES dollars, in its own."""
    return Price(ONE_DOLLAR_PRICE - price)


def _signed_count(text: str) -> int:
    size = read_count(text.removeprefix("-"), "delta_fp")
    return -size if text.startswith("-") else size


def _trade(fields: Fields) -> Content:
    msg = fields.object("msg")
    if msg.raw.get("is_block_trade") is True:
        return Other()  # agreed beside the book, at whatever price
    at_ms = _number(msg, "ts_ms")
    if at_ms is None:
        raise AnswerError("a trade has no ts_ms")
    price = read_price(msg.raw.get("yes_price_dollars"), "yes_price_dollars")
    return Traded(msg.text("market_ticker"), price, at_ms)


_STATUS_AFTER: Mapping[str, MarketStatus] = {
    "activated": MarketStatus.ACTIVE,
    "deactivated": MarketStatus.INACTIVE,
    "determined": MarketStatus.DETERMINED,
    "settled": MarketStatus.FINALIZED,
}
_OF_NO_USE = frozenset({"created", "metadata_updated"})


def _lifecycle(fields: Fields) -> Content:
    msg = fields.object("msg")
    kind = msg.text("event_type")
    if kind in _OF_NO_USE:
        return Other()
    ticker = msg.text("market_ticker")
    if kind in _STATUS_AFTER:
        result = RESULTS.get(msg.optional_text("result") or "") if kind == "determined" else None
        return MarketChanged(ticker, status=_STATUS_AFTER[kind], result=result)
    if kind == "close_date_updated" and (close_s := _number(msg, "close_ts")) is not None:
        return MarketChanged(ticker, close_ms=close_s * 1_000)
    if kind == "price_level_structure_updated" and msg.has("price_ranges"):
        return MarketChanged(ticker, price_ranges=read_ranges(msg))
    return MarketChanged(ticker)


def _event_fee(fields: Fields) -> Content:
    return EventFeeChanged(fields.object("msg").text("event_ticker"))


def _account(fields: Fields) -> Content:
    return AccountChanged()


def _group(fields: Fields) -> Content:
    msg = fields.object("msg")
    return GroupTripped(msg.text("order_group_id")) if msg.text("event_type") == "triggered" else Other()


def _subscribed(fields: Fields) -> Content:
    msg = fields.object("msg")
    return Subscribed(msg.text("channel"), _required(msg, "sid"))


def _ok(fields: Fields) -> Content:
    """An answer with a list is that of a list command (asyncapi); every other one only says that it was done."""
    if not isinstance(fields.raw.get("msg"), list):
        return Done()
    return Listed(frozenset(_required(entry, "sid") for entry in fields.objects("msg")))


def _error(fields: Fields) -> Content:
    msg = fields.object("msg")
    named = [msg.raw.get("market_ticker"), *_list(msg, "market_tickers")]
    tickers = tuple(ticker for ticker in named if isinstance(ticker, str))
    return Refused(_number(msg, "code") or 0, plain(str(msg.raw.get("msg", "")), _MOST_TEXT), tickers)


def _list(fields: Fields, name: str) -> list[object]:
    value = fields.raw.get(name)
    return value if isinstance(value, list) else []


def _number(fields: Fields, name: str) -> int | None:
    """A whole number of at least zero, None where it is absent."""
    value = fields.raw.get(name)
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= _MOST:
        raise AnswerError(f"its {name} is not a whole number")
    return value


def _required(fields: Fields, name: str) -> int:
    value = _number(fields, name)
    if value is None:
        raise AnswerError(f"it has no {name}")
    return value


_READERS: Mapping[str, Callable[[Fields], Content]] = {
    "orderbook_snapshot": _snapshot,
    "orderbook_delta": _delta,
    "trade": _trade,
    "market_lifecycle_v2": _lifecycle,
    "event_fee_update": _event_fee,
    "fill": _account,
    "user_order": _account,
    "market_position": _account,
    "order_group_updates": _group,
    "subscribed": _subscribed,
    "unsubscribed": lambda fields: Done(),
    "ok": _ok,
    "error": _error,
}
