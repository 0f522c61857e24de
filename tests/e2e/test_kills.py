"""The proxy is killed (SIGKILL) while clients trade, at every named point and at random moments; what it knows
afterwards is never too little, what it told is true, and the exchange's record brings both together.

Behind `make test-long` each round has a new seed, which PRETRADE_SEED brings back.
"""

import json
import os
import random
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from tests.e2e.harness import World
from tests.e2e.invariants import check_world
from tests.e2e.killpoints import POINTS, STARTS, KillNursery
from tests.e2e.programs import Pretrade, eventually
from tests.e2e.traders import CHEAPER, DEARER, Traders
from tests.roomy import ROOMY

from pretrade.cli.processes import plain_environment
from pretrade.gateway.account import snapshots
from pretrade.gateway.account.restore import FOLDED, fold
from pretrade.journal.reader import read_events
from pretrade.model.units import parse_decimal
from pretrade.risk.ledger.ledger import Ledger

SEED = int(os.environ.get("PRETRADE_SEED", "1"))
READY_S = 5.0
DIES_S = 30.0
KILLED = -9
AMENDS = [name for name in POINTS if name.startswith("an amend")]
OFTEN = ("every: 15s", "every: 1s")


class KillWorld(World):
    """A world whose proxy can be told where to die."""

    def __init__(self, root, nursery: KillNursery) -> None:
        class Mortal(Pretrade):
            nursery = staticmethod(lambda: own)

        own, self._mortal = nursery, Mortal
        self.ready_s: list[float] = []
        super().__init__(root, *ROOMY, OFTEN)

    def start_proxy(self, *, wait: bool = True, **environment: str) -> Pretrade:
        """Start the proxy; with KILL_AT it may die before it is ready."""
        began = time.monotonic()
        self.proxy = self._mortal("proxy", ("run", "-p", str(self.policy)), self.root, environment)
        if wait:
            self.starts.append(self.proxy.wait_ready())
            self.ready_s.append(time.monotonic() - began)
        return self.proxy


@pytest.fixture(scope="module")
def quick():
    """Where programs come from that prove within seconds that an order is not there."""
    with closing(KillNursery(plain_environment() | {"SHORT_WAITS": "1"})) as nursery:
        yield nursery


@pytest.fixture(scope="module")
def usual():
    """Where programs come from that take the time they take."""
    with closing(KillNursery(plain_environment())) as nursery:
        yield nursery


@contextmanager
def trial(root, nursery: KillNursery, seed: int, settled_s: float) -> Iterator[tuple[KillWorld, Traders]]:
    """A world with traders; whatever was killed meanwhile, in the end all is known again and was always counted."""
    with KillWorld(root, nursery) as world:
        traders = Traders(world.raw(), seed)
        with traders.trading():
            world.proxy.kill()
            yield world, traders
            world.start_proxy()
        _settle(world, settled_s)
        world.proxy.kill()
        check_counted(world)
        check_told(world, traders)
        check_world(world)
        assert traders.told.answers > 100, "the clients hardly traded: nothing was shown"


def _settle(world: KillWorld, within_s: float) -> None:
    try:
        eventually("all is known again", lambda: not unsettled(world), within_s)
    except AssertionError as e:
        raise AssertionError(f"{e}, but {unsettled(world)}") from e


def die_at(world: KillWorld, name: str, number: int) -> None:
    """Start the proxy, which dies at this pass of the point, and see what its journal counts."""
    began = time.monotonic()
    proxy = world.start_proxy(wait=False, KILL_AT=f"{name}:{number}")
    printed = len(proxy.out)
    if name in POINTS:
        eventually(f"ready or dead: {name}", lambda: "\nready\n" in proxy.out[printed:] or not proxy.running, DIES_S)
        world.ready_s.append(time.monotonic() - began)
    eventually(f"it dies: {name}", lambda: not proxy.running, DIES_S)
    assert proxy.code == KILLED, f"{name}: ended with {proxy.code}: {proxy.err}"
    check_counted(world)


@pytest.mark.timeout(600)
def test_killed_at_every_named_point_it_loses_doubles_and_frees_nothing(tmp_path, quick):
    """Catches: a row written after the send, a hold that a start does not count, a start that sends again or forgets,
    a snapshot that leaves out what is pending, an unknown order that a start gives up, a client that was told a lie."""
    chance = random.Random(SEED)
    with trial(tmp_path, quick, SEED, settled_s=30) as (world, traders):
        for name in (*POINTS, *STARTS):
            traders.amends = (CHEAPER,)  # what the order had before must count as long as it may still hold
            die_at(world, name, 1 if name in STARTS else chance.randint(1, 3))
        for name in AMENDS:
            traders.amends = (DEARER,)  # and what it will have
            die_at(world, name, chance.randint(1, 3))
    assert sorted(world.ready_s)[len(world.ready_s) // 2] < READY_S


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(6))
def test_killed_again_and_again_at_points_and_at_random(tmp_path, usual, part):
    """The same with the product's own waits for a proof, and half of the kills from outside, at no point of ours: more
    than 300 in all. Catches what only a second death, or a death in the middle of nothing, brings about."""
    chance = random.Random(f"{SEED}-{part}")
    names = [*POINTS, *STARTS, *[""] * len(POINTS)]
    chance.shuffle(names)
    with trial(tmp_path, usual, SEED * 10 + part, settled_s=120) as (world, _):
        for name in names:
            if name:
                die_at(world, name, 1 if name in STARTS else chance.randint(1, 8))
            else:
                _kill_from_outside(world, chance)


