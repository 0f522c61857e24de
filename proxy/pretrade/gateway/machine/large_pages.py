"""Memory in pages of 2 MB instead of 4 KB, where Linux has such.

An order goes once through code and data in thousands of places, and a processor that serves a virtual machine looks
long for where each small page is: some 8 % of all that a write takes (bench/README.md).
"""

import ctypes
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

LARGE_PAGE = 2 * 1024 * 1024
_SMALL_PAGE = 4096
_MADV_COLLAPSE = 25
_MOSTLY = 9 * LARGE_PAGE // _SMALL_PAGE // 10
"""Small pages that must be in use already: a thread's stack of 8 MB that is used by its end alone stays as it is."""
_SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")
_MAPS = Path("/proc/self/maps")
_FIELDS_WITHOUT_NAME = 5


def use_large_pages() -> None:
    """Move what this process has in memory by now into large pages, as far as the system can and may.

    Nothing depends on it: another system, one that has switched it off, a kernel before 6.1 or no memory in one piece
    leave things as they are. The process stands still meanwhile, for a millisecond or two a page.
    """
    if sys.platform != "linux" or not is_allowed():
        return
    libc = ctypes.CDLL(None)
    try:
        maps = _MAPS.read_text(encoding="utf-8", errors="replace")
        for start, size in joined(start for start in candidates(maps) if _is_used(libc, start)):
            libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(size), _MADV_COLLAPSE)
    except (OSError, AttributeError):  # no /proc here, or a C library without the two calls
        return


def is_allowed(setting: Path = _SETTING) -> bool:
    """Whether the system has large pages and has not switched them off: the call itself does not ask."""
    try:
        return "[never]" not in setting.read_text(encoding="ascii")
    except OSError:
        return False


def candidates(maps: str) -> Iterator[int]:
    """Where large pages may begin, in order: in private memory that is no file's, by the text of `/proc/self/maps`."""
    for line in maps.splitlines():
        places, rights, *rest = line.split()
        is_plain = len(rest) + 2 == _FIELDS_WITHOUT_NAME or rest[-1] == "[heap]"
        if rights == "rw-p" and is_plain:
            start, end = (int(place, 16) for place in places.split("-"))
            first = -(-start // LARGE_PAGE) * LARGE_PAGE
            yield from range(first, end - LARGE_PAGE + 1, LARGE_PAGE)


def joined(starts: Iterable[int]) -> list[tuple[int, int]]:
    """Pages that follow one another as one piece, start and size: the kernel takes as long for each call as for a
    page."""
    pieces: list[tuple[int, int]] = []
    for start in starts:
        if pieces and sum(pieces[-1]) == start:
            pieces[-1] = pieces[-1][0], pieces[-1][1] + LARGE_PAGE
        else:
            pieces.append((start, LARGE_PAGE))
    return pieces


def _is_used(libc: ctypes.CDLL, start: int) -> bool:
    in_use = (ctypes.c_ubyte * (LARGE_PAGE // _SMALL_PAGE))()
    if libc.mincore(ctypes.c_void_p(start), ctypes.c_size_t(LARGE_PAGE), in_use) != 0:
        return False
    return sum(page & 1 for page in in_use) >= _MOSTLY
