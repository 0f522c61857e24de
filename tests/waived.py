"""A policy's text without some of its limits: what a test is not about must not be in its way.

Rule of this file: the lines of a limit go and its name stands in `unlimited_on_purpose`, as an operator would do it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

NEW_CHECKS = (
    "limits.day.max_loss",
    "limits.market.no_open_before_close",
    "limits.throttle",
    "limits.repeat",
    "price.collar",
    "price.walk",
    "liquidity.max_slippage",
    "liquidity.max_slippage_percent",
    "liquidity.min_depth",
    "liquidity.max_share_of_depth",
    "liquidity.min_grade",
    "confirm.above_risk",
    "halts.rejections",
    "halts.denials",
    "halts.exchange_errors",
    "halts.clock_skew",
    "halts.breaks",
    "halts.loss",
    "halts.repeat",
)
"""Every limit on anything but what one order may be and what adds up."""

_NONE = "unlimited_on_purpose: []\n"


def waive(text: str, limits: Sequence[str] = NEW_CHECKS) -> str:
    """The text of a policy that waives nothing, with these limits waived. Raises ValueError where it states one not."""
    if _NONE not in text:
        raise ValueError("the policy waives something already")
    lines = [_Line(line, name) for line, name in _named(text)]
    if unstated := set(limits) - {line.name for line in lines}:
        raise ValueError(f"the policy does not state {', '.join(sorted(unstated))}")
    kept = [line for line in lines if not any(f"{line.name}.".startswith(f"{limit}.") for limit in limits)]
    # A group of which nothing is left would have no value.
    full = {line.name.rpartition(".")[0] for line in kept if line.states}
    text = "".join(line.text for line in kept if not line.states or line.has_value or line.name in full)
    named = (f"  - {{limit: {limit}, reason: not what this is about, until: 2999-12-31}}\n" for limit in limits)
    return text.replace(_NONE, "unlimited_on_purpose:\n" + "".join(named))


@dataclass(frozen=True)
class _Line:
    """A line and the key that it states or, for a comment, is about: the one above it."""

    text: str
    name: str

    @property
    def states(self) -> bool:
        """Whether it is no comment and not empty."""
        return bool(self.text.strip()) and not self.text.lstrip().startswith("#")

    @property
    def has_value(self) -> bool:
        """Whether it is more than the head of a group or of a list."""
        value = self.text.partition(":")[2].strip()
        return self.states and bool(value) and not value.startswith("#")


def _named(text: str) -> Iterator[tuple[str, str]]:
    groups = [(-1, "")]
    for line in text.splitlines(keepends=True):
        bare, depth = line.strip(), len(line) - len(line.lstrip())
        if bare and not bare.startswith("#"):
            while groups[-1][0] >= depth:
                groups.pop()
            groups.append((depth, f"{groups[-1][1]}.{bare.partition(':')[0]}".removeprefix(".")))
        yield line, groups[-1][1]
