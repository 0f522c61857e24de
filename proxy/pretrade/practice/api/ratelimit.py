"""Token buckets: one to read and one to write on each shard, for each account (auth.md 7).

Rule of this file: exact integers (a token is a million parts, one for each microsecond); the clock is given.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pretrade.practice.core.errors import ExchangeError, Shape

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
"""Tokens per second to read and to write, lowest tier first."""
_RANKS = list(TIERS)
_READ = -1
"""The read bucket's place among the shards: reads are not counted by shard."""


@dataclass(slots=True)
class _Bucket:
    level: int
    at_us: int


@dataclass(slots=True)
class RateLimiter:
    """Refuses what goes over an account's budget. Writes may save up 3 s of budget, Basic and all reads 1 s.

    `tier` is what an account has without a tier of its own; a grant lifts an account for good.
    """

    tier: str
    _tiers: dict[str, str] = field(default_factory=dict)
    _grants: dict[str, str] = field(default_factory=dict)
    _buckets: dict[tuple[str, int], _Bucket] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _require_tier(self.tier)

    def set_tier(self, account: str, tier: str) -> None:
        """Give one account a tier of its own. Raises ValueError for a tier that does not exist."""
        _require_tier(tier)
        self._tiers[account] = tier

    def grant(self, account: str, tier: str) -> None:
        """Lift an account to a tier if it is lower. Raises ValueError for a tier that does not exist."""
        _require_tier(tier)
        self._grants[account] = max(tier, self._grants.get(account, tier), key=_RANKS.index)

    def granted(self, account: str) -> str | None:
        """The tier that an account was lifted to, None when it never was."""
        return self._grants.get(account)

    def tier_of(self, account: str) -> str:
        """The tier that counts for an account."""
        own = self._tiers.get(account, self.tier)
        return max(own, self._grants.get(account, own), key=_RANKS.index)

    def is_at_least(self, account: str, tier: str) -> bool:
        """Whether an account has this tier or a higher one."""
        return _RANKS.index(self.tier_of(account)) >= _RANKS.index(tier)

    def rate(self, account: str, *, write: bool) -> int:
        """Tokens per second."""
        return TIERS[self.tier_of(account)][1 if write else 0]

    def capacity(self, account: str, *, write: bool) -> int:
        """Tokens that can be saved up."""
        return self.rate(account, write=write) * (3 if write and self.tier_of(account) != "basic" else 1)

    def charge_read(self, account: str, cost: int, now_us: int) -> None:
        """Take the tokens of a read. Raises 429 in its own body."""
        self._charge([self._filled(account, _READ, now_us)], cost)

    def charge_write(self, account: str, cost: int, now_us: int, shards: Iterable[int] = (0,)) -> None:
        """Take the tokens of a write from the buckets of some shards: from all, or from none and raise 429."""
        self._charge([self._filled(account, shard, now_us) for shard in shards], cost)

    def _filled(self, account: str, shard: int, now_us: int) -> _Bucket:
        """A bucket with what has flowed in since it was last looked at."""
        write = shard != _READ
        full = self.capacity(account, write=write) * 1_000_000
        bucket = self._buckets.setdefault((account, shard), _Bucket(full, now_us))
        bucket.level = min(full, bucket.level + max(0, now_us - bucket.at_us) * self.rate(account, write=write))
        bucket.at_us = now_us
        return bucket

    def _charge(self, buckets: list[_Bucket], cost: int) -> None:
        if any(bucket.level < cost * 1_000_000 for bucket in buckets):
            raise ExchangeError(429, "too_many_requests", shape=Shape.TEXT)
        for bucket in buckets:
            bucket.level -= cost * 1_000_000


def _require_tier(tier: str) -> None:
    if tier not in TIERS:
        raise ValueError(f"the tier must be one of {', '.join(TIERS)}; was {tier!r}")
