"""Who holds the other end: real sockets of real users."""

import os
import socket
from contextlib import closing

import pytest

from pretrade.gateway.way.peers import owner_of

NOBODY = 65534


@pytest.fixture(params=["127.0.0.1", "::1"])
def server(request):
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    try:
        listening = socket.create_server((request.param, 0), family=family)
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with closing(listening):
        yield listening


def _connect(server):
    client = socket.create_connection(server.getsockname()[:2])
    client.settimeout(10)
    accepted, peer = server.accept()
    return client, accepted, peer[:2]


def test_the_user_of_a_connection_is_told(server):
    """Catches an address spelled in the wrong order of bytes."""
    client, accepted, peer = _connect(server)
    with closing(client), closing(accepted):
        assert owner_of(peer, server.getsockname()[:2]) == os.getuid()


def test_the_two_ends_are_not_taken_for_each_other(server):
    """Catches the proxy's own end, whose user is the proxy's, taken for the client's."""
    client, accepted, peer = _connect(server)
    with closing(client), closing(accepted):
        assert owner_of((peer[0], peer[1]), (peer[0], 1)) is None
        assert owner_of((peer[0], 1), server.getsockname()[:2]) is None


def test_an_end_that_nobody_holds_is_nobodys(server):
    """Catches user 0, which the table says of a socket whose process has closed it: a thief would be root."""
    client, accepted, peer = _connect(server)
    with closing(accepted):
        client.close()
        assert owner_of(peer, server.getsockname()[:2]) is None


@pytest.mark.skipif(os.getuid() != 0, reason="only root can act as another user")
def test_another_users_connection_is_that_users(server):
    """Catches the user of this process told for every connection."""
    os.seteuid(NOBODY)
    try:
        client, accepted, peer = _connect(server)
    finally:
        os.seteuid(0)
    with closing(client), closing(accepted):
        assert owner_of(peer, server.getsockname()[:2]) == NOBODY
