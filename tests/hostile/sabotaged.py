"""`pretrade run` with somebody else's addons in mitmproxy's chain, one before ours and one after. A program.

What they do is read from a file at every hook, so that one process serves every row of the matrix: a line says place,
hook and fault, and the first hook it fits takes the line away. Hooks that mitmproxy's own HTTP and TCP layers would
call are noted in `fired`, and what was in the chain at the start in `inventory`. Arguments: the folder of these files,
then those of `pretrade`.
"""

import asyncio
import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import mitmproxy.addons  # noqa: F401

from mitmproxy.exceptions import AddonHalt, OptionsError

from pretrade.cli.main import main
from pretrade.gateway.front import doors
from pretrade.gateway.way import gate, writes

FAULTS: dict[str, type[BaseException]] = {
    kind.__name__: kind
    for kind in (
        ValueError, RecursionError, MemoryError, asyncio.CancelledError, SystemExit, KeyboardInterrupt, GeneratorExit,
        TimeoutError, AddonHalt, OptionsError, OSError, StopIteration, StopAsyncIteration,
    )
}  # fmt: skip
OURS = (
    "client_connected", "next_layer", "pretrade_connect", "tls_clienthello", "tls_start_client", "pretrade_request",
    "client_disconnected",
)  # fmt: skip
MITMPROXYS = (
    "http_connect", "requestheaders", "request", "responseheaders", "response", "error", "tcp_start", "tcp_message",
    "websocket_start", "server_connect", "server_connected", "tls_start_server", "udp_start", "dns_request",
)  # fmt: skip
FOLDER = Path(sys.argv[1]) if __name__ == "__main__" else Path()


def raise_planned(place: str, hook: str) -> None:
    """Raise what the plan has for this place, once."""
    plan = FOLDER / "plan"
    planned = plan.read_text().split() if plan.exists() else []
    if planned[:2] == [place, hook]:
        plan.unlink()
        raise FAULTS[planned[2]]("planted")


def addon(place: str) -> Any:
    """An addon with every hook."""

    def fails(hook: str) -> Callable[[Any], None]:
        return lambda data: raise_planned(place, hook)

    def notes(hook: str) -> Callable[[Any], None]:
        def note(data: Any) -> None:
            with (FOLDER / "fired").open("a") as file:
                file.write(hook + "\n")

        return note

    hooks = {hook: staticmethod(fails(hook)) for hook in OURS} | {
        hook: staticmethod(notes(hook)) for hook in MITMPROXYS
    }
    return type(f"Saboteur{place}", (), hooks)()


def sabotage(made: doors.Doors) -> None:
    """Note what is there, and put ours in."""
    manager, options = made._master.addons, made._master.options
    inventory = {"chain": [type(one).__name__ for one in manager.chain], "options": sorted(options.keys())}
    (FOLDER / "inventory").write_text(json.dumps(inventory))
    place = manager.chain.index(made.enforcer)
    manager.chain.insert(place + 1, manager.register(addon("after")))
    manager.chain.insert(place, manager.register(addon("before")))


def install() -> None:
    """Have every pair of doors sabotaged, and the gate and the way of a write as well."""
    init, handle, begin = doors.Doors.__init__, gate.Gate.handle, writes.Writes.begin

    def made(self: doors.Doors, *args: Any, **more: Any) -> None:
        init(self, *args, **more)
        sabotage(self)

    async def handled(self: gate.Gate, *args: Any) -> Any:
        raise_planned("in", "gate")
        return await handle(self, *args)

    def begun(self: writes.Writes, *args: Any) -> Any:
        raise_planned("in", "writes")
        return begin(self, *args)

    doors.Doors.__init__ = made  # type: ignore[method-assign]
    gate.Gate.handle = handled  # type: ignore[method-assign]
    writes.Writes.begin = begun  # type: ignore[method-assign]


if __name__ == "__main__":
    install()
    sys.exit(main(sys.argv[2:]))
