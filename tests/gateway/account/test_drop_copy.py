"""The exchange's record as a whole: all of it and true, or nothing and a sentence."""

import asyncio
import os
import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.gateway.fakes import answered
from tests.gateway.recordkit import (
    API,
    FAST,
    OTHER,
    TICKER,
    Desk,
    cancel,
    check_whole,
    on_desk,
    order_state,
    place,
    quiet,
    resting,
)
from tests.kalshi.drop_copy_rows import FILL, ORDER, POSITION

from pretrade.gateway.account.drop_copy import DropCopyError, Wanted
from pretrade.kalshi.client import Lane
from pretrade.model.drop_copy import DropCopy, ExchangeGroup, OrderStatus
from pretrade.practice.api.portfolio import ReadLag
from pretrade.practice.faults.kinds import KINDS, FaultKind
from pretrade.practice.faults.plan import Fault
from pretrade.practice.play import actions
from pretrade.practice.simulation import Simulation

ALL = Wanted(subaccounts=(0, 1, 3), since_ms=0, fills_since_ms=0)
K = FaultKind
DAY_S = 86_400.0
SEED = int(os.environ.get("PRETRADE_SEED", "1"))


def read(simulation: Simulation, wanted: Wanted = ALL, limits=FAST, **upstream: object) -> DropCopy:
    """One reading on virtual time."""

    async def main(desk: Desk) -> DropCopy:
        for name, value in upstream.items():
            setattr(desk.upstream, name, value)
        return await desk.reader.read(wanted)

    return on_desk(simulation, main, limits)


def traded() -> Simulation:
    """Orders that rest, that filled, in part and whole, that were canceled; positions of both signs; two groups."""
    simulation = quiet()
    place(simulation, "ask", "0.5500", "30", who="crowd")
    place(simulation, "bid", "0.4500", "30", who="crowd")
    group = simulation.body("POST", f"{API}/portfolio/order_groups/create", {"contracts_limit": 9, "subaccount": 3})
    simulation.body("POST", f"{API}/portfolio/order_groups/create", {"contracts_limit": 9})
    simulation.advance(60)
    place(simulation, "bid", "0.6000", "7", client_order_id="filled")
    place(simulation, "ask", "0.4500", "11.25", subaccount=1, client_order_id="short")
    place(simulation, "bid", "0.5500", "40", subaccount=3, client_order_id="in part")
    place(simulation, "bid", "0.0900", "2", order_group_id=group["order_group_id"], subaccount=3)
    cancel(simulation, place(simulation, "bid", "0.0100", "5", client_order_id="canceled"))
    place(simulation, "ask", "0.9900", "1", ticker=OTHER)
    simulation.advance(60)
    return simulation


def test_a_copy_is_all_that_there_is():
    """Catches the exchange's defaults: positions, balances and groups of subaccount 0 alone."""
    simulation = traded()
    copy = read(simulation)
    check_whole(copy, simulation)
    assert len(copy.orders) == 6
    assert {(p.subaccount, p.count) for p in copy.positions} == {(0, 700), (1, -1_125), (3, 2_300)}
    assert {fill.fill_id for fill in copy.fills} == {fill.fill_id for fill in simulation.account().fills}
    groups = simulation.practice.exchange.groups["main"].values()
    assert set(copy.groups) == {ExchangeGroup(group.group_id, group.subaccount, group.limit) for group in groups}
    assert {group.subaccount for group in copy.groups} == {0, 3}
    assert (copy.subaccounts, copy.gone) == ((0, 1, 3), frozenset())
    partly = next(order for order in copy.orders if order.client_order_id == "in part")
    assert (partly.status, partly.filled, partly.remaining) == (OrderStatus.RESTING, 2_300, 1_700)


def test_nothing_but_what_rests_is_read_where_nothing_more_is_wanted():
    copy = read(traded(), Wanted(subaccounts=(0,)))
    assert {order.status for order in copy.orders} == {OrderStatus.RESTING}
    assert (copy.fills, copy.balances[0].subaccount) == ((), 0)


