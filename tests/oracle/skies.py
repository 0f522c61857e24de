"""Random skies: what is seen of each market and of the exchange, mostly good, now and then anything but.

Rule of this file: prices, ages and times come from few values, so that what is just right and just wrong is common.
"""

from fractions import Fraction
from random import Random
from typing import Any

from tests.oracle.seen import Book, Flags, Grid, Seen, Sky, Trade


def cents(*values: float) -> tuple[Fraction, ...]:
    """Dollars out of cents and halves of them."""
    return tuple(Fraction(str(value)) / 100 for value in values)


MIDDLES = cents(10, 25, 25.5, 50, 50, 50, 49.995, 75, 90)
GRIDS: tuple[Grid, ...] = (
    ((Fraction(0), Fraction(1), Fraction(1, 100)),),
    ((Fraction(0), Fraction(1), Fraction(1, 20)),),
    (
        (Fraction(0), Fraction(1, 10), Fraction(1, 1_000)),
        (Fraction(1, 10), Fraction(9, 10), Fraction(1, 40)),
        (Fraction(9, 10), Fraction(1), Fraction(1, 1_000)),
    ),
)
AGES = [Fraction(milli, 1_000) for milli in (0, 500, 1_000, 1_001, 2_000, 2_001, 5_000)]
CLOSES = [None, *(Fraction(milli, 1_000) for milli in (-1, 0, 1, 299_999, 300_000, 599_999, 600_000))]
FAR = Fraction(86_400)
STATUSES = ("inactive", "closed", "determined", "initialized")


def book_of(random: Random) -> Book:
    """A book around one of few midpoints; sometimes without a side, locked or crossed."""
    centre, half = random.choice(MIDDLES), random.choice(cents(0.5, 1, 2))
    bids, asks = (centre - half, centre - 2 * half), (centre + half, centre + 3 * half)
    odd = random.choices(("", "no bids", "no asks", "empty", "locked", "crossed"), (30, 1, 1, 1, 1, 1))[0]
    if odd in {"locked", "crossed"}:
        asks = (bids[0] - (half if odd == "crossed" else 0), *asks)
    bids = () if odd in {"no bids", "empty"} else bids
    asks = () if odd in {"no asks", "empty"} else asks
    age = random.choices((Fraction(0), random.choice(AGES)), (4, 1))[0]
    return Book(tuple(map(whole, bids)), tuple(map(whole, asks)), age)


def whole(price: Fraction) -> Fraction:
    """The price, on the exchange's finest grid."""
    return Fraction(max(1, min(9_999, int(price * 10_000))), 10_000)


def market(random: Random) -> Seen:
    """One market."""
    rarely = random.random
    return Seen(
        status=random.choice(STATUSES) if rarely() < 0.04 else "active",
        closes=random.choice(CLOSES) if rarely() < 0.1 else FAR,
        grid=random.choices(GRIDS, (12, 1, 1))[0],
        age=random.choice((Fraction(60), Fraction(60_001, 1_000))) if rarely() < 0.1 else Fraction(1),
        trades=random.choice((False, None)) if rarely() < 0.06 else True,
        book=None if rarely() < 0.05 else book_of(random),
        last=None if rarely() < 0.3 else Trade(random.choice(MIDDLES[:2]), random.choice(AGES)),
    )


def sky_of(random: Random, tickers: list[str]) -> Sky:
    """Everything that is seen at one moment; a market that nobody saw is not in it."""
    exchange = (True, True, Fraction(1))
    if random.random() < 0.05:
        exchange = (
            random.random() < 0.5,
            random.random() < 0.5,
            random.choice((Fraction(30), Fraction(30_001, 1_000))),
        )
    seen = {ticker: market(random) for ticker in tickers if random.random() < 0.96}
    return Sky(seen, None if random.random() < 0.02 else exchange)


def flags_of(random: Random) -> Flags:
    """What an order says beside its price."""
    if random.random() < 0.6:
        return Flags()
    pick = random.choice
    in_force = random.choices(("good_till_canceled", "immediate_or_cancel", "fill_or_kill"), (4, 2, 1))[0]
    return Flags(
        in_force,
        post_only=pick((True, False)),
        reduce_only=pick((True, False)),
        self_trade_prevention=pick(("taker_at_cross", "maker")),
        cancel_order_on_pause=pick((True, False)),
        expires=pick((None, 1, 3_600, 3_601, 7_200)) if in_force == "good_till_canceled" else None,
    )


def end_of(random: Random) -> Flags:
    """What an amend says of its end."""
    return Flags(expires=random.choices((None, 0, 1, 3_600, 3_601), (12, 1, 1, 1, 1))[0])


