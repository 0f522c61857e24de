"""The truth table on demo and production: the real process, the exchange's own names, and no way to the real one."""

import asyncio
from pathlib import Path

import pytest
from tests.e2e.test_roles import SETTINGS
from tests.e2e.truth_table import hold_to_table
from tests.network.elsewhere import TABLE_S, Elsewhere
from tests.network.hosts import Network
from tests.network.probe import REACHED, try_all
from tests.roomy import ROOMY

from pretrade.kalshi.hosts import all_names, environment_of

ENVIRONMENTS = ("demo", "production")
ALLOWED = ("allow_production: false", "allow_production: true")
NEVER = ("ABH", "live", "production")
CELLS = [(*setting, environment) for environment in ENVIRONMENTS for setting in SETTINGS]


@pytest.mark.parametrize(("role", "mode", "environment"), [cell for cell in CELLS if cell != NEVER])
def test_every_endpoint_for_this_role_mode_and_environment(
    network: Network, tmp_path: Path, role: str, mode: str, environment: str
) -> None:
    """Catches a role that is looser where it costs money, and a door that serves another environment's names."""
    host = network.host("sidecar")

    def hold() -> None:
        changes = (*ROOMY, ("role: W ", f"role: {role} "), ALLOWED)
        with Elsewhere(tmp_path, host, environment, *changes, mode=mode, scopes=SETTINGS[role, mode]) as world:
            _hold_names(world, environment)
            hold_to_table(world, role, mode)

    host.do(hold, seconds=TABLE_S)


def _hold_names(world: Elsewhere, environment: str) -> None:
    """Each name of the exchange's by the proxy door: this environment's alone are opened."""
    door = f"http://127.0.0.1:{world.proxy_port}"
    told = asyncio.run(try_all([(door, name, 443) for name in all_names()]))
    for (_, name, _), word in told.items():
        assert word == (REACHED if environment_of(name) == environment else "403 ENVIRONMENT_MISMATCH"), name


def test_the_one_that_is_left_never_starts(network: Network, tmp_path: Path) -> None:
    """The cell that the table above leaves out. Catches an ABH that trades with real money, whatever its policy says.
    Seen red without the policy's rule."""
    host = network.host("sidecar")

    def refused() -> None:
        role, mode, environment = NEVER
        with Elsewhere(tmp_path, host, environment, ALLOWED, mode="dry_run") as world:
            assert world.proxy.end() == 0
            for old, new in (("role: W ", f"role: {role} "), ("mode: dry_run", f"mode: {mode}")):
                world.change(old, new)
            assert "an ABH instance never trades live in production" in world.refused()

    host.do(refused, seconds=TABLE_S)