def test_a_subaccount_in_which_an_order_is_found_is_read_too():
    """Catches an order of somebody else's in a subaccount that no client has: its position would not count."""
    copy = read(traded(), Wanted(subaccounts=(0,)))
    assert copy.subaccounts == (0, 3)
    assert {(p.subaccount, p.count) for p in copy.positions} == {(0, 700), (3, 2_300)}


def test_the_order_of_the_reads():
    """Catches positions read before orders: what fills in between would be neither an order nor a position."""
    simulation = traded()

    async def main(desk: Desk) -> tuple[list[str], set[Lane]]:
        await desk.reader.read(replace(ALL, order_ids=frozenset(["none"])))
        return [target.partition("?")[0].removeprefix(API) for _, target in desk.upstream.asked], desk.upstream.lanes

    paths, lanes = on_desk(simulation, main)
    assert (paths[0], paths[-1], lanes) == ("/exchange/user_data_timestamp", paths[0], {Lane.RECONCILE})
    last_order = max(n for n, path in enumerate(paths) if "orders" in path)
    positions = [n for n, path in enumerate(paths) if path == "/portfolio/positions"]
    fills = [n for n, path in enumerate(paths) if path.endswith("/fills")]
    assert last_order < min(positions) <= max(positions) < min(fills)


def test_a_settled_position_is_out():
    """Catches a market that was paid out and still counts as exposure."""
    simulation = traded()
    market = simulation.practice.exchange.markets[TICKER].market
    actions.perform(simulation.practice, "determine", {"market": market.ticker, "result": "yes"})
    simulation.advance(2 * 3600)
    copy = read(simulation)
    assert all(p.settled_us for (_, ticker), p in simulation.account().positions.items() if ticker == TICKER)
    assert [p.ticker for p in copy.positions if p.ticker == TICKER] == []
    check_whole(copy, simulation)


def test_payouts_are_read_where_something_held_has_gone():
    """Catches a payout that nobody asks for, one of another subaccount, and a read in every round for nothing."""
    simulation = traded()
    held = frozenset((number, TICKER) for number in (0, 3))
    wanted = replace(ALL, settled_since_ms=0, held=held)
    assert read(simulation, wanted).settlements == ()
    actions.perform(simulation.practice, "determine", {"market": TICKER, "result": "yes"})
    simulation.advance(2 * 3600)
    truth = {(s.subaccount, s.yes_count, s.no_count, s.revenue) for s in simulation.account().settlements}
    assert {row[0] for row in truth} == {0, 1, 3}
    for names, numbers in ((held, {0, 3}), (None, {0, 1, 3})):
        copy = read(simulation, replace(wanted, held=names))
        shown = {(s.subaccount, s.yes, s.no, s.revenue) for s in copy.settlements}
        assert shown == {row for row in truth if row[0] in numbers}
        assert all(s.settled_ms for s in copy.settlements)
    assert read(simulation, replace(wanted, held=frozenset())).settlements == ()
    assert read(simulation, replace(wanted, settled_since_ms=None)).settlements == ()


def test_2500_orders_come_over_many_pages():
    """Catches a reader that stops at the first page, or that asks for a cursor without quoting it."""
    simulation = quiet()
    placed = {place(simulation, "bid", f"0.{n % 40 + 1:02}00", "1", subaccount=(0, 1, 3)[n % 3]) for n in range(2_500)}
    simulation.advance(1)
    copy = read(simulation)
    assert {order.order_id for order in copy.orders} == placed
    check_whole(copy, simulation)


# --- single orders, and those that are gone ---


def _refusing_singles(desk: Desk) -> None:
    """Let every single read be answered 404, as a read that lags or an exchange that has archived the order would."""
    send = desk.upstream.send

    async def refusing(request, **more):
        if "/portfolio/orders/" in request.target:
            desk.upstream.asked.append((0.0, request.target))
            return answered(404, {"error": {"code": "not_found", "message": "not found"}})
        return await send(request, **more)

    desk.upstream.send = refusing  # type: ignore[method-assign]


