"""What each command does: subscribe, unsubscribe, update_subscription, list_subscriptions (asyncapi).

Rule of this file: a command is checked whole before it changes anything, and is answered by acks or by one error.

Documented choices: a second subscription to a channel gets a sid of its own (error 6 is retired); an unknown market is
error 11 that names it (error 16 is retired); get_snapshot is answered by the snapshots themselves, which carry the
command's id, and shows any market that is asked for; a subscription to every market has no list to add to or delete
from (error 13); acks, snapshots and errors of one sid all take numbers of one row.
"""

from collections.abc import Callable

from pretrade.practice.stream import picking
from pretrade.practice.stream.channels import (
    ADD,
    CHANNELS,
    COMMUNICATIONS,
    DELETE,
    ORDERBOOK,
    SNAPSHOT,
    TICKER,
    Channel,
    Feed,
)
from pretrade.practice.stream.commands import Command, Params, read_command
from pretrade.practice.stream.errors import StreamError
from pretrade.practice.stream.hub import Hub
from pretrade.practice.stream.market_messages import snapshot
from pretrade.practice.stream.session import Session, Subscription

_SECOND_US = 1_000_000
_MAX_SHARDS = 100


def answer(hub: Hub, session: Session, frame: str | bytes) -> None:
    """Carry out one frame, after all that is due by the clock; every frame has an answer."""
    hub.exchange.advance()
    command = read_command(frame)
    if isinstance(command, int):
        session.reply("error", command, StreamError(1).message())
        return
    try:
        _COMMANDS.get(command.cmd, _unknown)(hub, session, command)
    except StreamError as error:
        session.reply("error", command.id, error.message())


def _unknown(hub: Hub, session: Session, command: Command) -> None:
    raise StreamError(5)


def _subscribe(hub: Hub, session: Session, command: Command) -> None:
    params = command.required()
    channels = _channels(params)
    _require_shards(params, channels)
    picked = {channel.name: picking.markets(hub.exchange, channel, params, hub.limits) for channel in channels}
    if any(channel.name == TICKER for channel in channels):
        hub.flush()
        hub.tickers.news()  # what has changed until now is not news to a new subscription
    for channel in channels:
        sub = session.subscribe(channel, picked[channel.name])
        sub.use_yes_price = bool(params.use_yes_price)
        sub.skip_ticker_ack = bool(params.skip_ticker_ack)
        if channel.feed is not None:
            sub.ids = dict.fromkeys(picking.feed_ids(channel.feed, params))
        session.reply("subscribed", command.id, {"channel": channel.name, "sid": sub.sid})
        _first_messages(hub, session, sub, list(sub.tickers or ()), params)


def _unsubscribe(hub: Hub, session: Session, command: Command) -> None:
    sids = command.required().sids
    if not sids:
        raise StreamError(4)
    if any(sid not in session.subscriptions for sid in sids):
        raise StreamError(7)
    for sid in dict.fromkeys(sids):
        session.reply("unsubscribed", command.id, sub=session.unsubscribe(sid))


def _list(hub: Hub, session: Session, command: Command) -> None:
    subs = session.subscriptions.values()
    session.reply("ok", command.id, [{"channel": sub.channel.name, "sid": sub.sid} for sub in subs])


def _update(hub: Hub, session: Session, command: Command) -> None:
    params = command.required()
    sub = _one(session, params)
    _require_pace(hub, sub)
    if not params.action:
        raise StreamError(15)
    if sub.channel.feed is not None:
        _update_feed(session, sub, sub.channel.feed, command.id, params)
        return
    if params.action not in sub.channel.actions or (sub.tickers is None and params.action != SNAPSHOT):
        raise StreamError(13)
    tickers = picking.markets(hub.exchange, sub.channel, params, hub.limits)
    if not tickers:
        raise StreamError(14)
    if params.action == SNAPSHOT:
        for ticker in tickers:
            _send_snapshot(hub, session, sub, ticker, command.id)
        return
    _change_markets(hub, session, sub, command.id, params, tickers)


