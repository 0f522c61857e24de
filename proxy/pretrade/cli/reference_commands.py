"""The generated pages about the program's own commands and the log's columns."""

from collections.abc import Mapping
from typing import Any

import click

from pretrade.journal.schema import Relation, describe

_WIDTH = 100

_COMMANDS_HEAD = """# Commands

Data goes to standard output, talk to standard error. Exit codes: 0 fine, 1 refused or invalid, 2 usage, 3 our bug.
"""

_AUDITING_HEAD = """# Auditing

The log is one append-only SQLite table, `events`, and views over it. Work on a copy, which the proxy does not notice:

```sh
pretrade log copy audit.db
sqlite3 audit.db "select utc, client, code, observed, limit_value from denials"
sqlite-utils audit.db "select utc, client, ticker, count, price, verdict, codes, outcome, fill_count from orders"
pretrade log show d-0123456789abcdef
```

## What is in it

- A decision is durable before the request that it approves is signed. Its row holds the request as it was judged, the
  facts that were looked at, every check with what it saw and what the limit was, and the hash of the policy; the
  policy's whole text is in the row that the hash leads to (`policies`).
- How an approved write ended is a later row: accepted, rejected by the exchange, not sent, unknown, or dry_run. An
  approved order without one may be live at the exchange: it is unknown once the run that sent it is over.
- Refusals before a decision (an unknown client, an endpoint that is closed) are rows with the step and the code. Of
  more than ten a second for one client and code the rest is one counted row; those requests share its decision id.
- Reads are recorded in batches, about once a second.
- A `delivery` row says that an order without an id of the client's was answered and nobody read it, and later that
  somebody did: until then the same order, sent again, gets that answer.
- The policy's text holds the id of the live key; no row holds the key, and a client's signature is in none (a decision
  has the SHA-256 of its key id and signature, so that a new run does not take the signature again).
- Every row has the hash of the one before it, from the first row on, so that an edited, missing or moved row is found.
  Cutting rows off the end, or putting an older copy in the file's place, cannot be seen from the file alone.

## Tables and views
"""


def commands_page(root: click.Group) -> str:
    """The text of docs/commands.md: the help of every command, as it prints it."""
    settings = {**root.context_settings, "max_content_width": _WIDTH, "terminal_width": _WIDTH}
    return _COMMANDS_HEAD + "".join(_help(root, ("pretrade",), settings))


def _help(command: click.Command, names: tuple[str, ...], settings: Mapping[str, Any]) -> list[str]:
    context = click.Context(command, info_name=" ".join(names), **settings)
    texts = [f"\n## {' '.join(names)}\n\n```text\n{command.get_help(context)}\n```\n"]
    if isinstance(command, click.Group):
        for name in sorted(command.list_commands(context)):
            below = command.get_command(context, name)
            if below is not None:
                texts += _help(below, (*names, name), settings)
    return texts


def auditing_page() -> str:
    """The text of docs/auditing.md: what the log is, and every column of it."""
    return _AUDITING_HEAD + "".join(_relation(relation) for relation in describe())


def _relation(relation: Relation) -> str:
    rows = "\n".join(f"| `{column.name}` | {_cell(column.comment)} |" for column in relation.columns)
    return f"\n### {relation.name}\n\n{relation.comment}\n\n| column | meaning |\n|---|---|\n{rows}\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
