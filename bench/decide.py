"""What it costs to judge an order: in one process, by how many entries `markets` has and how many positions are open.

Every limit of the default policy.yaml holds; the entries of `markets` are put in front of its own, each with a limit of
its own. The orders go round all the markets, so that nothing is answered from one warm line. `ledger` is the figures of
the account that the write would change, `decide` the judgement by the policy. With regopy and cedarpy installed, the
part of the same rules that needs no state is asked of OPA's language and of Cedar as well:

    uv run --with regopy --with cedarpy python bench/decide.py
"""

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import click
from engines import cedar, rego
from rich.console import Console
from rich.table import Table

from pretrade.gateway.config import loads
from pretrade.model.decisions import Approved
from pretrade.model.facts import Facts, Place
from pretrade.model.instance import Mode, Role, TradingState
from pretrade.model.loss import LossSeen, MarkSeen
from pretrade.model.markets import MarketStatus, PriceRange
from pretrade.model.orders import CreateOrder, NewOrder, SelfTradePrevention, Side, TimeInForce
from pretrade.model.pace import PLACE, BucketSeen, LegPace, PaceSeen
from pretrade.model.seen import BookSeen, ExchangeSeen, MarketSeen, Source
from pretrade.model.units import NO_MONEY, Count, Money, Price
from pretrade.policy.schema import Policy
from pretrade.risk.checks.engine import decide
from pretrade.risk.ledger.account import Account
from pretrade.risk.ledger.book import Held
from pretrade.risk.ledger.preview import Asked, preview

CLIENT, DAY = "momentum-bot", "2026-01-01"
ROOM = ('max_exposure: "$1000"', 'max_exposure: "$1000000000"')
_LONG = 10**12
_POLICY = Path(__file__).parents[1] / "policy.yaml"
_LEVELS = tuple((Price(5_500 - 100 * step), Count(50_000)) for step in range(25))
_OTHERS = tuple((Price(4_300 - 100 * step), Count(50_000)) for step in range(25))


@dataclass(frozen=True, slots=True)
class Times:
    """What one call takes, in microseconds of the CPU: on a busy machine the clock on the wall tells of others.

    Others slow the CPU's own time as well, for they share its caches. `least` and `least_p99` are over the least that
    each call took in all its rounds, which is nearer to a quiet machine; collections of garbage are in the other two.
    """

    median: float
    p99: float
    least: float
    least_p99: float


def times(calls: Sequence[Callable[[], object]], rounds: int) -> Times:
    """Each call `rounds` times, one after another, after one round that is not measured."""
    took: list[int] = []
    least = [_LONG] * len(calls)
    for number in range(rounds + 1):
        gc.collect()
        for index, call in enumerate(calls):
            began = time.thread_time_ns()
            call()
            took.append(time.thread_time_ns() - began)
            least[index] = min(least[index], took[-1])
        if number == 0:
            took.clear()
    cuts, lowest = statistics.quantiles(took, n=100), statistics.quantiles(least, n=100)
    return Times(cuts[49] / 1000, cuts[98] / 1000, lowest[49] / 1000, lowest[98] / 1000)


def ticker_of(number: int) -> str:
    """The market of one entry."""
    return f"KXM{number:05d}-26DEC31"


def policy_with(entries: int) -> Policy:
    """The default policy with so many entries in front."""
    lines = "".join(
        f'  - {{match: "KXM{number:05d}-*", allow: true, limits: {{order: {{max_count: "{20 + number % 50}"}}}}}}\n'
        for number in range(entries)
    )
    text = _POLICY.read_text("utf-8").replace(*ROOM).replace("markets:\n", f"markets:\n{lines}")
    return loads(text, source="bench").policy


def account_with(positions: int) -> Account:
    """An account with a position of ten contracts in each of so many markets."""
    account = Account()
    for number in range(positions):
        ticker = ticker_of(number)
        account.learn(Place(ticker, f"{ticker}-E", f"{ticker}-S", 10_000))
        account.adopt((0, ticker), Held(Count(1_000), Money(5_000_000)))
    return account


def order_in(number: int) -> CreateOrder:
    """A bid for one contract, within every limit."""
    return CreateOrder(
        NewOrder(
            ticker=ticker_of(number),
            side=Side.BID,
            count=Count(100),
            price=Price(5_600),
            time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL,
            self_trade_prevention_type=SelfTradePrevention.TAKER_AT_CROSS,
            client_order_id=f"c-{number}",
            subaccount=0,
        )
    )


