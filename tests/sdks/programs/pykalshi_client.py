"""`pykalshi-client` (module `pykalshi`, in its own environment): methods of one asynchronous client, V1 and V2."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pykalshi import ClientConfig, KalshiCredentials, KalshiHttpClient
from talk import Arguments, Caller, Job, renamed, run

_NAMES = {
    "accept_quote": {"accepted_side": "side"},
    "batch_cancel_event_orders": {"orders": "orders_list"},
    "batch_create_event_orders": {"orders": "orders_list"},
    "batch_create_orders": {"orders": "orders_list"},
    "batch_cancel_orders": {"ids": "order_ids"},
    "get_event_candlesticks": {"ticker": "event_ticker"},
    "get_forecast_percentile_history": {"ticker": "event_ticker"},
    "get_live_data_legacy": {"type": "data_type"},
    "get_milestones": {"type": "milestone_type"},
    "get_structured_targets": {"type": "target_type"},
    "update_order_group_limit": {"contracts_limit": "limit"},
}


@asynccontextmanager
async def opened(job: Job) -> AsyncIterator[Caller]:
    """A client whose base URL has no path; CA and proxy come by the environment."""
    config = ClientConfig(
        http_base_url=job.base_url.removesuffix("/trade-api/v2"),
        ws_base_url=job.ws_url.removesuffix("/trade-api/ws/v2"),
    )
    credentials = KalshiCredentials.from_key_file(job.key_id, job.key_file)
    async with KalshiHttpClient(credentials, config) as client:

        async def call(name: str, arguments: Arguments) -> Any:
            return await getattr(client, name)(**renamed(arguments, _NAMES.get(name, {})))

        yield call


if __name__ == "__main__":
    run(opened)
