"""The CA and the leaf, judged by a strict TLS client: the exchange's names and nothing else."""

import datetime as dt
import ipaddress
import ssl
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.kalshi.fault_server import make_ca_and_leaf

from pretrade.gateway.keys import certs
from pretrade.kalshi.hosts import WEBSOCKET_HOSTS, all_names

NOW = dt.datetime.now(dt.UTC)
PEM = serialization.Encoding.PEM


def handshake(ca_file: Path, leaf_file: Path, name: str) -> str:
    """What a strict client says to this server under this name: `ok`, or OpenSSL's reason."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(leaf_file)
    client = ssl.create_default_context(cafile=str(ca_file))
    assert client.verify_flags & ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=name)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (ours, theirs):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as e:
                return e.verify_message
    assert ours.getpeercert() is not None
    return "ok"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "certs"


def test_every_name_of_the_exchange_is_accepted(folder):
    info = certs.make(folder, all_names(), NOW)
    assert (info.problems, info.warnings, info.names) == ((), (), all_names())
    assert set(WEBSOCKET_HOSTS.values()) <= set(info.names)
    for name in all_names():
        assert handshake(folder / certs.CA_NAME, folder / certs.LEAF_NAME, name) == "ok"


@pytest.mark.parametrize(
    "name",
    ["example.com", "notkalshi.com", "kalshi.com.evil.example", "localhost", "127.0.0.1", "kalshi.com", "x.kalshi.com"],
)
def test_a_name_that_the_leaf_does_not_have_is_refused(folder, name):
    certs.make(folder, all_names(), NOW)
    assert "mismatch" in handshake(folder / certs.CA_NAME, folder / certs.LEAF_NAME, name)


def signed_by_the_real_ca(monkeypatch, folder: Path, san: x509.GeneralName) -> Path:
    """A leaf with a foreign name, signed with the CA's own key, which is caught while `make` runs."""
    caught = []

    class Caught:
        SECP256R1 = ec.SECP256R1
        EllipticCurvePrivateKey = ec.EllipticCurvePrivateKey
        EllipticCurvePublicKey = ec.EllipticCurvePublicKey

        @staticmethod
        def generate_private_key(curve):
            caught.append(ec.generate_private_key(curve))
            return caught[-1]

    monkeypatch.setattr(certs, "ec", Caught)
    certs.make(folder, all_names(), NOW)
    ca = x509.load_pem_x509_certificate((folder / certs.CA_NAME).read_bytes())
    ca_key = next(key for key in caught if key.public_key() == ca.public_key())
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")]))
        .issuer_name(ca.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - dt.timedelta(hours=1))
        .not_valid_after(NOW + dt.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("external-api.kalshi.com"), san]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    path = folder / "foreign.pem"
    path.write_bytes(
        key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()) + leaf.public_bytes(PEM)
    )
    return path


@pytest.mark.parametrize(
    ("san", "name", "says"),
    [
        (x509.DNSName("demo-api.kalshi.co"), "demo-api.kalshi.co", "ok"),
        (x509.DNSName("example.com"), "example.com", "permitted subtree violation"),
        (x509.DNSName("notkalshi.com"), "notkalshi.com", "permitted subtree violation"),
        (x509.DNSName("kalshi.com.evil.example"), "external-api.kalshi.com", "permitted subtree violation"),
        (x509.IPAddress(ipaddress.ip_address("127.0.0.1")), "127.0.0.1", "excluded subtree violation"),
        (x509.IPAddress(ipaddress.ip_address("8.8.8.8")), "external-api.kalshi.com", "excluded subtree violation"),
        (x509.IPAddress(ipaddress.ip_address("::1")), "::1", "excluded subtree violation"),
    ],
)
def test_even_the_cas_own_key_cannot_vouch_for_others(monkeypatch, folder, san, name, says):
    """Catches a CA without name constraints, or one that leaves IP addresses open."""
    foreign = signed_by_the_real_ca(monkeypatch, folder, san)
    assert handshake(folder / certs.CA_NAME, foreign, name) == says


def test_a_leaf_of_another_ca_is_refused(folder, tmp_path):
    certs.make(folder, all_names(), NOW)
    _, foreign = make_ca_and_leaf(tmp_path, "external-api.kalshi.com")
    assert "unable to get local issuer" in handshake(folder / certs.CA_NAME, foreign, "external-api.kalshi.com")


def test_openssl_itself_is_content(folder):
    certs.make(folder, all_names(), NOW)
    command = ["openssl", "verify", "-x509_strict", "-CAfile", folder / certs.CA_NAME, folder / certs.LEAF_NAME]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr


def test_the_cas_private_key_is_nowhere(monkeypatch, folder):
    """Catches a CA key that is written, in whatever file or form: whoever has it can pose as the exchange."""
    made = []
    generate = ec.generate_private_key
    monkeypatch.setattr(certs.ec, "generate_private_key", lambda curve: made.append(generate(curve)) or made[-1])
    certs.make(folder, all_names(), NOW)
    ca = x509.load_pem_x509_certificate((folder / certs.CA_NAME).read_bytes())
    (ca_key,) = (key for key in made if key.public_key() == ca.public_key())
    private = ca_key.private_numbers().private_value
    forms = [private.to_bytes(32), f"{private:x}".encode(), str(private).encode()]
    for form in serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL:
        for encoding in serialization.Encoding.PEM, serialization.Encoding.DER:
            forms.append(ca_key.private_bytes(encoding, form, serialization.NoEncryption()))  # noqa: PERF401
    pem_lines = [line for line in forms[3].splitlines() if len(line) == 64]
    content = b"".join(path.read_bytes() for path in folder.iterdir())
    assert sorted(path.name for path in folder.iterdir()) == [certs.CA_NAME, certs.LEAF_NAME]
    assert [form for form in forms + pem_lines[1:] if form in content] == []
    assert content.count(b"PRIVATE KEY-----") == 2