def price_rules(random: Random, whole: dict[str, Any] | None) -> dict[str, Any]:
    """A collar for everybody, or one that tightens it."""
    distances = ("$0.08", "$0.15", "$0.155", "$0.25", "$0.40", "$0.70")
    if whole is None:
        return {
            "aggressive": random.choice(distances[2:]),
            "passive": random.choice(distances[2:]),
            "max_age": random.choice(("2s", "5s")),
            "when_missing": random.choice(("deny", "last_trade")),
        }
    own: dict[str, Any] = {}
    for side in ("aggressive", "passive"):
        tighter = [text for text in distances if float(text[1:]) < float(whole[side][1:])]
        if random.random() < 0.5:
            own[side] = random.choice(tighter)
    if random.random() < 0.5:
        own["max_age"] = "1s"
    if random.random() < 0.5 and whole["when_missing"] == "last_trade":
        own["when_missing"] = "deny"
    return own


def require_rules(random: Random, *, tighter: bool) -> dict[str, Any]:
    """Flags that everybody, or one more, must set."""
    asks = random.random() < 0.15
    rules = {
        name: "true" if asks and random.random() < 0.3 else "false"
        for name in ("post_only", "reduce_only", "cancel_order_on_pause")
    }
    stp = "maker" if asks and random.random() < 0.2 else "any"
    spans = ("1h", "1h") if tighter else ("1h", "2h")  # what holds for all may be the shorter one already
    within = random.choice(spans) if asks and random.random() < 0.4 else "never"
    rules |= {"self_trade_prevention": stp, "expiration_within": within}
    return {name: text for name, text in rules.items() if text not in {"false", "any", "never"}} if tighter else rules


SPANS = ("1m", "5m", "10m")
WATCHED = (
    "limits.order",
    "limits.order.max_risk",
    "limits.market",
    "limits.market.no_open_before_close",
    "limits.day",
    "limits.account.max_open_orders",
    "price",
    "price.collar",
    "price.collar.passive",
    "require",
    "markets",
)
WAIVED = (
    "limits.day.max_loss",
    "limits.throttle",
    "limits.repeat",
    "price.walk",
    "liquidity.max_slippage",
    "liquidity.max_slippage_percent",
    "liquidity.min_depth",
    "liquidity.max_share_of_depth",
    "liquidity.min_grade",
    "confirm.above_risk",
    "halts.rejections",
    "halts.denials",
    "halts.exchange_errors",
    "halts.clock_skew",
    "halts.breaks",
    "halts.loss",
    "halts.repeat",
)
"""Limits that this oracle does not judge by."""
LATER = "2999-12-31"


def waivers(limits: tuple[str, ...], until: str = LATER) -> list[dict[str, str]]:
    """These limits left out on purpose."""
    return [{"limit": limit, "reason": "not judged here", "until": until} for limit in limits]


def bare() -> dict[str, Any]:
    """The sections of a policy in which nothing is asked of an order but what the account and its terms allow."""
    asks = {"self_trade_prevention": "any", "expiration_within": "never"}
    return {
        "liquidity": {"below_grade": "deny", "max_age": "2s"},
        "require": dict.fromkeys(("post_only", "reduce_only", "cancel_order_on_pause"), "false") | asks,
        "confirm": {"approvals": "1", "within": "5m"},
        "order_groups": {"may_loosen": "false"},
        "halts": {},
        "notify": {"at": [], "command": []},
        "observe": {},
        "unlimited_on_purpose": waivers((*WAIVED, "price.collar", "limits.market.no_open_before_close")),
    }


def with_sky_rules(random: Random, tree: dict[str, Any], days: tuple[str, ...]) -> dict[str, Any]:
    """A policy with rules of its own on prices, times, flags, and on what is waived and observed until one of the
    days."""
    until = random.choices((LATER, days[0]), (6, 1))[0]
    rules = {"unlimited_on_purpose": waivers(WAIVED, until), "require": require_rules(random, tighter=False)}
    tree = tree | bare() | rules | {"observe": observed(random, days)}
    tree["price"]["collar"] = price_rules(random, None)
    tree["limits"]["market"]["no_open_before_close"] = random.choice(SPANS[:2])
    for place in (*tree["clients"].values(), *tree["markets"][:-1]):
        if random.random() < 0.3:
            place.setdefault("price", {})["collar"] = price_rules(random, tree["price"]["collar"])
        if random.random() < 0.3:
            place["require"] = require_rules(random, tighter=True)
        if random.random() < 0.2:
            place.setdefault("limits", {}).setdefault("market", {})["no_open_before_close"] = SPANS[-1]
    return tree


def observed(random: Random, days: tuple[str, ...]) -> dict[str, Any]:
    """Nothing observed, a rule or two, or everything, until one of the days."""
    kind = random.choices(("nothing", "rules", "all"), (8, 3, 1))[0]
    if kind == "all":
        return {"all": "true", "until": random.choice(days)}
    named = random.sample(WATCHED, 2) if kind == "rules" else ()
    return {"all": "false", "rules": [{"rule": rule, "until": random.choice(days)} for rule in named]}
