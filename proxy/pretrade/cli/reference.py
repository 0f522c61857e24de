"""The pages of docs/ that are written by the program itself: policy and world keys, denial codes, commands, the log.

Rule of this file: every fact comes from the code; only what holds for the page as a
whole is said here. `make docs` writes the pages, `make check` fails where they are behind.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from pretrade.cli.main import cli
from pretrade.cli.reference_commands import auditing_page, commands_page
from pretrade.cli.reference_practice import practice_page
from pretrade.cli.reference_worlds import worlds_page
from pretrade.model.codes import CODES, Step
from pretrade.policy.describe import keys
from pretrade.policy.rules import RULES
from pretrade.policy.waivers import LIMITS
from pretrade.yamltext.describe import KeyInfo

_GENERATED = "<!-- Written by `make docs`; do not edit. -->"

_POLICY_HEAD = """# The policy file

`policy.yaml` says what one proxy is, who may come in, what may be traded and how much. `pretrade check policy.yaml`
judges a file and changes nothing. A running proxy keeps the policy that it started with.

## How a file is read

- A file is taken whole or refused; every problem is told at once, with line, column and the nearest right name.
- Nothing has a default. A missing key is an error unless it is marked optional here; so are a key that is not here and
  a key that is set twice. A key marked `or waived` may be left out where `unlimited_on_purpose` names it, with a reason
  and a last day.
- A value is the text that was written, with or without quotes: `no` is not false and `010` is not 8. Money and prices
  carry their unit (`"$200"`), numbers of contracts are plain (`"100"`); all are exact, and none may be negative.
- Not taken: anchors, aliases, merge keys, tags, directives, several documents, values over several lines, tabs and
  characters that do not show, text that is not UTF-8, more than 256 KB.
- The last line is `end: policy`. A file without it was cut short and is refused.
- Paths start from the folder of the file.

## Keys
"""

_POLICY_RULES = """
## Rules between keys

They are judged once every key by itself can be read.
"""

_POLICY_MARKETS = """
## Which limit holds for an order

Three places may limit an order: the policy as a whole, its client's own keys, and the entry of `markets` that decides.
The entries are read from the top; the first one decides of which everything that it states of `match`, `event` and
`series` fits the market, letter by letter. `*` fits any run of characters, also none. A market whose event and series
are not known yet is not allowed where an entry above might decide by them. A client and an entry only tighten.

- What one order must keep by itself (`limits.order`, `limits.repeat`, `limits.market.no_open_before_close`, `price`,
  `liquidity`, `require`, `confirm`): key by key, the tightest that is stated anywhere holds.
- Throttles: every bucket holds by itself, all clients' together, the client's own, and the one market's. Where a client
  or an entry states a rate or a burst alone, its bucket has the other one of `limits.throttle`.
- What adds up (all other limits): every limit holds the figure that it is about, and all of them hold at once.
  - `limits` hold the whole account's figure, all clients and subaccounts together.
  - A client's limits hold its own: its subaccount's position and exposure, its own orders, its own day. Clients that
    share a subaccount share its position and exposure.
  - An entry's limits hold the whole account's figure in each market that the entry decides for, each by itself.
- An order is denied where it would raise a figure past a limit. Where a figure is past one already (by a tightened
  policy, or by trades that went past the proxy), only what does not raise it passes.

A limit that is left out for all on purpose still holds whoever states it. A denial names the key that set the limit, as
in `clients.momentum-bot.limits.market.max_position` or `markets[1].limits.order.max_count`.
"""

_REASONS_HEAD = """# Reasons

Every request that pretrade itself refuses is answered with one of these codes and is in the log with it. An order with
several faults is told all of them. Rejections by the exchange have the exchange's own codes and are passed on as they
came. The steps are in the order in which a request takes them. A rule that the policy only observes (`observe`) has its
code in the log as well, and refuses nothing.

