"""The rules between keys, each broken once, with the key and the sentence that people see."""

import pytest
from pydantic import ValidationError
from tests.policy.tree import GONE, KEYED, TREE, UNWAIVED, changed, policy

from pretrade.policy.describe import keys
from pretrade.policy.rules import RULES
from pretrade.policy.schema import Policy
from pretrade.policy.waivers import LIMITS
from pretrade.yamltext.describe import ITEM, NAME
from pretrade.yamltext.places import dotted

ROLE, MODE = ("instance", "role"), ("instance", "mode")
ENVIRONMENT, ALLOW = ("instance", "environment"), ("instance", "allow_production")
PRODUCTION, LIVE = (ENVIRONMENT, "production"), (MODE, "live")
OTHER = {"key_id": "other-key", "public_key": "o.pem", "subaccount": "1"}
BOTH = "two clients have one subaccount only where both say shares_subaccount: true"
SHARES = ("clients", "bot", "shares_subaccount")
SHARING = OTHER | {"subaccount": "0", "shares_subaccount": "true"}
THIRD = {"key_id": "third-key", "public_key": "t.pem", "subaccount": "2"}


def entry(match, **more):
    return {"match": match, "allow": "true", **more}


OWN = {
    "clients": {"key_id": "bot-key", "public_key": "b.pem", "subaccount": "0"},
    "markets": {"match": "KXBTC-*", "allow": "true"},
}
BARE_CLIENT, BARE_ENTRY = (("clients", "bot"), OWN["clients"]), (("markets", 0), OWN["markets"])
"""A client and an entry that tighten nothing."""

KEY = ("signing", "keys", "bot")

