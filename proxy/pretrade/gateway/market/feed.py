"""Our own stream: opened, kept, and opened again, for as long as the proxy runs.

Rule of this file: one connection at a time, a pause before each but the first that grows with failures; no order ever
waits for it. While there is none there are no books of its own, and REST is asked (see `books`).
"""

import asyncio
import random
from collections.abc import Callable

import structlog
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from pretrade.gateway.instance import Instance
from pretrade.gateway.market.feed_session import FeedError, FeedSession, Hearers
from pretrade.gateway.messages import printable
from pretrade.gateway.way.group_trips import announced
from pretrade.gateway.way.own_groups import group_limit
from pretrade.kalshi.signing import SignedRequest
from pretrade.kalshi.stream import NotOpenedError, StreamDialler
from pretrade.model.instance import Mode

log = structlog.get_logger()

LOOK_S = 0.1
"""How often it is looked whether something is to be said; a market that is new is asked for at once."""
SEND_S = 5.0
"""How long the exchange may take to read a command."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
GOOD_MS = 10_000
"""A stream that stood so long was none that fails at once."""
NEWS_EVERY_MS = 1_000
"""How often news of the account ask for a reading of the exchange's record."""


class Feed:
    """The stream of one instance. `chance` gives numbers from 0 to 1, to spread attempts: not all proxies come back to
    an exchange in the same moment."""

    def __init__(self, instance: Instance, dialler: StreamDialler, chance: Callable[[], float] = random.random) -> None:
        self._instance = instance
        self._dialler = dialler
        self._chance = chance
        self._pause_s = FIRST_PAUSE_S
        self._has_news = False
        self._news_ms: int | None = None

    async def run(self) -> None:
        """Live until cancelled. Whatever ends a stream, its books are gone before anything else happens."""
        state = self._instance.feed
        while True:
            opened_ms: int | None = None
            try:
                connection = await self._dialler.dial(self._sign)
                opened_ms = self._instance.clock.age_ms()
                problem = await self._live(connection)
            except NotOpenedError as e:
                problem = printable(str(e))
            finally:
                self._instance.books.live.lose_books()
                self._instance.books.live.lose_trades()
            self._tell(problem)
            state.ended(problem)
            await asyncio.sleep(self._pause(opened_ms))

    async def _live(self, connection: ClientConnection) -> str:
        """One stream until its end; why it ended."""
        instance = self._instance
        instance.feed.opened(instance.clock.age_ms())
        log.info("feed_opened", openings=instance.feed.openings)
        instance.markets.doubt()
        hears_account = instance.policy.instance.mode is Mode.LIVE
        hears_groups = hears_account and any(group_limit(instance, name) for name in instance.policy.clients)
        hearers = Hearers(instance.books, instance.markets, self._note_news, self._note_trip)
        session = FeedSession(hearers, instance.clock, instance.feed, hears_account, hears_groups)
        ways = [asyncio.create_task(way) for way in (self._hear(connection, session), self._say(connection, session))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            done = next(way for way in ways if way.done())
            return await done
        finally:
            for way in ways:
                way.cancel()
            connection.transport.abort()
            await asyncio.wait(ways)

    async def _hear(self, connection: ClientConnection, session: FeedSession) -> str:
        try:
            while True:
                session.take(await connection.recv())
        except FeedError as e:
            return str(e)
        except ConnectionClosed as e:
            return f"the exchange closed it: {printable(str(e))}"

    async def _say(self, connection: ClientConnection, session: FeedSession) -> str:
        wake = self._instance.books.wake
        commands = session.opening()
        try:
            while True:
                for command in commands:
                    async with asyncio.timeout(SEND_S):
                        await connection.send(command)
                self._ask_for_a_round()
                try:
                    async with asyncio.timeout(LOOK_S):
                        await wake.wait()
                except TimeoutError:
                    pass
                wake.clear()
                commands = session.due()
        except FeedError as e:
            return str(e)
        except ConnectionClosed as e:
            return f"the exchange closed it: {printable(str(e))}"
        except TimeoutError:
            return f"the exchange did not read a command within {SEND_S:g} s"

    async def _sign(self) -> SignedRequest:
        return await self._instance.signers.general.sign_handshake(self._instance.clock.now_ms())

    def _note_news(self) -> None:
        self._has_news = True

    def _note_trip(self, group_id: str) -> None:
        self._has_news = True
        announced(self._instance, group_id)

    def _ask_for_a_round(self) -> None:
        """Have the exchange's record read soon if the account is not as it was, at most once in NEWS_EVERY_MS; the last
        news are never lost."""
        now_ms = self._instance.clock.age_ms()
        if self._has_news and (self._news_ms is None or now_ms - self._news_ms >= NEWS_EVERY_MS):
            self._has_news, self._news_ms = False, now_ms
            self._instance.reconciled.want()

    def _pause(self, opened_ms: int | None) -> float:
        """Seconds until the next attempt: half of it is chance."""
        if opened_ms is not None and self._instance.clock.age_ms() - opened_ms >= GOOD_MS:
            self._pause_s = FIRST_PAUSE_S
        pause_s = self._pause_s * (1 + self._chance()) / 2
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        return pause_s

    def _tell(self, problem: str) -> None:
        """Log it, once as long as it stays the same."""
        if problem != self._instance.feed.problem:
            log.warning("feed_lost", detail=problem, effect="books are read by REST until it is back")
