"""What the exchange says of keys: every answer is understood exactly, or not at all."""

import json

import pytest

from pretrade.kalshi.answer_fields import AnswerError
from pretrade.kalshi.api_keys import (
    ApiKey,
    Probed,
    beyond_reading,
    beyond_trading,
    may_trade,
    read_date,
    read_exchange_status,
    read_listing,
    read_probe,
)
from pretrade.kalshi.keys import generate_private_key, signing_text, verify
from pretrade.kalshi.signing import PROBE_PATH, Signer

ROW = {"api_key_id": "live", "name": "n", "scopes": ["read", "write::trade"]}


def listing(*rows: object, **more: object) -> bytes:
    return json.dumps({"api_keys": list(rows), **more}).encode()


def row(**changes: object) -> dict[str, object]:
    return {name: value for name, value in (ROW | changes).items() if value is not ...}


def test_a_row_is_read_as_it_stands():
    """Catches a binding or an end that is lost, and so taken for none."""
    read = read_listing(listing(row(subaccount=3, fcm_subtrader_id="f"), api_key_region_expiration_ts=1_800_000_000))
    assert read.find("live") == ApiKey("live", frozenset({"read", "write::trade"}), 3, is_subtraders=True)
    assert read.region_ends_s == 1_800_000_000
    plain = read_listing(listing(row(subaccount=None), api_key_region_expiration_ts=None))
    assert plain.find("live") == ApiKey("live", frozenset({"read", "write::trade"}), None, is_subtraders=False)
    assert plain.region_ends_s is None
    assert plain.find("LIVE") is None


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not readable JSON"),
        (b"[]", "not a JSON object"),
        (b"{}", "no list of api_keys"),
        (b'{"api_keys": null}', "no list of api_keys"),
        (b'{"api_keys": ["live"]}', "no list of api_keys"),
        (b'{"api_keys": [], "api_keys": []}', "not readable JSON"),
        (listing(row(api_key_id=...)), "no api_key_id"),
        (listing(row(api_key_id=7)), "api_key_id is not a plain text"),
        (listing(row(scopes=...)), "no list of scopes"),
        (listing(row(scopes=None)), "no list of scopes"),
        (listing(row(scopes=[])), "no list of scopes"),
        (listing(row(scopes="read")), "no list of scopes"),
        (listing(row(scopes=["read", 7])), "no list of scopes"),
        (listing(row(scopes=[""])), "no list of scopes"),
        (listing(row(subaccount="3")), "subaccount is not a number from 0 to 63"),
        (listing(row(subaccount=64)), "subaccount is not a number from 0 to 63"),
        (listing(row(subaccount=True)), "subaccount is not a number from 0 to 63"),
        (listing(row(), row()), "lists a key twice"),
        (listing(row(), row(api_key_id="other", scopes=[])), "no list of scopes"),
        (listing(row(), api_key_region_expiration_ts="soon"), "region_expiration_ts is not a number"),
        (listing(row(), api_key_region_expiration_ts=-1), "region_expiration_ts is not a number"),
    ],
)
def test_a_listing_that_is_not_understood_is_none(body, says):
    """Catches a missing scope list that reads as no power, and a second row for the same key that hides the first."""
    with pytest.raises(AnswerError, match=says):
        read_listing(body)


@pytest.mark.parametrize(
    ("scopes", "trades", "not_reading", "not_trading"),
    [
        ((), False, (), ()),
        (("read",), False, (), ()),
        (("read::portfolio_balance", "read::block_trade_accept"), False, (), ()),
        (("read", "write::trade"), True, ("write::trade",), ()),
        (("read", "write"), True, ("write",), ("write",)),
        (("read", "write::transfer"), False, ("write::transfer",), ("write::transfer",)),
        (
            ("write::trade", "write::fcm_risk", "read"),
            True,
            ("write::fcm_risk", "write::trade"),
            ("write::fcm_risk",),
        ),
        (("reader", "admin"), False, ("admin", "reader"), ("admin", "reader")),
        (("WRITE", "write::trade::all"), False, ("WRITE", "write::trade::all"), ("WRITE", "write::trade::all")),
    ],
)
def test_what_scopes_allow(scopes, trades, not_reading, not_trading):
    """Catches a scope of a later day that passes for harmless, and a parent that is not seen to imply trading."""
    assert may_trade(scopes) is trades
    assert beyond_reading(scopes) == not_reading
    assert beyond_trading(scopes) == not_trading