def facts_of(account: Account, write: CreateOrder) -> Facts:
    """What the proxy would know: the account's own figures, and a market with a deep book."""
    ticker = write.order.ticker
    places = (Place(ticker, f"{ticker}-E", f"{ticker}-S", 10_000),)
    seen = preview(account, Asked(write, 0, DAY, 10_000, places, own=False))
    market = MarketSeen(
        ticker, MarketStatus.ACTIVE, 2_000_000_000_000, (PriceRange(Price(0), Price(10_000), Price(100)),), 100,
        is_trading=True, volume_24h=Count(100_000_000), open_interest=Count(100_000_000),
        book=BookSeen(_LEVELS, _OTHERS, 100, Source.FEED),
    )  # fmt: skip
    return Facts(
        now_ms=1_767_000_000_000, role=Role.W, mode=Mode.LIVE, trading_state=TradingState.ACTIVE, client=CLIENT,
        subaccount=0, day=DAY, reconciled_ms=1_000, usages=seen.usages, reduces=seen.reduces, places=places,
        markets=(market,), exchange=ExchangeSeen(is_active=True, is_trading=True, age_ms=100),
        pace=PaceSeen(1, (BucketSeen(PLACE, own=False, of="", used=0, at_ms=0, per_second=0),), (LegPace(),)),
        losses=tuple(LossSeen(own, NO_MONEY, 100) for own in (True, False)),
        marks=(MarkSeen(ticker, Price(5_500), Price(4_300)),),
    )  # fmt: skip


def measure(entries: int, positions: int, rounds: int) -> tuple[Times, Times, Times]:
    """Ledger, decide, and both, for a policy and an account of this size."""
    policy, account = policy_with(entries), account_with(positions)
    writes = [order_in(number * max(1, entries) // 1_000 % max(1, entries)) for number in range(1_000)]
    facts = [facts_of(account, write) for write in writes]
    for write, on in zip(writes, facts, strict=True):
        decision = decide(write, on, policy)
        if not isinstance(decision, Approved):
            raise click.ClickException(f"an order that should pass was denied: {decision.reasons}")
    asked = [
        Asked(write, 0, DAY, 10_000, on.places, own=False) for write, on in zip(writes, facts, strict=True)
    ]  # fmt: skip

    def both(number: int) -> object:
        seen = preview(account, asked[number])
        return decide(writes[number], replace(facts[number], usages=seen.usages, reduces=seen.reduces), policy)

    return (
        times([lambda one=one: preview(account, one) for one in asked], rounds),  # type: ignore[misc]
        times([lambda w=w, f=f: decide(w, f, policy) for w, f in zip(writes, facts, strict=True)], rounds),  # type: ignore[misc]
        times([lambda number=number: both(number) for number in range(len(writes))], rounds),  # type: ignore[misc]
    )


@click.command()
@click.option("--rounds", type=click.IntRange(1, 1_000), default=10, show_default=True, help="Of 1,000 orders each.")
@click.option("--sizes", default="1,10,100,1000,2000", show_default=True, help="Entries, and as many positions.")
def main(rounds: int, sizes: str) -> None:
    """Print what judging one order takes, and how it grows."""
    console = Console(highlight=False)
    columns = (f"{name} {figure}" for name in ("ledger", "decide", "both") for figure in ("p50", "p99", "least", "p99"))
    table = Table("entries", *columns, box=None)
    for size in map(int, sizes.split(",")):
        figures = measure(size, size, rounds)
        cells = [f"{t:.0f}" for one in figures for t in (one.median, one.p99, one.least, one.least_p99)]
        table.add_row(f"{size:,}", *cells)
    console.print("microseconds an order\n", table, sep="")
    _print_engines(console, [int(size) for size in sizes.split(",")])


def _print_engines(console: Console, sizes: Sequence[int]) -> None:
    table = Table("engine", *(f"{size:,} entries p50" for size in sizes), box=None)
    for name, module, make in (("OPA's Rego (regopy)", "regopy", rego), ("Cedar (cedarpy)", "cedarpy", cedar)):
        if find_spec(module) is None:
            console.print(f"\n{name}: {module} is not installed")
            continue
        cells = []
        for size in sizes:
            ask = make(size, ticker_of)
            cells.append(f"{times([lambda ask=ask, size=size: _require(ask(size // 2))] * 20, 2).median:,.0f}")  # type: ignore[misc]
        table.add_row(name, *cells)
    if table.row_count:
        console.print("\nthe stateless part of the same rules, microseconds an order\n", table, sep="")


def _require(is_allowed: bool) -> None:
    if not is_allowed:
        raise click.ClickException("an engine denied an order that should pass")


if __name__ == "__main__":
    main()
