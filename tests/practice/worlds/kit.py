"""What the tests of worlds, simulation and state file share: small worlds, a stream of commands, the whole state."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from pretrade.model.orders import Side
from pretrade.practice.scenario import Scenario
from pretrade.practice.worldfile import load_world, read_world

API = "/trade-api/v2"
ORDERS = f"{API}/portfolio/events/orders"
EXAMPLES = Path(__file__).parents[3] / "proxy" / "pretrade" / "practice" / "worlds" / "examples"

HEAD = """version: 1
series:
  - {ticker: KXS, title: S}
events:
  - {ticker: KXS-E, series: KXS, title: E}
accounts:
  main: {cash: $1000}
  crowd: {cash: $1000}
"""
BUSY = (
    HEAD
    + """maker: {kind: walk, every: 300ms, levels: 3, smallest: 2, largest: 9, inventory_limit: 40}
noise: {every: 700ms, smallest: 1, largest: 12}
markets:
  - {ticker: KXS-E-A, event: KXS-E, yes_sub_title: A, closes: +20s, mid: $0.50}
  - {ticker: KXS-E-B, event: KXS-E, yes_sub_title: B, opens: +3s, closes: +1d, mid: $0.30, maker: {kind: reactive}}
script:
  - {at: 2s, do: pause, what: trading, lasting: 1}
  - {at: 5s, do: structure, market: KXS-E-B, structure: deci_cent}
  - {at: 9s, do: move, market: KXS-E-B, price: $0.40, trade: true}
  - {at: 21s, do: determine, market: KXS-E-A, result: scalar, value: $0.37}
"""
)
QUIET = (
    HEAD
    + """maker: {kind: none}
markets:
  - {ticker: KXS-E-A, event: KXS-E, yes_sub_title: A, closes: +1d, mid: $0.50}
"""
)


def world(text: str) -> Scenario:
    return read_world(text, source="w.yaml", folder=Path("/nowhere"))


def example(name: str) -> Scenario:
    return load_world(EXAMPLES / f"{name}.yaml")


@dataclass(frozen=True)
class Ask:
    """Something that is asked of an exchange after so many microseconds."""

    after_us: int
    method: str
    target: str
    body: Any = None


def place(ticker: str = "KXS-E-A", side: str = "bid", price: str = "0.4900", count: str = "3", **more: Any) -> Ask:
    fields = {
        "ticker": ticker,
        "side": side,
        "price": price,
        "count": count,
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
    }
    return Ask(0, "POST", ORDERS, fields | more)


def asks() -> st.SearchStrategy[Ask]:
    """Places, good and refused ones, cancel-alls, groups, subaccounts and reads, up to two seconds apart."""
    price = st.integers(1, 99).map(lambda cents: f"0.{cents:02}00")
    fields = st.fixed_dictionaries(
        {
            "ticker": st.sampled_from(["KXS-E-A", "KXS-E-B", "KXS-E-NONE"]),
            "side": st.sampled_from(["bid", "ask"]),
            "price": price,
            "count": st.integers(0, 15).map(str),
            "time_in_force": st.sampled_from(["good_till_canceled", "immediate_or_cancel", "fill_or_kill"]),
            "self_trade_prevention_type": st.sampled_from(["taker_at_cross", "maker"]),
        },
        optional={"client_order_id": st.sampled_from(["a", "b", "c"]), "subaccount": st.sampled_from([0, 1])},
    )
    after = st.integers(0, 2_000_000)
    orders = st.builds(Ask, after, st.just("POST"), st.just(ORDERS), fields)
    others = st.sampled_from(
        [
            ("DELETE", ORDERS, None),
            ("DELETE", f"{ORDERS}/none", None),
            ("POST", f"{API}/portfolio/subaccounts", {}),
            ("POST", f"{API}/portfolio/order_groups/create", {"contracts_limit": 3}),
            ("GET", f"{API}/portfolio/balance", None),
            ("GET", f"{API}/markets/KXS-E-A/orderbook", None),
        ]
    )
    return st.one_of(orders, orders, st.builds(lambda us, rest: Ask(us, *rest), after, others))


def whole(practice: Any) -> dict[str, Any]:
    """Everything an exchange holds, as plain values: two exchanges that are alike here are alike."""
    exchange = practice.exchange
    return {
        "accounts": {name: asdict(account) for name, account in exchange.accounts.items()},
        "orders": [asdict(order) for order in exchange.orders.values()],
        "fills": [asdict(fill) for fill in exchange.fills],
        "trades": [asdict(trade) for trade in exchange.trades],
        "markets": {
            ticker: (state.market, repr(state.outcome), state.verdict, state.volume, state.open_interest, state.paused)
            for ticker, state in exchange.markets.items()
        },
        "depth": {ticker: [state.book.depth(side) for side in Side] for ticker, state in exchange.markets.items()},
        "groups": {name: sorted(groups) for name, groups in exchange.groups.items()},
        "switches": asdict(exchange.switches),
        "fees": exchange.fees_collected,
        "next_id": exchange._rng.getstate(),
    }
