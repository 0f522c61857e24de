"""A waiver that has ended, at the real process: nothing new is sent, and whoever must get out can start and get out."""

from tests.e2e.clients import ORDERS
from tests.e2e.harness import World, order
from tests.e2e.programs import pretrade

ENDED = "2026-01-31"


def test_a_start_after_a_waiver_has_ended_denies_orders_and_lets_exits_pass(tmp_path):
    """Catches a restart at night that leaves nobody to cancel, and one that trades on without the limit."""
    with World(tmp_path) as world:
        resting = world.raw().send("POST", ORDERS, order()).body["order_id"]
        assert world.proxy.end() == 0
        world.policy.write_text(world.policy.read_text().replace("until: 2999-12-31", f"until: {ENDED}", 1))
        checked = pretrade("check", str(world.policy))
        assert (checked.returncode, f"{ENDED} is past" in checked.stderr) == (1, True), checked.stderr
        world.start_proxy()
        assert "orders are denied (LIMIT_WAIVER_EXPIRED), exits pass: unlimited_on_purpose[0].until" in world.starts[-1]
        assert world.raw().send("POST", ORDERS, order()).code == "LIMIT_WAIVER_EXPIRED"
        assert world.raw().send("DELETE", f"{ORDERS}/{resting}").status == 200
