"""What the process that holds the live key does to itself first: no core dump, no debugger, no loose new files,
room for a crowd, and memory given back."""

import ctypes
import gc
import os
import resource
import sys

_PR_SET_DUMPABLE = 4
_M_MMAP_THRESHOLD = -3
_LARGE_BLOCK = 256 * 1024
"""Memory in blocks of this size goes back to the system when it is free. The C library raises the size by itself up to
32 MB, after which sixty large answers leave 600 MB behind for good."""
_OWNER_ONLY = 0o077
_MOST_FILES = 4096
"""Open files: far more than the connections that `stalls` keeps, so that a crowd never takes the exchange's own."""


def harden_process() -> None:
    """Switch core dumps off, keep other processes of the same user out of memory and environment, mask new files 0600,
    and take as many open files as a crowd of connections needs, where the system allows it.

    The middle one is Linux's own (threats 42); elsewhere it is left out. Raises OSError where the system refuses.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < _MOST_FILES:
        most = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    os.umask(_OWNER_ONLY)
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "mallopt"):  # glibc's own
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK)
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"prctl(PR_SET_DUMPABLE, 0) failed: {os.strerror(error)}")


def settle_memory() -> None:
    """Take what a start has made out of the garbage collector's sight, for good; it stays in use to the end.

    Rings of objects that connections leave behind wait for a whole round of the collector, which comes once they are a
    quarter of all that it looks at, and stands the program still meanwhile: 300 ms for what a start has made.
    """
    gc.collect()
    gc.freeze()
