"""The signer: what it signs, that it signs nothing else, and that its key does not come out."""

import asyncio
import base64
import copy
import dataclasses
import json
import pickle
import traceback

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from pretrade.kalshi import keys
from pretrade.kalshi.signing import (
    KEY_HEADER,
    SIGNATURE_HEADER,
    SIGNATURE_HEADERS,
    TIMESTAMP_HEADER,
    ReadRequest,
    Signer,
    SigningError,
    unsigned,
)
from pretrade.kalshi.wire import encode
from pretrade.model.decisions import Approved, Denied
from pretrade.model.orders import CancelOrder, CreateOrder, NewOrder, SelfTradePrevention, Side, TimeInForce
from pretrade.model.units import Count, Price

RSA_KEY = keys.generate_private_key("rsa")
ED_KEY = keys.generate_private_key("ed25519")
NOW_MS = 1_781_159_360_866
KEY_ID = "a952bcbe-ec3b-4b5b-b8f9-11dae589608c"
CREATE = CreateOrder(
    NewOrder(
        "T-1",
        Side.BID,
        Count(1000),
        Price(5600),
        TimeInForce.GOOD_TILL_CANCELED,
        SelfTradePrevention.MAKER,
        client_order_id="c1",
        subaccount=0,
    )
)
CANCEL = CancelOrder("order-1", market_ticker="T-1", subaccount=0)


@pytest.fixture(params=[RSA_KEY, ED_KEY], ids=["rsa", "ed25519"])
def signer(request):
    made = Signer(request.param, KEY_ID)
    yield made
    made.close()


def check_signature(signature: str, text: bytes, key) -> None:
    """Verify with cryptography itself; raises when it is wrong."""
    raw = base64.b64decode(signature, validate=True)
    if key is RSA_KEY:
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
        key.public_key().verify(raw, text, pss, hashes.SHA256())
    else:
        key.public_key().verify(raw, text)


@pytest.mark.parametrize("write", [CREATE, CANCEL])
async def test_an_approved_write_is_signed_as_the_wire_encodes_it(signer, write):
    signed = await signer.sign(Approved(write, ()), NOW_MS)
    wire = encode(write)
    assert (signed.method, signed.body) == (wire.method, wire.body)
    assert signed.target == (f"{wire.path}?{wire.query}" if wire.query else wire.path)
    headers = dict(signed.headers)
    assert tuple(headers) == SIGNATURE_HEADERS == (KEY_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER)
    assert (headers[KEY_HEADER], headers[TIMESTAMP_HEADER]) == (KEY_ID, str(NOW_MS))
    key = RSA_KEY if signer.algorithm == "rsa-2048" else ED_KEY
    check_signature(headers[SIGNATURE_HEADER], f"{NOW_MS}{wire.method}{wire.path}".encode(), key)


async def test_the_body_is_the_approved_order(signer):
    body = json.loads((await signer.sign(Approved(CREATE, ()), NOW_MS)).body)
    assert (body["ticker"], body["side"], body["count"], body["price"]) == ("T-1", "bid", "10.00", "0.5600")


async def test_a_read_is_signed_as_a_get_without_a_body(signer):
    signed = await signer.sign_read(ReadRequest("/trade-api/v2/portfolio/orders", "limit=5&status=resting"), NOW_MS)
    assert (signed.method, signed.body) == ("GET", b"")
    assert signed.target == "/trade-api/v2/portfolio/orders?limit=5&status=resting"
    key = RSA_KEY if signer.algorithm == "rsa-2048" else ED_KEY
    text = f"{NOW_MS}GET/trade-api/v2/portfolio/orders".encode()
    check_signature(dict(signed.headers)[SIGNATURE_HEADER], text, key)


@dataclasses.dataclass
class LooksApproved:
    write: CreateOrder
    checks: tuple[()] = ()


@pytest.mark.parametrize("thing", [Denied(CREATE, ()), LooksApproved(CREATE), CREATE, None])
async def test_what_was_not_approved_is_not_signed(signer, thing):
    """Catches a signer that takes whatever has a write in it, such as a denial."""
    with pytest.raises(SigningError, match="only an approved write"):
        await signer.sign(thing, NOW_MS)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/trade-api/v2/x\r\nHost: evil", ""),
        ("trade-api/v2/x", ""),
        ("", ""),
        ("/x?y", ""),
        ("/x#y", ""),
        ("/x y", ""),
        ("/%2e%2e/x", ""),
        ("/x\N{LATIN SMALL LETTER E WITH ACUTE}", ""),
        ("/x", "a=b c"),
        ("/x", "a=b\n"),
        ("/x", "a=b#c"),
        ("/x", "a=\N{LATIN SMALL LETTER E WITH ACUTE}"),
    ],
)
async def test_odd_paths_and_queries_are_never_signed(signer, path, query):
    with pytest.raises(SigningError, match="plain characters"):
        await signer.sign_read(ReadRequest(path, query), NOW_MS)
    with pytest.raises(SigningError, match="plain characters"):
        unsigned(ReadRequest(path, query))


def test_an_unsigned_read_has_no_headers():
    request = unsigned(ReadRequest("/trade-api/v2/markets", "limit=1"))
    assert (request.method, request.target, request.headers) == ("GET", "/trade-api/v2/markets?limit=1", ())


@pytest.mark.parametrize("key_id", ["", "a b", "a\r\nb", "x" * 129, "\N{LATIN SMALL LETTER E WITH ACUTE}"])
def test_a_key_id_that_is_no_header_value_is_refused(key_id):
    with pytest.raises(SigningError, match="live key id"):
        Signer(ED_KEY, key_id)


def private_numbers(key) -> list[str]:
    if key is RSA_KEY:
        numbers = key.private_numbers()
        return [str(numbers.d), f"{numbers.d:x}", str(numbers.p), f"{numbers.p:x}"]
    return [key.private_bytes_raw().hex(), repr(key.private_bytes_raw())]


async def test_nothing_printable_of_the_signer_shows_the_key_or_a_signature(signer):
    """Catches a repr that shows the key or the live signature in a log line or a traceback with locals."""
    key = RSA_KEY if signer.algorithm == "rsa-2048" else ED_KEY
    signed = await signer.sign(Approved(CREATE, ()), NOW_MS)
    shown = f"{signer!r} {signer} {signed!r} {signed} "
    try:
        await signer.sign(None, NOW_MS)
    except SigningError as e:
        shown += "".join(traceback.TracebackException.from_exception(e, capture_locals=True).format())
    secrets = [*private_numbers(key), dict(signed.headers)[SIGNATURE_HEADER]]
    assert [secret for secret in secrets if secret in shown] == []
    assert repr(signer) == f"Signer(key_id={KEY_ID!r}, algorithm={signer.algorithm!r})"


def test_the_signer_is_neither_copied_nor_pickled(signer):
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="neither be copied nor pickled"):
            attempt(signer)
    assert not hasattr(signer, "__dict__")


def test_the_public_half_can_be_registered(signer):
    public = keys.load_public_key(signer.public_pem())
    assert keys.algorithm_of(public) == signer.algorithm


async def test_many_at_once_each_get_their_own(signer):
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(signer.sign_read(ReadRequest(f"/x/{i}"), NOW_MS + i)) for i in range(30)]
    key = RSA_KEY if signer.algorithm == "rsa-2048" else ED_KEY
    for i, task in enumerate(tasks):
        signature = dict(task.result().headers)[SIGNATURE_HEADER]
        check_signature(signature, f"{NOW_MS + i}GET/x/{i}".encode(), key)
