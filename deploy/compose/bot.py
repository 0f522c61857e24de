"""A sample client: the official async SDK, unchanged. HTTPS_PROXY and SSL_CERT_FILE lead it to its sidecar.

It reads the balance, bids one contract far below the market, and cancels that bid. Argument: the file with its own key.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import kalshi_python_async as kalshi

MARKET = "KXBTC-26DEC31-T100000"


async def told(what: str, call: Awaitable[Any]) -> Any:
    """The answer to a call, or None; either way a line says how it went."""
    try:
        answer = await call
    except kalshi.ApiException as e:
        print(f"{what}: {e.status} {e.body}", flush=True)
        return None
    print(f"{what}: done", flush=True)
    return answer


async def main(key: str) -> None:
    """One read and two writes."""
    configuration = kalshi.Configuration()
    configuration.api_key_id = os.environ["KALSHI_API_KEY_ID"]
    configuration.private_key_pem = key
    async with kalshi.KalshiClient(configuration) as client:
        await told("read the balance", client.get_balance())
        order = client.create_order_v2(
            ticker=MARKET,
            side="bid",
            count="1.00",
            price="0.5000",
            time_in_force="good_till_canceled",
            self_trade_prevention_type="taker_at_cross",
        )
        if placed := await told("place a bid", order):
            await told("cancel it", client.cancel_order_v2(placed.order_id))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).read_text(encoding="utf-8")))
