"""Facts of markets: what the exchange says and young enough, or none and a sentence that says why."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.programs import Pretrade, eventually
from tests.gateway.fakes import FakeTime, until
from tests.practice.support import start_practice
from tests.practice.worlds.kit import example, world

from pretrade.gateway.machine.clock import Clock
from pretrade.gateway.market.market_facts import (
    FEES_MS,
    MARKET_MS,
    NEW_A_SECOND,
    NEW_AT_ONCE,
    RENEWALS,
    UNKNOWN_MS,
    MarketFactsCache,
)
from pretrade.gateway.market.shelf import MOMENT_MS
from pretrade.kalshi.client import Address, Answer, Lane, NotSent, Unknown, Upstream, tls_context
from pretrade.kalshi.feed_messages import EventFeeChanged, MarketChanged
from pretrade.kalshi.signing import SignedRequest
from pretrade.model.markets import FeeType, MarketFacts, MarketStatus, PriceRange, valid_price
from pretrade.model.units import Count, Price
from pretrade.practice.assemble import Practice
from pretrade.practice.core import lifecycle
from pretrade.practice.core.instruments import PriceStructure
from pretrade.practice.faults.kinds import FaultKind
from pretrade.practice.faults.plan import Fault
from pretrade.practice.scenario import Scenario
from pretrade.practice.server import RunningPractice
from pretrade.practice.simulation import Simulation
from pretrade.practice.worldfile import default_scenario

ROOT = "/trade-api/v2"
BTC, BTC_EVENT, BTC_SERIES = "KXBTC-26DEC31-T100000", "KXBTC-26DEC31", "KXBTC"
BTC_TWIN = "KXBTC-26DEC31-T120000"
FED = "KXFED-26DEC-T4.25"
STEPS = (f"{ROOT}/markets/{BTC}", f"{ROOT}/events/{BTC_EVENT}", f"{ROOT}/series/{BTC_SERIES}")
"""The three reads of one market, in their order."""


def truth(practice: Practice, ticker: str) -> MarketFacts:
    """What the exchange itself has of a market now."""
    exchange = practice.exchange
    state = exchange.markets[ticker]
    market, event = state.market, exchange.events[state.market.event_ticker]
    series = exchange.series[event.series_ticker]
    multiplier, fee_type = event.fee_multiplier_override, event.fee_type_override
    waiver, status = market.fee_waiver_us, MarketStatus(state.status(exchange.clock()))
    is_known = state.outcome is not None and status is not MarketStatus.DISPUTED
    return MarketFacts(
        ticker=ticker,
        event=event.ticker,
        series=series.ticker,
        status=status,
        fee_multiplier=100 * (series.fee_multiplier if multiplier is None else multiplier),
        fee_type=FeeType(series.fee_type if fee_type is None else fee_type),
        price_ranges=tuple(PriceRange(Price(r.start), Price(r.end), Price(r.step)) for r in market.price_ranges),
        close_ms=market.close_us // 1_000,
        exchange_index=market.exchange_index,
        fee_waiver_until_ms=None if waiver is None else waiver // 1_000,
        volume_24h=Count(practice.dispatcher.tape.volume_24h(ticker)),
        open_interest=Count(state.open_interest),
        result=Price(state.outcome.value) if is_known else None,
    )


type OnRead = Callable[[str, Answer], Awaitable[Answer]]


async def proper(_target: str, answer: Answer) -> Answer:
    return answer


@dataclass
class Exchange:
    """Our client to an exchange in this process, by interface; `on_read` may spoil an answer or hold it back."""

    simulation: Simulation
    on_read: OnRead = proper
    reads: list[str] = field(default_factory=list)

    async def send(self, request: SignedRequest, *, lane: Lane, last_look: Callable[[], None] | None = None) -> Answer:
        assert (request.method, request.headers, request.body, lane) == ("GET", (), b"", Lane.RECONCILE)
        self.reads.append(request.target)
        path, _, query = request.target.partition("?")
        reply = self.simulation.send("GET", path, query, {}, b"")
        answer = Answer(reply.status, "application/json", json.dumps(reply.body).encode())
        return await self.on_read(request.target, answer)

    def count(self) -> Counter[str]:
        """How often each target was read since the last look."""
        counted = Counter(self.reads)
        self.reads.clear()
        return counted


class Desk:
    """A cache, its exchange and its time."""

    def __init__(self, scenario: Scenario | None = None, **more: Any) -> None:
        self.time = FakeTime()
        self.simulation = Simulation(scenario or default_scenario())
        self.exchange = Exchange(self.simulation)
        self.cache = MarketFactsCache(self.exchange, self.time.clock, **more)  # type: ignore[arg-type]

    def truth(self, ticker: str) -> MarketFacts:
        return truth(self.simulation.practice, ticker)

    async def fetch(self, ticker: str = BTC) -> MarketFacts | str:
        return (await self.cache.fetch([ticker]))[ticker]

    def pass_ms(self, milliseconds: int) -> None:
        """Time passes here and at the exchange."""
        self.time.pass_ms(milliseconds)
        self.simulation.advance(milliseconds / 1_000)


SCENARIOS: dict[str, Callable[[], Scenario]] = {
    "default": default_scenario,
    "sharded": lambda: example("sharded"),
    "wild": lambda: example("wild"),
}


@pytest.mark.parametrize("name", sorted(SCENARIOS))
async def test_the_facts_are_what_the_exchange_has(name: str) -> None:
    """Catches a series guessed from a ticker, a shard or a grid of another market, and events read once a market."""
    desk = Desk(SCENARIOS[name]())
    exchange = desk.simulation.practice.exchange
    tickers = list(exchange.markets)
    expected = {ticker: desk.truth(ticker) for ticker in tickers}
    assert all(desk.cache.get(ticker) is None for ticker in tickers)
    assert await desk.cache.fetch(tickers) == expected
    assert {ticker: desk.cache.get(ticker) for ticker in tickers} == expected
    assert desk.exchange.count() == Counter(
        [
            f"{ROOT}/markets?limit=100&tickers={','.join(tickers)}",
            *(f"{ROOT}/events/{event}" for event in exchange.events),
            *(f"{ROOT}/series/{series}" for series in exchange.series),
        ]
    )
    assert await desk.cache.fetch(tickers) == expected
    assert not desk.exchange.reads


async def test_one_market_is_read_by_its_own_address_and_its_twin_shares_event_and_series() -> None:
    desk = Desk()
    assert await desk.fetch(BTC) == desk.truth(BTC)
    assert desk.exchange.count() == Counter(STEPS)
    assert await desk.fetch(BTC_TWIN) == desk.truth(BTC_TWIN)
    assert desk.exchange.count() == Counter([f"{ROOT}/markets/{BTC_TWIN}"])


async def test_a_series_whose_name_is_not_in_the_ticker_is_found() -> None:
    """Catches a series read out of the ticker: it is convention there, and here it is another one."""
    desk = Desk(
        world(
            "version: 1\naccounts: {main: {cash: $1000}}\nmaker: {kind: none}\n"
            "series: [{ticker: AAA, title: S, fee_type: flat}]\nevents: [{ticker: BBB-1, series: AAA, title: E}]\n"
            "markets: [{ticker: CCC-2-D, event: BBB-1, yes_sub_title: D, closes: +1d, mid: $0.50}]\n"
        )
    )
    facts = await desk.fetch("CCC-2-D")
    assert isinstance(facts, MarketFacts)
    assert (facts.event, facts.series, facts.fee_type) == ("BBB-1", "AAA", FeeType.FLAT)


@pytest.mark.parametrize("ticker", ["", "..", "A/B", "A?x=1", "A,B", "a", "A%2e", "A\r\nB", "É", "K" * 129])
async def test_what_is_not_a_ticker_is_never_asked_for(ticker: str) -> None:
    """Catches a client that chooses the path of our own reads."""
    desk = Desk()
    found = await desk.cache.fetch([ticker, BTC])
    assert found == {ticker: "the ticker of the market is not in the exchange's form", BTC: desk.truth(BTC)}
    assert desk.cache.get(ticker) is None
    assert desk.exchange.count() == Counter(STEPS)


async def test_a_market_that_the_exchange_does_not_know_is_asked_for_once_in_five_seconds() -> None:
    """Catches a loop of orders in a market that does not exist which becomes a loop of reads."""
    desk = Desk()
    for _ in range(100):
        assert await desk.fetch("NONE") == "the market could not be read: the exchange knows nothing by that name"
    desk.pass_ms(UNKNOWN_MS - 1)
    await desk.fetch("NONE")
    assert desk.exchange.count() == Counter([f"{ROOT}/markets/NONE"])
    desk.pass_ms(1)
    await desk.fetch("NONE")
    assert len(desk.exchange.reads) == 1


async def test_a_market_that_a_list_leaves_out_is_asked_for_by_itself() -> None:
    """Catches a market called unknown by a list that merely does not have it."""
    desk = Desk()

    async def forgetful(target: str, answer: Answer) -> Answer:
        if "tickers=" not in target:
            return answer
        kept = [one for one in json.loads(answer.body)["markets"] if one["ticker"] != BTC]
        return Answer(200, "", json.dumps({"markets": kept, "cursor": ""}).encode())

    desk.exchange.on_read = forgetful
    found = await desk.cache.fetch([BTC, FED, "NONE"])
    assert (found[BTC], found[FED]) == (desk.truth(BTC), desk.truth(FED))
    assert found["NONE"] == "the market could not be read: the exchange knows nothing by that name"


def answering(answer: Answer | Exception) -> Callable[[Answer], Answer]:
    def spoil(_proper: Answer) -> Answer:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return spoil


SPOILT: dict[str, tuple[Callable[[Answer], Answer], str]] = {
    "nothing sent": (answering(NotSent("could not connect")), "could not connect"),
    "no answer": (answering(Unknown("no whole answer came")), "no whole answer came"),
    **{
        str(status): (answering(Answer(status, "", b"{}")), f"the exchange answered {status}")
        for status in (201, 204, 301, 307, 400, 401, 403, 408, 429, 500, 502, 503, 504)
    },
    "empty": (answering(Answer(200, "", b"")), "the exchange answered 200, but its body is not readable JSON"),
    "an empty object": (answering(Answer(200, "", b"{}")), "the exchange answered 200, but it has no "),
    "a page": (answering(Answer(200, "text/html", b"<html>")), "but its body is not readable JSON"),
    "half": (lambda a: Answer(200, "", a.body[: len(a.body) // 2]), "but its body is not readable JSON"),
    "another one": (lambda a: Answer(200, "", a.body.replace(b'ticker": "KX', b'ticker": "QX')), ", not ours"),
}


@pytest.mark.parametrize("step", range(3), ids=["market", "event", "series"])
@pytest.mark.parametrize("name", SPOILT)
async def test_no_facts_come_of_a_read_that_went_wrong_and_true_ones_a_moment_later(name: str, step: int) -> None:
    """Catches facts made of two parts and a default, a failure that stays, and one that is tried again at once."""
    spoil, reason = SPOILT[name]
    desk = Desk()

    async def spoilt(target: str, answer: Answer) -> Answer:
        return spoil(answer) if target == STEPS[step] else answer

    desk.exchange.on_read = spoilt
    for _ in range(20):
        told = await desk.fetch()
        assert isinstance(told, str)
        assert reason in told
        assert told.startswith(
            ("the market could", "the market's event KXBTC-26DEC31 ", "the market's series KXBTC ")[step]
        )
        assert desk.cache.get(BTC) is None
    assert desk.exchange.count() == Counter(STEPS[: step + 1])
    desk.exchange.on_read = proper
    desk.time.pass_ms(MOMENT_MS)
    assert await desk.fetch() == desk.truth(BTC) == desk.cache.get(BTC)
    assert desk.exchange.count() == Counter(STEPS[step:])


async def test_a_bad_page_fails_its_markets_and_no_other() -> None:
    desk = Desk()
    await desk.fetch(FED)
    desk.exchange.on_read = lambda target, answer: proper(target, Answer(503, "", b""))
    found = await desk.cache.fetch([BTC, FED, BTC_TWIN])
    assert found[FED] == desk.truth(FED)
    assert found[BTC] == found[BTC_TWIN] == "the market could not be read: the exchange answered 503"


async def test_a_hundred_orders_that_wait_are_one_read_of_each_thing() -> None:
    """Catches a read for every order of a burst."""
    desk = Desk()
    hold = asyncio.Event()

    async def held(_target: str, answer: Answer) -> Answer:
        await hold.wait()
        return answer

    desk.exchange.on_read = held
    waiting = [asyncio.create_task(desk.cache.fetch([BTC, BTC_TWIN] if n % 2 else [BTC])) for n in range(100)]
    await until(lambda: len(desk.exchange.reads) == 2)
    hold.set()
    found = await asyncio.gather(*waiting)
    assert all(one[BTC] == desk.truth(BTC) for one in found)
    assert desk.exchange.count() == Counter([*STEPS, f"{ROOT}/markets/{BTC_TWIN}"])


@pytest.mark.parametrize("step", range(3), ids=["market", "event", "series"])
async def test_nobody_waits_longer_than_the_patience_wherever_it_hangs(step: int) -> None:
    """Catches an order that hangs with a read, and a read that hangs for ever."""
    desk = Desk(patience=0.05)
    never = asyncio.Event()

    async def hanging(target: str, answer: Answer) -> Answer:
        if target == STEPS[step]:
            await never.wait()
        return answer

    desk.exchange.on_read = hanging
    began = asyncio.get_running_loop().time()
    told = await asyncio.wait_for(desk.fetch(), 5)
    assert isinstance(told, str)
    assert "did not answer" in told
    assert asyncio.get_running_loop().time() - began < 1
    await until(
        lambda: not (desk.cache._markets._reading or desk.cache._events._reading or desk.cache._series._reading)
    )


async def test_the_patience_is_for_all_three_reads_together() -> None:
    """Catches a patience that begins again at every step; what was read meanwhile is there for the next order."""
    desk = Desk(patience=0.4)

    async def slow(target: str, answer: Answer) -> Answer:
        await asyncio.sleep({STEPS[0]: 0.2, STEPS[1]: 0.37}.get(target, 0))
        return answer

    desk.exchange.on_read = slow
    assert isinstance(await desk.fetch(), str)
    assert STEPS[2] not in desk.exchange.reads
    await until(lambda: not desk.cache._events._reading)
    desk.exchange.on_read = proper
    desk.time.pass_ms(MOMENT_MS)
    assert await desk.fetch() == desk.truth(BTC)


async def test_a_market_ages_faster_than_its_event_and_series() -> None:
    """Catches a status given out for ten minutes, and fees read again with every status."""
    desk = Desk()
    await desk.fetch()
    desk.exchange.count()
    desk.pass_ms(MARKET_MS - 1)
    assert desk.cache.get(BTC) == desk.truth(BTC)
    lifecycle.pause_market(desk.simulation.practice.exchange, BTC)
    desk.pass_ms(1)
    assert desk.cache.get(BTC) is None
    facts = await desk.fetch()
    assert facts == desk.truth(BTC)
    assert isinstance(facts, MarketFacts)
    assert facts.status is MarketStatus.INACTIVE
    assert desk.exchange.count() == Counter(STEPS[:1])
    desk.pass_ms(FEES_MS - MARKET_MS)
    assert await desk.fetch() == desk.truth(BTC)
    assert desk.exchange.count() == Counter(STEPS)


async def test_what_changes_at_the_exchange_is_seen_when_the_facts_are_read_again() -> None:
    desk = Desk()
    before = await desk.fetch()
    state = desk.simulation.practice.exchange
    lifecycle.set_event_fee(state, BTC_EVENT, FeeType.QUADRATIC_WITH_COMBO_MAKER_FEES, 225)
    lifecycle.set_structure(state, BTC, PriceStructure.DECI_CENT)
    desk.time.pass_ms(FEES_MS)
    after = await desk.fetch()
    assert after == desk.truth(BTC) != before
    assert isinstance(before, MarketFacts)
    assert isinstance(after, MarketFacts)
    assert (before.fee_multiplier, after.fee_multiplier) == (10_000, 22_500)
    assert [valid_price(facts.price_ranges, Price(5_010)) for facts in (before, after)] == [False, True]


async def test_facts_age_by_the_monotonic_clock_alone() -> None:
    """Catches facts that a clock set back keeps young for ever."""
    desk = Desk()
    await desk.fetch()
    desk.time.utc_ns -= 10**18
    desk.time.mono_ns += MARKET_MS * 1_000_000
    assert desk.cache.get(BTC) is None


async def test_markets_in_use_stay_fresh_through_a_wild_day() -> None:
    """Catches facts that are older than they may be, gaps in them, and a housekeeping that reads all the time.

    Ten minutes of a world that pauses, moves, determines and settles: at each second the facts are those of one moment
    of the minute before.
    """
    desk = Desk(example("wild"))
    tickers = list(desk.simulation.practice.exchange.markets)
    await desk.cache.fetch(tickers)
    history: list[dict[str, MarketFacts]] = []
    for _ in range(600):
        history.append({ticker: desk.truth(ticker) for ticker in tickers})
        for ticker in tickers:
            facts = desk.cache.get(ticker)
            assert facts is not None
            assert any(facts == moment[ticker] for moment in history[-MARKET_MS // 1_000 :])
        desk.pass_ms(1_000)
        await desk.cache.refresh_used()
    assert len({facts.status for moment in history for facts in moment.values()}) >= 3
    assert len({facts.price_ranges for moment in history for facts in moment.values()}) >= 3
    counted = desk.exchange.count()
    assert sum(counted.values()) <= 1 + 1 + 1 + 600 // 30 + 2 * 600 // 300


async def test_a_round_of_renewing_is_bounded_and_only_of_what_is_used() -> None:
    many = 2 * RENEWALS
    heads = ["version: 1", "accounts: {main: {cash: $1000}}", "maker: {kind: none}"]
    series = ["series:", *(f"  - {{ticker: S{n}, title: S}}" for n in range(many))]
    events = ["events:", *(f"  - {{ticker: E{n}, series: S{n}, title: E}}" for n in range(many))]
    markets = [
        "markets:",
        *(f"  - {{ticker: M{n}, event: E{n}, yes_sub_title: A, closes: +9d, mid: $0.50}}" for n in range(many)),
    ]
    desk = Desk(world("\n".join([*heads, *series, *events, *markets, ""])))
    tickers = [f"M{n}" for n in range(many)]
    await desk.cache.fetch(tickers)
    desk.exchange.count()
    desk.pass_ms(FEES_MS // 2 - 1)
    await desk.cache.fetch(tickers[1:])
    desk.pass_ms(1)
    desk.exchange.count()
    await desk.cache.refresh_used()
    kinds = Counter(
        target.removeprefix(ROOT).split("/")[1].split("?")[0] for target in desk.exchange.count().elements()
    )
    assert kinds == {"markets": 1, "events": RENEWALS, "series": RENEWALS}
    await desk.cache.refresh_used()
    desk.exchange.count()
    await desk.cache.refresh_used()
    assert not desk.exchange.reads


async def test_who_makes_tickers_up_cannot_make_the_proxy_read_without_end() -> None:
    """Catches one read for every made-up ticker, and made-up ones that take the place or the reads of known markets."""
    desk = Desk(size=50)
    await desk.fetch()
    desk.exchange.count()
    for number in range(1_000):
        await desk.fetch(f"MADE-UP-{number}")
    assert len(desk.exchange.reads) == NEW_AT_ONCE - 1
    assert "new ones a second" in str(await desk.fetch("MADE-UP"))
    assert desk.cache.get(BTC) == desk.truth(BTC)
    desk.exchange.count()
    desk.pass_ms(1_000)
    for number in range(1_000):
        await desk.fetch(f"MORE-{number}")
    assert len(desk.exchange.reads) == NEW_A_SECOND
    desk.pass_ms(MARKET_MS)
    for number in range(1_000):
        await desk.fetch(f"AGAIN-{number}")
    assert desk.cache.get(BTC) is None
    assert await desk.fetch() == desk.truth(BTC)


async def test_the_number_of_facts_is_bounded() -> None:
    desk = Desk(size=2)
    for ticker in (FED, BTC, BTC_TWIN):
        await desk.fetch(ticker)
    assert desk.cache.get(FED) is None
    assert desk.cache.get(BTC) == desk.truth(BTC)
    assert await desk.fetch(FED) == desk.truth(FED)


# The real client and real TLS, and everything that the exchange can do wrong on the wire.

FAST: dict[FaultKind, dict[str, Any]] = {
    FaultKind.HOLD: {"seconds": 0.05},
    FaultKind.LATE_EXECUTION: {"seconds": 0.05},
    FaultKind.SLOW_BYTES: {"rate": 1_000_000},
    FaultKind.SLOW_HEADERS: {"rate": 1_000_000},
    FaultKind.STALE_READS: {"lasting": 0.01},
    FaultKind.LATE_FILLS: {"lasting": 0.01},
    FaultKind.CLOCK_SKEW: {"lasting": 0.01},
    FaultKind.PAUSE_TRADING: {"lasting": 0.01},
    FaultKind.PAUSE_EXCHANGE: {"lasting": 0.01},
}
HARMLESS = frozenset(FAST) | {FaultKind.CHUNKED, FaultKind.OTHER_ORDER, FaultKind.PARTIAL_BATCH}
ASKED_AGAIN = frozenset({FaultKind.CLOSE_BEFORE_READ, FaultKind.CLOSE_DURING_READ, FaultKind.CLOSE_AFTER_READ})
"""A read that finds its kept connection closed is sent once more, which is proper: it is no write."""
WRONG: list[Fault] = [
    *(Fault(kind, method="GET", **FAST.get(kind, {})) for kind in FaultKind),
    *(Fault(FaultKind.STATUS, method="GET", status=status) for status in (400, 401, 403, 408, 429, 500, 502, 504)),
    Fault(FaultKind.WRONG_LENGTH, method="GET", off=-10),
    Fault(FaultKind.HOLD, method="GET", seconds=30.0),
    Fault(FaultKind.SLOW_BYTES, method="GET", rate=10),
]


def upstream_to(host: str, port: int, ca_file: Path) -> Upstream:
    return Upstream(Address(host, port, host), tls_context(ca_file))


@pytest.fixture
async def practice(tmp_path: Path) -> Any:
    running = await start_practice(tmp_path / "practice")
    yield running
    await running.stop()


async def test_whatever_goes_wrong_on_the_wire_the_facts_are_true_or_there_are_none(practice: RunningPractice) -> None:
    """Catches facts out of half an answer, another's answer, an error page or the rest of the answer before."""
    upstream = upstream_to(practice.host, practice.port, practice.ca_file)
    told: Counter[tuple[FaultKind, bool]] = Counter()
    for fault in WRONG:
        for path in STEPS:
            cache = MarketFactsCache(upstream, Clock(), patience=0.3)
            practice.faults.add(Fault(**{**fault_fields(fault), "path": path}))
            facts = (await cache.fetch([BTC]))[BTC]
            practice.faults.clear()
            is_true = facts == truth(practice.practice, BTC)
            assert is_true or (isinstance(facts, str) and cache.get(BTC) is None), (fault, path, facts)
            told[fault.kind, is_true] += 1
            again = MarketFactsCache(upstream, Clock())
            assert (await again.fetch([BTC]))[BTC] == truth(practice.practice, BTC), (fault, path)
    await upstream.close()
    by_kind = {kind: {is_true for one, is_true in told if one is kind} for kind in FaultKind}
    slow = {FaultKind.HOLD, FaultKind.SLOW_BYTES}
    assert all(by_kind[kind] == {True} for kind in HARMLESS - slow), by_kind
    assert all(by_kind[kind] == {True, False} for kind in slow), by_kind
    assert all(by_kind[kind] == {False} for kind in set(FaultKind) - HARMLESS - ASKED_AGAIN - {FaultKind.RESET}), (
        by_kind
    )