def _kill_from_outside(world: KillWorld, chance: random.Random) -> None:
    world.start_proxy(wait=False)
    time.sleep(chance.uniform(0.05, 1.5))  # the moment is what is being tried
    world.proxy.kill()
    check_counted(world)


def counted(world: World) -> Ledger:
    """What the journal of a proxy that does not run adds up to."""
    snapshot = snapshots.last(world.journal)
    return fold(read_events(world.journal, snapshot.seq, kinds=FOLDED), snapshot.ledger)


def check_counted(world: World) -> None:
    """Raise where the exchange has an order, a position or a number that the journal counts less of."""
    (account,) = world.control("GET", "state")["accounts"]
    ledger = counted(world)
    for resting in account["resting"]:
        known = [ledger.live.by_order_id(resting["order_id"])]
        known += ledger.live.with_client_order_id(resting["client_order_id"])
        assert any(
            one is not None and one.remaining >= _count(resting["remaining_count"]) and _is_as_dear(one, resting)
            for one in known
        ), f"{resting} rests and is not counted; known of it: {known}"
    for ticker in {one["market"] for one in (*account["positions"], *account["resting"])}:
        most = _worst_position(account, ticker)
        assert ledger.live.worst_position(None, ticker) >= most, f"{ticker}: {most} possible, less counted"
    taken = len(set(_sent(world)))
    latest = ledger.live.days.latest
    assert ledger.live.days.orders(latest, (None, "")) >= taken - _taken_back(world), f"{taken} orders were sent"


def _worst_position(account, ticker: str) -> int:
    held = sum(_count(one["count"]) for one in account["positions"] if one["market"] == ticker)
    orders = [one for one in account["resting"] if one["market"] == ticker]
    may = {s: sum(_count(one["remaining_count"]) for one in orders if one["side"] == s) for s in ("bid", "ask")}
    return max(held + may["bid"], may["ask"] - held, 0)


def _is_as_dear(known, resting) -> bool:
    price, shown = known.price, parse_decimal(resting["price_dollars"], 4, "a price")
    return price >= shown if resting["side"] == "bid" else price <= shown


def _count(text: str) -> int:
    return int(text.replace(".", ""))


def _sent(world: World) -> Iterator[str]:
    """The orders that reached the exchange whole, by their clients' names."""
    for request in world.exchange_requests():
        if request["method"] == "POST" and request["executed"] and not request["path"].endswith("/amend"):
            body = json.loads(request["body"])
            yield from (made["client_order_id"] for made in body.get("orders", [body]))


def _taken_back(world: World) -> int:
    """Orders that arrived and were refused there: they do not count for the day... none is expected here."""
    return sum(1 for request in world.exchange_requests() if (request["status"] or 0) >= 400)


def unsettled(world: World) -> dict[str, object]:
    """What the journal says otherwise than the exchange's own record: in the end nothing is unknown, each order has
    what is left of it, each position is known, and there is no break."""
    ledger = counted(world)
    (account,) = world.control("GET", "state")["accounts"]
    resting = {one["order_id"]: _count(one["remaining_count"]) for one in account["resting"]}
    orders = {one.order_id: one.remaining for one in ledger.live.orders.values()}
    held = {(one["market"], _count(one["count"])) for one in account["positions"]}
    books = {ticker: book for (_, ticker), book in ledger.live.books()}
    found = {
        "pending": list(ledger.pending.values()),
        "orders": orders.items() ^ resting.items(),
        "positions": {(ticker, book.position) for ticker, book in books.items() if book.position} ^ held,
        "differs": [ticker for ticker, book in books.items() if book.has_seen],
        "breaks": world.events("reconciliation")[-1].body["breaks"],
    }
    return {name: what for name, what in found.items() if what}


def check_told(world: World, traders: Traders) -> None:
    """Raise where a client was told what is not so, or an order was sent twice."""
    told, sent = traders.told, list(_sent(world))
    assert len(sent) == len(set(sent)), "an order was sent twice"
    assert told.accepted <= set(sent), "an order was told accepted and never arrived"
    assert not told.refused & set(sent), "an order was told not sent and arrived"
    (account,) = world.control("GET", "state")["accounts"]
    resting = {one["order_id"]: one["price_dollars"] for one in account["resting"]}
    assert not told.canceled & set(resting), "an order was told canceled and rests"
    wrong = {name: price for name, price in told.prices.items() if price and resting.get(name, price) != price}
    assert not wrong, f"amends were told and are not so: {wrong}"