BROKEN = [
    ([(("notify", "at"), ["70", "80", "80"])], ("notify", "at", 2), "must be more than 80, which stands before it"),
    ([(("notify", "at"), ["80", "70"])], ("notify", "at", 1), "must be more than 80"),
    (
        [(("halts", "breaks", "kinds"), ["orphan", "ghost", "orphan"])],
        ("halts", "breaks", "kinds", 2),
        "orphan is named twice",
    ),
    ([(("observe",), {"all": "true"})], ("observe", "until"), "missing; where observe.all is true"),
    ([(("markets", 1), {"allow": "true"})], ("markets", 1), "states no match, no event and no series"),
    ([(("markets", 2, "series"), "KX*")], ("markets", 2, "match"), 'the last entry must match "*"'),
    (
        [(("markets", 1), {"series": "KXBTC", "allow": "true"}), (("markets", 0), {"series": "KX*", "allow": "true"})],
        ("markets", 1, "series"),
        "never reached: markets[0] (series KX*) takes everything that series KXBTC fits",
    ),
    (
        [
            (("markets", 0), {"event": "KXBTC-26*", "allow": "true"}),
            (("markets", 1), {"match": "KXBTC-*", "event": "KXBTC-26DEC*", "allow": "true"}),
        ],
        ("markets", 1, "match"),
        "markets[0] (event KXBTC-26*) takes everything that KXBTC-*, event KXBTC-26DEC* fits",
    ),
    ([(ROLE, "ABH"), PRODUCTION, LIVE], MODE, "an ABH instance never trades live in production"),
    ([(ROLE, "ABH"), PRODUCTION, LIVE, (ALLOW, "true")], MODE, "an ABH instance never trades live in production"),
    ([PRODUCTION, LIVE], MODE, "needs instance.allow_production: true"),
    ([(("listen", "base_url"), "127.0.0.1:8080")], ("listen", "base_url"), "must differ from listen.proxy"),
    ([(("exchange", "practice"), GONE)], ("exchange", "practice"), "instance.environment is practice"),
    (
        [(("clients", "bot", "key_id"), "live-key")],
        ("clients", "bot", "key_id"),
        "'live-key' is already the value of signing.key_id",
    ),
    (
        [(("clients", "two"), OTHER | {"key_id": "bot-key"})],
        ("clients", "two", "key_id"),
        "'bot-key' is already the value of clients.bot.key_id",
    ),
    (
        [(("clients", "two"), OTHER | {"subaccount": "0"})],
        ("clients", "two", "subaccount"),
        f"0 already belongs to clients.bot; {BOTH}; missing at clients.bot and clients.two",
    ),
    (
        [(("clients", "two"), OTHER | {"subaccount": "0", "shares_subaccount": "true"})],
        ("clients", "two", "subaccount"),
        "missing at clients.bot",
    ),
    (
        [(("clients", "two"), OTHER | {"subaccount": "0"}), (SHARES, "true")],
        ("clients", "two", "subaccount"),
        "missing at clients.two",
    ),
    (
        [(SHARES, "true"), (("clients", "two"), SHARING), (("clients", "three"), THIRD | {"subaccount": "0"})],
        ("clients", "three", "subaccount"),
        f"already belongs to clients.bot; {BOTH}; missing at clients.three",
    ),
    ([(("reconcile", "max_age"), "15s")], ("reconcile", "max_age"), "must be longer than reconcile.every"),
    ([(("reconcile", "every"), "10m")], ("reconcile", "max_age"), "must be longer than reconcile.every"),
    (
        [(("price", "band", "min"), "$0.98"), BARE_CLIENT, BARE_ENTRY],
        ("price", "band", "min"),
        "$0.9800 must be lower than price.band.max, $0.9800",
    ),
    ([(("markets", 2), GONE)], ("markets", 1, "match"), 'the last entry must match "*"'),
    (
        [(("markets", 1, "match"), "KXBTC-*")],
        ("markets", 1, "match"),
        "never reached: markets[0] (KXBTC-*, event *, series *) takes everything that KXBTC-* fits",
    ),
    (
        [(("markets", 1, "match"), "KXBTC-26*")],
        ("markets", 1, "match"),
        "never reached: markets[0] (KXBTC-*, event *, series *) takes everything that KXBTC-26* fits",
    ),
    ([(("markets", 1, "match"), "*")], ("markets", 2, "match"), "never reached: markets[1] (*)"),
    (
        [(("markets", 0, "limits", "order", "max_count"), "100.01")],
        ("markets", 0, "limits", "order", "max_count"),
        "100.01 is looser than 100.00, which limits.order.max_count sets",
    ),
    (
        [(("markets", 0, "limits", "order", "max_risk"), "$200.000001")],
        ("markets", 0, "limits", "order", "max_risk"),
        "$200.000001 is looser than $200.00, which limits.order.max_risk sets",
    ),
    (
        [(("markets", 0, "price", "band", "min"), "$0.0199")],
        ("markets", 0, "price", "band", "min"),
        "$0.0199 is looser than $0.0200, which price.band.min sets",
    ),
    (
        [(("markets", 0, "price", "band", "max"), "$0.9801")],
        ("markets", 0, "price", "band", "max"),
        "$0.9801 is looser than $0.9800, which price.band.max sets",
    ),
    ([(("markets", 0, "price", "band"), {"min": "$0.98"})], ("markets", 0, "price", "band"), "leaves no price"),
]


BROKEN_KEYS = [
    ([((*KEY, "key_id"), "live-key")], (*KEY, "key_id"), "'live-key' is already the value of signing.key_id"),
    ([((*KEY, "key_id"), "bot-key")], ("clients", "bot", "key_id"), "is already the value of signing.keys.bot.key_id"),
    ([((*KEY, "key_file"), "keys/live.pem")], (*KEY, "key_file"), "live.pem is already the value of signing.key_file"),
    (
        [(("clients", "two"), OTHER | {"signing": "tow"})],
        ("clients", "two", "signing"),
        "signing.keys has no 'tow'; it lists bot",
    ),
    ([(("signing", "keys"), {})], ("clients", "bot", "signing"), "signing.keys has no 'bot'; it lists none"),
    ([(("clients", "bot", "signing"), GONE)], KEY, "no client names it in `signing`"),
    (
        [((*KEY, "subaccount"), "1")],
        ("clients", "bot", "signing"),
        "signing.keys.bot is bound to subaccount 1 and cannot trade 0, which is this client's",
    ),
]
"""Those between named live keys and the clients that name them."""


@pytest.mark.parametrize(
    ("of", "changes", "where", "sentence"), [(TREE, *one) for one in BROKEN] + [(KEYED, *one) for one in BROKEN_KEYS]
)
def test_a_broken_rule_names_the_key_and_says_why(of, changes, where, sentence):
    with pytest.raises(ValidationError) as refused:
        Policy.model_validate(changed(*changes, of=of))
    (error,) = refused.value.errors()
    (violation,) = error["ctx"]["violations"]
    assert violation.where == where
    assert sentence in violation.message


