"""Each value by its own grammar: what is read, and what is refused with which sentence."""

from collections.abc import Mapping

import pytest
from pydantic import ValidationError
from tests.policy.tree import changed

from pretrade.policy.check_fields import Lifetime
from pretrade.policy.fields import Endpoint, HttpsUrl, OtherHost
from pretrade.policy.schema import Policy
from pretrade.policy.words import Grade, StopState

ALLOW = ("instance", "allow_production")
COUNT = ("limits", "order", "max_count")
RISK = ("limits", "order", "max_risk")
ORDERS = ("limits", "day", "max_orders")
NOTIONAL = ("limits", "day", "max_notional")
POSITION = ("limits", "market", "max_position")
OPEN = ("limits", "account", "max_open_orders")
EVERY, AGE = ("reconcile", "every"), ("reconcile", "max_age")
SHARES = ("clients", "bot", "shares_subaccount")
ZONE = ("limits", "day", "timezone")
BAND_MIN = ("price", "band", "min")
FEE = ("fees", "multiplier_ceiling")
ACCOUNT = ("clients", "bot", "subaccount")
PROXY = ("listen", "proxy")
URL = ("exchange", "practice", "url")
FILE = ("signing", "key_file")
KEY_ID = ("signing", "key_id")
OTHER = ("other_hosts", 0)
MATCH = ("markets", 0, "match")


LIMITS = ("limits",)
EXPOSURES = {
    ("market", "max_exposure"): 7,
    ("event", "max_exposure"): 8,
    ("series", "max_exposure"): 9,
    ("account", "max_exposure"): 1_000_000_000,
}
OWN = [
    (("order", "max_count"), "1.5", 150),
    (("order", "max_risk"), "$0.25", 250_000),
    (("day", "max_orders"), "3", 3),
    (("day", "max_notional"), "$4", 4_000_000),
    (("market", "max_position"), "0", 0),
    (("market", "max_exposure"), "$6", 6_000_000),
    (("account", "max_open_orders"), "2", 2),
]


def at(policy, where):
    for part in where:
        policy = policy[part] if isinstance(policy, Mapping | tuple) else getattr(policy, part)
    return policy


RATE, BURST, SAME = (
    ("limits", "throttle", "place"),
    ("limits", "throttle", "burst"),
    ("limits", "repeat", "max_same_order"),
)
WITHIN, CLOSE = ("limits", "repeat", "within"), ("limits", "market", "no_open_before_close")
DISTANCE, FRESH = ("price", "collar", "aggressive"), ("price", "collar", "max_age")
PERCENT, SHARE = ("liquidity", "max_slippage_percent"), ("liquidity", "max_share_of_depth")
DEPTH, GRADE, LIFE = ("liquidity", "min_depth"), ("liquidity", "min_grade"), ("require", "expiration_within")
TIMES, SKEW, STOP = ("halts", "denials", "count"), ("halts", "clock_skew", "above"), ("halts", "loss", "then")
PEOPLE, WAIT = ("confirm", "approvals"), ("confirm", "within")
USED, COMMAND = ("notify", "at", 0), ("notify", "command", 0)

GOOD_CHECKS = [
    (RATE, "0.001/s", 1),
    (RATE, "0/s", 0),
    (RATE, "10000/s", 10_000_000),
    (RATE, "2.5/s", 2_500),
    (BURST, "1", 1),
    (BURST, "100000", 100_000),
    (SAME, "1", 1),
    (WITHIN, "24h", 86_400_000),
    (CLOSE, "0s", 0),
    (CLOSE, "24h", 86_400_000),
    (DISTANCE, "$0", 0),
    (DISTANCE, "$0.0001", 1),
    (DISTANCE, "$1", 10_000),
    (FRESH, "100ms", 100),
    (FRESH, "5m", 300_000),
    (PERCENT, "0", 0),
    (PERCENT, "2.55", 255),
    (PERCENT, "1000", 100_000),
    (SHARE, "1", 1),
    (SHARE, "100", 100),
    (DEPTH, "0", 0),
    (DEPTH, "0.01", 1),
    (GRADE, "illiquid", Grade.ILLIQUID),
    (GRADE, "liquid", Grade.LIQUID),
    (LIFE, "never", Lifetime(None)),
    (LIFE, "1s", Lifetime(1_000)),
    (LIFE, "8760h", Lifetime(31_536_000_000)),
    (TIMES, "1", 1),
    (SKEW, "100ms", 100),
    (STOP, "HALTED", StopState.HALTED),
    (PEOPLE, "3", 3),
    (WAIT, "10s", 10_000),
    (USED, "1", 1),
    (COMMAND, "/usr/bin/mail -s", "/usr/bin/mail -s"),
]