def _change_markets(
    hub: Hub, session: Session, sub: Subscription, command_id: int, params: Params, tickers: list[str]
) -> None:
    """Add or delete markets; added ones get their first messages after the ok. Deleting the last leaves silence."""
    held = sub.tickers or {}
    added = [ticker for ticker in tickers if ticker not in held] if params.action == ADD else []
    if len(held) + len(added) > hub.limits.markets:
        raise StreamError(26)
    gone = set(tickers) if params.action == DELETE else set()
    sub.tickers = dict.fromkeys([ticker for ticker in held if ticker not in gone] + added)
    session.reply("ok", command_id, {} if sub.skip_ticker_ack else {"market_tickers": list(sub.tickers)}, sub)
    _first_messages(hub, session, sub, added, params)


def _update_feed(session: Session, sub: Subscription, feed: Feed, command_id: int, params: Params) -> None:
    """Pick ids of a feed, or list those there are: none, because no outside prices are streamed here."""
    if params.action == feed.listing:
        session.reply(feed.list_type, command_id, {feed.field: []}, sub)
        return
    if params.action not in {feed.subscribe, feed.unsubscribe}:
        raise StreamError(13)
    ids = picking.feed_ids(feed, params)
    if not ids:
        raise StreamError(feed.missing)
    if params.action == feed.subscribe:
        sub.ids |= dict.fromkeys(ids)
    else:
        sub.ids = {name: None for name in sub.ids if name not in ids}
    session.reply("ok", command_id, {feed.field: ["all"] if "all" in sub.ids else list(sub.ids)}, sub)


def _first_messages(hub: Hub, session: Session, sub: Subscription, tickers: list[str], params: Params) -> None:
    """What newly picked markets begin with: a snapshot of each book always, a ticker of each where
    `send_initial_snapshot` asked for it (asyncapi)."""
    for ticker in tickers:
        if sub.channel.name == ORDERBOOK:
            _send_snapshot(hub, session, sub, ticker)
        elif sub.channel.name == TICKER and params.send_initial_snapshot:
            session.tell(sub, "ticker", hub.tickers.current(ticker))


def _send_snapshot(hub: Hub, session: Session, sub: Subscription, ticker: str, command_id: int = 0) -> None:
    body = snapshot(ticker, hub.exchange.markets[ticker].book, use_yes_price=sub.use_yes_price)
    session.tell(sub, "orderbook_snapshot", body, command_id)


def _channels(params: Params) -> list[Channel]:
    """The channels of a subscribe, each once. Raises errors 3 and 8."""
    if not params.channels:
        raise StreamError(3)
    if any(name not in CHANNELS for name in params.channels):
        raise StreamError(8)
    return [CHANNELS[name] for name in dict.fromkeys(params.channels)]


def _require_shards(params: Params, channels: list[Channel]) -> None:
    """The fan-out parameters of communications (errors 19 to 22); other channels ignore them."""
    if all(channel.name != COMMUNICATIONS for channel in channels):
        return
    factor, key = params.shard_factor, params.shard_key
    if params.user_filter not in {None, "", "self"}:
        raise StreamError(11)
    if factor is None:
        if key is not None:
            raise StreamError(20)
        return
    if factor < 1:
        raise StreamError(19)
    if factor > _MAX_SHARDS:
        raise StreamError(22)
    if key is not None and not 0 <= key < factor:
        raise StreamError(21)


def _one(session: Session, params: Params) -> Subscription:
    """The one subscription of an update, named by sid or by a list of one. Raises errors 12 and 7."""
    named = [] if params.sid is None else [params.sid]
    named += params.sids or []
    if len(named) != 1:
        raise StreamError(12)
    if named[0] not in session.subscriptions:
        raise StreamError(7)
    return session.subscriptions[named[0]]


def _require_pace(hub: Hub, sub: Subscription) -> None:
    """Error 27 for more updates of one subscription within a second than the limit."""
    now, past = hub.exchange.clock(), sub.commands_at
    while past and past[0] <= now - _SECOND_US:
        past.popleft()
    if len(past) >= hub.limits.commands_a_second:
        raise StreamError(27)
    past.append(now)


_COMMANDS: dict[str, Callable[[Hub, Session, Command], None]] = {
    "subscribe": _subscribe,
    "unsubscribe": _unsubscribe,
    "update_subscription": _update,
    "list_subscriptions": _list,
}
