"""Characters that do not show: an editor and YAML may take them for different things (tabs, other line breaks).

Rule of this file: it only looks at the text; a file with hidden characters is not read any further.
"""

import unicodedata
from collections.abc import Iterator

from pretrade.yamltext.problems import Problem

_SHOWN = 20


def hidden(text: str) -> Iterator[Problem]:
    """Every character of the text that does not show, the first few only."""
    found = 0
    for number, line in enumerate(text.split("\n"), start=1):
        for column, char in enumerate(line.removesuffix("\r"), start=1):
            if char.isprintable():
                continue
            yield Problem(number, column, "", _message(char))
            found += 1
            if found == _SHOWN:
                return


def _message(char: str) -> str:
    if char == "\t":
        return "a tab; indent and align with spaces"
    if char == "\ufeff":
        return "a byte order mark; save the file as UTF-8 without one"
    return f"a character that does not show ({unicodedata.name(char, f'U+{ord(char):04X}')}); remove it"
