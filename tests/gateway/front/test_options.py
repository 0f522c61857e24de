"""mitmproxy's options and addons are exactly ours, at the start and for as long as it runs."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from mitmproxy.exceptions import OptionsError
from mitmproxy.options import Options
from tests.gateway.doorkit import FakeGate, get, opened

from pretrade.gateway.front import doors as doors_module
from pretrade.gateway.front.doors import Doors
from pretrade.gateway.front.options import REQUIRED, OptionsDifferError, apply_required, check

OTHER: dict[str, Any] = {
    "server": True, "mode": ["regular", "socks5"], "http2": True, "http3": True, "rawtcp": True, "websocket": True,
    "connection_strategy": "eager", "upstream_cert": True, "validate_inbound_headers": False,
    "keep_host_header": False, "body_size_limit": "1g", "stream_large_bodies": "1", "store_streamed_bodies": True,
    "ignore_hosts": ["kalshi"], "allow_hosts": ["kalshi"], "tcp_hosts": ["."], "udp_hosts": ["."],
    "ssl_insecure": True, "listen_host": "", "connect_addr": None, "client_certs": "/", "certs": ["*=/x.pem"],
    "add_upstream_certs_to_client_chain": True, "tcp_timeout": 0,
}  # fmt: skip
"""Another value for every required option: the one that does harm, where one does."""


def values(options: Options) -> dict[str, object]:
    shown = {name: getattr(options, name) for name in REQUIRED}
    return {name: list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
            for name, value in shown.items()}  # fmt: skip


@pytest.fixture
async def made(leaf: Path) -> Doors:
    """Doors that are not open: set up and checked, which is all that these tests need."""
    return Doors(FakeGate(), leaf)


@pytest.fixture
def other_start(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Options that somebody (a configuration file, a later mitmproxy) set before us."""
    planted: dict[str, Any] = {}

    def options() -> Options:
        made = Options()
        made.update_defer(**planted)
        return made

    monkeypatch.setattr(doors_module.options, "Options", options)
    yield planted


def test_every_required_option_has_a_harmful_value_here() -> None:
    """Catches an option that is required and that no test changes."""
    assert set(OTHER) == set(REQUIRED)


async def test_mitmproxy_knows_every_required_option(made: Doors) -> None:
    """Catches an option that is asserted under a name that mitmproxy does not have, and so means nothing."""
    assert [name for name in REQUIRED if name not in made._master.options] == []
    assert values(made._master.options) == dict(REQUIRED)


@pytest.mark.parametrize("name", REQUIRED)
async def test_a_change_while_running_is_undone(made: Doors, name: str) -> None:
    """Catches an option that can be changed under the gate. Seen red without `configure`."""
    with pytest.raises(OptionsError, match=name):
        made._master.options.update(**{name: OTHER[name]})
    assert values(made._master.options) == dict(REQUIRED)


@pytest.mark.parametrize("name", REQUIRED)
async def test_what_was_set_before_the_start_is_set_right(leaf: Path, other_start: dict[str, Any], name: str) -> None:
    """Catches a value that was there before us and stays. Seen red without the update in `apply_required`."""
    other_start[name] = OTHER[name]
    made = Doors(FakeGate(), leaf)
    assert values(made._master.options) == dict(REQUIRED)


@pytest.mark.parametrize("name", REQUIRED)
async def test_a_value_that_does_not_take_stops_the_start(made: Doors, name: str) -> None:
    """Catches an assertion that compares nothing: each option with its other value is told by name and value."""
    options = made._master.options
    made.enforcer.options_are_set = False
    needed = {"upstream_cert": True} if name == "add_upstream_certs_to_client_chain" else {}
    options.update(**needed, **{name: OTHER[name]})
    with pytest.raises(OptionsDifferError, match=r"must be .* was "):
        check(options, REQUIRED)


@pytest.mark.parametrize("name", ["emudhra", "emudhra_old"])
async def test_a_mitmproxy_with_the_compromised_ca_is_refused(made: Doors, name: str) -> None:
    """Catches an upgrade to 12.3.x, which carries a private key of a public CA in its code."""
    options = made._master.options
    with pytest.raises(OptionsError, match=re.escape("12.2.3")):
        options.add_option(name, bool, default=False, help="sign with the key of another")
    made.enforcer.options_are_set = False
    with pytest.raises(OptionsDifferError, match=re.escape("12.2.3")):
        apply_required(options)


async def test_a_mitmproxy_without_an_option_is_refused(made: Doors) -> None:
    """Catches an upgrade that renamed an option: setting what does not exist protects nobody."""
    with pytest.raises(OptionsDifferError, match="no option raw_tcp"):
        check(made._master.options, {"raw_tcp": False})


async def test_the_addons_are_exactly_ours(made: Doors) -> None:
    """Catches an addon that comes in by the stock list: a script loader, replay, map, save, a web page."""
    assert list(made._master.addons.lookup) == ["core", "proxyserver", "nextlayer"]
    assert [type(addon).__name__ for addon in made._master.addons.chain] == [
        "Core", "Proxyserver", "Enforcer",
    ]  # fmt: skip


async def test_an_attempt_to_change_options_does_not_stop_the_service(leaf: Path) -> None:
    """Catches an undo that leaves mitmproxy half configured: the next request is served as before."""
    async with opened(FakeGate(), leaf) as way:
        for name, value in OTHER.items():
            with pytest.raises(OptionsError):
                way.doors._master.options.update(**{name: value})
        wire = await way.tunnel()
        answer = await wire.ask(get())
        await wire.close()
    assert answer.code == "FROM_GATE"
