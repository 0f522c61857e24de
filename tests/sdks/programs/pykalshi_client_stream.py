"""`pykalshi-client`'s stream: `follow` subscribes to a channel, `heard` waits for kinds of messages and gives all.

The library hands its user the text of a message; every one is read here with the library's model of its type.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pydantic import BaseModel
from pykalshi import ClientConfig, KalshiCredentials, KalshiWebSocketClient
from pykalshi.models import ws
from talk import Arguments, Caller, Job, run

_WAIT_S = 20.0
_ANSWERS = {"subscribed": ws.SubscribedResponsePayload, "ok": ws.OkResponsePayload, "error": ws.ErrorResponsePayload}


def _model(kind: str) -> type[BaseModel]:
    """The library's model of a type of message, by its naming rule; AttributeError for a type it does not know."""
    found: type[BaseModel] = getattr(ws, "".join(word.capitalize() for word in kind.split("_")) + "Payload")
    return found


@asynccontextmanager
async def opened(job: Job) -> AsyncIterator[Caller]:
    """One connection, whose base URL has no path; CA and proxy come by the environment."""
    config = ClientConfig(ws_base_url=job.ws_url.removesuffix("/trade-api/ws/v2"))
    heard: list[dict[str, Any]] = []

    async def keep(text: str) -> None:
        heard.append(json.loads(text))

    credentials = KalshiCredentials.from_key_file(job.key_id, job.key_file)
    client = KalshiWebSocketClient(credentials, config, on_message_callback=keep)

    async def call(name: str, arguments: Arguments) -> Any:
        if name == "follow":
            return await client.add_markets(arguments["tickers"], [arguments["channel"]])
        async with asyncio.timeout(_WAIT_S):
            while not set(arguments["kinds"]) <= {message["type"] for message in heard}:
                await asyncio.sleep(0.02)
        return [(_ANSWERS.get(one["type"]) or _model(one["type"])).model_validate(one) for one in heard]

    await client.connect()
    listening = asyncio.create_task(client.listener_loop())
    try:
        yield call
    finally:
        await client.close()
        listening.cancel()


if __name__ == "__main__":
    run(opened)
