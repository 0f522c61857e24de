"""What may go up a stream: the four subscription commands, read strictly and written anew; and our answer to the rest.

Rule of this file: what is not one of the four, in known fields of known types, is refused. The text that goes up is
made here from what was understood, never the client's own. Commands, channels and error numbers are the exchange's
asyncapi (market_data.md 8); there is no command that trades, and none may become one.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from pretrade.kalshi.strict_json import loads
from pretrade.kalshi.wire_error import WireError, shown
from pretrade.model.codes import CODES, DenyCode

MAX_COMMAND = 16 * 1024
"""Bytes of one command: room for four hundred tickers."""

PRIVATE_CHANNELS = frozenset(
    {"fill", "user_orders", "market_positions", "order_group_updates", "communications"},
)
"""What these tell is the account's own: orders, fills, positions and quotes, of every client and every subaccount."""

PUBLIC_CHANNELS = frozenset(
    {
        "orderbook_delta",
        "ticker",
        "trade",
        "market_lifecycle_v2",
        "multivariate_market_lifecycle",
        "cfbenchmarks_value",
        "cfbenchmarks_value_5hz",
        "pyth_value",
    },
)

UNREADABLE, UNKNOWN_COMMAND, UNKNOWN_CHANNEL, NOT_YOURS, TOO_MANY = 1, 5, 8, 9, 27
"""The exchange's own numbers of errors, for those that clients know by number."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}", re.ASCII)
_COMMANDS = ("subscribe", "unsubscribe", "update_subscription", "list_subscriptions")


def _plain_name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("a name has 1-128 of A-Z, a-z, 0-9 and . _ : / -")
    return value


type _Name = Annotated[str, AfterValidator(_plain_name)]
type _Names = Annotated[tuple[_Name, ...], Field(min_length=1)]
type _Number = Annotated[int, Field(ge=0, le=2**31 - 1)]


class _Params(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class _Markets(_Params):
    """What picks markets and feeds, and how they are told."""

    market_ticker: _Name = ""
    market_tickers: _Names = ()
    market_id: _Name = ""
    market_ids: _Names = ()
    index_ids: _Names = ()
    underlying_tickers: _Names = ()
    send_initial_snapshot: bool = False
    skip_ticker_ack: bool = False
    use_yes_price: bool = False


class _Subscribe(_Markets):
    channels: _Names
    user_filter: _Name = ""
    shard_factor: _Number = 0
    shard_key: _Number = 0


class _Unsubscribe(_Params):
    sids: Annotated[tuple[_Number, ...], Field(min_length=1)]


class _Update(_Markets):
    action: _Name
    sid: _Number = 0
    sids: Annotated[tuple[_Number, ...], Field(min_length=1)] = ()


class _Command(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    id: _Number = 0


class _SubscribeCommand(_Command):
    cmd: Literal["subscribe"]
    params: _Subscribe


class _UnsubscribeCommand(_Command):
    cmd: Literal["unsubscribe"]
    params: _Unsubscribe


class _UpdateCommand(_Command):
    cmd: Literal["update_subscription"]
    params: _Update


class _ListCommand(_Command):
    cmd: Literal["list_subscriptions"]
    params: _Params = _Params()


type _AnyCommand = _SubscribeCommand | _UnsubscribeCommand | _UpdateCommand | _ListCommand
_READER: TypeAdapter[_AnyCommand] = TypeAdapter(Annotated[_AnyCommand, Field(discriminator="cmd")])


@dataclass(frozen=True, slots=True)
class Upward:
    """A command that may go up, as the text frame that is sent for it."""

    text: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A frame of which nothing goes up. `number` is the exchange's for such an error, `id` the command's own or 0.

    After one that `ends` nothing more is read from the client: it does not speak this language.
    """

    code: DenyCode
    number: int
    detail: str
    id: int = 0
    ends: bool = True


def read_command(frame: str | bytes, *, sees_private: bool) -> Upward | Refused:
    """What a client's frame asks for; `sees_private` says whether the account's own channels are open to it."""
    if isinstance(frame, bytes):
        return Refused(DenyCode.STREAM_COMMAND_NOT_ALLOWED, UNREADABLE, "a command is a text frame, this was binary")
    data = frame.encode()
    if len(data) > MAX_COMMAND:
        detail = f"a command may have {MAX_COMMAND} bytes, this one has {len(data)}"
        return Refused(DenyCode.STREAM_COMMAND_NOT_ALLOWED, UNREADABLE, detail)
    try:
        loaded = loads(data)
    except WireError as e:
        return Refused(DenyCode.STREAM_COMMAND_NOT_ALLOWED, UNREADABLE, str(e))
    return _understand(loaded, sees_private=sees_private)


def _understand(loaded: dict[str, object], *, sees_private: bool) -> Upward | Refused:
    claimed = loaded.get("id")
    own_id = claimed if type(claimed) is int and claimed > 0 else 0
    if loaded.get("cmd") not in _COMMANDS:
        detail = f"the command {shown(loaded.get('cmd'))} is none of {', '.join(_COMMANDS)}"
        return Refused(DenyCode.STREAM_COMMAND_NOT_ALLOWED, UNKNOWN_COMMAND, detail, own_id)
    try:
        command = _READER.validate_json(json.dumps(loaded))  # as JSON: strict, and still an array becomes a tuple
    except ValidationError as e:
        return Refused(DenyCode.STREAM_COMMAND_NOT_ALLOWED, UNREADABLE, _problem(e), own_id)
    if isinstance(command, _SubscribeCommand) and (closed := _closed(command.params.channels, sees_private)):
        return Refused(DenyCode.CHANNEL_NOT_ALLOWED, *closed, id=own_id, ends=False)
    return Upward(json.dumps(command.model_dump(mode="json", exclude_unset=True), separators=(",", ":")))


def _closed(channels: Iterable[str], sees_private: bool) -> tuple[int, str] | None:
    """The first channel that is not open to this client: the error's number, and why."""
    for name in channels:
        if name in PRIVATE_CHANNELS and not sees_private:
            return NOT_YOURS, f"channel {name} shows the account's own business, and this client's policy keeps it shut"
        if name not in PRIVATE_CHANNELS | PUBLIC_CHANNELS:
            return UNKNOWN_CHANNEL, f"no channel is called {shown(name)}"
    return None


def _problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"] if part not in _COMMANDS)
    return f"{shown(where)}: {first['msg']}"


def error_frame(refused: Refused, decision_id: str, retry_at: str | None = None) -> str:
    """Our answer to a refused command, in the shape of the exchange's own errors, and `retryable` as in an HTTP answer:
    whether the same command may pass later though nobody does anything (after one that ends, on another stream, and
    `retry_at` is from when that may be opened, None for at once)."""
    info = CODES[refused.code]
    words = f"{refused.code}: {refused.detail}. {info.hint} (decision {decision_id})"
    error: dict[str, object] = {"code": refused.number, "msg": words, "retryable": info.is_retryable}
    if retry_at is not None:
        error["retry_at"] = retry_at
    own_id = {"id": refused.id} if refused.id else {}
    return json.dumps({"type": "error", **own_id, "msg": error}, separators=(",", ":"))