def fault_fields(fault: Fault) -> dict[str, Any]:
    options = {name: getattr(fault, name) for name in ("kind", "method", "seconds", "lasting", "rate", "status", "off")}
    return {
        name: value for name, value in options.items() if value != getattr(Fault(fault.kind), name) or name == "kind"
    }


async def test_a_hundred_at_once_through_the_real_client(practice: RunningPractice) -> None:
    upstream = upstream_to(practice.host, practice.port, practice.ca_file)
    cache = MarketFactsCache(upstream, Clock())
    tickers = list(practice.exchange.markets)
    found = await asyncio.gather(*(cache.fetch([tickers[n % len(tickers)]]) for n in range(100)))
    await upstream.close()
    assert all(facts == truth(practice.practice, ticker) for one in found for ticker, facts in one.items())


def test_a_real_exchange_process_is_read_over_real_tls(tmp_path: Path) -> None:
    """The one test that leaves this process: facts of every market, and a sentence once the exchange is gone."""
    program = Pretrade("practice", ("practice", "--folder", str(tmp_path / "practice"), "--port", "0"), tmp_path)
    try:
        program.wait_ready()
        address = eventually("the address is written", (tmp_path / "practice" / "address").read_text)
        host, port = address.strip().removeprefix("https://").rsplit(":", 1)
        asyncio.run(_read_all(program, host, int(port), tmp_path / "practice" / "ca.crt"))
    finally:
        program.end()


