"""What keeps real money safe at a start and after it, each wall with the others taken down; on hosts without a wire."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.e2e.clients import ORDERS
from tests.e2e.harness import order
from tests.network.elsewhere import TABLE_S, Elsewhere
from tests.network.hosts import Host, Network
from tests.network.test_roles_elsewhere import ALLOWED

from pretrade.cli import init
from pretrade.kalshi.keys import load_private_key, public_pem_of

ABH = ("role: W ", "role: ABH ")
READER = ("read",)


@pytest.fixture
def host(network: Network) -> Iterator[Host]:
    yield network.host("sidecar")


def _give(world: Elsewhere, *scopes: str, key_id: str = init.LIVE_KEY_ID, subaccount: int | None = None) -> None:
    """Let the exchange know the live key with these scopes, from now on."""
    pem = public_pem_of(load_private_key(world.live_key.read_bytes()).public_key()).decode()
    key = {"key_id": key_id, "public_key": pem, "account": "main", "scopes": scopes, "subaccount": subaccount}
    world.control("POST", "add_key", key)


def _in_production(host: Host, root: Path, hold: Callable[[Elsewhere], None], *changes, **more) -> None:
    def inside() -> None:
        with Elsewhere(root, host, "production", ALLOWED, *changes, **more) as world:
            hold(world)

    host.do(inside, seconds=TABLE_S)


def test_the_role_alone(host: Host, tmp_path: Path) -> None:
    """The key trades (it was given that after the start) and the exchange is there. Catches an ABH whose order is sent
    because nothing but its key was in the way. Seen red with a dry run that sends."""

    def hold(world: Elsewhere) -> None:
        _give(world, *init.LIVE_SCOPES)
        with world.exchange_sees(0):
            assert world.raw().send("POST", ORDERS, order()).status == 201, "as the exchange would answer"

    _in_production(host, tmp_path, hold, ABH, mode="dry_run", scopes=READER)


def test_the_key_alone(host: Host, tmp_path: Path) -> None:
    """The role is W, live and allowed, and the exchange is there. Catches a start with a key that is not what the role
    needs, and an order that is taken for one although the key has lost its power since. Seen red with findings that
    keep nothing from starting."""

    def hold(world: Elsewhere) -> None:
        _give(world, "read")
        rejected = world.raw().send("POST", ORDERS, order())
        assert rejected.status == 403
        assert world.proxy.end() == 0
        assert "it may not trade" in world.refused()
        _give(world, "read", "write")
        assert "more than reading and trading: write" in world.refused()

    _in_production(host, tmp_path, hold, mode="live")


def test_the_destination_alone(host: Host, tmp_path: Path) -> None:
    """The role is W and live, the key trades in both places. Catches a demo instance that is led to production by what
    a client asks for: production's own name is where its client's order goes. Seen red with every name of the exchange
    taken in every environment."""

    def hold() -> None:
        refused = pytest.raises(OSError, match="Tunnel connection failed: 403")
        with Elsewhere(tmp_path, host, "demo", mode="live") as world, world.exchange_sees(0), refused:
            world.raw().send("POST", ORDERS, order(), door="proxy")

    host.do(hold, seconds=TABLE_S)


def test_what_production_does_not_take_on_trust(host: Host, tmp_path: Path) -> None:
    """Catches a start in production with a key that may not list and nobody looked at, on a role that must prove it can
    not trade, without an exchange in a dry run, with CAs that a variable names, and on the log of another exchange.
    Seen red with a list of keys that nobody needs to have seen."""

    def hold(world: Elsewhere) -> None:
        assert world.proxy.end() == 0
        _give(world, *init.LIVE_SCOPES, subaccount=0)
        assert "signing.acknowledge: [unlisted] says that somebody has" in world.refused()
        world.change("key_file: keys/live.pem", "key_file: keys/live.pem\n  acknowledge: [unlisted]")
        world.start_proxy()
        assert world.raw().send("POST", ORDERS, order()).status == 201
        assert world.proxy.end() == 0
        assert "SSL_CERT_FILE is set" in world.refused(SSL_CERT_FILE=str(world.folder / "certs" / "ca.crt"))
        _give(world, "read", subaccount=0)
        world.change("role: W ", "role: R ")
        assert "Role R needs a key that may list keys" in world.refused()
        world.change("mode: live", "mode: dry_run")
        world.stop_exchange()
        assert "preflight: exchange: no answer" in world.refused()
        world.change("environment: production", "environment: demo")
        said = world.refused()
        assert "is of environment production, the policy says demo: give each its own state_dir" in said

    _in_production(host, tmp_path, hold, mode="live")


def test_a_machine_that_does_not_know_the_exchanges_ca_sends_nothing(host: Host, tmp_path: Path) -> None:
    """The control of every test here: without the store of CAs that they put there, the same names at the same address
    are nobody. Catches a client of ours that believes whoever answers. Seen red with contexts that verify nobody, and
    without the look at them."""

    def hold(world: Elsewhere) -> None:
        assert world.proxy.end() == 0
        world.forget_ca()
        assert "CERTIFICATE_VERIFY_FAILED" in world.refused()

    _in_production(host, tmp_path, hold, mode="live")
