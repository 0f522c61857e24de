"""What may go up a stream: the whole language, and nothing beside it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pretrade.kalshi.stream_commands import (
    MAX_COMMAND,
    PRIVATE_CHANNELS,
    PUBLIC_CHANNELS,
    Refused,
    Upward,
    error_frame,
    read_command,
)
from pretrade.model.codes import CODES, DenyCode
from pretrade.practice.stream.channels import CHANNELS
from pretrade.practice.stream.commands import Command, Params
from pretrade.practice.stream.commands import read_command as practice_reads


def command(cmd: str, number: int = 1, **params: Any) -> str:
    return json.dumps({"id": number, "cmd": cmd, "params": params})


UPWARD = [
    command("subscribe", channels=["ticker"]),
    command("subscribe", channels=["ticker", "trade"], market_tickers=["A-1", "B-2"], send_initial_snapshot=True),
    command("subscribe", channels=["orderbook_delta"], market_ticker="A-1", use_yes_price=True, skip_ticker_ack=False),
    command("subscribe", channels=["ticker"], market_id="6e51292c-9554-59db-b9c6-1cb0dcb45453"),
    command("subscribe", channels=["ticker"], market_ids=["6e51292c-9554-59db-b9c6-1cb0dcb45453"]),
    command("subscribe", channels=["cfbenchmarks_value"], index_ids=["all"]),
    command("subscribe", channels=["pyth_value"], underlying_tickers=["Crypto.BTC/USD"]),
    command("unsubscribe", sids=[1, 2]),
    command("update_subscription", sid=1, action="add_markets", market_tickers=["A-1"]),
    command("update_subscription", sids=[1], action="get_snapshot", market_ticker="A-1"),
    command("update_subscription", sids=[1], action="subscribe_indices", index_ids=["BRTI"]),
    command("list_subscriptions"),
    '{"cmd":"list_subscriptions"}',
    '{"id":0,"cmd":"list_subscriptions"}',
]
"""What the documents and the known libraries send (clients.md 5)."""

NOT_ALLOWED: dict[str, str | bytes] = {
    "an order": command("create_order", ticker="A-1", count=1),
    "another command": command("batch_create_orders", orders=[]),
    "a command in another case": command("Subscribe", channels=["ticker"]),
    "a command with a space": command("subscribe ", channels=["ticker"]),
    "no command": '{"id":1,"params":{}}',
    "a command that is a list": '{"id":1,"cmd":["subscribe"],"params":{"channels":["ticker"]}}',
    "a second command": '{"id":1,"cmd":"subscribe","params":{"channels":["ticker"]},"command":"create_order"}',
    "an order beside it": command("subscribe", channels=["ticker"], order={"count": 1}),
    "the same key twice": '{"id":1,"cmd":"subscribe","cmd":"subscribe","params":{"channels":["ticker"]}}',
    "a key twice, spelled otherwise": '{"id":1,"cmd":"subscribe","\\u0063md":"x","params":{"channels":["ticker"]}}',
    "params twice": '{"cmd":"unsubscribe","params":{"sids":[1]},"params":{"sids":[2]}}',
    "an id of text": '{"id":"1","cmd":"list_subscriptions"}',
    "an id of truth": '{"id":true,"cmd":"list_subscriptions"}',
    "an id below zero": '{"id":-1,"cmd":"list_subscriptions"}',
    "an id with a fraction": '{"id":1.0,"cmd":"list_subscriptions"}',
    "an id too large": '{"id":99999999999,"cmd":"list_subscriptions"}',
    "no params": '{"id":1,"cmd":"subscribe"}',
    "params of nothing": '{"id":1,"cmd":"subscribe","params":null}',
    "no channels": command("subscribe"),
    "an empty list of channels": command("subscribe", channels=[]),
    "channels as text": command("subscribe", channels="ticker"),
    "a channel of a number": command("subscribe", channels=[1]),
    "sids of truth": command("unsubscribe", sids=[True]),
    "a channel to leave by name": command("unsubscribe", channels=["ticker"]),
    "a flag of text": command("subscribe", channels=["ticker"], use_yes_price="true"),
    "a flag of a number": command("subscribe", channels=["ticker"], use_yes_price=1),
    "a ticker with a quote": command("subscribe", channels=["ticker"], market_ticker='A"'),
    "a ticker with a line end": command("subscribe", channels=["ticker"], market_ticker="A\n"),
    "a ticker of nothing": command("subscribe", channels=["ticker"], market_ticker=None),
    "an empty ticker": command("subscribe", channels=["ticker"], market_ticker=""),
    "an update without an action": command("update_subscription", sids=[1]),
    "a list with params": command("list_subscriptions", sids=[1]),
    "binary": command("list_subscriptions").encode(),
    "two in one frame": command("list_subscriptions") + command("list_subscriptions"),
    "a list of commands": f"[{command('list_subscriptions')}]",
    "junk": "GET / HTTP/1.1",
    "nothing": "",
    "a byte order mark": "\ufeff" + command("list_subscriptions"),
    "a NUL": command("list_subscriptions") + "\0",
    "depth": "[" * 5_000,
    "too long": " " * MAX_COMMAND + command("list_subscriptions"),
    "too long in bytes": '"' + "\u00e9" * (MAX_COMMAND // 2) + '"',
}


@pytest.mark.parametrize("frame", UPWARD)
def test_what_is_documented_goes_up(frame: str) -> None:
    """Catches a command of a known library that is refused, or that says something else once it is written anew."""
    read = read_command(frame, sees_private=False)
    assert isinstance(read, Upward)
    assert json.loads(read.text) == json.loads(frame)


@pytest.mark.parametrize("name", NOT_ALLOWED)
def test_what_is_not_documented_ends_the_stream(name: str) -> None:
    """Catches a frame that could mean anything to the exchange but a subscription."""
    read = read_command(NOT_ALLOWED[name], sees_private=True)
    assert isinstance(read, Refused), read
    assert (read.code, read.ends) == (DenyCode.STREAM_COMMAND_NOT_ALLOWED, True)
    assert read.detail.isascii()
    assert read.detail.isprintable()


def test_every_channel_of_the_exchange_is_private_or_public() -> None:
    """Catches a channel that is on neither list, or on both: a new one stays shut until somebody has looked at it."""
    assert set(CHANNELS) == PRIVATE_CHANNELS | PUBLIC_CHANNELS
    assert not PRIVATE_CHANNELS & PUBLIC_CHANNELS


@pytest.mark.parametrize("channel", sorted(PRIVATE_CHANNELS))
@pytest.mark.parametrize("before", [[], ["ticker"]])
def test_a_private_channel_is_for_whom_it_is_open(channel: str, before: list[str]) -> None:
    """Catches a private channel hidden behind a public one, and one shut for the client that may see it."""
    frame = command("subscribe", 5, channels=[*before, channel])
    refused = read_command(frame, sees_private=False)
    assert isinstance(refused, Refused)
    assert (refused.code, refused.number, refused.id, refused.ends) == (DenyCode.CHANNEL_NOT_ALLOWED, 9, 5, False)
    assert isinstance(read_command(frame, sees_private=True), Upward)


@pytest.mark.parametrize("channel", ["orders", "Fill", "fill ", "tickers"])
def test_an_unknown_channel_is_refused_by_the_exchange_s_number(channel: str) -> None:
    """Catches a channel that only the exchange knows, which may be a private one."""
    refused = read_command(command("subscribe", channels=[channel]), sees_private=True)
    assert isinstance(refused, Refused)
    assert (refused.number, refused.code) in {
        (8, DenyCode.CHANNEL_NOT_ALLOWED),
        (1, DenyCode.STREAM_COMMAND_NOT_ALLOWED),
    }


def test_an_error_has_the_exchange_s_shape() -> None:
    refused = Refused(DenyCode.CHANNEL_NOT_ALLOWED, 9, "channel fill is shut", 4, ends=False)
    frame = json.loads(error_frame(refused, "d-1"))
    words = f"CHANNEL_NOT_ALLOWED: channel fill is shut. {CODES[refused.code].hint} (decision d-1)"
    assert frame == {"type": "error", "id": 4, "msg": {"code": 9, "msg": words, "retryable": False}}


@pytest.mark.parametrize("code", DenyCode)
def test_an_error_says_whether_to_come_again(code: DenyCode) -> None:
    """Catches a frame that says other than the HTTP answer to the same code, and a moment where none is known."""
    refused = Refused(code, 27, "so")
    told = json.loads(error_frame(refused, "d-1"))["msg"]
    assert (told["retryable"], "retry_at" in told) == (CODES[code].is_retryable, False)
    assert json.loads(error_frame(refused, "d-1", "2026-01-01T00:00:00Z"))["msg"]["retry_at"] == "2026-01-01T00:00:00Z"


NAMES = st.sampled_from(["subscribe", "unsubscribe", "update_subscription", "list_subscriptions", "create_order", ""])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 2**40) | st.floats() | st.text(max_size=5) | st.just("ticker"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
PARAMS = st.dictionaries(st.sampled_from([*Params.model_fields, "order", "count"]), VALUES, max_size=4)


@given(st.dictionaries(st.sampled_from(["id", "params", "order"]), VALUES), NAMES, PARAMS, st.booleans())
def test_what_goes_up_means_the_same_to_the_exchange(
    more: dict[str, Any], cmd: str, params: dict[str, Any], sees_private: bool
) -> None:
    """Catches a frame that we read one way and the exchange's decoder another, whatever was sent."""
    sent = {"params": params} | more | {"cmd": cmd}
    read = read_command(json.dumps(sent), sees_private=sees_private)
    if isinstance(read, Refused):
        return
    assert json.loads(read.text) == sent
    meant = practice_reads(read.text)
    assert isinstance(meant, Command)
    assert meant.cmd in {"subscribe", "unsubscribe", "update_subscription", "list_subscriptions"}
    given_channels = set((meant.params and meant.params.channels) or [])
    assert given_channels <= PUBLIC_CHANNELS | (PRIVATE_CHANNELS if sees_private else set())


@given(st.text(max_size=60) | st.binary(max_size=60))
def test_any_text_is_read_or_refused(frame: str | bytes) -> None:
    """Catches an exception that is no refusal."""
    assert isinstance(read_command(frame, sees_private=True), Upward | Refused)
