"""The oracle's judge: what a write breaks, as a set of codes.

Rule of this file: the policy is read as the tree of texts that the operator writes, and every limit in it is looked at,
one by one; nothing is combined or tightened beforehand. What is broken is a code and the key that it goes by, until
the end, where what is only observed is left out.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

from tests.oracle import formula, seen
from tests.oracle.account import Account, Order, Sheet, Terms, Where, total
from tests.oracle.formula import Row, leg, worst_fee
from tests.oracle.intents import Amend, Asker, Exit, Intent, orders_of
from tests.oracle.seen import Demand, Priced, Reasons, Sky

FIGURES = {
    ("market", "max_position"): ("position", "market", "POSITION_EXCEEDS_MAXIMUM"),
    ("market", "max_exposure"): ("exposure", "market", "MARKET_EXPOSURE_EXCEEDS_MAXIMUM"),
    ("event", "max_exposure"): ("exposure", "event", "EVENT_EXPOSURE_EXCEEDS_MAXIMUM"),
    ("series", "max_exposure"): ("exposure", "series", "SERIES_EXPOSURE_EXCEEDS_MAXIMUM"),
    ("account", "max_exposure"): ("exposure", "account", "ACCOUNT_EXPOSURE_EXCEEDS_MAXIMUM"),
    ("account", "max_open_orders"): ("open_orders", "account", "OPEN_ORDERS_EXCEED_MAXIMUM"),
    ("day", "max_orders"): ("day_orders", "account", "DAY_ORDERS_EXCEED_MAXIMUM"),
    ("day", "max_notional"): ("day_notional", "account", "DAY_NOTIONAL_EXCEEDS_MAXIMUM"),
}
"""By the policy's key: what is added up, over which scope, and the code it is denied with."""
IN_ONE_MARKET = FIGURES | {
    ("market", "max_open_orders"): ("open_orders", "market", "OPEN_ORDERS_EXCEED_MAXIMUM"),
    ("day", "max_orders"): ("day_orders", "market", "DAY_ORDERS_EXCEED_MAXIMUM"),
    ("day", "max_notional"): ("day_notional", "market", "DAY_NOTIONAL_EXCEEDS_MAXIMUM"),
}
"""The same for an entry of `markets`, whose limits hold for each of its markets by itself."""


class Limit(NamedTuple):
    """One limit on one figure. `path` is the policy's key, `own` says whether it is the client's own figure."""

    path: tuple[str | int, ...]
    measure: str
    scope: str
    own: bool
    code: str
    value: Fraction

    @property
    def key(self) -> str:
        """The key for everybody that this limit is, or tightens."""
        return ".".join(map(str, self.path[self.path.index("limits") :]))


@cache
def number(text: str) -> Fraction:
    """A figure as the policy writes it."""
    return Fraction(text.lstrip("$"))


def entry_for(tree: dict[str, Any], ticker: str) -> tuple[int, dict[str, Any]]:
    """The first entry of `markets` that fits: a plain ticker, or the letters before a star."""
    for index, entry in enumerate(tree["markets"]):
        head, star, _ = entry["match"].partition("*")
        if ticker.startswith(head) if star else ticker == head:
            return index, entry
    raise LookupError(ticker)


def sections(tree: dict[str, Any], client: str, ticker: str) -> Iterator[tuple[tuple[str | int, ...], dict[str, Any]]]:
    """Every group of limits that holds for a client in a market, with its place."""
    yield ("limits",), tree["limits"]
    yield ("clients", client, "limits"), tree["clients"][client].get("limits", {})
    index, entry = entry_for(tree, ticker)
    yield ("markets", index, "limits"), entry.get("limits", {})


def limits(tree: dict[str, Any], client: str, ticker: str) -> Iterator[Limit]:
    """Every limit on a figure."""
    for place, group in sections(tree, client, ticker):
        known = IN_ONE_MARKET if place[0] == "markets" else FIGURES
        for section, stated in group.items():
            for key, text in stated.items():
                if (section, key) in known:
                    measure, scope, code = known[section, key]
                    own = place[0] == "clients"
                    yield Limit((*place, section, key), measure, scope, own, code, number(text))


def belongs(account: Account, limit: Limit, ticker: str, subaccount: int) -> Callable[[Where], bool]:
    """Which markets a limit's figure is about."""
    places = account.places

    def test(where: Where) -> bool:
        if limit.own and where[0] != subaccount:
            return False
        if limit.scope == "account":
            return True
        if limit.scope == "market":
            return where[1] == ticker
        which = 0 if limit.scope == "event" else 1
        return places[where[1]][which] == places[ticker][which]

    return test