PLACES = {"clients": ("clients", "bot"), "markets": ("markets", 0)}
BOTH_PLACES = "clients markets"
TIGHTENED = [
    # key, where it can be tightened, what holds for all, the least that is looser
    ("limits.order.max_count", BOTH_PLACES, "100.00", "100.01"),
    ("limits.order.max_risk", BOTH_PLACES, "$200.00", "$200.000001"),
    ("limits.day.max_orders", BOTH_PLACES, "25", "26"),
    ("limits.day.max_notional", BOTH_PLACES, "$201.00", "$201.000001"),
    ("limits.day.max_loss", "clients", "$50.00", "$50.000001"),
    ("limits.market.max_position", BOTH_PLACES, "101.00", "101.01"),
    ("limits.market.max_exposure", BOTH_PLACES, "$202.00", "$202.000001"),
    ("limits.market.no_open_before_close", BOTH_PLACES, "5m", "299999ms"),
    ("limits.event.max_exposure", "clients", "$400.00", "$400.000001"),
    ("limits.series.max_exposure", "clients", "$600.00", "$600.000001"),
    ("limits.account.max_exposure", "clients", "$1000.00", "$1000.000001"),
    ("limits.account.max_open_orders", "clients", "50", "51"),
    ("limits.throttle.place", BOTH_PLACES, "10/s", "10.001/s"),
    ("limits.throttle.amend", BOTH_PLACES, "10/s", "10.001/s"),
    ("limits.throttle.burst", BOTH_PLACES, "20", "21"),
    ("limits.repeat.max_same_order", BOTH_PLACES, "3", "4"),
    ("limits.repeat.within", BOTH_PLACES, "10s", "9999ms"),
    ("limits.repeat.allow_in_flight", BOTH_PLACES, "false", "true"),
    ("price.band.min", BOTH_PLACES, "$0.0200", "$0.0199"),
    ("price.band.max", BOTH_PLACES, "$0.9800", "$0.9801"),
    ("price.collar.aggressive", BOTH_PLACES, "$0.1000", "$0.1001"),
    ("price.collar.passive", BOTH_PLACES, "$0.1100", "$0.1101"),
    ("price.collar.max_age", BOTH_PLACES, "2s", "2001ms"),
    ("price.collar.when_missing", BOTH_PLACES, "deny", "last_trade"),
    ("price.walk.max", BOTH_PLACES, "$0.1500", "$0.1501"),
    ("price.walk.within", BOTH_PLACES, "1m", "59999ms"),
    ("liquidity.max_slippage", BOTH_PLACES, "$0.0300", "$0.0301"),
    ("liquidity.max_slippage_percent", BOTH_PLACES, "5", "5.01"),
    ("liquidity.min_depth", BOTH_PLACES, "10.00", "9.99"),
    ("liquidity.max_share_of_depth", BOTH_PLACES, "50", "51"),
    ("liquidity.min_grade", BOTH_PLACES, "thin", "illiquid"),
    ("liquidity.below_grade", BOTH_PLACES, "deny", "confirm"),
    ("liquidity.max_age", BOTH_PLACES, "2s", "2001ms"),
    ("require.post_only", BOTH_PLACES, "true", "false"),
    ("require.reduce_only", BOTH_PLACES, "true", "false"),
    ("require.expiration_within", BOTH_PLACES, "24h", "86401s"),
    ("require.expiration_within", BOTH_PLACES, "24h", "never"),
    ("require.self_trade_prevention", BOTH_PLACES, "maker", "any"),
    ("require.cancel_order_on_pause", BOTH_PLACES, "true", "false"),
    ("confirm.above_risk", "clients", "$100.00", "$100.000001"),
]
TIGHTENED_PLACES = [
    (tuple(key.split(".")), PLACES[place], whole, looser)
    for key, places, whole, looser in TIGHTENED
    for place in places.split()
]


