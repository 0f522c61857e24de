"""Plain HTTP libraries under `pretrade exec`, with no option of their own: the variables alone lead them through.

Rule of this file: what a library is told is a method, an address, headers and a body, as to the exchange itself.
"""

import json
import sys

import pytest
from tests.e2e.clients import ORDERS
from tests.e2e.harness import World, order

from pretrade.cli.init import CLIENT

BALANCE = "/trade-api/v2/portfolio/balance"
SIGN = """
import base64, json, os, sys, time
from pathlib import Path
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
key = serialization.load_pem_private_key(Path(sys.argv[1]).read_bytes(), None)
def requests_to_make():
    for method, path, body in json.loads(sys.argv[2]):
        stamp = str(time.time_ns() // 1_000_000)
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        signature = base64.b64encode(key.sign((stamp + method + path).encode(), pss, hashes.SHA256())).decode()
        yield method, "https://external-api.kalshi.com" + path, body, {
            "KALSHI-ACCESS-KEY": os.environ["KALSHI_API_KEY_ID"], "KALSHI-ACCESS-TIMESTAMP": stamp,
            "KALSHI-ACCESS-SIGNATURE": signature, **({"Content-Type": "application/json"} if body else {}),
        }
"""
"""Each request is signed when it is made: however long a program takes to start, its signatures are new."""
EACH = {
    "requests": """
import requests
for method, url, body, headers in requests_to_make():
    got = requests.request(method, url, headers=headers, data=body, timeout=15)
    print(got.status_code, got.text)
""",
    "httpx": """
import httpx
for method, url, body, headers in requests_to_make():
    got = httpx.request(method, url, headers=headers, content=body, timeout=15)
    print(got.status_code, got.text)
""",
    "aiohttp": """
import asyncio, aiohttp
async def ask():
    async with aiohttp.ClientSession(trust_env=True) as session:
        for method, url, body, headers in requests_to_make():
            async with session.request(method, url, headers=headers, data=body) as got:
                print(got.status, await got.text())
asyncio.run(ask())
""",
}


@pytest.mark.parametrize("library", EACH)
def test_a_read_an_order_and_a_denial_by_variables_alone(world: World, library: str) -> None:
    """Catches a byte of a plain library's that the proxy door does not take, a variable by which it does not find the
    proxy or does not believe our CA, and a denial that comes as something else."""
    asked = [
        ("GET", BALANCE, None),
        ("POST", ORDERS, json.dumps(order(client_order_id=f"by-{library}"))),
        ("POST", ORDERS, json.dumps(order(count="1000000.00"))),
    ]
    with world.exchange_sees(1):
        bot = (sys.executable, "-c", SIGN + EACH[library], str(world.client_key), json.dumps(asked))
        done = world.pretrade("exec", "--client", CLIENT, "--", *bot)
    assert done.returncode == 0, done.stderr
    read, placed, denied = (line.partition(" ") for line in done.stdout.strip().splitlines())
    assert (read[0], placed[0], denied[0]) == ("200", "201", "403"), done.stdout
    assert "order_id" in json.loads(placed[2])
    assert json.loads(denied[2])["code"] == "ORDER_COUNT_EXCEEDS_MAXIMUM"
    assert world.decision_of(f"by-{library}").body["door"] == "proxy"
