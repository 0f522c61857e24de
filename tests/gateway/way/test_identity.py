"""Whose request it is: every way in which a signature can be wrong, and the reason given."""

from dataclasses import replace

import pytest
from tests.gateway.fakes import CLIENTS, ED25519, HOST, ORDERS, OTHER, RSA, START_NS, sign, signature_headers

from pretrade.gateway.messages import Door, RawRequest, Refusal
from pretrade.gateway.way.identity import FRESH_MS, Identified, check_fresh, identify
from pretrade.kalshi.keys import PrivateKey
from pretrade.model.codes import DenyCode

NOW = START_NS // 1_000_000


def raw(
    key_id: str = "bot-key",
    key: PrivateKey = ED25519,
    stamp: int | str = NOW,
    method: str = "POST",
    path: str = ORDERS,
) -> RawRequest:
    """A POST of an order whose signature is made of these."""
    headers = (("host", HOST), *signature_headers(key_id, stamp, sign(key, stamp, method, path)))
    return RawRequest(Door.PROXY, "POST", f"{ORDERS}?x=1", "HTTP/1.1", headers, b"{}")


def without(name: str) -> RawRequest:
    one = raw()
    return replace(one, headers=tuple(pair for pair in one.headers if pair[0] != name))


def changed(name: str, value: str) -> RawRequest:
    one = without(name)
    return replace(one, headers=(*one.headers, (name, value)))


@pytest.mark.parametrize(("key_id", "key"), [("bot-key", ED25519), ("rsa-key", RSA)])
def test_a_clients_own_signature_names_it(key_id: str, key: PrivateKey) -> None:
    """Both kinds of key; the query is not signed (auth.md 1)."""
    who = identify(raw(key_id, key), CLIENTS)
    assert isinstance(who, Identified)
    assert (who.client, who.timestamp_ms) == (CLIENTS[key_id], NOW)


SIGNATURE = "kalshi-access-signature"
STAMP = "kalshi-access-timestamp"


@pytest.mark.parametrize(
    ("request_", "code", "detail"),
    [
        (without("kalshi-access-key"), DenyCode.SIGNATURE_MISSING, "headers are needed"),
        (without(STAMP), DenyCode.SIGNATURE_MISSING, "headers are needed"),
        (without(SIGNATURE), DenyCode.SIGNATURE_MISSING, "headers are needed"),
        (changed("kalshi-access-key", ""), DenyCode.SIGNATURE_MISSING, "headers are needed"),
        (changed(SIGNATURE, ""), DenyCode.SIGNATURE_MISSING, "headers are needed"),
        (replace(raw(), headers=raw().headers * 2), DenyCode.SIGNATURE_MISSING, "headers are needed"),
        (raw("nobody"), DenyCode.CLIENT_UNKNOWN, "is not registered"),
        (raw("bot"), DenyCode.CLIENT_UNKNOWN, "is not registered"),
        (raw("BOT-KEY"), DenyCode.CLIENT_UNKNOWN, "is not registered"),
        (raw("bot-key "), DenyCode.CLIENT_UNKNOWN, "is not registered"),
        (raw(stamp=NOW // 1000), DenyCode.SIGNATURE_STALE, "13 digits"),
        (raw(stamp=f"0{NOW}"), DenyCode.SIGNATURE_STALE, "13 digits"),
        (raw(stamp=f"+{NOW}"), DenyCode.SIGNATURE_STALE, "13 digits"),
        (raw(stamp=f"{NOW}.0"), DenyCode.SIGNATURE_STALE, "13 digits"),
        (raw(stamp="\u0661" * 13), DenyCode.SIGNATURE_STALE, "13 digits"),
        (raw(key=OTHER), DenyCode.SIGNATURE_INVALID, "by client bot"),
        (raw(method="DELETE"), DenyCode.SIGNATURE_INVALID, "by client bot"),
        (raw(path=f"{ORDERS}/batched"), DenyCode.SIGNATURE_INVALID, "by client bot"),
        (raw(path=f"{ORDERS}?x=1"), DenyCode.SIGNATURE_INVALID, "by client bot"),
        (raw("rsa-key", ED25519), DenyCode.SIGNATURE_INVALID, "by client rsa-bot"),
        (changed(STAMP, str(NOW + 1)), DenyCode.SIGNATURE_INVALID, "by client bot"),
        (changed(SIGNATURE, "AAAA"), DenyCode.SIGNATURE_INVALID, "by client bot"),
        (changed(SIGNATURE, "not base64"), DenyCode.SIGNATURE_INVALID, "by client bot"),
    ],
)
def test_what_is_not_the_clients_signature_is_refused(request_: RawRequest, code: DenyCode, detail: str) -> None:
    """Catches a request taken on the strength of its key id alone, a signature of another method or path, and a
    client found by its name."""
    refusal = identify(request_, CLIENTS)
    assert isinstance(refusal, Refusal)
    assert refusal.code is code
    assert detail in refusal.detail
    assert "bot" not in refusal.told, "who cannot sign for a key id is not told whose it is"


def test_an_odd_spelling_of_a_signature_is_refused() -> None:
    """Catches a second spelling of one signature, which would look new to the replay memory."""
    signature = sign(ED25519, NOW, "POST", ORDERS)
    assert signature.endswith("==")
    for odd in (signature.rstrip("="), signature[:-3] + chr(ord(signature[-3]) + 1) + "==", signature + "="):
        refusal = identify(changed(SIGNATURE, odd), CLIENTS)
        assert isinstance(refusal, Refusal)
        assert refusal.code is DenyCode.SIGNATURE_INVALID


@pytest.mark.parametrize(
    ("age_ms", "started_ms", "detail"),
    [
        (0, 0, None),
        (FRESH_MS, 0, None),
        (-FRESH_MS, 0, None),
        (FRESH_MS + 1, 0, "is 5001 ms old"),
        (-FRESH_MS - 1, 0, "is -5001 ms old"),
        (0, NOW, None),
        (0, NOW + 1, "before the proxy started"),
        (1_000, NOW + 500, "before the proxy started"),
    ],
)
def test_a_signature_is_fresh_for_five_seconds_and_of_this_run(
    age_ms: int, started_ms: int, detail: str | None
) -> None:
    """Catches a captured request that works after a restart, when the replay memory is empty, and a window without an
    end on either side."""
    who = identify(raw(), CLIENTS)
    assert isinstance(who, Identified)
    refusal = check_fresh(who, NOW + age_ms, started_ms)
    assert (refusal is None) is (detail is None)
    if refusal is not None:
        assert refusal.code is DenyCode.SIGNATURE_STALE
        assert (detail or "") in refusal.detail