@pytest.mark.parametrize(("key", "place", "whole", "looser"), TIGHTENED_PLACES)
def test_no_client_and_no_entry_may_loosen_a_limit(key, place, whole, looser):
    """Catches a limit that a client or a market gets more of than there is for all, by the smallest unit."""
    rest = [bare for bare in (BARE_CLIENT, BARE_ENTRY) if bare[0] != place]
    base = [*UNWAIVED, *rest, (place, dict(OWN[place[0]]))]
    nested = whole if len(key) < 3 else {key[2]: whole}
    policy(*base, (key, whole), ((*place, key[0]), {key[1]: nested}))
    where = (*place, *key)
    with pytest.raises(ValidationError) as refused:
        Policy.model_validate(
            changed(*base, (key, whole), ((*place, key[0]), {key[1]: looser if len(key) < 3 else {key[2]: looser}}))
        )
    (error,) = refused.value.errors()
    (violation,) = error["ctx"]["violations"]
    assert violation.where == where
    assert violation.message.endswith(f", which {dotted(key)} sets for all; here it may only be tightened")
    told, _, general = violation.message.partition(", which ")[0].partition(" is looser than ")
    assert told.removesuffix("%") == looser or looser == "86401s"
    assert general.removesuffix("%") == whole


def test_every_key_that_can_be_tightened_is_in_the_table_above():
    """Catches a new limit of a client or an entry that nobody compares with the one for all."""
    tightened = {"limits", "price", "liquidity", "require", "confirm"}
    stated = {info.where for info in keys() if info.where[0] in PLACES and tightened & {*info.where} and info.form}
    assert stated == {
        (*(NAME if part == "bot" else ITEM if part == 0 else part for part in place), *key)
        for key, place, _, _ in TIGHTENED_PLACES
    } | {("markets", ITEM, "limits", "market", "max_open_orders")}


@pytest.mark.parametrize("limit", LIMITS)
def test_every_limit_is_stated_or_waived(limit):
    """Catches a limit that has no value for everybody and that nobody said should have none."""
    where = tuple(limit.split("."))
    gone = [*UNWAIVED, (where, GONE), BARE_CLIENT, BARE_ENTRY]
    told = violations(gone)
    assert told == [
        (where, "missing; a policy must state it, or name it in unlimited_on_purpose with a reason and a last day")
    ]
    waiver = {"limit": limit, "reason": "a test", "until": "2026-12-31"}
    read = policy(*gone, (("unlimited_on_purpose",), [waiver]))
    assert read.unlimited_on_purpose[0].limit == limit
    assert violations([*UNWAIVED, (("unlimited_on_purpose",), [waiver])]) == [
        (("unlimited_on_purpose", 0, "limit"), f"{limit} is stated in this policy; take one of the two away")
    ]
    assert violations([*gone, (("unlimited_on_purpose",), [waiver, waiver])]) == [
        (("unlimited_on_purpose", 1, "limit"), f"{limit} is named twice")
    ]


def violations(changes):
    with pytest.raises(ValidationError) as refused:
        Policy.model_validate(changed(*changes))
    (error,) = refused.value.errors()
    return [(violation.where, violation.message) for violation in error["ctx"]["violations"]]


GROUPS = [
    (("limits", "throttle"), {"place": "1/s", "burst": "1"}, "amend"),
    (("limits", "throttle"), {"burst": "1"}, "place and amend"),
    (("limits", "repeat"), {"max_same_order": "1"}, "within and allow_in_flight"),
    (("price", "band"), {"min": "$0.50"}, "max"),
    (("price", "collar"), {"aggressive": "$0.01"}, "passive and max_age and when_missing"),
    (("price", "walk"), {"within": "10s"}, "max"),
]


@pytest.mark.parametrize("place", PLACES.values(), ids=dotted)
@pytest.mark.parametrize(("group", "own", "missing"), GROUPS)
def test_part_of_a_limit_that_is_left_out_for_all_is_refused(place, group, own, missing):
    """Catches a client's collar that silently holds nothing because the policy has no age for it."""
    waiver = {"limit": dotted(group), "reason": "a test", "until": "2026-12-31"}
    changes = [*UNWAIVED, (group, GONE), (("unlimited_on_purpose",), [waiver]), BARE_CLIENT, BARE_ENTRY]
    stated = ((*place, group[0]), {group[1]: own})
    message = f"must state {missing} as well: {dotted(group)} is left out for all"
    assert violations([*changes, stated]) == [((*place, *group), message)]
    whole = {**at(TREE["clients"]["bot"], group), **own}
    policy(*changes, ((*place, group[0]), {group[1]: whole}))


