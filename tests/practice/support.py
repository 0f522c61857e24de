"""What the tests of the practice exchange share: a small world, order builders, keys, a running server."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pretrade.kalshi.keys import PrivateKey, generate_private_key, public_pem_of
from pretrade.model.orders import NewOrder, SelfTradePrevention, Side, TimeInForce
from pretrade.model.units import Count, Price, parse_count, parse_price
from pretrade.practice.api.keys import add_key
from pretrade.practice.core.accounts import Account
from pretrade.practice.core.exchange import Exchange, Result
from pretrade.practice.core.instruments import Event, Market, PriceStructure, Series
from pretrade.practice.core.state import World
from pretrade.practice.core.transfers import open_subaccount
from pretrade.practice.server import Config, RunningPractice, start

NOW_US = 1_800_000_000_000_000
DAY_US = 86_400_000_000
GTC = TimeInForce.GOOD_TILL_CANCELED
IOC = TimeInForce.IMMEDIATE_OR_CANCEL
FOK = TimeInForce.FILL_OR_KILL
BTC = "KXBTC-26DEC31-T100000"
ONE_DOLLAR = 1_000_000


@dataclass
class FakeClock:
    now_us: int = NOW_US

    def __call__(self) -> int:
        return self.now_us

    def advance(self, seconds: int) -> None:
        self.now_us += seconds * 1_000_000


@dataclass
class Floor:
    """An exchange without a market maker, with markets A (linear cent) and B (tapered) in event E."""

    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        def market(ticker: str, structure: PriceStructure) -> Market:
            return Market(ticker, "E", ticker, ticker, NOW_US - DAY_US, NOW_US + DAY_US, 5_000, None, structure)

        world = World(
            (Series("S", "s", "Tests", "custom"),),
            (Event("E", "S", "e", "e"),),
            (market("A", PriceStructure.LINEAR_CENT), market("B", PriceStructure.TAPERED_DECI_CENT)),
        )
        self.exchange = Exchange(world, self.clock, random.Random(7))

    def account(self, name: str, cash_dollars: int = 1_000, subaccounts: tuple[int, ...] = ()) -> Account:
        """An account with as much cash in each of its subaccounts, all on shard 0."""
        account = self.exchange.open_account(name, cash_dollars * ONE_DOLLAR)
        for number in subaccounts:
            open_subaccount(self.exchange, account, number)
            account.deposit(number, 0, cash_dollars * ONE_DOLLAR)
        return account

    def place(self, who: Account, side: str, price: str, count: str, **more: Any) -> Result:
        return self.exchange.create(who, order(side, price, count, **more))


def order(side: str, price: str, count: str, **more: Any) -> NewOrder:
    """An order in market A, good till canceled unless said otherwise."""
    values: dict[str, Any] = {
        "ticker": "A",
        "side": Side(side),
        "count": parse_count(count),
        "price": parse_price(price),
        "time_in_force": GTC,
        "self_trade_prevention_type": SelfTradePrevention.TAKER_AT_CROSS,
    }
    return NewOrder(**(values | more))


def raw_order(price: int, count: int, side: Side, **more: Any) -> NewOrder:
    """An order from plain units, for values that text would not give."""
    stp = SelfTradePrevention.TAKER_AT_CROSS
    return NewOrder("A", side, Count(count), Price(price), GTC, stp, **more)


@cache
def rsa_key() -> PrivateKey:
    return generate_private_key("rsa")


@cache
def ed25519_key() -> PrivateKey:
    return generate_private_key("ed25519")


KEYS: Mapping[str, tuple[str, ...]] = {
    "full": ("read", "write"),
    "trade": ("read", "write::trade"),
    "reader": ("read",),
    "mover": ("write::transfer",),
    "balance-only": ("read::portfolio_balance",),
}


async def start_practice(folder: Path, **more: Any) -> RunningPractice:
    """A server on a free port with the keys of KEYS (RSA), `ed` (Ed25519, full) and `sub3` (bound to subaccount 3)."""
    rsa_pem = public_pem_of(rsa_key().public_key())
    for key_id, scopes in KEYS.items():
        add_key(folder, key_id, rsa_pem, scopes)
    add_key(folder, "ed", public_pem_of(ed25519_key().public_key()), ["read", "write"])
    add_key(folder, "sub3", rsa_pem, ["read", "write::trade"], subaccount=3)
    return await start(Config(folder=folder, port=0, **more))