def test_single_orders_are_asked_for_unless_a_list_had_them():
    """Catches an order that has ended, and is on no list of resting ones, taken for one that never was."""
    simulation = traded()
    ended = {o.order_id for o in simulation.account().orders.values() if o.status != "resting"}

    async def main(desk: Desk) -> tuple[DropCopy, int]:
        wanted = Wanted((0,), order_ids=frozenset({*ended, *resting(simulation), "never-was"}))
        copy = await desk.reader.read(wanted)
        return copy, sum("/portfolio/orders/" in target for _, target in desk.upstream.asked)

    copy, singles = on_desk(simulation, main)
    assert {order.order_id for order in copy.orders} == set(simulation.account().orders)
    assert (copy.gone, singles) == (frozenset(["never-was"]), len(ended) + 1)
    check_whole(copy, simulation)


@pytest.mark.parametrize("made_since", [None, "when it was made"])
@pytest.mark.parametrize("days", [0, 100])
def test_an_order_is_gone_only_if_no_list_has_it(days, made_since):
    """Catches a 404 of a single read believed: late reads and archived orders both look like that."""
    simulation = traded()
    made_ms = simulation.now_us // 1000
    order_id = next(o.order_id for o in simulation.account().orders.values() if o.client_order_id == "filled")
    simulation.advance(days * DAY_S)

    async def main(desk: Desk) -> DropCopy:
        _refusing_singles(desk)
        since = None if made_since is None else made_ms - 60_000
        return await desk.reader.read(Wanted((0,), order_ids=frozenset([order_id, "never-was"]), made_since_ms=since))

    copy = on_desk(simulation, main)
    assert copy.gone == {"never-was"}
    assert order_id in {order.order_id for order in copy.orders}


@pytest.mark.parametrize(
    ("reason", "status", "body"),
    [
        ("not in the exchange's words", 404, {"message": "no route"}),
        ("not in the exchange's words", 404, None),
        ("answered 410", 410, {"error": {"code": "gone"}}),
        ("about the order", 200, {"order": ORDER}),
        ("has no order", 200, {}),
    ],
)
def test_a_single_order_that_cannot_be_had_fails_the_copy(reason, status, body):
    """Catches somebody else's 404 believed: every order that does not rest would be gone."""

    async def main(desk: Desk) -> DropCopy:
        send = desk.upstream.send

        async def odd(request, **more):
            single = "/portfolio/orders/" in request.target
            return answered(status, body) if single else await send(request, **more)

        desk.upstream.send = odd  # type: ignore[method-assign]
        return await desk.reader.read(Wanted((0,), order_ids=frozenset(["o-7"])))

    with pytest.raises(DropCopyError, match=reason):
        on_desk(traded(), main)


def test_an_id_that_would_not_stay_in_its_place_is_never_asked_for():
    """Catches a path of somebody's choosing under our signature."""
    for order_id in ("../fills", "a/b", "a?b", "", "a b"):
        with pytest.raises(DropCopyError, match="must be an id"):
            read(traded(), Wanted((0,), order_ids=frozenset([order_id])))


# --- since a moment ---


@pytest.mark.parametrize("days", [0, 1, 89, 100])
def test_orders_and_fills_since_a_moment_come_from_the_history_too(days):
    """Catches an order of unknown fate that the living list no longer has, after a long time off."""
    simulation = traded()
    since_ms = simulation.now_us // 1000 - 60_000
    simulation.advance(days * DAY_S)
    copy = read(simulation, Wanted((0, 1, 3), since_ms=since_ms, fills_since_ms=since_ms))
    assert {order.order_id for order in copy.orders} == set(simulation.account().orders)
    assert {fill.fill_id for fill in copy.fills} == {fill.fill_id for fill in simulation.account().fills}
    check_whole(copy, simulation)


