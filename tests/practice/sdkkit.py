"""Both official SDKs, unmodified, behind one way to call them: configured with nothing but host, CA and key."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import kalshi_python_async as sdk_async
import kalshi_python_sync as sdk_sync
from tests.practice.support import ed25519_key, rsa_key

from pretrade.kalshi.keys import private_pem_of

KINDS = ("sync", "async", "async-ed25519")


def configuration(module, practice, key_id="full"):
    configuration = module.Configuration(host=practice.base_url)
    configuration.ssl_ca_cert = str(practice.ca_file)
    configuration.api_key_id = key_id
    configuration.private_key_pem = private_pem_of(ed25519_key() if key_id == "ed" else rsa_key()).decode()
    return configuration


class Sdk:
    """One way to call either SDK: `await sdk("create_order_v2", ...)`; errors are the module's own."""

    def __init__(self, module, call: Callable):
        self.errors = module
        self.models = module
        self._call = call

    async def __call__(self, name, /, **arguments):
        return await self._call(name, arguments)


@asynccontextmanager
async def sdk_client(kind: str, practice, key_id: str | None = None) -> AsyncIterator[Sdk]:
    """One of KINDS as a client of a running exchange; an Ed25519 key where the kind says so."""
    if kind == "sync":
        client = sdk_sync.KalshiClient(configuration(sdk_sync, practice, key_id or "full"))

        async def call(name, arguments):
            return await asyncio.to_thread(getattr(client, name), **arguments)

        try:
            yield Sdk(sdk_sync, call)
        finally:
            client.rest_client.pool_manager.clear()
        return
    chosen = key_id or ("ed" if kind == "async-ed25519" else "full")
    async with sdk_async.KalshiClient(configuration(sdk_async, practice, chosen)) as client:

        async def call(name, arguments):
            return await getattr(client, name)(**arguments)

        yield Sdk(sdk_async, call)
