"""The example hook understands every notice that there is, and runs by itself."""

import runpy
import sys
import syslog
import time
from pathlib import Path
from typing import Any

import pytest

from pretrade.gateway.machine.hook import Hook

SCRIPT = Path(__file__).parents[2] / "deploy" / "notify" / "to_syslog.py"
COMMON: dict[str, Any] = {"instance": {"role": "W", "environment": "practice", "mode": "live"}, "utc": "z", "untold": 0}
STOP = COMMON | {
    "notice": "trading_state", "client": "bot", "state": "REDUCING", "previous": "ACTIVE", "cause": "rejections",
    "actor": "", "by": "", "reason": "10 orders rejected",
}  # fmt: skip
BREAK = COMMON | {"notice": "break", "kind": "orphan", "subject": "x-1", "detail": "an order\npast us \u00e9"}
LIMIT = COMMON | {
    "notice": "threshold", "rule": "limits.day.max_orders", "client": "", "of": "", "level": 80, "levels": [80],
    "percent": 84, "used": "21", "limit": "25", "day": "2026-11-21", "untold": 3,
}  # fmt: skip


@pytest.mark.parametrize(
    ("notice", "urgent", "told"),
    [
        (STOP, syslog.LOG_CRIT, "bot REDUCING (rejections: 10 orders rejected)"),
        (
            STOP | {"client": "", "state": "HALTED"},
            syslog.LOG_CRIT,
            "all trading HALTED (rejections: 10 orders rejected)",
        ),
        (STOP | {"state": "ACTIVE"}, syslog.LOG_NOTICE, "bot ACTIVE (rejections: 10 orders rejected)"),
        (BREAK, syslog.LOG_ALERT, r"orphan x-1: an order past us \xe9"),
        (
            LIMIT,
            syslog.LOG_WARNING,
            "limits.day.max_orders 84 % used, 21 of 25 [3 notices before this one were dropped]",
        ),
    ],
)
def test_each_notice_is_one_line(notice: dict[str, Any], urgent: int, told: str) -> None:
    line_of = runpy.run_path(str(SCRIPT))["line_of"]
    assert line_of(notice) == (urgent, f"pretrade W live on practice: {told}")


def test_it_runs_as_a_hook() -> None:
    """Catches an example that needs more than a hook is given."""
    hook = Hook((sys.executable, str(SCRIPT)), every_s=0)
    for notice in (STOP, BREAK, LIMIT):
        hook.tell(notice)
    ends = time.monotonic() + 20
    while hook.runs < 3 and time.monotonic() < ends:
        time.sleep(0.01)
    hook.close()
    assert hook.as_status() == {"runs": 3, "failed": 0, "dropped": 0, "problem": ""}
