"""`kalshi-python-sync`: every call is a method of one client, its arguments flattened."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import kalshi_python_sync
from talk import Arguments, Caller, Job, renamed, run

_NAMES = {"from": "var_from"}


@asynccontextmanager
async def opened(job: Job) -> AsyncIterator[Caller]:
    """A client with the options that its documentation names; it knows no proxy variables."""
    configuration = kalshi_python_sync.Configuration(host=job.base_url, ssl_ca_cert=job.ca_file)
    configuration.proxy = job.proxy
    configuration.api_key_id = job.key_id
    configuration.private_key_pem = job.private_key()
    client = kalshi_python_sync.KalshiClient(configuration)

    def call(name: str, arguments: Arguments) -> Any:
        return getattr(client, name)(**renamed(arguments, _NAMES))

    yield call
    client.rest_client.pool_manager.clear()


if __name__ == "__main__":
    run(opened)
