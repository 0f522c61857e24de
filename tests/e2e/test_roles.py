"""The truth table on practice: role x mode x every endpoint of the catalogue, at the real process, no cell left open.

`tests/network/test_roles_elsewhere.py` has demo and production.
"""

import pytest
from tests.e2e.harness import World
from tests.e2e.truth_table import BELOW, CELLS, CLOSED, HANDSHAKE, READ, REMOVED, catalogue, expected, hold_to_table
from tests.roomy import ROOMY

from pretrade.cli import init

SETTINGS = {
    ("W", "live"): init.LIVE_SCOPES,
    ("W", "dry_run"): init.LIVE_SCOPES,
    ("R", "live"): ("read",),
    ("R", "dry_run"): ("read",),
    ("ABH", "live"): init.LIVE_SCOPES,
    ("ABH", "dry_run"): ("read",),
}


@pytest.mark.parametrize(("role", "mode"), SETTINGS)
def test_every_endpoint_for_this_role_and_mode(role: str, mode: str, tmp_path) -> None:
    """Catches: a write that a role lets through by an endpoint nobody thought of, an endpoint without a verdict, and a
    dry run that sends anything. Seen red with ABH's dry run taken for a live one."""
    with World(tmp_path, *ROOMY, ("role: W ", f"role: {role} "), mode=mode, scopes=SETTINGS[role, mode]) as world:
        hold_to_table(world, role, mode)


def test_every_endpoint_has_a_cell_and_every_cell_an_endpoint() -> None:
    """Catches a class of endpoints that comes into the catalogue and that nobody has said anything about."""
    assert {(row["family"], row["class"]) for row in catalogue()} == set(CELLS)
    for role in ("W", "R", "ABH"):
        assert {READ, CLOSED, BELOW, REMOVED, HANDSHAKE} < {expected(row, role) for row in catalogue()}
