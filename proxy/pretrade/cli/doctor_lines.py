"""What `pretrade doctor` says: one line a check, with what was seen and, where something is wrong, what to do."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What a check came to. Only FOUND makes the command end with 1."""

    FINE = "ok"
    NOTE = "note"
    FOUND = "FOUND"


@dataclass(frozen=True, slots=True)
class Line:
    """One check: what was looked at, what was seen, and what to do about it."""

    verdict: Verdict
    what: str
    seen: str
    to_do: str = ""

    def __str__(self) -> str:
        text = f"{self.verdict:<6} {self.what:<20} {self.seen}"
        return f"{text}\n{'':<28}-> {self.to_do}" if self.to_do else text


def fine(what: str, seen: str) -> Line:
    """All is as it should be."""
    return Line(Verdict.FINE, what, seen)


def note(what: str, seen: str, to_do: str = "") -> Line:
    """Worth knowing, or not to be seen from here."""
    return Line(Verdict.NOTE, what, seen, to_do)


def found(what: str, seen: str, to_do: str) -> Line:
    """Something that keeps traffic from going through the proxy, or orders from passing it."""
    return Line(Verdict.FOUND, what, seen, to_do)