@pytest.mark.parametrize(
    ("acknowledged", "left"),
    [
        ((), ("write::block_trade_accept", "write::transfer")),
        (("write::transfer",), ("write::block_trade_accept",)),
        (("write",), ()),
        (("write::trade",), ("write::block_trade_accept", "write::transfer")),
    ],
)
def test_what_is_acknowledged_by_its_name_is_no_longer_too_much(acknowledged, left):
    """Catches an acknowledgement that covers more than it names."""
    assert beyond_trading(("read", "write::transfer", "write::block_trade_accept"), acknowledged) == left


NOT_FOUND = b'{"error": {"code": "not_found", "message": "not found"}}'


@pytest.mark.parametrize(
    ("status", "body", "shown"),
    [
        (404, NOT_FOUND, Probed.MAY_TRADE),
        (404, b'{"code": "not_found", "message": "x"}', Probed.MAY_TRADE),
        (404, b"<html>", Probed.UNCLEAR),
        (404, b'{"message": "no Route matched"}', Probed.UNCLEAR),
        (403, b'{"code": "insufficient_permissions"}', Probed.MAY_NOT),
        (403, b"<html>Access denied", Probed.UNCLEAR),
        (401, b'{"error": {"code": "authentication_error"}}', Probed.UNCLEAR),
        (200, b'{"order_id": "x"}', Probed.UNCLEAR),
        (400, NOT_FOUND, Probed.UNCLEAR),
        (429, b'{"error": "too many requests"}', Probed.UNCLEAR),
        (500, b"", Probed.UNCLEAR),
    ],
)
def test_what_the_probe_shows(status, body, shown):
    """Catches a page on the way, or a broken signature, that passes for a key which may not trade."""
    assert read_probe(status, body) is shown


async def test_the_probe_is_one_request_and_no_other():
    """Catches a signer that could be made to sign another write without an approval."""
    key = generate_private_key("ed25519")
    signer = Signer(key, "live")
    signed = await signer.sign_probe(1_795_280_400_000)
    assert (signed.method, signed.target, signed.body) == ("DELETE", PROBE_PATH, b"")
    assert PROBE_PATH.endswith("/orders/00000000-0000-0000-0000-000000000000")
    signature = dict(signed.headers)["KALSHI-ACCESS-SIGNATURE"]
    assert verify(key.public_key(), signature, signing_text(1_795_280_400_000, "DELETE", PROBE_PATH))


@pytest.mark.parametrize(
    ("body", "is_active"),
    [
        (b'{"exchange_active": true, "trading_active": true}', True),
        (b'{"exchange_active": true, "trading_active": false}', False),
        (b'{"exchange_active": false, "trading_active": true}', False),
    ],
)
def test_whether_the_exchange_trades(body, is_active):
    assert read_exchange_status(body) is is_active


@pytest.mark.parametrize("body", [b"{}", b'{"exchange_active": true}', b'{"exchange_active": 1, "trading_active": 1}'])
def test_a_status_that_says_nothing(body):
    """Catches a missing switch that reads as one that is on."""
    with pytest.raises(AnswerError, match="whether the exchange is active"):
        read_exchange_status(body)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Sat, 21 Nov 2026 17:00:00 GMT", 1_795_280_400),
        ("Sat, 21 Nov 2026 12:00:00 -0500", 1_795_280_400),
        ("", None),
        ("yesterday", None),
        ("Sat, 21 Nov 2026 17:00:00 -0000", None),
        ("Sat, 99 Nov 2026 17:00:00 GMT", None),
    ],
)
def test_a_date_is_read_or_is_none(header, seconds):
    """Catches a date without a zone that is taken for local time."""
    assert read_date(header) == seconds
