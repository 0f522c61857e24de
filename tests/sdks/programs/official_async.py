"""`kalshi-python-async`: as the sync one, awaited."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import kalshi_python_async
from talk import Arguments, Caller, Job, renamed, run

_NAMES = {"from": "var_from"}


@asynccontextmanager
async def opened(job: Job) -> AsyncIterator[Caller]:
    """A client with the options that its documentation names; a proxy comes by the environment."""
    configuration = kalshi_python_async.Configuration(host=job.base_url, ssl_ca_cert=job.ca_file)
    configuration.api_key_id = job.key_id
    configuration.private_key_pem = job.private_key()
    async with kalshi_python_async.KalshiClient(configuration) as client:

        async def call(name: str, arguments: Arguments) -> Any:
            return await getattr(client, name)(**renamed(arguments, _NAMES))

        yield call


if __name__ == "__main__":
    run(opened)