@pytest.mark.parametrize("behind_ms", [-5_000, 0, 1, 999, 20_000])
def test_a_clock_that_is_ahead_of_the_exchanges_loses_no_order(behind_ms):
    """Catches a moment of ours compared with the exchange's to the millisecond, or rounded up to its seconds."""
    simulation = quiet()
    simulation.advance(100.789)
    order_id = place(simulation)
    cancel(simulation, order_id)
    made_ms = simulation.now_us // 1000
    simulation.advance(100)
    copy = read(simulation, Wanted((0,), since_ms=made_ms + behind_ms))
    assert [order.order_id for order in copy.orders] == [order_id]
    simulation.advance(3600)
    assert read(simulation, Wanted((0,), since_ms=made_ms + 60_000)).orders == ()


def test_a_clock_that_is_ahead_loses_no_order_that_ended_at_the_border_of_the_history():
    """Catches the border compared with our own moment as if there were one clock."""
    simulation = quiet()
    simulation.advance(DAY_S - 5)
    order_id = place(simulation)
    cancel(simulation, order_id)
    simulation.advance(90 * DAY_S + 35)
    since_ms = simulation.now_us // 1000 - 90 * 86_400_000 - 20_000
    assert [o.order_id for o in read(simulation, Wanted((0,), since_ms=since_ms)).orders] == [order_id]


# --- faults ---

PATHS = [
    "/exchange/user_data_timestamp", "/portfolio/orders", "/portfolio/orders/*", "/historical/orders",
    "/portfolio/positions", "/portfolio/fills", "/historical/cutoff", "/portfolio/balance", "/portfolio/order_groups",
]  # fmt: skip
OPTIONS: dict[str, list[dict[str, object]]] = {
    "status": [{"status": status} for status in (400, 401, 403, 404, 408, 410, 429, 500, 502, 503, 504)],
    "wrong_length": [{"off": 10}, {"off": -10}],
    "hold": [{"seconds": 2.0}, {"seconds": 60.0}],
    "late_execution": [{"seconds": 2.0}, {"seconds": 60.0}],
    "clock_skew": [{"skew": 30.0}, {"skew": -2.0}],
    "slow_bytes": [{"rate": 1_000}],
    "slow_headers": [{"rate": 10}],
}
FAULTS = [(kind, options) for kind in KINDS for options in OPTIONS.get(kind, [{}])]


@pytest.mark.parametrize(("kind", "options"), FAULTS, ids=[f"{k}-{o}" for k, o in FAULTS])
def test_under_every_fault_a_copy_is_true_or_there_is_none(kind, options):
    """Catches an odd answer read as an empty list, another order's state, half of the pages, a 404 of a fault."""
    simulation = traded()
    ended = frozenset(o.order_id for o in simulation.account().orders.values() if o.status != "resting")
    wanted = replace(ALL, since_ms=None, order_ids=ended | {"never-was"})
    for path, times in [*((path, 1) for path in PATHS), ("/", None)]:
        simulation.practice.faults.clear()
        simulation.practice.dispatcher.portfolio.lag = ReadLag()
        simulation.practice.dispatcher.clock_window.skew_ms = 0
        simulation.practice.faults.add(Fault(kind, path=f"{API}{path}", times=times, **options))
        try:
            copy = read(simulation, wanted)
        except DropCopyError as e:
            assert str(e).startswith(("GET /trade-api/v2/", "it could not be read"))
            continue
        check_whole(copy, simulation)
        assert copy.gone == {"never-was"}
        assert {order.order_id for order in copy.orders} == set(simulation.account().orders)
        assert (len(copy.fills), len(copy.groups)) == (3, 2)


