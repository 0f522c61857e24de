"""mitmproxy's addon manager, turned round: a hook that raises, or never returns, refuses instead of letting through.

The stock manager logs an exception from a hook and goes on, which forwards the request (threats 2.1). Ours catches
everything, bounds each hook in time and asks the addon for the refusal. What fails in a layer is caught here as well.
This is the enforcer's boundary: one of the two places in the program that catch everything.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import structlog
from mitmproxy import addonmanager, hooks, master, options
from mitmproxy.proxy import layer
from mitmproxy.proxy.layers.http import _http1

from pretrade.gateway.machine.deadlines import Deadlines
from pretrade.gateway.machine.logs import LoopFaults

log = structlog.get_logger()

HOOK_DEADLINE_S = 9.5
"""Longer than the upstream deadline, so that a send under way is answered by what became of it; and short of the 10 s
after which a client takes silence for a lost order and places it anew (pykalshi does)."""


class Refusing(Protocol):
    """An addon that can turn a hook's data into a refusal, whatever was done to it so far."""

    def refuse_fault(self, hook: str, data: object) -> None:
        """Leave a refusal on the data of a hook that failed. Must not raise."""

    def seal(self, data: object) -> None:
        """Put back what was decided about the data, whatever the addons of this hook made of it. Must not raise."""


class FailClosedManager(addonmanager.AddonManager):
    """Runs every hook of every addon under a deadline; a failure ends in `refuser.refuse_fault`."""

    def __init__(self, owner: master.Master, refuser: Refusing, deadline_s: float = HOOK_DEADLINE_S) -> None:
        super().__init__(owner)  # type: ignore[no-untyped-call]
        self._refuser = refuser
        self._deadlines = Deadlines(deadline_s)

    def handle_lifecycle(self, event: hooks.Hook) -> Coroutine[object, object, None]:
        """Fire the hook and nothing else: nobody here needs the `update` hook that the stock manager adds to each."""
        return self.trigger_event(event)

    async def trigger_event(self, event: hooks.Hook) -> None:
        """Fire a hook on every addon. Nothing that one does stops the next, comes out of here or undoes ours."""
        data = event.args()[0] if event.args() else None
        for addon in self.chain:
            if not _hears(addon, event.name):
                continue
            try:
                await self._deadlines.bound(self.invoke_addon(addon, event))
            except BaseException as e:  # noqa: BLE001 - the boundary: see the top of this file
                log.error("hook_failed", hook=event.name, error=type(e).__name__, detail=str(e)[:200])
                self._refuser.refuse_fault(event.name, data)
        self._refuser.seal(data)

    def trigger(self, event: hooks.Hook) -> None:
        """Fire a synchronous hook (options, start). A failure comes out: a proxy not as asserted must not run."""
        for addon in self.chain:
            self.invoke_addon_sync(addon, event)


class FailClosedMaster(master.Master):
    """A Master whose addons run under a FailClosedManager from the first one on."""

    def __init__(self, opts: options.Options, refuser: Refusing, deadline_s: float = HOOK_DEADLINE_S) -> None:
        super().__init__(opts, with_termlog=False)
        opts.changed.disconnect(self.addons._configure_all)
        self.addons: Any = FailClosedManager(self, refuser, deadline_s)
        self._loop_faults = LoopFaults()

    def _asyncio_exception_handler(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Tell what the event loop reports: mitmproxy's own way is a log that nobody reads."""
        self._loop_faults(loop, context)


def or_else(
    steps: layer.CommandGenerator[None], instead: Callable[[], layer.CommandGenerator[None]]
) -> layer.CommandGenerator[None]:
    """A layer's steps; where one of them raises, `instead` of the rest. mitmproxy's core would log the fault and keep
    the connection as it is, on which nobody says anything any more."""
    try:
        yield from steps
    except Exception as e:  # noqa: BLE001 - the boundary: see the top of this file
        log.error("layer_failed", error=type(e).__name__, detail=str(e)[:200])
        yield from instead()


def _hears(addon: object, hook: str) -> bool:
    """Whether an addon, or one of its own, has this hook. Most have neither, and nearly all hooks are one addon's."""
    if hasattr(addon, hook):
        return True
    return hasattr(addon, "addons") and any(hasattr(one, hook) for one in addonmanager.traverse(addon.addons))


def speak_for_mitmproxy(error_page: Callable[[int, str], bytes]) -> None:
    """Have `error_page` make the pages that mitmproxy sends when it cannot read a request, for the whole process.

    One private function makes them and no hook can change them. The version is pinned, and a test sees the pages.
    """
    if not callable(_http1.make_error_response):
        raise TypeError("this mitmproxy makes its error pages elsewhere: use 12.2.3")
    _http1.make_error_response = error_page  # type: ignore[assignment]