`retryable` says whether the very same request may pass later though nobody does anything: sends another, edits the
policy, resumes, confirms or cancels. An answer with several reasons is retryable where all of them are. An answer may
say no where the table says yes: an order that is larger than a whole day's limit or than a throttle's burst never
passes, and a market that has closed does not open again. `DUPLICATE_IN_FLIGHT` says no: once the first order's answer
is known, the same one would trade a second time. `retry_at` (UTC, RFC 3339) stands beside it where every reason has an
end that is known: the next day of the policy's time zone, a throttle with room again, the end of a window. A stream
says the same in its own form: `retryable` and `retry_at` in the `msg` of an `error` frame, and at the end of the words
of a close frame, as in `pretrade: the exchange is gone; retryable=true`.
"""


def policy_reference() -> str:
    """The text of docs/policy.md: every key of the schema and every rule between keys."""
    rules = "\n".join(f"- {rule.__doc__}" for rule in RULES)
    return f"{_GENERATED}\n{_POLICY_HEAD}\n{_keys_table(keys())}\n{_POLICY_RULES}\n{rules}\n{_POLICY_MARKETS}"


def reasons_reference() -> str:
    """The text of docs/reasons.md: every code with its HTTP status, what it means and what to do."""
    return f"{_GENERATED}\n{_REASONS_HEAD}\n" + "\n".join(_step_table(step) for step in Step)


def pages(root: Path) -> dict[Path, str]:
    """Every generated page of a checkout and the text that it should have."""
    return {
        root / "docs/policy.md": policy_reference(),
        root / "docs/reasons.md": reasons_reference(),
        root / "docs/commands.md": f"{_GENERATED}\n{commands_page(cli)}",
        root / "docs/practice-reference.md": f"{_GENERATED}\n{practice_page(_table)}",
        root / "docs/worlds.md": f"{_GENERATED}\n{worlds_page(_keys_table, _table)}",
        root / "docs/auditing.md": f"{_GENERATED}\n{auditing_page()}",
    }


def write(root: Path) -> None:
    """Bring every generated page of a checkout in step."""
    for path, text in pages(root).items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def stale(root: Path) -> list[Path]:
    """The generated pages of a checkout that are missing or behind."""
    return [
        path for path, text in pages(root).items() if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]


def _keys_table(infos: Iterable[KeyInfo]) -> str:
    head = ["key", "must be there", "how it is written", "unit", "example", "meaning"]
    return _table(head, (_key_row(info) for info in infos))


def _key_row(info: KeyInfo) -> list[str]:
    required = "yes" if info.required else "or waived" if str(info) in LIMITS else "optional"
    meaning = " ".join(info.meaning.split())
    if info.form is None:
        return [f"**`{info}`**", required, info.shape, "", "", meaning]
    written = f"{info.form.form} ({info.form.source})" if info.form.source else info.form.form
    return [f"`{info}`", required, written, info.form.unit, f"`{info.example}`" if info.example else "", meaning]


def _step_table(step: Step) -> str:
    rows = (
        [f"`{code}`", str(info.status), "yes" if info.is_retryable else "no", info.meaning, info.hint]
        for code, info in CODES.items()
        if info.step is step
    )
    return f"## {step}\n\n{_table(['code', 'HTTP status', 'retryable', 'what it means', 'what to do'], rows)}\n"


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    return "\n".join(_lines(head, rows))


def _lines(head: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    yield _row(head)
    yield _row(["---"] * len(head))
    yield from (_row(row) for row in rows)


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '\\|') for cell in cells)} |"


def main(arguments: list[str]) -> int:
    """Write the pages into the folder named, or with --check first only say which are behind; returns the exit code."""
    check = arguments[:1] == ["--check"]
    root = Path(arguments[-1] if arguments[check:] else ".")
    if not check:
        write(root)
        return 0
    behind = stale(root)
    for path in behind:
        print(f"{path} is behind the code: run make docs", file=sys.stderr)
    return 1 if behind else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
