"""How our own stream does, for people."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class FeedState:
    """`opened_ms` and `proved_ms` are by the monotonic clock, None while there is no stream; `problem` says why there
    is none. `refused` are channels that the exchange did not open on the present stream, with its words."""

    opened_ms: int | None = None
    proved_ms: int | None = None
    problem: str = "not opened yet"
    openings: int = 0
    gaps: int = 0
    messages: int = 0
    refused: dict[tuple[str, ...], str] = field(default_factory=dict)

    def opened(self, now_ms: int) -> None:
        """Note that the stream stands."""
        self.opened_ms, self.proved_ms, self.problem, self.refused = now_ms, None, "", {}
        self.openings += 1

    def as_status(self, now_ms: int, books: int, drifts: int) -> dict[str, object]:
        """The same as plain JSON values, with how many books it keeps and how many were not as they should be."""
        return {
            "open_s": None if self.opened_ms is None else (now_ms - self.opened_ms) // 1_000,
            "age_ms": None if self.proved_ms is None else now_ms - self.proved_ms,
            "books": books,
            "openings": self.openings,
            "gaps": self.gaps,
            "drifts": drifts,
            "messages": self.messages,
            "problem": self.problem,
            "refused": {", ".join(channels): why for channels, why in self.refused.items()},
        }

    def ended(self, problem: str) -> None:
        """Note that there is none, and why."""
        self.opened_ms, self.proved_ms, self.problem = None, None, problem
