"""The keys of `halts` and `notify`: what stops trading by itself, and who is told before a limit is reached.

Rule of this file: a stop is never undone by the program; only a person resumes.
"""

from typing import Annotated

from pydantic import Field

from pretrade.policy.check_fields import ArgumentField, BreakField, SkewField, StopField, Times, UsedField, WindowField
from pretrade.yamltext.forms import Section


class CountHalt(Section):
    """So many within a window."""

    count: Times = Field(description="So many within the window stop trading.", examples=["10"])
    within: WindowField = Field(description="The window.", examples=["60s"])
    then: StopField = Field(
        description="REDUCING lets only through what reduces, HALTED only exits.", examples=["REDUCING"]
    )


class SkewHalt(Section):
    """How far our clock may be from the exchange's."""

    above: SkewField = Field(description="Further than this stops trading.", examples=["2s"])
    then: StopField = Field(description="As in `halts.rejections.then`.", examples=["HALTED"])


class BreakHalt(Section):
    """Which differences stop trading."""

    kinds: Annotated[tuple[BreakField, ...], Field(min_length=1)] = Field(
        description="orphan is an order past us, ghost one of ours that the exchange does not know, terms one that is "
        "not as we sent it, position a position that is not what our fills make.",
        examples=["[orphan, ghost]"],
    )
    then: StopField = Field(description="As in `halts.rejections.then`.", examples=["REDUCING"])


class LimitHalt(Section):
    """What a limit that was reached does beside denying."""

    then: StopField = Field(description="As in `halts.rejections.then`.", examples=["REDUCING"])


class Halts(Section):
    """What stops trading by itself. A client's own causes stop that client, the account's all of them. Only a person
    resumes."""

    rejections: CountHalt | None = Field(
        default=None,
        description="Orders and amends that the exchange rejected stop the client, each of a batch by itself, cancels "
        "and decreases never: a bot that does not understand its answers.",
    )
    denials: CountHalt | None = Field(
        default=None,
        description="What we refused the client by its own doing stops it: a bot that hammers at a limit. What was "
        "refused because trading was stopped, or a figure of ours was missing or old, does not count.",
    )
    exchange_errors: CountHalt | None = Field(
        default=None,
        description="Writes that the exchange failed (5xx, or no answer in time), one after another with no good "
        "answer between, stop the account: its orders cannot be trusted to be where we think.",
    )
    clock_skew: SkewHalt | None = Field(
        default=None, description="A clock that is off stops the account: every age we reckon would be wrong."
    )
    breaks: BreakHalt | None = Field(
        default=None,
        description="A new difference between our record and the exchange's stops the account: somebody else may be "
        "trading with its key.",
    )
    loss: LimitHalt | None = Field(
        default=None,
        description="A day's loss at its limit stops whose limit it was, the client or the account. Without it, "
        "opening orders are still denied one by one.",
    )
    repeat: LimitHalt | None = Field(
        default=None,
        description="The same order sent too often (`limits.repeat.max_same_order`) stops the client. Without it, each "
        "further one is still denied.",
    )


class Notify(Section):
    """Who is told before a limit is reached. Every threshold is in the log once a window, whoever is told."""

    at: tuple[UsedField, ...] = Field(
        description="How much of a limit is used when it is told, rising.", examples=["[70, 80, 90]"]
    )
    command: tuple[ArgumentField, ...] = Field(
        description="The program that is run then, and its arguments; `[]` runs none. One that fails blocks nothing.",
        examples=['["/usr/local/bin/page", "desk"]'],
    )
