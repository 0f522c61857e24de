"""Token buckets: one to read and one to write for each account (auth.md 7).

Rule of this file: exact integers (a token is a million parts, one for each microsecond); the clock is given.
"""

from dataclasses import dataclass, field

from pretrade.practice.errors import ExchangeError, Shape

DEFAULT_COST = 10
TIERS = {
    "basic": (200, 100),
    "advanced": (300, 300),
    "expert": (600, 600),
    "premier": (1_200, 1_200),
    "paragon": (2_400, 2_400),
    "prime": (4_800, 4_800),
    "prestige": (12_000, 9_600),
}
"""Tokens per second to read and to write."""


@dataclass(slots=True)
class _Bucket:
    level: int
    at_us: int


@dataclass(slots=True)
class RateLimiter:
    """Refuses what goes over an account's budget. Writes may save up 3 s of budget, Basic and all reads 1 s."""

    tier: str
    _buckets: dict[tuple[str, bool], _Bucket] = field(default_factory=dict)

    def rate(self, *, write: bool) -> int:
        """Tokens per second."""
        return TIERS[self.tier][1 if write else 0]

    def capacity(self, *, write: bool) -> int:
        """Tokens that can be saved up."""
        return self.rate(write=write) * (3 if write and self.tier != "basic" else 1)

    def charge(self, account: str, cost: int, now_us: int, *, write: bool) -> None:
        """Take tokens, all or none. Raises 429 in its own body."""
        full = self.capacity(write=write) * 1_000_000
        bucket = self._buckets.setdefault((account, write), _Bucket(full, now_us))
        bucket.level = min(full, bucket.level + (now_us - bucket.at_us) * self.rate(write=write))
        bucket.at_us = now_us
        if bucket.level < cost * 1_000_000:
            raise ExchangeError(429, "too_many_requests", shape=Shape.TEXT)
        bucket.level -= cost * 1_000_000
