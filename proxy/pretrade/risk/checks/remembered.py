"""Reports that are asked for again and again: made once, and found again by the figures that they tell of.

Rule of this file: what is remembered is a function of its arguments alone, and those are plain figures, words and keys:
the same report for the same figures on every machine. An order has dozens of reports and most of them say what the last
order's said; to find one takes a fifth of the time of spelling it.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import cast

REMEMBERED = 2_048
"""Answers that each function keeps, the last ones asked for, some 0.6 KB each: clients send what they like, and the
memory must end."""


def remembered[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Keep a function's last answers. Its arguments must be hashable, and say all that the answer depends on."""
    return cast("Callable[P, R]", lru_cache(REMEMBERED)(function))