@pytest.mark.parametrize("kind", [K.CLOSE_AFTER_READ, K.CLOSE_BEFORE_READ, K.CUT_ANSWER, K.RESET])
def test_a_read_that_was_lost_once_is_asked_again(kind):
    """Catches a reconciliation that a single lost packet puts off."""
    simulation = traded()
    simulation.practice.faults.add(Fault(kind, path=f"{API}/portfolio/positions", times=2))
    check_whole(read(simulation), simulation)


@pytest.mark.parametrize(
    ("path", "phase"), [("/portfolio/orders", 1), ("/portfolio/positions", 2), ("/portfolio/order_groups", 3)]
)
def test_reads_that_fall_behind_in_the_middle_make_the_whole_copy_older(path, phase):
    """Catches an as_of that was asked for once, at first: a fill hidden by later lag would be taken as not there."""
    simulation = traded()
    simulation.practice.faults.add(Fault(K.STALE_READS, path=f"{API}{path}", seconds=30.0, lasting=600.0))
    began_ms = simulation.now_us // 1000
    copy = read(simulation)
    assert began_ms - 31_000 <= copy.as_of_ms <= began_ms - 30_000
    assert copy.started_ms == began_ms


# --- an exchange that goes on while it is read ---


class Witness:
    """What was true when: the states of every order and position, each from its moment on."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.orders: dict[str, list[tuple[int, tuple]]] = {}
        self.positions: dict[tuple[int, str], list[tuple[int, tuple]]] = {}

    def look(self) -> None:
        account, now = self.simulation.account(), self.simulation.now_us
        for order in account.orders.values():
            self._note(self.orders, order.order_id, now, order_state(order))
        for key, p in account.positions.items():
            self._note(self.positions, key, now, (p.count, p.cost, p.realized, p.fees))

    @staticmethod
    def _note(where, key, now, state) -> None:
        states = where.setdefault(key, [])
        if not states or states[-1][1] != state:
            states.append((now, state))

    @staticmethod
    def between(states, first_us: int, last_us: int) -> list[tuple]:
        """The states at some moment of a stretch; an empty one where there was nothing at first."""
        found = [state for moment, state in states if first_us <= moment <= last_us]
        earlier = [state for moment, state in states if moment < first_us]
        return found + ([earlier[-1]] if earlier else [()])

    def check(self, copy: DropCopy, wanted: Wanted) -> None:
        """Everything in the copy was so since `as_of`, and what was so all the time since is in it."""
        first, last = copy.as_of_ms * 1000, self.simulation.now_us
        shown = {order.order_id: order for order in copy.orders}
        for order in copy.orders:
            state = (
                str(order.status), order.filled, order.remaining, order.price, order.cost, order.fees, order.updated_ms,
            )  # fmt: skip
            assert state in self.between(self.orders[order.order_id], first, last)
        for order_id, states in self.orders.items():
            possible = self.between(states, first, last)
            if all(state and state[0] == "resting" for state in possible):
                assert order_id in shown
            if order_id in copy.gone:
                assert () in possible
        held = {(p.subaccount, p.ticker): (p.count, p.cost, p.realized, p.fees) for p in copy.positions}
        for key, states in self.positions.items():
            assert held.get(key, ()) in self.between(states, first, last)
        assert copy.gone | shown.keys() >= wanted.order_ids


def _trade(simulation: Simulation, chance: random.Random) -> None:
    """One thing that happens while the record is read."""
    account = simulation.account()
    match chance.randrange(6):
        case 0 | 1:
            price, count = f"0.{chance.randint(30, 70)}00", str(chance.randint(1, 9))
            sub = chance.choice((0, 1, 3))
            place(simulation, chance.choice(("bid", "ask")), price, count, subaccount=sub)
        case 2 | 3:
            side, price = chance.choice((("bid", "0.7000"), ("ask", "0.3000")))
            place(simulation, side, price, str(chance.randint(1, 20)), who="crowd", time_in_force="immediate_or_cancel")
        case 4 if account.resting:
            order = next(iter(next(iter(account.resting.values())).values()))
            cancel(simulation, order.order_id, order.subaccount)
        case _:
            pass


def _read_while_trading(seed: int, lag: ReadLag) -> None:
    chance, simulation = random.Random(seed), quiet()
    witness = Witness(simulation)
    for _ in range(60):
        _trade(simulation, chance)
        simulation.advance(0.1)
        witness.look()
    simulation.practice.dispatcher.portfolio.lag = lag
    simulation.advance(1)
    known = sorted(simulation.account().orders)

    def before() -> None:
        for _ in range(chance.randint(0, 3)):
            _trade(simulation, chance)
        witness.look()

    async def main(desk: Desk) -> None:
        desk.upstream.before, desk.upstream.latency_s = before, chance.choice((0.001, 0.05, 0.3))
        for _ in range(3):
            recent = sorted(simulation.account().orders)[-1:]
            wanted = replace(ALL, order_ids=frozenset([*chance.sample(known, 5), *recent, "never-was"]))
            wanted = replace(wanted, since_ms=chance.choice((None, 0)))
            try:
                copy = await desk.reader.read(wanted)
            except DropCopyError as e:
                assert "came twice" in str(e)
                continue
            witness.look()
            witness.check(copy, wanted)

    on_desk(simulation, main, seed=seed)


LAGS = [ReadLag(), ReadLag.typical(), ReadLag(order_us=360_000), ReadLag(fills_us=900_000), ReadLag(orders_us=500_000)]


@pytest.mark.parametrize("lag", LAGS, ids=str)
@pytest.mark.parametrize("seed", range(4))
def test_what_a_copy_says_was_so_at_a_moment_since_as_of(seed, lag):
    """Catches an as_of asked at the end alone (what was read before may be older), a late single read that is believed
    over a list, and a page that loses an order when another one ends."""
    _read_while_trading(seed, lag)


@pytest.mark.long
@pytest.mark.parametrize("lag", LAGS, ids=str)
@pytest.mark.parametrize("part", range(10))
def test_what_a_copy_says_was_so_for_many_seeds(part, lag):
    """The same with a new seed each time; PRETRADE_SEED brings one back."""
    for seed in range(4):
        _read_while_trading(SEED + 4 * part + seed, lag)


# --- pages ---


def _listing(desk: Desk, path: str, pages: Callable[[str], object]) -> None:
    """Let one list be answered by a test."""
    send = desk.upstream.send

    async def listed(request, **more):
        found, _, query = request.target.partition("?")
        return answered(200, pages(query)) if found == f"{API}{path}" else await send(request, **more)

    desk.upstream.send = listed  # type: ignore[method-assign]


def _read_listed(path: str, pages: Callable[[str], object], limits=FAST) -> DropCopy:
    async def main(desk: Desk) -> DropCopy:
        _listing(desk, path, pages)
        return await desk.reader.read(Wanted((0,), fills_since_ms=0))

    return on_desk(quiet(), main, limits)


def _pages(rows: str, *pages: list) -> Callable[[str], object]:
    def page(query: str) -> object:
        number = int(query.partition("cursor=p")[2] or 0)
        return {rows: pages[number], "cursor": f"p{number + 1}" if number + 1 < len(pages) else ""}

    return page


def test_a_cursor_that_comes_again_ends_the_reading():
    """Catches a loop without an end: an unknown cursor starts at the first page (market_data.md 3)."""
    with pytest.raises(DropCopyError, match="in a circle"):
        _read_listed("/portfolio/orders", lambda _: {"orders": [], "cursor": "p1"})


def test_a_list_without_an_end_ends_the_reading():
    counter = iter(range(10**9))
    with pytest.raises(DropCopyError, match="more than 7 pages"):
        _read_listed(
            "/portfolio/orders", lambda _: {"orders": [], "cursor": f"p{next(counter)}"}, replace(FAST, pages=7)
        )


def test_a_row_that_moved_to_the_next_page_counts_once():
    """Catches a fill or a position that is counted twice."""
    later = ORDER | {"fill_count_fp": "3.00", "remaining_count_fp": "7.00"}
    copy = _read_listed("/portfolio/orders", _pages("orders", [ORDER], [later, ORDER], []))
    assert [(order.filled, order.remaining) for order in copy.orders] == [(300, 700)]
    assert len(_read_listed("/portfolio/fills", _pages("fills", [FILL], [FILL])).fills) == 1
    assert len(_read_listed("/portfolio/positions", _pages("market_positions", [POSITION], [POSITION])).positions) == 1


@pytest.mark.parametrize(
    ("path", "rows", "row", "changes"),
    [
        ("/portfolio/orders", "orders", ORDER, {"subaccount_number": 1}),
        ("/portfolio/orders", "orders", ORDER, {"remaining_count_fp": "9.50"}),
        ("/portfolio/fills", "fills", FILL, {"count_fp": "2.00"}),
        ("/portfolio/positions", "market_positions", POSITION, {"position_fp": "3.00"}),
    ],
)
def test_rows_that_contradict_each_other_fail_the_copy(path, rows, row, changes):
    """Catches the first or the last of two taken at random."""
    with pytest.raises(DropCopyError, match="came twice"):
        _read_listed(path, _pages(rows, [row], [row | changes]))


def test_a_group_in_two_subaccounts_fails_the_copy():
    """Catches a filter that the exchange ignores: a group would seem to be everybody's."""

    async def main(desk: Desk) -> DropCopy:
        _listing(desk, "/portfolio/order_groups", lambda _: {"order_groups": [{"id": "g-1"}]})
        return await desk.reader.read(Wanted((0, 1)))

    with pytest.raises(DropCopyError, match="order group g-1 came twice"):
        on_desk(quiet(), main)


