"""The page of docs/ about world files, which the program writes itself.

Rule of this file: keys, rules and actions come from the code; only what holds for the page as a whole is said here.
"""

from collections.abc import Callable, Iterable

from pretrade.practice.api.extras import EXTRAS
from pretrade.practice.play.actions import FORMS
from pretrade.practice.worldfile import world_keys
from pretrade.practice.worlds.rules import RULES
from pretrade.yamltext.describe import KeyInfo

type Rows = Iterable[list[str]]

_HEAD = """# World files

`pretrade practice --world FILE` runs a practice exchange with the markets, accounts, makers and happenings of a file.
Without a file it runs `default.yaml` of `pretrade/practice/worlds`; beside it, in `examples`, are a quiet world without
a maker (`quiet.yaml`), a wild one with a script (`wild.yaml`) and one with shards and bound keys (`sharded.yaml`).

- A file is taken whole or refused; every problem is told at once, with line, column and the nearest right name.
- A value is the text that was written: `no` is not false. Prices and money carry their unit (`$0.45`), counts do not.
- Moments are absolute (`2026-12-31T17:00:00Z`) or count from the first start (`+2d`, `-1d`, `30s`).
- Same file, same seed, same requests at the same moments: the same exchange, ids included.
- Paths start from the folder of the file.

## Keys
"""
_SCRIPT = """
## Actions of a script

What `do` may be: the actions of `pretrade practice ACTION`, with the same arguments; `fault` and `stream_fault`, with
the keys of an entry of `faults` and `stream_faults`; and `clear_faults`. A step that cannot be done when its time has
come is noted, and the others go on.
"""
_EXTRAS = """
## Extras

The file that `extras` names is one JSON object with some of these lists. Their objects are served as they are, so each
needs the fields that clients rely on.
"""


def worlds_page(keys_table: Callable[[Iterable[KeyInfo]], str], table: Callable[[list[str], Rows], str]) -> str:
    """The text of docs/worlds.md: every key, rule, action and extra of a world file."""
    rules = "\n".join(f"- {rule.__doc__}" for rule in RULES)
    actions = ([f"`{name}`", _names(form.model_fields), _said(form.__doc__)] for name, form in FORMS.items())
    extras = ([f"`{name}`", _names(one.required), one.meaning] for name, one in EXTRAS.items())
    return "\n".join(
        [
            _HEAD,
            keys_table(world_keys()),
            f"\n## Rules between keys\n\n{rules}",
            _SCRIPT,
            table(["action", "arguments", "what it does"], actions),
            _EXTRAS,
            table(["list", "fields of each object", "what it is"], extras),
            "",
        ]
    )


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _said(text: str | None) -> str:
    return " ".join((text or "").split())
