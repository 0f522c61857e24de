"""`kalshi-sdk`'s stream: `follow` subscribes to a channel, `heard` waits for kinds of messages and gives what came.

Every message is one that the library has read with its own models; what it cannot read never gets here.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from kalshi.auth import KalshiAuth
from kalshi.ws.client import KalshiWebSocket
from talk import Arguments, Caller, Job, run

import kalshi

_WAIT_S = 20.0


@asynccontextmanager
async def opened(job: Job) -> AsyncIterator[Caller]:
    """One connection; CA and proxy come by the environment."""
    config = kalshi.KalshiConfig(base_url=job.base_url, ws_base_url=job.ws_url, allow_unknown_host=True)
    auth = KalshiAuth.from_key_path(job.key_id, job.key_file)
    heard: list[Any] = []
    tasks: list[asyncio.Task[None]] = []

    async def keep(messages: AsyncIterator[Any]) -> None:
        async for message in messages:
            heard.append(message)  # noqa: PERF401  (each is wanted when it comes)

    async def call(name: str, arguments: Arguments) -> Any:
        if name == "follow":
            params = {"market_tickers": arguments["tickers"]} if arguments["tickers"] else {}
            tasks.append(asyncio.create_task(keep(await session.subscribe(arguments["channel"], params=params))))
            return None
        async with asyncio.timeout(_WAIT_S):
            while not set(arguments["kinds"]) <= {message.type for message in heard}:
                await asyncio.sleep(0.02)
        return heard

    async with KalshiWebSocket(auth, config).connect() as session:
        yield call
        for task in tasks:
            task.cancel()


if __name__ == "__main__":
    run(opened)
