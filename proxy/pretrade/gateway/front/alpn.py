"""HTTP/2 towards clients is off, and is seen to be off at every start: a handshake with ourselves, in memory.

Rule of this file: what is checked is what a client would be given, not an option that says so.
"""

from contextlib import suppress

from OpenSSL import SSL

from pretrade.gateway.front.options import OptionsDifferError

HTTP_1_1 = b"http/1.1"
_ROUNDS = 8
"""Far more than a handshake takes."""
_CHUNK = 65_536


def check_http_1_1_only(context: SSL.Context) -> None:
    """Raise OptionsDifferError unless this server context gives HTTP/1.1 to a client that likes HTTP/2 better, and
    nothing to one that speaks HTTP/2 alone."""
    for offer, expected in (([b"h2", HTTP_1_1], HTTP_1_1), ([b"h2"], b"")):
        chosen = _chosen(context, offer)
        if chosen != expected:
            raise OptionsDifferError(f"TLS must offer clients HTTP/1.1 alone; offered {offer}, it chose {chosen!r}")


def _chosen(context: SSL.Context, offer: list[bytes]) -> bytes:
    ours = SSL.Context(SSL.TLS_CLIENT_METHOD)
    ours.set_verify(SSL.VERIFY_NONE)
    ours.set_alpn_protos(offer)
    client, server = SSL.Connection(ours, None), SSL.Connection(context, None)
    client.set_connect_state()
    server.set_accept_state()
    for _ in range(_ROUNDS):
        for side, other in ((client, server), (server, client)):
            _step(side, other)
    return client.get_alpn_proto_negotiated()


def _step(side: SSL.Connection, other: SSL.Connection) -> None:
    with suppress(SSL.WantReadError):
        side.do_handshake()
    with suppress(SSL.WantReadError):
        other.bio_write(side.bio_read(_CHUNK))