def at(tree, where):
    for name in where:
        tree = tree[name]
    return tree


STP = "require.self_trade_prevention"
SELF_TRADES = [
    # for all, the client's, the entry's, where it is refused
    ("any", "maker", "maker", None),
    ("any", "maker", "any", None),
    ("any", "any", "taker_at_cross", None),
    ("maker", "maker", "maker", None),
    ("any", "maker", "taker_at_cross", ("markets", 0)),
    ("taker_at_cross", "maker", "taker_at_cross", ("clients", "bot")),
    ("taker_at_cross", "taker_at_cross", "maker", ("markets", 0)),
]


@pytest.mark.parametrize(("whole", "client", "entry", "refused"), SELF_TRADES)
def test_self_trade_preventions_that_no_order_can_keep_are_refused(whole, client, entry, refused):
    """Catches one place's demand that is dropped for another's: they cannot be compared."""
    where = tuple(STP.split("."))
    changes = [(where, whole), ((*PLACES["clients"], *where), client), ((*PLACES["markets"], *where), entry)]
    if refused is None:
        policy(*changes)
        return
    assert {told for told, _ in violations(changes)} == {(*refused, *where)} | (
        {("markets", 0, *where)} if client != entry else set()
    )


KEPT = [
    [(ROLE, "ABH"), PRODUCTION],
    [(ROLE, "ABH"), LIVE],
    [(ROLE, "ABH"), LIVE, (ENVIRONMENT, "demo")],
    [(ROLE, "R"), PRODUCTION, LIVE],
    [PRODUCTION],
    [PRODUCTION, LIVE, (ALLOW, "true")],
    [(("exchange", "practice"), GONE), (ENVIRONMENT, "demo")],
    [(("listen", "proxy"), "127.0.0.1:0"), (("listen", "base_url"), "127.0.0.1:0")],
    [(("clients", "two"), OTHER)],
    [(("clients", "two"), OTHER | {"shares_subaccount": "true"})],
    [(SHARES, "true"), (("clients", "two"), SHARING), (("clients", "three"), THIRD)],
    [(("reconcile", "max_age"), "15001ms")],
    [(("markets", 0, "limits", "market", "max_open_orders"), "51")],
    [(("limits", "event", "max_exposure"), "$1000000"), (("limits", "order", "max_count"), "1000")],
    [(("markets", 0, "limits", "order", "max_count"), "100")],
    [(("markets", 0, "price", "band"), {"min": "$0.9799"})],
    [(("markets",), [entry("KXBTC-26*"), entry("KXBTC-*"), entry("*BTC*"), entry("*")])],
    [
        (
            ("markets",),
            [entry("KXBTC-*", series="KXBTC"), entry("KXBTC-*", event="KXBTC-1"), entry("KXBTC-*"), entry("*")],
        )
    ],
    [(("markets",), [{"series": "KXBTC", "allow": "true"}, {"event": "KXBTC*", "allow": "true"}, entry("*")])],
    [(("notify", "at"), [])],
    [(("notify", "command"), [])],
    [(("observe",), {"all": "true", "until": "2026-12-31"})],
    [(("observe",), GONE)],
    [(("limits", "throttle", "burst"), "1000")],
]


@pytest.mark.parametrize("changes", KEPT)
def test_a_policy_inside_the_rules_is_taken(changes):
    policy(*changes)


def test_every_broken_rule_is_told_at_once():
    with pytest.raises(ValidationError) as refused:
        Policy.model_validate(
            changed(PRODUCTION, LIVE, (("markets", 2), GONE), (("clients", "bot", "key_id"), "live-key"))
        )
    (error,) = refused.value.errors()
    assert [dotted(violation.where) for violation in error["ctx"]["violations"]] == [
        "instance.mode",
        "clients.bot.key_id",
        "markets[1].match",
    ]


def test_every_rule_says_what_it_is_in_one_sentence():
    assert all(rule.__doc__ and rule.__doc__.endswith(".") and "\n" not in rule.__doc__ for rule in RULES)


def test_a_key_that_does_not_show_is_written_so_that_it_does():
    assert dotted(("limits", 0, "a\x1b[2J")) == "limits[0].'a\\x1b[2J'"
