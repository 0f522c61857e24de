"""Keys: which are taken, and that checking a signature is exact and never raises."""

import base64

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from pretrade.kalshi import keys

RSA_KEY = keys.generate_private_key("rsa")
ED_KEY = keys.generate_private_key("ed25519")
OTHER_ED_KEY = keys.generate_private_key("ed25519")
TEXT = keys.signing_text(1_781_159_360_866, "POST", "/trade-api/v2/portfolio/events/orders")
BOTH = pytest.mark.parametrize("key", [RSA_KEY, ED_KEY], ids=["rsa", "ed25519"])


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def rsa_signature(salt: int = 32, digest: hashes.HashAlgorithm | None = None) -> str:
    algorithm = digest or hashes.SHA256()
    pss = padding.PSS(mgf=padding.MGF1(algorithm), salt_length=salt)
    return b64(RSA_KEY.sign(TEXT, pss, algorithm))


def good_signature(key: keys.PrivateKey) -> str:
    return rsa_signature() if key is RSA_KEY else b64(key.sign(TEXT))


def public_pem(key) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def private_pem(key, form=serialization.PrivateFormat.PKCS8) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def test_the_signed_text_has_no_separators():
    assert TEXT == b"1781159360866POST/trade-api/v2/portfolio/events/orders"
    assert keys.signing_text("17", "GET", "/x") == b"17GET/x"


@BOTH
def test_a_signature_made_with_cryptography_itself_is_right(key):
    assert keys.verify(key.public_key(), good_signature(key), TEXT)


@BOTH
@pytest.mark.parametrize(
    "text",
    [
        keys.signing_text(1_781_159_360_867, "POST", "/trade-api/v2/portfolio/events/orders"),
        keys.signing_text(1_781_159_360_866, "GET", "/trade-api/v2/portfolio/events/orders"),
        keys.signing_text(1_781_159_360_866, "POST", "/trade-api/v2/portfolio/events/orders/"),
        b"",
    ],
)
def test_a_signature_is_for_one_text_only(key, text):
    assert not keys.verify(key.public_key(), good_signature(key), text)


@pytest.mark.parametrize(
    "signature",
    [
        rsa_signature(salt=20),
        rsa_signature(salt=0),
        rsa_signature(digest=hashes.SHA512()),
        b64(RSA_KEY.sign(TEXT, padding.PKCS1v15(), hashes.SHA256())),
    ],
    ids=["salt-20", "salt-0", "sha-512", "pkcs1v15"],
)
def test_another_rsa_scheme_is_wrong(signature):
    """Catches a verifier with an automatic salt length, or another padding."""
    assert not keys.verify(RSA_KEY.public_key(), signature, TEXT)


def spellings_of(signature: str) -> list[str]:
    last = signature.rstrip("=")[-1]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    sibling = alphabet[alphabet.index(last) ^ 1]
    body, pads = signature.rstrip("="), signature[len(signature.rstrip("=")) :]
    return [
        body[:-1] + sibling + pads,
        signature + "\n",
        " " + signature,
        signature[:8] + "\r\n" + signature[8:],
        body,
        signature + "=",
        signature + "AAAA",
        signature.replace("+", "-").replace("/", "_").replace("A", "-", 1),
        signature.encode().hex(),
        "",
    ]


@BOTH
def test_a_signature_has_one_spelling(key):
    """Catches a lenient base64 decoder: a second spelling of a captured signature would pass a replay cache."""
    signature = good_signature(key)
    assert signature.endswith("=")
    for spelling in spellings_of(signature):
        assert not keys.verify(key.public_key(), spelling, TEXT), spelling


@BOTH
@given(
    signature=st.one_of(st.text(), st.binary(max_size=1100).map(b64), st.text("Aa+/=", max_size=1500)), data=st.binary()
)
def test_verify_never_raises(key, signature, data):
    assert keys.verify(key.public_key(), signature, data) is False


@given(method=st.text(st.characters(codec=None)), path=st.text(st.characters(codec=None)))
def test_signing_text_never_raises(method, path):
    assert keys.signing_text("1", method, path).startswith(b"1")


def test_the_wrong_kind_of_key_does_not_verify():
    assert not keys.verify(OTHER_ED_KEY.public_key(), good_signature(ED_KEY), TEXT)
    assert not keys.verify(ED_KEY.public_key(), rsa_signature(), TEXT)
    assert not keys.verify(RSA_KEY.public_key(), good_signature(ED_KEY), TEXT)


@BOTH
def test_keys_survive_their_pem(key):
    public = keys.load_public_key(keys.public_pem_of(key.public_key()))
    assert keys.verify(public, good_signature(key), TEXT)
    for passphrase in (None, b"correct horse"):
        again = keys.load_private_key(keys.private_pem_of(key, passphrase), passphrase)
        assert keys.public_pem_of(again.public_key()) == keys.public_pem_of(key.public_key())
    assert keys.algorithm_of(key) == keys.algorithm_of(public)


def test_pkcs1_is_read_too():
    assert keys.load_private_key(private_pem(RSA_KEY, serialization.PrivateFormat.TraditionalOpenSSL))


def test_algorithm_names():
    assert keys.algorithm_of(RSA_KEY) == "rsa-2048"
    assert keys.algorithm_of(ED_KEY) == "ed25519"


SMALL = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505  (the point of the test)
CURVE = ec.generate_private_key(ec.SECP256R1())
DSA = dsa.generate_private_key(1024)  # noqa: S505  (quick to make, and as wrong as a large one)


@pytest.mark.parametrize(
    ("pem", "says"),
    [
        (public_pem(SMALL), "has 1024 bits"),
        (public_pem(CURVE), "of this kind"),
        (public_pem(DSA), "of this kind"),
        (b"", "not a readable public key"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "not a readable public key"),
        (private_pem(ED_KEY), "this is a private key"),
    ],
)
def test_public_keys_that_are_refused(pem, says):
    with pytest.raises(keys.KeyFormatError, match=says):
        keys.load_public_key(pem)


@pytest.mark.parametrize(
    ("pem", "passphrase", "says"),
    [
        (private_pem(SMALL), None, "has 1024 bits"),
        (private_pem(CURVE), None, "of this kind"),
        (b"nothing", None, "not a readable private key"),
        (public_pem(ED_KEY), None, "not a readable private key"),
        (keys.private_pem_of(ED_KEY, b"right"), None, "no passphrase was given"),
        (keys.private_pem_of(ED_KEY, b"right"), b"wrong", "or the passphrase is wrong"),
        (private_pem(ED_KEY), b"needless", "not encrypted"),
    ],
)
def test_private_keys_that_are_refused(pem, passphrase, says):
    with pytest.raises(keys.KeyFormatError, match=says) as caught:
        keys.load_private_key(pem, passphrase)
    assert caught.value.__cause__ is None
    for line in pem.decode().splitlines()[1:-1]:
        assert line not in str(caught.value)
