"""Who holds the other end of a connection on this machine: the Unix user, from the kernel's own table of sockets.

Rule of this file: it answers for sockets that a process of this network namespace holds open, and for no others. Who is
on another host or in another container is nobody here.
"""

import ipaddress
import struct
from pathlib import Path

type Address = tuple[str, int]

_TABLES = {4: Path("/proc/self/net/tcp"), 6: Path("/proc/self/net/tcp6")}
_LOCAL, _REMOTE, _UID, _INODE = 1, 2, 7, 9
_NOBODY_S = "0"
"""The inode of a socket that no process holds any more; the table then says user 0, who is root."""


def owner_of(peer: Address, at: Address) -> int | None:
    """The user id behind a TCP connection from `peer` to `at`; None where no process here holds that end.

    Reads a table of the kernel's, some microseconds a socket. Raises OSError where there is none (proc(5), net/tcp).
    """
    wanted = (_spelled(peer), _spelled(at))
    for line in _TABLES[_version(peer)].read_text("ascii").splitlines()[1:]:
        fields = line.split()
        if (fields[_LOCAL], fields[_REMOTE]) == wanted and fields[_INODE] != _NOBODY_S:
            return int(fields[_UID])
    return None


def _version(address: Address) -> int:
    return ipaddress.ip_address(address[0]).version


def _spelled(address: Address) -> str:
    """An address as the table has it: words of 32 bits in the machine's own order, as hexadecimal digits."""
    packed = ipaddress.ip_address(address[0]).packed
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return "".join(f"{word:08X}" for word in words) + f":{address[1]:04X}"
