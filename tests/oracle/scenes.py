"""Random accounts: a string of events, told to the oracle and to the program alike, and random writes in them.

Rule of this file: one seed is one scene, and what it makes is possible: only what is sent is answered, only what may
fill fills. Prices and counts come from few values, so that equal ones and full limits are common.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from random import Random
from typing import Any

from tests.oracle.account import Account, Order, Terms, Where
from tests.oracle.formula import ASK, BID, Held
from tests.oracle.intents import Amend, Asker, Exit, Intent, New
from tests.oracle.product import Product
from tests.oracle.skies import end_of, flags_of, with_sky_rules

PLACES = {
    "KXA-1-T1": ("KXA-1", "KXA"),
    "KXA-1-T2": ("KXA-1", "KXA"),
    "KXA-2-T1": ("KXA-2", "KXA"),
    "KXB-1-T1": ("KXB-1", "KXB"),
}
CLIENTS = {"ann": (0, False), "bob": (1, True), "cat": (1, True)}
PRICES = [Fraction(cents, 100) for cents in (2, 10, 10, 25, 50, 50, 75, 90, 90, 98)]
COUNTS = [Fraction(count) for count in (1, 1, 2, 2, 3, 5, 10)] + [Fraction(1, 100), Fraction(5, 2)]
MULTIPLIERS = [Fraction(1), Fraction(1), Fraction(1, 2), Fraction(2)]
DAYS = ("2026-11-20", "2026-11-21")


@dataclass
class Scene:
    """One account, as the oracle and as the program have it."""

    random: Random
    oracle: Account = field(default_factory=lambda: Account(PLACES))
    product: Product = field(default_factory=lambda: Product(PLACES))
    day: str = DAYS[0]
    unanswered: dict[str, list[str]] = field(default_factory=dict)
    amending: dict[str, str] = field(default_factory=dict)
    amended: bool = False
    decisions: int = 0

    def asker(self) -> Asker:
        """A client in ordinary circumstances, now and then in others."""
        client = self.random.choice(list(CLIENTS))
        role = self.random.choices(("W", "ABH", "R"), (20, 2, 1))[0]
        state = self.random.choices(("ACTIVE", "REDUCING", "HALTED"), (20, 4, 1))[0]
        return Asker(client, *CLIENTS[client], role, state, self.day)

    def new(self, asker: Asker) -> New:
        """Any order."""
        pick = self.random.choice
        named = self.random.choices((None, asker.subaccount, 1 - asker.subaccount), (10, 10, 1))[0]
        return New(pick(list(PLACES)), pick((BID, ASK)), pick(PRICES), pick(COUNTS), named, flags_of(self.random))

    def intent(self, asker: Asker) -> Intent:
        """Any write: mostly orders, also of the kind that closes what is held."""
        kind = self.random.choices(("new", "closing", "batch", "amend", "exit"), (8, 4, 4, 4, 1))[0]
        if kind == "amend" and self.oracle.orders:
            return self.amend(self.random.choice([*self.oracle.orders, *self.oracle.ended]))
        if kind == "exit" and self.oracle.wheres_of:
            return Exit(
                self.random.choice(list(self.oracle.wheres_of)), self.random.choice((None, asker.subaccount, 1))
            )
        if kind == "batch":
            news = tuple(self.closing(asker) if self.random.random() < 0.4 else self.new(asker) for _ in range(3))
            return news[: self.random.choice((1, 2, 3))]
        return (self.closing(asker) if kind == "closing" else self.new(asker),)

    def closing(self, asker: Asker) -> New:
        """An order against what the client's subaccount holds, as large as that or a little larger."""
        held = [(where, market.ours()) for where, market in self.oracle.markets.items() if where[0] == asker.subaccount]
        held = [(where, count) for where, count in held if count]
        if not held:
            return self.new(asker)
        (_, ticker), count = self.random.choice(held)
        more = self.random.choice((Fraction(0), Fraction(0), -abs(count) / 2, Fraction(1, 100), Fraction(1)))
        wanted = max(Fraction(1, 100), Fraction(int((abs(count) + more) * 100), 100))
        side, flags = BID if count < 0 else ASK, flags_of(self.random)
        return New(ticker, side, self.random.choice(PRICES), wanted, asker.subaccount, flags)

    def amend(self, key: str) -> Amend:
        """New terms for an order, now and then for another market or side than its own."""
        order, ticker = self.oracle.orders.get(key), self.oracle.wheres_of[key][1]
        side = order.side if order else BID
        if self.random.random() < 0.05:
            ticker, side = self.random.choice(list(PLACES)), self.random.choice((BID, ASK))
        pick = self.random.choice
        return Amend(key, ticker, side, pick(PRICES), pick(COUNTS), end_of(self.random))

    # Events

    def live(self, events: int) -> None:
        """Let so many things happen."""
        for _ in range(events):
            names = (self.create, self.answer, self.change, self.settle, self.fill, self.show)
            kinds = (*names, self.cancel, self.read, self.turn)
            self.random.choices(kinds, (10, 6, 3, 3, 5, 2, 2, 2, 1))[0]()

    def create(self) -> None:
        """A create is approved, whatever the limits say: some were looser then."""
        asker, multiplier = self.asker(), self.random.choice(MULTIPLIERS)
        news = tuple(self.new(asker) for _ in range(self.random.choice((1, 1, 1, 2, 3))))
        decision = self.decision()
        self.product.approve(decision, news, asker, multiplier)
        self.unanswered[decision] = [f"{decision}/{leg}" for leg in range(len(news))]
        for key, new in zip(self.unanswered[decision], news, strict=True):
            terms = [Terms(new.price, new.count)]
            order = Order(key, asker.client, asker.subaccount, new.ticker, new.side, terms, multiplier)
            self.oracle.approve(order, asker.day)

    def decision(self) -> str:
        """The next decision's id."""
        self.decisions += 1
        return f"d{self.decisions}"

    def answer(self) -> None:
        """A create is answered, refused, never sent, or not heard of again."""
        if not self.unanswered:
            return
        decision = self.random.choice(list(self.unanswered))
        ending = self.random.choices(("accepted", "rejected", "not_sent", "unknown"), (8, 1, 1, 1))[0]
        keys = self.unanswered[decision] if ending == "unknown" else self.unanswered.pop(decision)
        if ending == "accepted":
            self.accept(decision, keys)
            return
        self.product.end(decision, ending)
        for key in keys if ending != "unknown" else ():
            self.oracle.gone(key, sent=ending == "rejected")

    def accept(self, decision: str, keys: list[str]) -> None:
        """Each order of a create fills a part, all or nothing, and rests or not; some of a batch are refused."""
        told: list[tuple[str, Fraction, Fraction] | None] = []
        for key in keys:
            if len(keys) > 1 and self.random.random() < 0.2:
                told.append(None)
                self.oracle.gone(key, sent=True)
                continue
            filled = self.part_of(self.oracle.orders[key].left)
            rests = self.random.random() < 0.8
            left = self.oracle.orders[key].left - filled if rests else Fraction(0)
            told.append((key, filled, left))
            self.oracle.accepted(key, filled, left)
        self.product.answer(decision, told)

    def part_of(self, count: Fraction) -> Fraction:
        """Nothing, all, or some of a count."""
        some = Fraction(self.random.randint(0, int(count * 100)), 100)
        return self.random.choice((Fraction(0), count, some))

    def change(self) -> None:
        """An amend of a resting order is approved."""
        keys = [key for key, order in self.oracle.orders.items() if order.named and order.client]
        if not keys:
            return
        key, decision = self.random.choice(keys), self.decision()
        order = self.oracle.orders[key]
        terms = Terms(self.random.choice(PRICES), self.random.choice(COUNTS), decision)
        client = str(order.client)
        asker = Asker(client, *CLIENTS[client], "W", "ACTIVE", self.day)
        intent = Amend(key, order.ticker, order.side, terms.price, terms.total)
        self.product.approve(decision, intent, asker, order.multiplier)
        self.oracle.approve_amend(key, terms, self.day)
        self.amending[decision] = key
        self.amended = True

    def settle(self) -> None:
        """An amend is answered, refused or lost; a yes alone changes nothing."""
        if not self.amending:
            return
        decision = self.random.choice(list(self.amending))
        key, ending = self.amending.pop(decision), self.random.choice(("accepted", "rejected", "not_sent", "unknown"))
        self.product.end(decision, ending)
        if ending in {"rejected", "not_sent"} and key in self.oracle.orders:
            self.oracle.amend_failed(key, decision)

    def fill(self) -> None:
        """We are told that an order has filled so far."""
        keys = [key for key, order in self.oracle.orders.items() if order.named]
        if not keys:
            return
        key = self.random.choice(keys)
        order = self.oracle.orders[key]
        filled = order.filled + self.part_of(order.left)
        self.product.fill(key, filled)
        self.oracle.fill(key, filled)
        self.oracle.end_if_done(key)

    def show(self) -> None:
        """A read shows an order: under one of the terms that it may have, or smaller, for it was decreased."""
        keys = [key for key, order in self.oracle.orders.items() if order.named]
        if not keys:
            return
        key = self.random.choice(keys)
        order = self.oracle.orders[key]
        terms = self.random.choice(order.terms)
        filled = order.filled + self.part_of(order.left)
        total = filled + self.part_of(terms.total - filled) if terms.total > filled else filled
        if total > filled:
            self.product.read(key, terms.price, total, filled)
            self.oracle.read(key, Terms(terms.price, total), filled)

    def cancel(self) -> None:
        """A read proves that an order can fill no more."""
        keys = [key for key, order in self.oracle.orders.items() if order.named]
        if keys:
            key = self.random.choice(keys)
            self.product.canceled(key)
            self.oracle.canceled(key)

    def read(self) -> None:
        """The exchange's record shows a position, or an order that is nobody's."""
        where: Where = (self.random.choice((0, 1)), self.random.choice(list(PLACES)))
        count = Fraction(self.random.randint(-6, 6), self.random.choice((1, 2)))
        held = Held(count, abs(count) * self.random.choice(PRICES))
        kind = self.random.choice(("differs", "agrees", "taken", "taken", "orphan"))
        if kind == "orphan":
            pick, key = self.random.choice, f"orphan-{self.decision()}"
            terms = [Terms(pick(PRICES), pick(COUNTS))]
            order = Order(key, None, *where, pick((BID, ASK)), terms, pick(MULTIPLIERS), named=True)
            self.product.orphan(order)
            self.oracle.orphan(order)
        elif kind == "taken":
            self.product.state(where, held)
            self.oracle.state(where, held)
        else:
            shown = held if kind == "differs" else None
            self.product.show(where, shown)
            self.oracle.show(where, shown)

    def turn(self) -> None:
        """The day turns."""
        self.day = DAYS[1]