GOOD = [
    *GOOD_CHECKS,
    (ALLOW, "true", True),
    (COUNT, "1000000", 100_000_000),
    (COUNT, "20", 2000),
    (COUNT, "20.55", 2055),
    (RISK, "$10000000", 10_000_000_000_000),
    (RISK, "$50.000001", 50_000_001),
    (ORDERS, "0", 0),
    (ORDERS, "1000000", 1_000_000),
    (NOTIONAL, "$0", 0),
    (NOTIONAL, "$1000000000", 10**15),
    (NOTIONAL, "$0.000001", 1),
    (POSITION, "0", 0),
    (POSITION, "0.01", 1),
    (POSITION, "100000000", 10**10),
    (OPEN, "0", 0),
    (OPEN, "1000000", 1_000_000),
    (EVERY, "1s", 1_000),
    (EVERY, "1500ms", 1_500),
    (EVERY, "119s", 119_000),
    (AGE, "15001ms", 15_001),
    (AGE, "60m", 3_600_000),
    (AGE, "1h", 3_600_000),
    (SHARES, "true", True),
    *(((*LIMITS, *where), f"${dollars}", dollars * 10**6) for where, dollars in EXPOSURES.items()),
    *((("clients", "bot", *LIMITS, *where), "$0.5", 500_000) for where in EXPOSURES),
    *((("clients", "bot", *LIMITS, *where), text, value) for where, text, value in OWN),
    *(
        (("markets", 0, *LIMITS, *where), text, value)
        for where, text, value in OWN
        if where != ("account", "max_open_orders")
    ),
    (("markets", 0, *LIMITS, "market", "max_open_orders"), "7", 7),
    (BAND_MIN, "$0.0001", 1),
    (FEE, "0", 0),
    (FEE, "10", 100_000),
    (FEE, "0.0001", 1),
    (ACCOUNT, "63", 63),
    (PROXY, "10.1.2.3:0", Endpoint("10.1.2.3", 0)),
    (PROXY, "[::1]:65535", Endpoint("::1", 65_535)),
    (PROXY, "[fd00::7]:80", Endpoint("fd00::7", 80)),
    (URL, "https://practice.test", HttpsUrl("practice.test", 443)),
    (URL, "https://[::1]:9443", HttpsUrl("::1", 9443)),
    (URL, "https://notkalshi.com:1", HttpsUrl("notkalshi.com", 1)),
    (OTHER, "api.weather.gov:443", OtherHost("api.weather.gov", 443)),
    (OTHER, "localhost:11434", OtherHost("localhost", 11_434)),
    (OTHER, "notkalshi.com:443", OtherHost("notkalshi.com", 443)),
    (FILE, "/etc/keys/live key.pem", "/etc/keys/live key.pem"),
    (ZONE, "America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
    (ZONE, "Etc/GMT+5", "Etc/GMT+5"),
    (MATCH, "KX*-26.5_*", "KX*-26.5_*"),
]


@pytest.mark.parametrize(("where", "text", "value"), GOOD)
def test_a_value_in_its_form_is_read_exactly(where, text, value):
    tree = changed((where, text))
    for group in ("limits", "price", "liquidity", "require"):  # what a client and an entry state could be looser
        if where[0] == group:
            del tree["markets"][0][group], tree["clients"]["bot"][group]
    assert at(Policy.model_validate(tree), where) == value


DECIMAL, WHOLE, FLAG = "plain decimal number like 1 or 1.50", "plain whole number like 25", "must be true or false"
SPAN = "must be a whole number and ms, s, m or h, as in 500ms, 15s, 5m or 1h"
ADDRESS, NEAR, HTTPS = (
    "an IP address and a port",
    "a loopback or a private address",
    "https://HOST or https://HOST:PORT",
)

BAD_CHECKS = [
    (RATE, "10", "must be a number a second, as in 10/s or 0.5/s, was '10'"),
    (RATE, "600/m", "must be a number a second"),
    (RATE, "10 /s", "must be a number a second"),
    (RATE, "-1/s", DECIMAL),
    (RATE, "0.0001/s", "at most 3 decimals"),
    (RATE, "10001/s", "at most 10,000/s"),
    (BURST, "0", "a burst must be at least 1"),
    (BURST, "100001", "at most 100,000"),
    (BURST, "1.5", WHOLE),
    (SAME, "0", "must be at least 1"),
    (WITHIN, "999ms", "must be a duration from 1s to 24h"),
    (CLOSE, "25h", "must be a duration from 0s to 24h"),
    (CLOSE, "5", SPAN),
    (DISTANCE, "0.10", 'must carry its unit, as in "$0.10"'),
    (DISTANCE, "10c", "must carry its unit"),
    (DISTANCE, "$1.0001", "at most $1"),
    (DISTANCE, "$0.00001", "at most 4 decimals"),
    (DISTANCE, "$-0.1", DECIMAL),
    (FRESH, "99ms", "must be a duration from 100ms to 5m"),
    (FRESH, "301s", "must be a duration from 100ms to 5m"),
    (PERCENT, "5%", DECIMAL),
    (PERCENT, "1000.01", "at most 1,000"),
    (PERCENT, "0.001", "at most 2 decimals"),
    (SHARE, "0", "a share must be at least 1"),
    (SHARE, "101", "at most 100"),
    (DEPTH, "$10", DECIMAL),
    (GRADE, "THIN", "must be illiquid, thin, moderate or liquid, was 'THIN'"),
    (GRADE, "1", "must be illiquid, thin"),
    (LIFE, "none", SPAN),
    (LIFE, "0s", "must be a duration from 1s to 8760h"),
    (TIMES, "0", "must be at least 1"),
    (SKEW, "0s", "must be a duration from 100ms to 1m"),
    (STOP, "ACTIVE", "must be REDUCING or HALTED"),
    (("price", "collar", "when_missing"), "allow", "must be deny or last_trade"),
    (("liquidity", "below_grade"), "resize", "must be deny or confirm"),
    (("require", "self_trade_prevention"), "none", "must be taker_at_cross, maker or any"),
    (("halts", "breaks", "kinds", 0), "orphans", "must be orphan, ghost, terms or position"),
    (PEOPLE, "0", "must be at least 1"),
    (PEOPLE, "4", "at most 3"),
    (WAIT, "9s", "must be a duration from 10s to 1h"),
    (USED, "0", "must be at least 1"),
    (USED, "101", "at most 100"),
    (COMMAND, "", "must be one argument of a command"),
    (COMMAND, "a\nb", "must be one argument of a command"),
]

# What YAML 1.1 would have made of these stands beside them.
BAD = [
    *BAD_CHECKS,
    (ALLOW, "no", FLAG),  # false
    (ALLOW, "NO", FLAG),
    (ALLOW, "yes", FLAG),  # true
    (ALLOW, "on", FLAG),
    (ALLOW, "True", FLAG),
    (ALLOW, "TRUE", FLAG),
    (ALLOW, "y", FLAG),
    (ALLOW, "1", FLAG),
    (ALLOW, "", FLAG),
    (COUNT, "010", DECIMAL),  # 8
    (COUNT, "0x10", DECIMAL),  # 16
    (COUNT, "1_000", DECIMAL),  # 1000
    (COUNT, "1,000", DECIMAL),
    (COUNT, "1e3", DECIMAL),  # the text '1e3'
    (COUNT, "12:30", DECIMAL),  # 750
    (COUNT, ".inf", DECIMAL),  # infinity
    (COUNT, ".nan", DECIMAL),
    (COUNT, "inf", DECIMAL),
    (COUNT, "-0", DECIMAL),
    (COUNT, "-1", DECIMAL),
    (COUNT, "+1", DECIMAL),
    (COUNT, " 1", DECIMAL),
    (COUNT, "1.", DECIMAL),
    (COUNT, "١٠", DECIMAL),  # digits of another script
    (COUNT, "$100", DECIMAL),
    (COUNT, "0", "at least 0.01"),
    (COUNT, "0.001", "at most 2 decimals"),
    (COUNT, "1000000.01", "at most 1,000,000"),
    (COUNT, "9" * 600, "far too long"),
    (RISK, "200", 'must carry its unit, as in "$200"'),
    (RISK, "200$", "must carry its unit"),
    (RISK, "€200", "must carry its unit"),
    (RISK, "-$1", "must carry its unit"),
    (RISK, "$-1", DECIMAL),
    (RISK, "$1e3", DECIMAL),
    (RISK, "$.5", DECIMAL),
    (RISK, "$ 5", DECIMAL),
    (RISK, "$1,000", DECIMAL),
    (RISK, "$1.0000001", "at most 6 decimals"),
    (RISK, "$10000000.000001", "at most $10,000,000"),
    (ORDERS, "25.0", WHOLE),
    (ORDERS, "0o17", WHOLE),
    (ORDERS, "017", WHOLE),
    (ORDERS, "1_000", WHOLE),
    (ORDERS, "-1", WHOLE),
    (ORDERS, ".inf", WHOLE),
    (ORDERS, "1000001", "at most 1,000,000"),
    (NOTIONAL, "200", 'must carry its unit, as in "$200"'),
    (NOTIONAL, "$-1", DECIMAL),
    (NOTIONAL, "$1000000000.000001", "an amount may be at most $1,000,000,000"),
    (POSITION, "-1", DECIMAL),
    (POSITION, "$100", DECIMAL),
    (POSITION, "0.001", "at most 2 decimals"),
    (POSITION, "100000000.01", "a position may be at most 100,000,000"),
    (OPEN, "1000001", "at most 1,000,000"),
    (OPEN, "50.0", WHOLE),
    (SHARES, "yes", FLAG),
    (EVERY, "999ms", "must be a duration from 1s to 10m, was '999ms'"),
    (EVERY, "601s", "must be a duration from 1s to 10m"),
    (EVERY, "0s", "must be a duration from 1s to 10m"),
    (EVERY, "15", SPAN),
    (EVERY, "15 s", SPAN),
    (EVERY, "15S", SPAN),
    (EVERY, "1.5s", SPAN),
    (EVERY, "-15s", SPAN),
    (EVERY, "00:15", SPAN),
    (AGE, "2min", SPAN),
    (AGE, "1d", SPAN),
    (AGE, "3600001ms", "must be a duration from 1s to 1h"),
    *(((*LIMITS, *where), "200", "must carry its unit") for where in EXPOSURES),
    *((("clients", "bot", *LIMITS, *where), "1,0", "") for where, _, _ in OWN),
    (ZONE, "../../etc/passwd", "like America/New_York"),
    (ZONE, "/etc/localtime", "like America/New_York"),
    (BAND_MIN, "0.02", 'must carry its unit, as in "$0.02"'),
    (BAND_MIN, "2c", "must carry its unit"),
    (BAND_MIN, "$0", "between 0 and 1 dollar"),
    (BAND_MIN, "$1", "between 0 and 1 dollar"),
    (BAND_MIN, "$0.00001", "at most 4 decimals"),
    (FEE, "10.0001", "at most 10"),
    (FEE, "1.00001", "at most 4 decimals"),
    (FEE, "-1", DECIMAL),
    (FEE, ".nan", DECIMAL),
    (ACCOUNT, "64", "at most 63"),
    (ACCOUNT, "007", WHOLE),
    (ACCOUNT, "-1", WHOLE),
    (("version",), "1.0", "must be 1"),
    (("version",), "2", "must be 1"),
    (("end",), "Policy", "must be policy"),
    (("instance", "role"), "w", "must be W, R or ABH, was 'w'"),
    (("instance", "environment"), "prod", "must be practice, demo or production"),
    (("instance", "mode"), "dry-run", "must be dry_run or live"),
    (PROXY, "localhost:8080", ADDRESS),
    (PROXY, "127.0.0.1", ADDRESS),
    (PROXY, "8080", ADDRESS),
    (PROXY, "::1:80", ADDRESS),
    (PROXY, "127.0.0.1:-1", ADDRESS),
    (PROXY, "127.0.0.1:65536", "at most 65535"),
    (PROXY, "127.0.0.01:80", "127.0.0.01"),
    (PROXY, "0.0.0.0:8080", NEAR),
    (PROXY, "[::]:8080", NEAR),
    (PROXY, "8.8.8.8:53", NEAR),
    (PROXY, "169.254.169.254:80", NEAR),
    (PROXY, "192.0.2.1:80", NEAR),
    (PROXY, "172.32.0.1:80", NEAR),
    (PROXY, "[::ffff:8.8.8.8]:80", NEAR),
    (URL, "http://127.0.0.1:9443", HTTPS),
    (URL, "127.0.0.1:9443", HTTPS),
    (URL, "https://127.0.0.1:9443/", HTTPS),
    (URL, "https://127.0.0.1:9443/trade-api/v2", HTTPS),
    (URL, "https://me:pw@127.0.0.1", HTTPS),
    (URL, "https://127.0.0.1?a=b", HTTPS),
    (URL, "https://127.0.0.1#a", HTTPS),
    (URL, "https://practice.test.", HTTPS),
    (URL, "https://PRACTICE.test", HTTPS),
    (URL, "https://EXTERNAL-API.KALSHI.COM", HTTPS),
    (URL, "https://kalshi.com", "must not be the exchange itself"),
    (URL, "https://external-api.kalshi.com", "must not be the exchange itself"),
    (URL, "https://external-api.demo.kalshi.co:443", "must not be the exchange itself"),
    (URL, "https://127.0.0.1:0", "between 1 and 65535"),
    (URL, "https://127.0.0.1:65536", "between 1 and 65535"),
    (OTHER, "kalshi.com:443", "must not be the exchange"),
    (OTHER, "api.elections.kalshi.com:443", "must not be the exchange"),
    (OTHER, "demo-api.kalshi.co:8443", "must not be the exchange"),
    (OTHER, "mm.example:8228", "FIX ports"),
    (OTHER, "mm.example:8233", "FIX ports"),
    (OTHER, "127.0.0.1:443", "no address"),
    (OTHER, "2130706433:443", "no address"),
    (OTHER, "[::1]:443", "no address"),
    (OTHER, "https://api.weather.gov", "NAME:PORT"),
    (OTHER, "api.weather.gov", "NAME:PORT"),
    (OTHER, "API.weather.gov:443", "NAME:PORT"),
    (OTHER, "api.weather.gov.:443", "NAME:PORT"),
    (OTHER, "*.weather.gov:443", "NAME:PORT"),
    (OTHER, "api.weather.gov:0", "between 1 and 65535"),
    (OTHER, "api.weather.gov:65536", "between 1 and 65535"),
    (FILE, "", "path of a file"),
    (FILE, " keys", "path of a file"),
    (FILE, "keys\x00", "path of a file"),
    (FILE, "~/live.pem", "~ is not expanded"),
    (KEY_ID, "…", "letters, digits"),
    (KEY_ID, "", "letters, digits"),
    (KEY_ID, "a b", "letters, digits"),
    (MATCH, "", "upper-case letters"),
    (MATCH, "kxbtc-*", "upper-case letters"),
    (MATCH, "KXBTC-?", "upper-case letters"),
    (MATCH, "KX[AB]-*", "upper-case letters"),
    (MATCH, "KXBTC-*\n", "upper-case letters"),
]


@pytest.mark.parametrize(("where", "text", "sentence"), BAD)
def test_a_value_out_of_its_form_is_refused_in_words(where, text, sentence):
    with pytest.raises(ValidationError) as refused:
        Policy.model_validate(changed((where, text)))
    (error,) = refused.value.errors()
    assert error["loc"] == where
    assert sentence in error["msg"]


@pytest.mark.parametrize("value", [100, 100.0, True, ["100"], {"a": "100"}])
def test_only_text_is_a_value(value):
    """Catches a coercion by pydantic, which would take 100.0 or True where a figure must be exact text."""
    with pytest.raises(ValidationError) as refused:
        Policy.model_validate(changed((COUNT, value)))
    assert [error["msg"] for error in refused.value.errors()] == ["must be one value, was a list or a group of keys"]


@pytest.mark.parametrize("name", ["Bot", "-bot", "b t", "", "b" * 65, "bot\n", "bót"])
def test_a_client_has_a_plain_name(name):
    client = {"key_id": "other", "public_key": "x.pem", "subaccount": "1"}
    with pytest.raises(ValidationError) as refused:
        Policy.model_validate(changed((("clients", name), client)))
    (error,) = refused.value.errors()
    assert error["loc"] == ("clients", name, "[key]")
    assert "at most 64 lower-case letters" in error["msg"]
