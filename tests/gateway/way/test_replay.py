"""One signature, one request: what a repeated or captured one is worth."""

import asyncio
from dataclasses import replace

import pytest
from tests.gateway.fakes import CLIENTS, ORDERS, START_NS

from pretrade.gateway.messages import Door, RawRequest
from pretrade.gateway.way.attempts import Attempt
from pretrade.gateway.way.identity import FRESH_MS, Identified
from pretrade.gateway.way.replay import KEEP_READ_MS, KEEP_WRITE_MS, SECOND_REQUEST_MS, Replays, digest
from pretrade.model.codes import DenyCode

NOW = START_NS // 1_000_000
RAW = RawRequest(Door.PROXY, "POST", f"{ORDERS}?a=1", "HTTP/1.1", (), b"body")
RSA = Identified(CLIENTS["rsa-key"], NOW, "signature-1")
ED25519 = Identified(CLIENTS["bot-key"], NOW, "signature-1")


@pytest.mark.parametrize(
    "other",
    [
        replace(RAW, body=b"body2"),
        replace(RAW, body=b""),
        replace(RAW, target=f"{ORDERS}?a=2"),
        replace(RAW, target=ORDERS),
        replace(RAW, target=f"{ORDERS}?a=", body=b"1body"),
        replace(RAW, target=f"{ORDERS}?a=1body", body=b""),
    ],
)
def test_other_bytes_have_another_digest(other: RawRequest) -> None:
    """Catches a query and a body that run into each other, and one of them left out."""
    assert digest(other) != digest(RAW)


def test_what_the_signature_covers_or_we_drop_makes_no_difference() -> None:
    """The path is signed; headers and the door are not passed on."""
    assert digest(replace(RAW, door=Door.BASE_URL, headers=(("x", "y"),))) == digest(RAW)


async def test_the_same_bytes_are_the_same_request() -> None:
    """Catches a write that comes twice and is sent twice."""
    replays, attempt = Replays(), Attempt("d-1", None, asyncio.get_running_loop().create_future())
    assert replays.earlier(RSA, b"one") == (False, None)
    replays.remember(RSA, b"one", attempt, NOW)
    assert replays.earlier(RSA, b"one") == (True, attempt)
    assert replays.earlier(RSA, b"two") == (False, None)
    assert replays.earlier(replace(RSA, signature="signature-2"), b"one") == (False, None)
    assert replays.earlier(replace(RSA, client=CLIENTS["other-key"]), b"one") == (False, None)


async def test_a_read_is_remembered_without_an_attempt() -> None:
    """A read with the same bytes passes; there is nothing to give back."""
    replays = Replays()
    replays.remember(RSA, b"one", None, NOW)
    assert replays.earlier(RSA, b"one") == (True, None)


@pytest.mark.parametrize("age_ms", [-FRESH_MS, 0, SECOND_REQUEST_MS, FRESH_MS])
async def test_rsa_never_carries_other_bytes(age_ms: int) -> None:
    """RSA signs the same text differently each time, so a second body under one signature is not the client's.
    Catches a captured signature that works for an order of somebody else's choosing."""
    replays = Replays()
    assert replays.check(RSA, NOW) is None
    replays.remember(RSA, b"one", None, NOW)
    refusal = replays.check(RSA, NOW + age_ms)
    assert refusal is not None
    assert refusal.code is DenyCode.SIGNATURE_REPLAYED


@pytest.mark.parametrize(("age_ms", "allowed"), [(0, True), (SECOND_REQUEST_MS, True), (SECOND_REQUEST_MS + 1, False)])
async def test_ed25519_carries_a_second_request_within_a_second(age_ms: int, allowed: bool) -> None:
    """Ed25519 signs the same text the same way, so two honest requests of one millisecond share a signature."""
    replays = Replays()
    replays.remember(ED25519, b"one", None, NOW)
    assert (replays.check(ED25519, NOW + age_ms) is None) is allowed


async def test_ed25519_never_carries_a_third() -> None:
    """Catches a signature that is good for any number of orders within its second."""
    replays = Replays()
    replays.remember(ED25519, b"one", None, NOW)
    replays.remember(ED25519, b"two", None, NOW)
    refusal = replays.check(ED25519, NOW)
    assert refusal is not None
    assert refusal.code is DenyCode.SIGNATURE_REPLAYED


@pytest.mark.parametrize(("is_write", "keep_ms"), [(True, KEEP_WRITE_MS), (False, KEEP_READ_MS)])
async def test_a_signature_is_kept_as_long_as_it_can_be_taken(is_write: bool, keep_ms: int) -> None:
    """Catches a memory shorter than the freshness window (a replay would look new), and one that grows for ever."""
    assert keep_ms > 2 * FRESH_MS
    replays = Replays()
    attempt = Attempt("d-1", None, asyncio.get_running_loop().create_future()) if is_write else None
    replays.remember(RSA, b"one", attempt, NOW)
    later = replace(RSA, signature="signature-2", timestamp_ms=NOW + keep_ms + 1)
    replays.remember(later, b"two", attempt, NOW + keep_ms)
    assert replays.earlier(RSA, b"one") == (True, attempt)
    replays.remember(replace(later, signature="signature-3"), b"two", attempt, NOW + keep_ms + 1)
    assert replays.earlier(RSA, b"one") == (False, None)
    assert replays.earlier(later, b"two") == (True, attempt)