def test_modes_do_not_depend_on_the_umask(folder):
    certs.make(folder, all_names(), NOW)
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert modes == {certs.CA_NAME: 0o644, certs.LEAF_NAME: 0o600}


@pytest.mark.parametrize("left", [certs.CA_NAME, certs.LEAF_NAME])
def test_nothing_is_replaced_without_force(folder, left):
    certs.make(folder, all_names(), NOW)
    before = {path: path.read_bytes() for path in folder.iterdir() if path.name == left}
    for path in set(folder.iterdir()) - set(before):
        path.unlink()
    with pytest.raises(FileExistsError, match="is there already"):
        certs.make(folder, all_names(), NOW)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_renewal_keeps_the_ca_of_before_for_a_while(folder, tmp_path):
    """Catches a new ca.crt whose clients refuse the proxy until it is restarted, though it was made anew twice
    meanwhile. Seen red with no CA kept, and with the newest of before alone."""
    first = certs.make(folder, all_names(), NOW)
    old_leaf = tmp_path / "old.pem"
    old_leaf.write_bytes((folder / certs.LEAF_NAME).read_bytes())
    second = certs.make(folder, all_names(), NOW, force=True)
    assert second.problems == ()
    assert second.ca_fingerprint != first.ca_fingerprint
    certs.make(folder, all_names(), NOW, force=True)
    for leaf in (old_leaf, folder / certs.LEAF_NAME):
        assert handshake(folder / certs.CA_NAME, leaf, "external-api.kalshi.com") == "ok"


def test_an_ended_ca_is_not_kept(folder):
    """Catches a CA that is trusted past its end. Seen red with all kept whatever their end."""
    certs.make(folder, all_names(), NOW - dt.timedelta(days=400))
    certs.make(folder, all_names(), NOW, force=True)
    assert len(x509.load_pem_x509_certificates((folder / certs.CA_NAME).read_bytes())) == 1


@pytest.mark.parametrize("names", [[], ["example.com"], ["external-api.kalshi.com", "notkalshi.com"], ["127.0.0.1"]])
def test_names_outside_the_domains_are_refused_before_anything_is_written(folder, names):
    with pytest.raises(ValueError, match=r"kalshi\.com and kalshi\.co only"):
        certs.make(folder, names, NOW)
    assert not folder.exists()


# --- inspect ---


def test_missing_or_broken_files_are_a_problem(folder):
    info = certs.inspect(folder)
    assert "cannot be read" in info.problems[0]
    assert info.not_after < NOW
    certs.make(folder, all_names(), NOW)
    (folder / certs.LEAF_NAME).write_bytes(b"junk")
    assert "cannot be read" in certs.inspect(folder).problems[0]


def problems_after(folder: Path, **settings) -> str:
    return " | ".join(certs.inspect(folder, **settings).problems)


def test_a_missing_name_is_a_problem(folder):
    certs.make(folder, all_names()[:-1], NOW)
    assert problems_after(folder) == f"the leaf does not cover {all_names()[-1]}"
    assert problems_after(folder, names=all_names()[:1]) == ""


def test_the_end_is_seen_coming(folder):
    """Catches a leaf that ends without 30 days' notice. Seen red with 20."""
    certs.make(folder, all_names(), NOW)

    def at(days: int) -> certs.CertInfo:
        return certs.inspect(folder, now=NOW + dt.timedelta(days=days))

    assert (at(330).problems, at(330).warnings) == ((), ())
    assert at(340).problems == ()
    assert at(340).warnings[0].startswith("the leaf ends in 24 days") or at(340).warnings[0].startswith(
        "the leaf ends in 25"
    )
    assert "the leaf ended on" in at(366).problems[0]
    assert "is the clock right" in at(-2).problems[0]


def test_a_loose_mode_is_a_problem(folder):
    certs.make(folder, all_names(), NOW)
    (folder / certs.LEAF_NAME).chmod(0o640)
    assert "mode 0640); run: chmod 600" in problems_after(folder)


def test_a_leaf_of_another_pair_is_a_problem(folder, tmp_path):
    certs.make(folder, all_names(), NOW)
    certs.make(tmp_path / "other", all_names(), NOW)
    (folder / certs.LEAF_NAME).write_bytes((tmp_path / "other" / certs.LEAF_NAME).read_bytes())
    assert problems_after(folder) == "the leaf was not issued by a CA in ca.crt"


def test_a_key_of_another_leaf_is_a_problem(folder, tmp_path):
    certs.make(folder, all_names(), NOW)
    certs.make(tmp_path / "other", all_names(), NOW)
    leaf = (folder / certs.LEAF_NAME).read_bytes()
    other = (tmp_path / "other" / certs.LEAF_NAME).read_bytes()
    mark = b"-----BEGIN CERTIFICATE"
    (folder / certs.LEAF_NAME).write_bytes(other.partition(mark)[0] + mark + leaf.partition(mark)[2])
    assert problems_after(folder) == "leaf.pem does not hold the leaf's own private key"


def test_an_unconstrained_ca_is_a_problem(folder, tmp_path):
    """Catches a `ca.crt` that would let whoever made it pose as any site towards the clients."""
    certs.make(folder, all_names(), NOW)
    foreign, _ = make_ca_and_leaf(tmp_path, "external-api.kalshi.com")
    ca = folder / certs.CA_NAME
    ca.write_bytes(ca.read_bytes() + foreign.read_bytes())
    assert "could vouch for names outside" in problems_after(folder)
