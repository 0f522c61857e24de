"""The certificates that clients see: a CA that can vouch for the exchange's domains alone, and one leaf for all names.

Rule of this file: the CA's private key lives for one function call and is never written, so there is none to steal
(threats 4). A new leaf therefore means a new CA.
"""

import datetime as dt
import errno
import ipaddress
import os
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as pem_format
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pretrade.gateway.keys.cert_checks import CA_NAME, LEAF_NAME, CertInfo, inspect
from pretrade.kalshi.hosts import DOMAINS, is_in_domains

__all__ = ["CA_NAME", "LEAF_NAME", "CertInfo", "inspect", "make"]

_CA_DAYS = 366
_LEAF_DAYS = 365
_SUBJECT = "pretrade local CA (kalshi.com and kalshi.co only)"
_ALL_ADDRESSES = ("0.0.0.0/0", "::/0")


def make(certs_dir: Path, names: Sequence[str], now: dt.datetime, *, force: bool = False) -> CertInfo:
    """Make a CA and a leaf for the names, and write `ca.crt` (0644) and `leaf.pem` (0600: key and leaf).

    With `force` the files of before are replaced, and `ca.crt` keeps the CAs of before that are valid, so that clients
    can be given the new file before the proxy is restarted, however often it was made meanwhile. Raises FileExistsError
    where anything is there and `force` is not given, ValueError for a name outside the exchange's domains, OSError.
    """
    foreign = [name for name in names if not is_in_domains(name)]
    if foreign or not names:
        raise ValueError(f"the leaf is for names in {' and '.join(DOMAINS)} only, was asked for {foreign or 'none'}")
    certs_dir.mkdir(parents=True, exist_ok=True)
    ca_path, leaf_path = certs_dir / CA_NAME, certs_dir / LEAF_NAME
    for path in (ca_path, leaf_path):
        if not force and os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, "is there already", str(path))
    ca, leaf, leaf_key = _make_pair(names, now)
    key_pem = leaf_key.private_bytes(pem_format.Encoding.PEM, pem_format.PrivateFormat.PKCS8, pem_format.NoEncryption())
    # The CA file first: with the CAs of before in it, the leaf of before stays good should the second write not happen.
    _write(ca_path, b"".join(_pem(cert) for cert in [ca, *_still_valid(ca_path, now)]), 0o644)
    _write(leaf_path, key_pem + _pem(leaf), 0o600)
    return inspect(certs_dir, names, now)


def _make_pair(
    names: Sequence[str], now: dt.datetime
) -> tuple[x509.Certificate, x509.Certificate, ec.EllipticCurvePrivateKey]:
    ca_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    return _ca(ca_key, now), _leaf(names, leaf_key.public_key(), ca_key, now), leaf_key


def _ca(key: ec.EllipticCurvePrivateKey, now: dt.datetime) -> x509.Certificate:
    """A CA for one level of leaves in the exchange's domains; IP addresses must be excluded by name (threats 4.1)."""
    constraints = x509.NameConstraints(
        permitted_subtrees=[x509.DNSName(domain) for domain in DOMAINS],
        excluded_subtrees=[x509.IPAddress(ipaddress.ip_network(network)) for network in _ALL_ADDRESSES],
    )
    return (
        _builder(_name(_SUBJECT), key.public_key(), now, _CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
        .add_extension(constraints, critical=True)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    names: Sequence[str], key: ec.EllipticCurvePublicKey, ca_key: ec.EllipticCurvePrivateKey, now: dt.datetime
) -> x509.Certificate:
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    return (
        _builder(_name("pretrade"), key, now, _LEAF_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage("digital_signature"), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(issuer, critical=False)
        .sign(ca_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, key: ec.EllipticCurvePublicKey, now: dt.datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(_name(_SUBJECT))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*allowed: str) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature="digital_signature" in allowed,
        key_cert_sign="key_cert_sign" in allowed,
        crl_sign="crl_sign" in allowed,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(cert: x509.Certificate) -> bytes:
    return cert.public_bytes(pem_format.Encoding.PEM)


def _still_valid(ca_path: Path, now: dt.datetime) -> list[x509.Certificate]:
    """The CAs of before, newest first, but those that have ended; none where the file cannot be read."""
    try:
        before = x509.load_pem_x509_certificates(ca_path.read_bytes())
    except (FileNotFoundError, ValueError):
        return []
    return [cert for cert in before if cert.not_valid_after_utc > now]


def _write(path: Path, content: bytes, mode: int) -> None:
    """Replace a file in one step; the new one has its mode from its first moment on."""
    written = path.with_name(f".{path.name}.new")
    written.unlink(missing_ok=True)
    fd = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(fd, "wb") as file:
        os.fchmod(fd, mode)
        file.write(content)
        file.flush()
        os.fsync(fd)
    written.replace(path)
