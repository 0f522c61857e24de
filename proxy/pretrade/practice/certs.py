"""The practice exchange's own CA and its server certificate, made once per folder.

Rule of this file: the CA signs one leaf and its key is never written; the leaf's key lies beside the leaf, 0600.
"""

import datetime as dt
import ipaddress
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_FILE = "ca.crt"
SERVER_FILE = "server.pem"
LOOPBACK = "127.0.0.1"
_LIFETIME = dt.timedelta(days=365)
_RENEW_BEFORE = dt.timedelta(days=7)

type _Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def ensure_certificates(folder: Path, now: dt.datetime, host: str = LOOPBACK) -> tuple[Path, Path]:
    """The paths of CA and server file, both made anew when either is missing, ends within a week or is not for `host`,
    the IP address that the exchange listens on.
    """
    ca_path, server_path, at = folder / CA_FILE, folder / SERVER_FILE, ipaddress.ip_address(host)
    if not (ca_path.exists() and server_path.exists() and _is_current(server_path, now, at)):
        _make(ca_path, server_path, now, at)
    return ca_path, server_path


def _is_current(path: Path, now: dt.datetime, at: _Address) -> bool:
    leaf = x509.load_pem_x509_certificate(path.read_bytes())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return leaf.not_valid_after_utc > now + _RENEW_BEFORE and at in names.get_values_for_type(x509.IPAddress)


def _make(ca_path: Path, server_path: Path, now: dt.datetime, at: _Address) -> None:
    ca_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = _certificate_authority(ca_key, now)
    leaf = _leaf(ca, ca_key, leaf_key, now, at)
    key_pem = leaf_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem = serialization.Encoding.PEM
    write_private(server_path, leaf.public_bytes(pem) + key_pem)
    ca_path.write_bytes(ca.public_bytes(pem))


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, from its first moment on."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _certificate_authority(key: ec.EllipticCurvePrivateKey, now: dt.datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pretrade practice exchange CA")])
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    builder = _builder(name, name, key.public_key(), now)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(usage, critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return builder.sign(key, hashes.SHA256())


def _leaf(
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    key: ec.EllipticCurvePrivateKey,
    now: dt.datetime,
    at: _Address,
) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pretrade practice exchange")])
    addresses = dict.fromkeys((ipaddress.ip_address(LOOPBACK), ipaddress.ip_address("::1"), at))
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), *(x509.IPAddress(one) for one in addresses)])
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    builder = _builder(name, ca.subject, key.public_key(), now)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(names, critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    builder = builder.add_extension(issuer, critical=False)
    return builder.sign(ca_key, hashes.SHA256())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: dt.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + _LIFETIME)
    )
