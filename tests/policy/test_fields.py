"""Each value by its own grammar: what is read, and what is refused with which sentence."""

import pytest
from pydantic import ValidationError
from tests.policy.tree import changed

from pretrade.policy.fields import Endpoint, HttpsUrl
from pretrade.policy.schema import Policy

ALLOW = ("instance", "allow_production")
COUNT = ("limits", "order", "max_count")
RISK = ("limits", "order", "max_risk")
ORDERS = ("limits", "day", "max_orders")
ZONE = ("limits", "day", "timezone")
BAND_MIN = ("price", "band", "min")
FEE = ("fees", "multiplier_ceiling")
ACCOUNT = ("clients", "bot", "subaccount")
PROXY = ("listen", "proxy")
URL = ("exchange", "practice", "url")
FILE = ("signing", "key_file")
KEY_ID = ("signing", "key_id")
MATCH = ("markets", 0, "match")


def at(policy, where):
    for part in where:
        policy = policy[part] if isinstance(part, int) or hasattr(policy, "keys") else getattr(policy, part)
    return policy


GOOD = [
    (ALLOW, "true", True),
    (COUNT, "1000000", 100_000_000),
    (COUNT, "20", 2000),
    (COUNT, "20.55", 2055),
    (RISK, "$10000000", 10_000_000_000_000),
    (RISK, "$50.000001", 50_000_001),
    (ORDERS, "0", 0),
    (ORDERS, "1000000", 1_000_000),
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
    (FILE, "/etc/keys/live key.pem", "/etc/keys/live key.pem"),
    (ZONE, "America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
    (ZONE, "Etc/GMT+5", "Etc/GMT+5"),
    (MATCH, "KX*-26.5_*", "KX*-26.5_*"),
]


@pytest.mark.parametrize(("where", "text", "value"), GOOD)
def test_a_value_in_its_form_is_read_exactly(where, text, value):
    tree = changed((where, text))
    if where in (BAND_MIN, COUNT, RISK):
        del tree["markets"][0]["limits"], tree["markets"][0]["price"]
    assert at(Policy.model_validate(tree), where) == value


DECIMAL, WHOLE, FLAG = "plain decimal number like 1 or 1.50", "plain whole number like 25", "must be true or false"
ADDRESS, NEAR, HTTPS = (
    "an IP address and a port",
    "a loopback or a private address",
    "https://HOST or https://HOST:PORT",
)

# What YAML 1.1 would have made of these stands beside them.
BAD = [
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


@pytest.mark.parametrize("value", [100, 100.0, True, None, ["100"], {"a": "100"}])
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
