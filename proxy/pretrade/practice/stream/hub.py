"""The hub: listens to the exchange and tells every subscription what it subscribed to (market_data.md 8).

Rule of this file: fan-out only. Messages are made the moment the exchange tells something, because orders go on
changing; tickers are made when somebody is about to send. Without a connection the hub does not even listen.

The order of messages is that in which the exchange tells its events; after one operation the ticker comes last.
"""

from collections.abc import Callable, Iterator
from typing import Any

from pretrade.practice.core.errors import ExchangeError
from pretrade.practice.core.events import (
    BookChanged,
    CashMoved,
    Event,
    EventFeeChanged,
    Filled,
    GroupChanged,
    Lifecycle,
    MarketChanged,
    OrderChanged,
    PositionChanged,
    Traded,
)
from pretrade.practice.core.state import State
from pretrade.practice.stream import account_messages, lifecycle_messages, market_messages
from pretrade.practice.stream.channels import FILL, GROUPS, LIFECYCLE, ORDERBOOK, POSITIONS, TICKER, TRADE, USER_ORDERS
from pretrade.practice.stream.faults import StreamFaultPlan
from pretrade.practice.stream.session import End, Frame, Member, Session, StreamLimits, Subscription
from pretrade.practice.stream.tickers import Tickers


def _nothing() -> None:
    return


class Hub:
    """All connections of one exchange. Pure: `open` one, let `desk.answer` its commands, `take` what is to be sent."""

    def __init__(self, exchange: State, *, limits: StreamLimits | None = None) -> None:
        self.exchange = exchange
        self.limits = limits or StreamLimits()
        self.faults = StreamFaultPlan()
        self.tickers = Tickers(exchange)
        self._sessions: dict[Session, None] = {}
        self._routes: dict[type[Event], Callable[[Any], None]] = {
            Traded: self._traded,
            BookChanged: self._book_changed,
            Filled: self._filled,
            OrderChanged: self._order_changed,
            PositionChanged: self._position_changed,
            GroupChanged: self._group_changed,
            MarketChanged: self._market_changed,
            EventFeeChanged: self._fee_changed,
        }

    def open(self, member: Member, wake: Callable[[], None] = _nothing) -> Session:
        """A new connection of a member; `wake` is called whenever `take` has something.

        Raises 429 beyond the limit of connections an account may have.
        """
        if sum(session.member.account == member.account for session in self._sessions) >= self.limits.connections:
            raise ExchangeError(429, "too_many_connections")
        if not self._sessions:
            self.tickers = Tickers(self.exchange)
            self.exchange.listeners.append(self._tell)
        self._sessions[made := Session(member, self.limits, self.faults, wake)] = None
        return made

    def close(self, session: Session) -> None:
        """Forget a connection; closing twice does no harm."""
        if session not in self._sessions:
            return
        del self._sessions[session]
        if not self._sessions:
            self.exchange.listeners.remove(self._tell)

    @property
    def sessions(self) -> tuple[Session, ...]:
        """The open connections, oldest first."""
        return tuple(self._sessions)

    def take(self, session: Session) -> Frame | End | None:
        """The next thing to send on a connection, None when nothing waits."""
        item = session.take()
        if item is not None:
            return item
        self.flush()
        return session.take()

    def flush(self) -> None:
        """Queue the tickers that have changed since the last time."""
        subscribed = list(self._to(TICKER))
        if not subscribed:
            return
        for msg in self.tickers.news():
            for session, sub in subscribed:
                if sub.wants(msg["market_ticker"]):
                    session.tell(sub, "ticker", msg)

    def _tell(self, event: Event) -> None:
        if isinstance(event, CashMoved):
            return  # no channel tells of cash
        self._routes[type(event)](event)
        if self.tickers.note(event):
            for session, _ in self._to(TICKER):
                session.wake()

    def _traded(self, event: Traded) -> None:
        for session, sub in self._to(TRADE, event.trade.ticker):
            session.tell(sub, "trade", market_messages.trade(event.trade))

    def _filled(self, event: Filled) -> None:
        fill = event.fill
        for session, sub in self._to(FILL, fill.ticker, (fill.account, fill.subaccount)):
            session.tell(sub, "fill", account_messages.fill(event))

    def _order_changed(self, event: OrderChanged) -> None:
        order = event.order
        user_id = self.exchange.accounts[order.account].user_id
        for session, sub in self._to(USER_ORDERS, order.ticker, (order.account, order.subaccount)):
            session.tell(sub, "user_order", account_messages.user_order(order, user_id))

    def _group_changed(self, event: GroupChanged) -> None:
        for session, sub in self._to(GROUPS, owner=(event.group.account, event.group.subaccount)):
            session.tell(sub, "order_group_updates", account_messages.order_group(event))

    def _fee_changed(self, event: EventFeeChanged) -> None:
        msg = lifecycle_messages.event_fee(self.exchange.events[event.event_ticker])
        for session, sub in self._to(LIFECYCLE):
            session.tell(sub, "event_fee_update", msg)

    def _book_changed(self, event: BookChanged) -> None:
        for session, sub in self._to(ORDERBOOK, event.ticker):
            own = session.member.owns(event.order.account, event.order.subaccount)
            msg = market_messages.delta(event, use_yes_price=sub.use_yes_price, own=own)
            session.tell(sub, "orderbook_delta", msg)

    def _position_changed(self, event: PositionChanged) -> None:
        account = self.exchange.accounts[event.account]
        position = account.position((event.subaccount, event.ticker))
        msg = account_messages.market_position(event, account.user_id, position)
        for session, sub in self._to(POSITIONS, event.ticker, (event.account, event.subaccount)):
            session.tell(sub, "market_position", msg)

    def _market_changed(self, event: MarketChanged) -> None:
        state = self.exchange.markets[event.ticker]
        msg = lifecycle_messages.market_changed(event, state)
        is_first = len(self.exchange.markets_of(state.market.event_ticker)) == 1
        for session, sub in self._to(LIFECYCLE):
            if event.kind is Lifecycle.CREATED and is_first:
                parent = self.exchange.events[state.market.event_ticker]
                session.tell(
                    sub, "event_lifecycle", lifecycle_messages.event_created(parent, state.market.exchange_index)
                )
            session.tell(sub, "market_lifecycle_v2", msg)

    def _to(
        self, channel: str, ticker: str | None = None, owner: tuple[str, int] | None = None
    ) -> Iterator[tuple[Session, Subscription]]:
        """The subscriptions to a channel that want this market and may see what belongs to this owner."""
        for session in self._sessions:
            if owner is None or session.member.owns(*owner):
                for sub in session.on(channel):
                    if ticker is None or sub.wants(ticker):
                        yield session, sub