def policy_tree(random: Random, base: dict[str, Any]) -> dict[str, Any]:
    """A policy with limits near what such accounts come to, some of them also for a client and for a market."""
    clients = {
        name: {
            "key_id": f"{name}-key",
            "public_key": f"keys/{name}.pem",
            "subaccount": str(subaccount),
            "shares_subaccount": str(shares).lower(),
        }
        for name, (subaccount, shares) in CLIENTS.items()
    }
    whole = stated(random, loose=True)
    for client in clients.values():
        if random.random() < 0.5:
            client["limits"] = tighter(random, whole, stated(random, loose=False))
    entries: list[dict[str, Any]] = [{"match": "KXA-1-*", "allow": "true"}, {"match": "KXA-*", "allow": "true"}]
    for entry in entries:
        if random.random() < 0.5:
            entry["limits"] = in_one_market(random, tighter(random, whole, stated(random, loose=False)))
    if random.random() < 0.3:
        entries[0]["price"] = {"band": {"min": "$0.10", "max": "$0.90"}}
    last = {"match": "*", "allow": random.choice(("true", "true", "false"))}
    whole["day"]["timezone"] = "America/New_York"
    band = {"band": {"min": random.choice(("$0.02", "$0.05")), "max": random.choice(("$0.98", "$0.95"))}}
    fees = {"multiplier_ceiling": random.choice(("1.0", "2.0"))}
    tree = base | {
        "clients": clients,
        "limits": whole,
        "markets": [*entries, last],
        "price": band,
        "fees": fees,
    }
    return with_sky_rules(random, tree, DAYS)


