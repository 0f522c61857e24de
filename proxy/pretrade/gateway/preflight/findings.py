"""What the preflight found: one finding a check, and what they come to.

Rule of this file: values only. A check that nobody answered proves nothing: it keeps an instance from starting, and
says nothing new about one that runs.
"""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """`refused` and `unanswered` keep an instance from starting."""

    OK = "ok"
    WARNING = "warning"
    UNANSWERED = "unanswered"
    REFUSED = "refused"


_OBSTACLES = frozenset({Level.REFUSED, Level.UNANSWERED})


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was seen, and what to do about it where anything is wrong. `key` is the live key that it is
    about, by its place in the policy; empty where there is but one, and where it is about none."""

    check: str
    level: Level
    seen: str
    advice: str = ""
    key: str = ""

    @property
    def subject(self) -> str:
        """What was checked, and of which key."""
        return f"{self.check} of {self.key}" if self.key else self.check

    def __str__(self) -> str:
        return f"{self.subject}: {self.seen}{f'. {self.advice}' if self.advice else ''}"

    def as_row(self) -> dict[str, str]:
        """As it is recorded and shown."""
        row = {"check": self.check, "level": str(self.level), "seen": self.seen, "advice": self.advice}
        return row | ({"key": self.key} if self.key else {})


@dataclass(frozen=True, slots=True)
class Report:
    """All findings of one preflight, in the order of the checks."""

    findings: tuple[Finding, ...]

    @property
    def obstacles(self) -> tuple[Finding, ...]:
        """What keeps the instance from starting, in every role and mode: what is wrong, and what nobody answered."""
        return tuple(finding for finding in self.findings if finding.level in _OBSTACLES)

    @property
    def verdict(self) -> str:
        """One word for all of it: refused, warned or passed."""
        if self.obstacles:
            return "refused"
        return "passed" if all(finding.level is Level.OK for finding in self.findings) else "warned"

    @property
    def levels(self) -> dict[str, Level]:
        """What each check came to."""
        return {finding.subject: finding.level for finding in self.findings}

    def keeping(self, before: "Report") -> "Report":
        """This report, with what was found before for every check that has no answer now."""
        found = {finding.subject: finding for finding in before.findings}
        found |= {
            finding.subject: finding
            for finding in self.findings
            if finding.level is not Level.UNANSWERED or finding.subject not in found
        }
        return Report(tuple(found.values()))

    def newly_refused(self, before: "Report") -> tuple[Finding, ...]:
        """What is refused now and was not before."""
        known = {finding.subject for finding in before.findings if finding.level is Level.REFUSED}
        now = (finding for finding in self.findings if finding.level is Level.REFUSED)
        return tuple(finding for finding in now if finding.subject not in known)

    def as_rows(self) -> list[dict[str, str]]:
        """As it is recorded and shown."""
        return [finding.as_row() for finding in self.findings]


@dataclass(slots=True)
class Preflighted:
    """The newest report of a running instance; None until there is one."""

    report: Report | None = None

    def as_status(self) -> dict[str, object]:
        """What `pretrade status` shows: the verdict, and every finding that is not good."""
        if self.report is None:
            return {"verdict": "none yet", "findings": []}
        bad = [finding.as_row() for finding in self.report.findings if finding.level is not Level.OK]
        return {"verdict": self.report.verdict, "findings": bad}
