"""Looking at the certificates in a folder: what they are, and what is wrong with them."""

import datetime as dt
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as pem_format

from pretrade.kalshi.hosts import DOMAINS, all_names

CA_NAME = "ca.crt"
LEAF_NAME = "leaf.pem"

WARN_DAYS = 30
_UNREADABLE_SINCE = dt.datetime.min.replace(tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class CertInfo:
    """The leaf's names and end, the SHA-256 of its CA in hex, and findings as sentences.

    With a problem the certificates are not fit to run with; a warning is for people. Of certificates that cannot be
    read, `not_after` lies in the distant past and the rest is empty.
    """

    names: tuple[str, ...]
    not_after: dt.datetime
    ca_fingerprint: str
    problems: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def inspect(certs_dir: Path, names: Sequence[str] | None = None, now: dt.datetime | None = None) -> CertInfo:
    """Look at `ca.crt` and `leaf.pem`. The leaf must cover `names`, by default every one of the exchange's.

    Never raises for what is in the files or for missing ones; that is a problem in the result.
    """
    wanted = all_names() if names is None else names
    try:
        cas = x509.load_pem_x509_certificates((certs_dir / CA_NAME).read_bytes())
        leaf_pem = (certs_dir / LEAF_NAME).read_bytes()
        leaf = x509.load_pem_x509_certificate(leaf_pem)
    except (OSError, ValueError) as e:
        return CertInfo((), _UNREADABLE_SINCE, "", (f"the certificates cannot be read: {e}",))
    moment = dt.datetime.now(dt.UTC) if now is None else now
    covered = _names(leaf)
    issuers = [ca for ca in cas if _is_issued_by(leaf, ca)]
    problems = [
        *_problems_of_file(certs_dir / LEAF_NAME),
        *_problems_of_time(leaf, moment),
        *(f"the leaf does not cover {name}" for name in wanted if name not in covered),
        *_problems_of_pair(issuers, cas),
        *([] if _has_key_of(leaf_pem, leaf) else ["leaf.pem does not hold the leaf's own private key"]),
    ]
    issuer = issuers[0] if issuers else cas[0]
    warnings = tuple(_warnings(leaf, moment))
    return CertInfo(covered, leaf.not_valid_after_utc, _fingerprint(issuer), tuple(problems), warnings)


def _problems_of_file(path: Path) -> Iterator[str]:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        yield f"{path} holds a private key and is open to group or others (mode {mode:04o}); run: chmod 600 {path}"


def _problems_of_time(leaf: x509.Certificate, now: dt.datetime) -> Iterator[str]:
    if leaf.not_valid_after_utc <= now:
        yield f"the leaf ended on {leaf.not_valid_after_utc:%Y-%m-%d}"
    if leaf.not_valid_before_utc > now:
        yield f"the leaf begins only on {leaf.not_valid_before_utc:%Y-%m-%d}; is the clock right?"


def _problems_of_pair(issuers: Sequence[x509.Certificate], cas: Sequence[x509.Certificate]) -> Iterator[str]:
    if not issuers:
        yield "the leaf was not issued by a CA in ca.crt"
    if not all(_is_constrained(ca) for ca in cas):
        yield f"a CA in ca.crt could vouch for names outside {' and '.join(DOMAINS)}"


def _warnings(leaf: x509.Certificate, now: dt.datetime) -> Iterator[str]:
    left = leaf.not_valid_after_utc - now
    if dt.timedelta(0) < left < dt.timedelta(days=WARN_DAYS):
        yield f"the leaf ends in {left.days} days, on {leaf.not_valid_after_utc:%Y-%m-%d}"


def _names(leaf: x509.Certificate) -> tuple[str, ...]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(names.get_values_for_type(x509.DNSName))


def _is_issued_by(leaf: x509.Certificate, ca: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(ca)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _is_constrained(ca: x509.Certificate) -> bool:
    try:
        constraints = ca.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return False
    permitted = [name.value for name in constraints.permitted_subtrees or [] if isinstance(name, x509.DNSName)]
    excludes_addresses = any(isinstance(name, x509.IPAddress) for name in constraints.excluded_subtrees or [])
    return bool(permitted) and set(permitted) <= set(DOMAINS) and excludes_addresses


def _has_key_of(leaf_pem: bytes, leaf: x509.Certificate) -> bool:
    try:
        key = pem_format.load_pem_private_key(leaf_pem, None)
    except (ValueError, TypeError):
        return False
    der, form = pem_format.Encoding.DER, pem_format.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(der, form) == leaf.public_key().public_bytes(der, form)


def _fingerprint(cert: x509.Certificate) -> str:
    return cert.fingerprint(hashes.SHA256()).hex()
