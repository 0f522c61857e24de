"""A TLS server on loopback that does what a test tells it to, in threads of its own, and counts what reached it.

A behaviour is called with the open TLS socket and each request that was read whole; it returns True to keep the
connection. `on_connect` runs before any request is read and may do the same.
"""

import datetime as dt
import ipaddress
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

type Behaviour = Callable[[ssl.SSLSocket, bytes], bool]

NAME = "external-api.kalshi.com"
OK = b'HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"order": 1}'
WAIT_SECONDS = 10.0
_UNUSED_KEY_USAGES = [
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "encipher_only",
    "decipher_only",
]


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait, without giving the event loop a turn, until the condition holds."""
    end = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < end, "the condition never came to hold"
        time.sleep(0.002)


def answers(*parts: bytes, keep: bool = True) -> Behaviour:
    """Send the parts, each in its own TLS record, then keep or close the connection."""

    def behave(conn: ssl.SSLSocket, _request: bytes) -> bool:
        for part in parts:
            conn.sendall(part)
        return keep

    return behave


def one_after_another(*behaviours: Behaviour) -> Behaviour:
    """The first request meets the first behaviour, and so on, over all connections."""
    script = iter(behaviours)

    def behave(conn: ssl.SSLSocket, request: bytes) -> bool:
        behaviour = next(script)
        return behaviour(conn, request)

    return behave


def reset(conn: ssl.SSLSocket, _request: bytes) -> bool:
    """Close with a TCP reset."""
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


@dataclass
class FaultServer:
    """What the server saw: whole requests in order, connections accepted, TLS handshakes done."""

    port: int
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    handshakes: int = 0
    open_now: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)

    def serve(self, listener: socket.socket, context: ssl.SSLContext, behaviour, on_connect) -> None:
        while not self.stopping.is_set():
            if not select.select([listener], [], [], 0.02)[0]:
                continue
            raw, _ = listener.accept()
            self.connections += 1
            threading.Thread(target=self._one, args=(raw, context, behaviour, on_connect), daemon=True).start()

    def _one(self, raw: socket.socket, context: ssl.SSLContext, behaviour, on_connect) -> None:
        raw.settimeout(WAIT_SECONDS)
        with suppress(OSError, ValueError), raw, context.wrap_socket(raw, server_side=True) as conn:
            self.handshakes += 1
            self.open_now += 1
            try:
                if on_connect is not None and not on_connect(conn, b""):
                    return
                while (request := _read_request(conn)) is not None:
                    self.requests.append(request)
                    if not behaviour(conn, request):
                        return
            finally:
                self.open_now -= 1


def _read_request(conn: ssl.SSLSocket) -> bytes | None:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = conn.recv(65536)
        if not chunk:
            return None
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    while len(body) < length:
        body += conn.recv(65536)
    return head + b"\r\n\r\n" + body


@contextmanager
def fault_server(leaf: Path, behaviour: Behaviour, on_connect: Behaviour | None = None) -> Iterator[FaultServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = FaultServer(listener.getsockname()[1])
        thread = threading.Thread(target=server.serve, args=(listener, context, behaviour, on_connect), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.stopping.set()
            thread.join(WAIT_SECONDS)


def _general_name(name: str) -> x509.GeneralName:
    with suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(name))
    return x509.DNSName(name)


def make_ca_and_leaf(folder: Path, *names: str) -> tuple[Path, Path]:
    """Write a CA and a leaf for the names or addresses into the folder; returns (ca file, leaf file with its key)."""
    now = dt.datetime.now(dt.UTC)
    ca_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test CA")])
    ca_ski = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())
    usage = dict.fromkeys(_UNUSED_KEY_USAGES, False)

    def builder(subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=30))
        )

    ca = (
        builder(issuer, ca_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature=False, key_cert_sign=True, crl_sign=True, **usage), critical=True
        )
        .add_extension(ca_ski, critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    leaf = (
        builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]), leaf_key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature=True, key_cert_sign=False, crl_sign=False, **usage), critical=True
        )
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(leaf_key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ca_ski), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    ca_file, leaf_file = folder / "ca.crt", folder / "leaf.pem"
    ca_file.write_bytes(ca.public_bytes(pem))
    key_pem = leaf_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    leaf_file.write_bytes(key_pem + leaf.public_bytes(pem))
    return ca_file, leaf_file
