"""The last question of `pretrade doctor`: could this host reach the exchange past the proxy?

Rule of this file: a connection is opened and closed; no byte is sent. It is done only when it was asked for.
"""

import asyncio
import os
from collections.abc import Iterator, Sequence

from pretrade.cli.doctor_lines import Line, fine, found, note
from pretrade.kalshi.hosts import CLEARING_HOSTS, FIX_HOSTS, FIX_PORTS, all_names

type Address = tuple[str, int]

_WAIT_S = 5.0
_NO_NAME = "the name is not resolved"
_TO_DO = "let only the proxy's user or container out to the exchange, by the firewall or an internal network"


def exchange_addresses() -> tuple[Address, ...]:
    """Every host name and port that the exchange documents: REST, streams, FIX and clearing."""
    https = tuple((name, 443) for name in (*all_names(), *CLEARING_HOSTS))
    return https + tuple((name, port) for name in FIX_HOSTS for port in FIX_PORTS)


def check_direct(addresses: Sequence[Address]) -> Iterator[Line]:
    """Try all addresses at once and tell each that could be reached; one line for those that could not."""
    ends = asyncio.run(_try_all(addresses))
    for (host, port), why_not in ends.items():
        if why_not is None:
            yield found("direct", f"this host reaches {host}:{port} past the proxy", _TO_DO)
    closed = [why_not for why_not in ends.values() if why_not is not None]
    unresolved = closed.count(_NO_NAME)
    if len(closed) > unresolved:
        reasons = ", ".join(sorted(set(closed) - {_NO_NAME}))
        yield fine("direct", f"{len(closed) - unresolved} of {len(ends)} addresses cannot be reached: {reasons}")
    if unresolved:
        seen = f"{unresolved} of {len(ends)} addresses have names that are not resolved here; nothing was tried there"
        yield note("direct", seen, "block the way out as well: a bot may know an address without a name")


async def _try_all(addresses: Sequence[Address]) -> dict[Address, str | None]:
    ends = await asyncio.gather(*(_try(host, port) for host, port in addresses))
    return dict(zip(addresses, ends, strict=True))


async def _try(host: str, port: int) -> str | None:
    """Why an address cannot be reached; None when it can."""
    try:
        async with asyncio.timeout(_WAIT_S):
            found_there = await asyncio.get_running_loop().getaddrinfo(host, port)
    except (OSError, TimeoutError):
        return _NO_NAME
    try:
        async with asyncio.timeout(_WAIT_S):
            _, writer = await asyncio.open_connection(str(found_there[0][4][0]), port)
    except TimeoutError:
        return f"no answer within {_WAIT_S:.0f} s"
    except OSError as e:
        return os.strerror(e.errno).lower() if e.errno else str(e)
    writer.close()
    return None