async def _read_all(program: Pretrade, host: str, port: int, ca_file: Path) -> None:
    upstream, time = upstream_to(host, port, ca_file), FakeTime()
    cache = MarketFactsCache(upstream, time.clock)
    tickers = [market.ticker for market in default_scenario().world.markets]
    found = await cache.fetch(tickers)
    assert all(isinstance(facts, MarketFacts) and facts.status is MarketStatus.ACTIVE for facts in found.values())
    assert {facts.series for facts in found.values() if isinstance(facts, MarketFacts)} == {
        "KXBTC",
        "KXHIGHNY",
        "KXFED",
    }
    program.end()
    time.pass_ms(MARKET_MS)
    assert str((await cache.fetch([BTC]))[BTC]).startswith("the market could not be read: could not connect")
    await upstream.close()


NEWS: dict[str, tuple[MarketChanged, dict[str, Any]]] = {
    "paused": (MarketChanged(BTC, status=MarketStatus.INACTIVE), {"status": MarketStatus.INACTIVE}),
    "determined": (
        MarketChanged(BTC, status=MarketStatus.DETERMINED, result=Price(0)),
        {"status": MarketStatus.DETERMINED, "result": Price(0)},
    ),
    "closes at another time": (MarketChanged(BTC, close_ms=1_000), {"close_ms": 1_000}),
    "takes other prices": (
        MarketChanged(BTC, price_ranges=(PriceRange(Price(0), Price(10_000), Price(10)),)),
        {"price_ranges": (PriceRange(Price(0), Price(10_000), Price(10)),)},
    ),
}