def tried(intent: Intent, account: Account, asker: Asker, multiplier: Fraction) -> tuple[Account, tuple[bool, ...]]:
    """The account with the write in it, and of each order whether it can only close, one after another."""
    after, closes = account.trial(), []
    if isinstance(intent, Amend):
        order = after.orders[intent.key]
        where = (order.subaccount, order.ticker)
        terms = Terms(intent.price, intent.count, "trial")
        after.approve_amend(intent.key, terms, asker.day)
        left = after.orders.pop(intent.key).left
        closes.append(formula.reduces(after.book(where), order.side, left))
        after.orders[intent.key] = order
    for leg_number, new in enumerate(intent if not isinstance(intent, Amend | Exit) else ()):
        where = (asker.subaccount, new.ticker)
        closes.append(formula.reduces(after.book(where), new.side, new.count))
        key = f"trial/{leg_number}"
        terms = [Terms(new.price, new.count)]
        after.approve(Order(key, asker.client, *where, new.side, terms, multiplier), asker.day)
    return after, tuple(closes)


type Sides = dict[Where, set[str]]
"""The sides that a write buys, by market."""


def broken(before: Sheet, after: Sheet, limit: Limit, about: Callable[[Where], bool], sides: Sides) -> bool:
    """Whether a write raises a figure past its limit: as it is, or as it is on the sides that it buys, for the others
    may go."""
    whole = [total(sheet, limit.measure, about) for sheet in (before, after)]
    ours = bought(before, after, limit.measure, about, sides)
    return any(now > limit.value and now > was for was, now in (whole, ours))


def bought(
    before: Sheet, after: Sheet, measure: str, about: Callable[[Where], bool], sides: Sides
) -> tuple[Fraction, Fraction]:
    """A figure before and after a write, without what the worse sides of its markets hide where it makes another side
    grow."""
    if measure not in {"position", "exposure"}:
        return total(before, measure, about), total(after, measure, about)
    others = total(before, measure, lambda where: about(where) and where not in sides)
    was = now = others
    for where in (where for where in sides if about(where)):
        old, new = (sheet.get(where, {}) for sheet in (before, after))
        less, more = (max(one.get(f"{measure} {side}", Fraction(0)) for side in sides[where]) for one in (old, new))
        if more <= less:
            less, more = old.get(measure, Fraction(0)), new.get(measure, Fraction(0))
        was, now = was + less, now + more
    return was, now


def sides_of(intent: Intent, asker: Asker) -> Sides:
    """Which sides an intent buys, and where."""
    found: Sides = {}
    for order in orders_of(intent):
        found.setdefault((asker.subaccount, order.ticker), set()).add(order.side)
    return found


ALWAYS = {
    "ROLE_READ_ONLY",
    "TRADING_HALTED",
    "TRADING_REDUCING",
    "SUBACCOUNT_NOT_OWNED",
    "ORDER_NOT_OWNED",
    "ORDER_NOT_KNOWN",
}
"""What is refused whatever is observed."""


def verdict(intent: Intent, account: Account, tree: dict[str, Any], asker: Asker, sky: Sky) -> set[str]:
    """Every code that the write is denied with; empty where it passes."""
    found = broken_by(intent, account, tree, asker, sky)
    return {code for code, key in found if code in ALWAYS or not observed(key, tree, asker.day)}


def observed(key: str, tree: dict[str, Any], day: str) -> bool:
    """Whether what goes by a key is only watched on a day."""
    stated = tree["observe"]
    if stated.get("all") == "true" and day <= stated["until"]:
        return True
    return any(day <= one["until"] and f"{key}.".startswith(f"{one['rule']}.") for one in stated.get("rules", []))


def broken_by(intent: Intent, account: Account, tree: dict[str, Any], asker: Asker, sky: Sky) -> Reasons:
    """Everything that the write breaks."""
    reasons = {(code, "") for code in standing(intent, account, asker)}
    if isinstance(intent, Exit):
        return reasons
    is_known = not isinstance(intent, Amend) or known(intent, account)
    after, closes = account, (False,)
    if is_known:
        after, closes = tried(intent, account, asker, number(tree["fees"]["multiplier_ceiling"]))
    reasons |= alone(intent, closes, tree, asker) | outside(intent, closes, tree, asker, sky)
    if asker.state == "REDUCING" and not all(closes) and not capped(intent):
        reasons.add(("TRADING_REDUCING", "trading_state"))
    if all(closes):
        return reasons
    if any(waiver["until"] < asker.day for waiver in tree["unlimited_on_purpose"]):
        reasons.add(("LIMIT_WAIVER_EXPIRED", "unlimited_on_purpose"))
    sheets = account.sheet(asker.day), after.sheet(asker.day)
    for ticker in {order.ticker for order in orders_of(intent)} if is_known else ():
        for limit in limits(tree, asker.client, ticker):
            if broken(*sheets, limit, belongs(account, limit, ticker, asker.subaccount), sides_of(intent, asker)):
                reasons.add((limit.code, limit.key))
    return reasons


