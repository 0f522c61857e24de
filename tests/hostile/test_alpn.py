"""A door that would speak HTTP/2 does not open."""

from collections.abc import Callable
from pathlib import Path

import pytest
from OpenSSL import SSL
from tests.gateway.doorkit import FakeGate

from pretrade.gateway.front import doors
from pretrade.gateway.front.alpn import check_http_1_1_only
from pretrade.gateway.front.options import OptionsDifferError


def first(connection: SSL.Connection, offered: list[bytes]) -> bytes:
    return offered[0]


def h2_if_alone(connection: SSL.Connection, offered: list[bytes]) -> bytes:
    return b"http/1.1" if b"http/1.1" in offered else b"h2"


def nothing(connection: SSL.Connection, offered: list[bytes]) -> object:
    return SSL.NO_OVERLAPPING_PROTOCOLS


@pytest.mark.parametrize("choose", [first, h2_if_alone, nothing])
async def test_another_choice_is_seen_at_the_start(
    leaf: Path, monkeypatch: pytest.MonkeyPatch, choose: Callable[..., bytes]
) -> None:
    """Catches HTTP/2 turned on, and HTTP/1.1 turned off: the doors are not even made."""
    monkeypatch.setattr(doors, "_choose_http_1_1", choose)
    with pytest.raises(OptionsDifferError, match=r"HTTP/1\.1 alone"):
        doors.Doors(FakeGate(), leaf)


def test_our_own_choice_passes(leaf: Path) -> None:
    check_http_1_1_only(doors.tls_context(leaf))