@pytest.mark.parametrize("name", NEWS)
async def test_news_of_a_market_are_in_its_facts_at_once(name: str) -> None:
    """Catches a market that was paused, closes earlier or takes other prices, and is judged by what was read before."""
    news, changed = NEWS[name]
    desk = Desk()
    before = await desk.fetch()
    assert isinstance(before, MarketFacts)
    desk.exchange.count()
    desk.cache.market_changed(news)
    assert desk.cache.get(BTC) == replace(before, **changed)
    assert not desk.exchange.reads


async def test_a_result_goes_with_the_status_that_it_came_with() -> None:
    """Catches a market that is open again and still marked by a result."""
    desk = Desk()
    await desk.fetch()
    desk.cache.market_changed(MarketChanged(BTC, status=MarketStatus.DETERMINED, result=Price(10_000)))
    desk.cache.market_changed(MarketChanged(BTC, close_ms=1_000))
    facts = desk.cache.get(BTC)
    assert facts is not None
    assert facts.result == 10_000
    desk.cache.market_changed(MarketChanged(BTC, status=MarketStatus.ACTIVE))
    facts = desk.cache.get(BTC)
    assert facts is not None
    assert facts.result is None


async def test_news_that_do_not_say_what_has_changed_have_it_read_anew() -> None:
    desk = Desk()
    before = await desk.fetch()
    desk.exchange.count()
    desk.cache.market_changed(MarketChanged(BTC))
    assert desk.cache.get(BTC) is None
    assert await desk.fetch() == before
    assert desk.exchange.count() == Counter([STEPS[0]])
    desk.cache.fees_changed(EventFeeChanged(BTC_EVENT))
    assert desk.cache.get(BTC) is None
    assert await desk.fetch() == before
    assert desk.exchange.count() == Counter([STEPS[1]])