def capped(intent: Intent) -> bool:
    """Whether the exchange itself keeps every order from opening anything."""
    return not isinstance(intent, Amend | Exit) and all(
        new.flags.reduce_only and new.flags.time_in_force == "immediate_or_cancel" for new in intent
    )


def outside(intent: Intent, closes: tuple[bool, ...], tree: dict[str, Any], asker: Asker, sky: Sky) -> Reasons:
    """What each order breaks of what its market, the exchange and the required flags have to say."""
    found: Reasons = set()
    for order, reduces in zip(orders_of(intent), closes, strict=True):
        priced = Priced(order.ticker, order.side, order.price, order.flags, isinstance(order, Amend))
        found |= seen.reasons(priced, closes=reduces, sky=sky, stated=demanded(tree, asker.client, order.ticker))
    return found


def demanded(tree: dict[str, Any], client: str, ticker: str) -> list[Demand]:
    """Everything that is stated on what is outside the account."""
    _, entry = entry_for(tree, ticker)
    paths = (("price", "collar"), ("limits", "market"), ("require",))
    return [demand for path in paths for demand in seen.demands(tree, client, entry, *path)]


def known(intent: Amend, account: Account) -> bool:
    """Whether the exchange's id of the order that an amend names is known, and its market and side are as it says."""
    order = account.orders.get(intent.key)
    return bool(order and order.named and (order.ticker, order.side) == (intent.ticker, intent.side))


def standing(intent: Intent, account: Account, asker: Asker) -> set[str]:
    """Role, trading state, subaccount and ownership."""
    reasons = {"ROLE_READ_ONLY"} if asker.role == "R" else set()
    if asker.state == "HALTED" and not isinstance(intent, Exit):
        reasons.add("TRADING_HALTED")
    named = (
        [intent.subaccount]
        if isinstance(intent, Exit)
        else [getattr(new, "subaccount", None) for new in orders_of(intent)]
    )
    if any(subaccount not in (None, asker.subaccount) for subaccount in named):
        reasons.add("SUBACCOUNT_NOT_OWNED")
    if isinstance(intent, Amend | Exit):
        reasons |= ownership(intent, account, asker)
    return reasons


def ownership(intent: Amend | Exit, account: Account, asker: Asker) -> set[str]:
    """A client changes its own orders, and where nobody shares its subaccount those of nobody in it."""
    order = account.orders.get(intent.key)
    if intent.key in account.ended:
        owner = account.ended[intent.key]
        mine = owner == asker.client or (owner is None and not asker.shares)
        reasons = {"ORDER_NOT_KNOWN"} if isinstance(intent, Amend) else set()
        return reasons if mine else reasons | {"ORDER_NOT_OWNED"}
    if order is None or not order.named:
        if isinstance(intent, Amend):
            return {"ORDER_NOT_KNOWN"}
        return {"ORDER_NOT_OWNED"} if asker.shares else set()
    nobodys = order.client is None and order.subaccount == asker.subaccount and not asker.shares
    reasons = set() if order.client == asker.client or nobodys else {"ORDER_NOT_OWNED"}
    if isinstance(intent, Amend) and (intent.ticker, intent.side) != (order.ticker, order.side):
        reasons.add("ORDER_NOT_KNOWN")
    return reasons


def alone(intent: Intent, closes: tuple[bool, ...], tree: dict[str, Any], asker: Asker) -> Reasons:
    """What an order may be by itself: the market list, its count, its risk, its price."""
    reasons: Reasons = set()
    for order, reduces in zip(orders_of(intent), closes, strict=True):
        groups = [group for _, group in sections(tree, asker.client, order.ticker)]
        stated = [group["order"] for group in groups if "order" in group]
        if any(order.count > number(group["max_count"]) for group in stated if "max_count" in group):
            reasons.add(("ORDER_COUNT_EXCEEDS_MAXIMUM", "limits.order.max_count"))
        if reduces:
            continue
        _, entry = entry_for(tree, order.ticker)
        if entry["allow"] != "true":
            reasons.add(("MARKET_NOT_ALLOWED", "markets"))
        row = Row(order.side, order.price, order.count, number(tree["fees"]["multiplier_ceiling"]))
        risk = leg(order.side, order.price) * order.count + worst_fee(row)
        if any(risk > number(group["max_risk"]) for group in stated if "max_risk" in group):
            reasons.add(("ORDER_RISK_EXCEEDS_MAXIMUM", "limits.order.max_risk"))
        bands = [tree["price"]["band"], entry.get("price", {}).get("band", {})]
        if any(
            order.price < number(band.get("min", "0")) or order.price > number(band.get("max", "1")) for band in bands
        ):
            reasons.add(("PRICE_OUTSIDE_BAND", "price.band"))
    return reasons
