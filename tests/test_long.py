"""A long run is red where a test has failed, and nowhere else: also when the time cuts a part off."""

import pytest
from tests.long import verdict

CUT_OFF = None
AT_ITS_START = """Traceback (most recent call last):
  File "<frozen site>", line 206, in addpackage
  File "<frozen importlib._bootstrap>", line 813, in module_from_spec
KeyboardInterrupt"""
A_FAILURE = """FAILED tests/x/test_a.py::test_fails - assert 0
!!!!!!!!!!!!!! KeyboardInterrupt !!!!!!!!!!!!!!!
"""


@pytest.mark.parametrize(
    ("code", "printed", "expected"),
    [
        (0, "3 passed in 1.00s", True),
        (5, "2 deselected in 1.00s", True),
        (1, "1 failed, 2 passed in 1.00s", False),
        (2, "!! stopping after 1 failures !!\n1 failed, 1 passed in 60.73s (0:01:00)", False),
        (4, "ERROR: file or directory not found: tests/x", False),
        (CUT_OFF, "", None),
        (CUT_OFF, AT_ITS_START, None),
        (CUT_OFF, "!!!! KeyboardInterrupt !!!!\n3 passed in 29.41s\n", None),
        (CUT_OFF, "no tests ran in 23.39s", None),
        (CUT_OFF, f"{A_FAILURE}1 failed, 3 passed in 29.41s\n", False),
        (CUT_OFF, f"{A_FAILURE}=== 2 passed, 1 error in 29.41s (0:00:29) ===\n", False),
        (CUT_OFF, "a world in which 1 failed in 3\n3 passed in 29.41s\n", None),
    ],
)
def test_the_verdict_of_a_part(code: int | None, printed: str, *, expected: bool | None) -> None:
    """Catches: a part that is red because the time was up while Python was about to start (it ends with 1 then), and
    one that had failed by then and counts as cut off (pytest ends with 2 for both)."""
    assert verdict(code, printed) is expected
