"""The page of docs/ with the practice exchange's tables: faults, and what it leaves out.

Rule of this file: every row comes from the code; only what holds for the page as a whole is said here.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import MISSING, fields

from pretrade.practice.api.left_out import LEFT_OUT
from pretrade.practice.faults.kinds import KINDS
from pretrade.practice.faults.plan import MEANINGS, Fault
from pretrade.practice.stream.faults import STREAM_KINDS

type Rows = Iterable[list[str]]
type Table = Callable[[list[str], Rows], str]

_HEAD = """# The practice exchange: tables

What the practice exchange can be told to do wrong, and what it lacks. The rest is in [practice.md](practice.md).

## Faults of requests

`pretrade practice fault KIND` lets the next request that fits fail; `POST /practice/control/faults` does the same with
the fields below as JSON, and a world file has them under `faults`. One request meets one fault, the oldest that fits.
"""
_OPTIONS = """
Every fault takes these fields; where one means nothing to a kind, giving it is refused.
"""
_STREAM = """
## Faults of the WebSocket

`pretrade practice stream-fault KIND` lets the next message of a channel go wrong. Answers to commands never do.
"""
_LEFT_OUT = """
## Left out

These operations of the exchange answer like unknown ones, 404 `not_found`.
"""


def practice_page(table: Table) -> str:
    """The text of docs/practice-reference.md."""
    kinds = (
        [f"`{kind}`", str(info.executes), info.meaning, ", ".join(f"`{name}`" for name in info.options)]
        for kind, info in KINDS.items()
    )
    options = ([f"`{f.name}`", _unless_given(f.default), MEANINGS[f.name]] for f in fields(Fault))
    streams = ([f"`{kind}`", meaning] for kind, meaning in STREAM_KINDS.items())
    left_out = ([f"`{one.method} {one.path}`", one.reason] for one in LEFT_OUT)
    return "\n".join(
        [
            _HEAD,
            table(["kind", "takes effect", "what happens", "options"], kinds),
            _OPTIONS,
            table(["field", "unless it is given", "meaning"], options),
            _STREAM,
            table(["kind", "what happens"], streams),
            _LEFT_OUT,
            table(["operation", "why"], left_out),
            "",
        ]
    )


def _unless_given(default: object) -> str:
    return "" if default is MISSING else f"`{json.dumps(default)}`"