# --- time, and what others say ---


def test_a_silent_exchange_ends_the_reading_at_its_deadline():
    """Catches a reconciliation that hangs for ever."""

    async def main(desk: Desk) -> float:
        desk.upstream.latency_s = 7.9 / 2
        began = asyncio.get_running_loop().time()
        with pytest.raises(DropCopyError, match="could not be read within 30 s"):
            await desk.reader.read(ALL)
        return asyncio.get_running_loop().time() - began

    assert on_desk(traded(), main) == pytest.approx(30)


def test_an_exchange_whose_record_is_from_the_future_is_not_believed():
    """Catches a machine whose clock is behind: as_of would prove the absence of orders that are still to come."""

    async def main(desk: Desk) -> DropCopy:
        stamp = {"as_of_time": "2027-01-01T00:02:06Z"}
        _listing(desk, "/exchange/user_data_timestamp", lambda _: stamp)
        return await desk.reader.read(ALL)

    with pytest.raises(DropCopyError, match="ahead of this machine's clock"):
        on_desk(traded(), main)


def test_a_subaccount_that_was_never_opened_holds_nothing_and_stops_nothing():
    """Catches a policy that names a subaccount too many and so keeps every client's orders waiting for the record."""
    copy = read(traded(), Wanted(subaccounts=(0, 63)))
    assert 63 not in [balance.subaccount for balance in copy.balances]
    assert {0, 63} <= set(copy.subaccounts)


def test_a_fault_of_ours_is_not_taken_for_the_exchanges():
    """Catches a bug that hides behind a refusal which came first, and is never looked for."""

    async def main(desk: Desk) -> DropCopy:
        send = desk.upstream.send

        async def broken(request, **more):
            if "positions" in request.target and "subaccount=0" in request.target:
                await asyncio.sleep(1)
                return answered(403)
            if "positions" in request.target:
                try:
                    await asyncio.sleep(60)
                finally:
                    raise ZeroDivisionError
            return await send(request, **more)

        desk.upstream.send = broken  # type: ignore[method-assign]
        return await desk.reader.read(ALL)

    with pytest.raises(ZeroDivisionError):
        on_desk(traded(), main)
