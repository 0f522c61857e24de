"""Large pages: what is picked, and that the kernel makes them of what is in use and of nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

from pretrade.gateway.machine.large_pages import LARGE_PAGE, candidates, is_allowed, joined

MAPS = """\
55d000000000-55d000001000 r-xp 00000000 08:01 1 /usr/bin/python3
55d000100000-55d000900000 rw-p 00000000 00:00 0                          [heap]
7f0000000000-7f0000400000 rw-p 00000000 00:00 0
7f0000400000-7f0000a00000 rw-s 00000000 00:01 5 /memfd:x (deleted)
7f0000a00000-7f0000e00000 r--p 00000000 00:00 0
7f0000e10000-7f0001010000 rw-p 00000000 00:00 0
7f0001200000-7f0001600000 rw-p 00000000 08:01 7 /usr/lib/x.so
7ffc00000000-7ffc00400000 rw-p 00000000 00:00 0                          [stack]
"""

PROGRAM = """
import mmap, re
from pretrade.gateway.machine.large_pages import LARGE_PAGE, use_large_pages
used, unused = (mmap.mmap(-1, 8 * LARGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) for _ in range(2))
used.write(b"x" * len(used))
for start in range(0, len(unused), LARGE_PAGE):
    unused[start] = 1
rss_kb = lambda: int(re.search("Rss: +([0-9]+) kB", open("/proc/self/smaps_rollup").read()).group(1))
before = rss_kb()
use_large_pages()
print(rss_kb() - before, used[:] == b"x" * len(used))
"""


def test_only_private_memory_of_nobodys_file_is_picked():
    """Catches a file's pages, shared ones, read-only ones and a stack among them, and half a page at an end."""
    heap = [0x55D000200000 + LARGE_PAGE * number for number in range(3)]
    assert list(candidates(MAPS)) == [*heap, 0x7F0000000000, 0x7F0000200000]


def test_neighbours_go_in_one_piece():
    """Catches a call for each page, which takes the kernel as long as one for all of them."""
    starts = [0, LARGE_PAGE, 3 * LARGE_PAGE, 4 * LARGE_PAGE, 9 * LARGE_PAGE]
    assert joined(starts) == [(0, 2 * LARGE_PAGE), (3 * LARGE_PAGE, 2 * LARGE_PAGE), (9 * LARGE_PAGE, LARGE_PAGE)]


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's own")
def test_what_is_in_use_is_kept_and_what_is_not_takes_no_memory():
    """Catches memory filled up that nobody uses, 16 MB here, such as a stack's rest. Seen red with the look at what
    is in use left out. Whether the kernel makes large pages at all is its own business."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    grown_kb, is_as_it_was = done.stdout.split()
    assert is_as_it_was == "True"
    assert int(grown_kb) < 8 * 1024


@pytest.mark.parametrize(("text", "may"), [("always [madvise] never", True), ("always madvise [never]", False)])
def test_a_system_that_has_switched_them_off_is_left_alone(tmp_path: Path, text: str, may: bool):
    """Catches large pages where whoever runs the machine wants none: the call itself does not ask."""
    setting = tmp_path / "enabled"
    setting.write_text(text)
    assert is_allowed(setting) is may


def test_a_system_without_the_setting_is_left_alone(tmp_path: Path):
    """Catches a start that fails where the kernel has no such pages."""
    assert not is_allowed(tmp_path / "enabled")
