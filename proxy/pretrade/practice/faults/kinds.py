"""The kinds of faults, each in words, with whether the request takes effect.

Rule of this file: a table; help texts and docs are made from it. `spoil` says what a kind puts onto the wire.
"""

from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """What happens instead of the proper answer; KINDS tells each in words."""

    CLOSE_BEFORE_READ = "close_before_read"
    CLOSE_DURING_READ = "close_during_read"
    CLOSE_AFTER_READ = "close_after_read"
    RESET = "reset"
    CUT_ANSWER = "cut_answer"
    HOLD = "hold"
    LATE_EXECUTION = "late_execution"
    SLOW_BYTES = "slow_bytes"
    SLOW_HEADERS = "slow_headers"
    STATUS = "status"
    REDIRECT = "redirect"
    EMPTY_SUCCESS = "empty_success"
    NO_BODY = "no_body"
    TRUNCATED_JSON = "truncated_json"
    HTML = "html"
    NOT_JSON = "not_json"
    WRONG_TYPES = "wrong_types"
    DUPLICATE_KEYS = "duplicate_keys"
    OTHER_ORDER = "other_order"
    PARTIAL_BATCH = "partial_batch"
    WRONG_LENGTH = "wrong_length"
    CHUNKED = "chunked"
    GZIP = "gzip"
    STALE_READS = "stale_reads"
    LATE_FILLS = "late_fills"
    CLOCK_SKEW = "clock_skew"
    PAUSE_TRADING = "pause_trading"
    PAUSE_EXCHANGE = "pause_exchange"


class Executes(StrEnum):
    """Whether a request that meets the fault takes effect: what nobody on the other side can know."""

    NEVER = "never"
    ALWAYS = "always"
    AS_ASKED = "as asked"


@dataclass(frozen=True, slots=True)
class KindInfo:
    """A kind in words, and the options of a Fault that mean something to it."""

    executes: Executes
    meaning: str
    options: tuple[str, ...] = ()


_NEVER, _ALWAYS, _AS_ASKED = Executes.NEVER, Executes.ALWAYS, Executes.AS_ASKED

KINDS: dict[FaultKind, KindInfo] = {
    FaultKind.CLOSE_BEFORE_READ: KindInfo(_NEVER, "the connection is closed before the body is read"),
    FaultKind.CLOSE_DURING_READ: KindInfo(_NEVER, "the connection is closed after half of the body was read"),
    FaultKind.CLOSE_AFTER_READ: KindInfo(_AS_ASKED, "the connection is closed after reading, without an answer"),
    FaultKind.RESET: KindInfo(_AS_ASKED, "the connection is reset (TCP RST) after reading, without an answer"),
    FaultKind.CUT_ANSWER: KindInfo(_ALWAYS, "the connection is closed in the middle of the answer's body"),
    FaultKind.HOLD: KindInfo(_ALWAYS, "executed at once, answered `seconds` s later", ("seconds",)),
    FaultKind.LATE_EXECUTION: KindInfo(
        _ALWAYS, "executed and answered `seconds` s later, whoever has gone meanwhile", ("seconds",)
    ),
    FaultKind.SLOW_BYTES: KindInfo(_ALWAYS, "the answer's body comes at `rate` bytes a second", ("rate",)),
    FaultKind.SLOW_HEADERS: KindInfo(
        _ALWAYS, "the whole answer comes at `rate` bytes a second, from its first byte on", ("rate",)
    ),
    FaultKind.STATUS: KindInfo(_AS_ASKED, "the answer is an error of `status`", ("status",)),
    FaultKind.REDIRECT: KindInfo(_AS_ASKED, "the answer is a 307 to `location`", ("location",)),
    FaultKind.EMPTY_SUCCESS: KindInfo(_AS_ASKED, "the answer is a 201 with an empty object"),
    FaultKind.NO_BODY: KindInfo(_ALWAYS, "the proper status, and no body"),
    FaultKind.TRUNCATED_JSON: KindInfo(_ALWAYS, "half of the JSON, with a Content-Length that fits the half"),
    FaultKind.HTML: KindInfo(_ALWAYS, "the proper status with a page of HTML"),
    FaultKind.NOT_JSON: KindInfo(_ALWAYS, "the proper status and content type with a body that is not JSON"),
    FaultKind.WRONG_TYPES: KindInfo(
        _ALWAYS, "the proper JSON with each text made a number or a list, and each number a text"
    ),
    FaultKind.DUPLICATE_KEYS: KindInfo(
        _ALWAYS, "the proper JSON with each key twice, the second time with another value"
    ),
    FaultKind.OTHER_ORDER: KindInfo(_ALWAYS, "the proper answer with the ids of another order of the account"),
    FaultKind.PARTIAL_BATCH: KindInfo(
        _ALWAYS, "of a batch every entry whose number divides by `every` is refused, the others execute", ("every",)
    ),
    FaultKind.WRONG_LENGTH: KindInfo(
        _ALWAYS, "Content-Length says `off` bytes more than come (fewer below 0); the connection stays", ("off",)
    ),
    FaultKind.CHUNKED: KindInfo(_ALWAYS, "the proper answer with Transfer-Encoding: chunked, in small chunks"),
    FaultKind.GZIP: KindInfo(_ALWAYS, "the proper answer with Content-Encoding: gzip, asked for or not"),
    FaultKind.STALE_READS: KindInfo(
        _ALWAYS, "from this request on, for `lasting` s, reads are `seconds` s old", ("seconds", "lasting")
    ),
    FaultKind.LATE_FILLS: KindInfo(
        _ALWAYS,
        "from this request on, for `lasting` s, fills and what follows from them are `seconds` s old",
        ("seconds", "lasting"),
    ),
    FaultKind.CLOCK_SKEW: KindInfo(
        _ALWAYS, "from this request on, for `lasting` s, the exchange's clock is `skew` s ahead", ("skew", "lasting")
    ),
    FaultKind.PAUSE_TRADING: KindInfo(
        _ALWAYS, "trading pauses just before this request, for `lasting` s", ("lasting",)
    ),
    FaultKind.PAUSE_EXCHANGE: KindInfo(
        _ALWAYS, "the whole exchange pauses just before this request, for `lasting` s", ("lasting",)
    ),
}
"""All kinds. Those from `stale_reads` on begin a condition, under which the request is then answered properly."""