def stated(random: Random, *, loose: bool) -> dict[str, dict[str, str]]:
    """Every limit once."""

    def dollars(low: int, high: int) -> str:
        return f"${random.randint(low, high) * (3 if loose else 1)}.{random.choice(('00', '50', '02', '45'))}"

    def numbers(low: int, high: int) -> str:
        return str(random.randint(low, high) * (3 if loose else 1))

    return {
        "order": {"max_count": numbers(2, 9), "max_risk": dollars(2, 9)},
        "day": {"max_orders": numbers(2, 9), "max_notional": dollars(3, 30)},
        "market": {"max_position": numbers(4, 15), "max_exposure": dollars(2, 12)},
        "event": {"max_exposure": dollars(3, 15)},
        "series": {"max_exposure": dollars(4, 20)},
        "account": {"max_exposure": dollars(5, 30), "max_open_orders": numbers(2, 9)},
    }


def tighter(random: Random, whole: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Some of a set of limits, none looser than what holds for all."""
    kept: dict[str, Any] = {}
    for section, values in own.items():
        for key, text in values.items():
            if random.random() < 0.6 and Fraction(text.lstrip("$")) < Fraction(whole[section][key].lstrip("$")):
                kept.setdefault(section, {})[key] = text
    return kept or {"order": {"max_count": whole["order"]["max_count"]}}


def in_one_market(random: Random, limits: dict[str, Any]) -> dict[str, Any]:
    """The limits that an entry of `markets` may state."""
    kept = {section: dict(values) for section, values in limits.items() if section in {"order", "day", "market"}}
    if random.random() < 0.5:
        kept.setdefault("market", {})["max_open_orders"] = str(random.randint(1, 6))
    return kept or {"market": {"max_open_orders": "3"}}
