"""Policies with halts, for tests of what stops trading by itself; everything else that is new stays waived."""

from collections.abc import Mapping

HALTS: Mapping[str, str] = {
    "rejections": "{count: 3, within: 60s, then: REDUCING}",
    "denials": "{count: 5, within: 60s, then: REDUCING}",
    "exchange_errors": "{count: 3, within: 60s, then: REDUCING}",
    "clock_skew": "{above: 2s, then: HALTED}",
    "breaks": "{kinds: [orphan, ghost], then: REDUCING}",
    "loss": "{then: REDUCING}",
    "repeat": "{then: REDUCING}",
}


def halting(*names: str, **rules: str) -> tuple[tuple[str, str], ...]:
    """The changes to a waived default policy that state these halts, as above or as said."""
    stated = {name: HALTS[name] for name in names} | rules
    waivers = (
        (f"  - {{limit: halts.{name}, reason: not what this is about, until: 2999-12-31}}\n", "") for name in stated
    )
    lines = "".join(f"  {name}: {rule}\n" for name, rule in stated.items())
    return (*waivers, ("\nnotify:\n", f"\nhalts:\n{lines}\nnotify:\n"))