async def test_one_part_that_is_read_anew_is_in_what_is_given_out() -> None:
    """Only the event is new, then only the series. Catches (each was planted) facts that are kept although one of the
    three parts they were made of is another."""
    desk = Desk()
    state = desk.simulation.practice.exchange
    await desk.fetch()
    assert desk.cache.get(BTC) == desk.truth(BTC)
    lifecycle.set_event_fee(state, BTC_EVENT, FeeType.QUADRATIC_WITH_COMBO_MAKER_FEES, 225)
    desk.cache.fees_changed(EventFeeChanged(BTC_EVENT))
    desk.pass_ms(MARKET_MS - 1)
    desk.exchange.count()
    await desk.fetch()
    assert desk.exchange.count() == Counter([STEPS[1]])
    assert desk.cache.get(BTC) == desk.truth(BTC)
    lifecycle.set_event_fee(state, BTC_EVENT, None, None)
    desk.cache.fees_changed(EventFeeChanged(BTC_EVENT))
    desk.pass_ms(FEES_MS - MARKET_MS - MARKET_MS // 2)
    await desk.fetch()
    assert desk.cache.get(BTC) == desk.truth(BTC)
    lifecycle.set_series_fee(state, BTC_SERIES, FeeType.QUADRATIC, 175)
    desk.pass_ms(MARKET_MS - 1)
    desk.exchange.count()
    await desk.fetch()
    assert desk.exchange.count() == Counter([STEPS[2]])
    assert desk.cache.get(BTC) == desk.truth(BTC)


async def test_an_age_is_that_of_the_market_itself() -> None:
    desk = Desk()
    assert desk.cache.age_ms(BTC) is None
    await desk.fetch()
    desk.pass_ms(700)
    assert desk.cache.age_ms(BTC) == 700
    desk.cache.doubt()
    await desk.cache.refresh_used()
    assert desk.cache.age_ms(BTC) == 0
