"""Hardening, in a process of its own: it cannot be undone in this one."""

import subprocess
import sys

SCRIPT = """
import ctypes, os, resource
from pretrade.gateway.machine.hardening import harden_process
harden_process()
print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), oct(os.umask(0)))
"""


def test_no_core_not_dumpable_and_closed_new_files():
    """Catches a step that is left out: 3 is PR_GET_DUMPABLE, and 0 is what it must answer."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60)
    expected = "(0, 0) 0 0o77" if sys.platform == "linux" else "(0, 0)"
    assert done.stdout.strip().startswith(expected), done.stderr
