"""The page about the practice exchange: its code runs as it is printed."""

import contextlib
import io
import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "practice.md"


def test_the_pages_code_runs_as_printed() -> None:
    """Catches a snippet that a change of names has left behind."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    bot, inside = blocks
    compile(bot, "the page's bot", "exec")  # it needs an exchange that runs; tests/practice/sdkkit.py does the same
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(inside, {})  # noqa: S102 - the page's own code
    assert said.getvalue().startswith("200 KXBTC-26DEC31-T100000 ")
