"""`pretrade status --check`: when monitoring is told that all is well."""

from typing import Any

import pytest

from pretrade.cli.status import unfit

MAX_AGE_MS = 120_000
RECORD: dict[str, Any] = {"age_s": 3, "breaks": [], "problem": ""}
WELL: dict[str, Any] = {
    "trading_state": "ACTIVE", "stopped_by": {}, "stopped_since": {},
    "journal": "ok", "disk": "ok", "reconciliation": RECORD
}  # fmt: skip

ILL = {
    "halted": (
        {"trading_state": "HALTED", "stopped_by": {"": "operator: tea"}},
        "trading state HALTED (operator: tea)",
    ),
    "no journal": ({"journal": "disk I/O error"}, "the journal is not written: disk I/O error"),
    "a full disk": ({"disk": "no room"}, "disk: no room"),
    "no record yet": ({"reconciliation": RECORD | {"age_s": None}}, "not reconciled: not yet: orders wait"),
    "an old record": ({"reconciliation": RECORD | {"age_s": 121, "problem": "503"}}, "not reconciled: 121 s ago"),
}
FIT = {
    "well": {},
    "a record as old as it may be": {"reconciliation": RECORD | {"age_s": 120}},
    "a dry run, which reads none": {"reconciliation": None},
    "reducing": {"trading_state": "REDUCING"},
}


@pytest.mark.parametrize("case", ILL)
def test_it_says_why_no_order_can_pass(case: str) -> None:
    """Catches a monitor that is told that all is well while every order is denied."""
    changes, says = ILL[case]
    assert unfit(WELL | changes, MAX_AGE_MS).startswith(says)


@pytest.mark.parametrize("case", FIT)
def test_what_trades_is_fit(case: str) -> None:
    """Catches an alarm for what trades as it should."""
    assert unfit(WELL | FIT[case], MAX_AGE_MS) == ""
