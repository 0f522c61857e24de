"""The same gate inside somebody's own mitmdump or mitmweb, for looking at a client's traffic. See docs/debugging.md.

Rule of this file: it never trades (`mode: live` is refused) and it is never weaker for being watched. The Enforcer
joins the chain itself, outside the script loader, so an error in a script cannot skip it. When its script is reloaded,
broken, emptied or deleted, everything is refused until mitmproxy is started again.

What the stock manager cannot give: an addon that raises AddonHalt, or that joins the chain after us, can undo a
refusal. The dialler stays shut behind that, and what the client signed is worthless at the exchange.
"""

import asyncio
from pathlib import Path

import structlog
from mitmproxy import addonmanager, ctx, http
from mitmproxy.addons import proxyserver

from pretrade.gateway.assemble import Listening, StartError, assemble, check_surroundings, leaf_path
from pretrade.gateway.config import LoadedPolicy, PolicyError, load, paths
from pretrade.gateway.front import options
from pretrade.gateway.front.debug_enforcer import FlowEnforcer
from pretrade.gateway.front.doors import close_clients, tls_context
from pretrade.gateway.front.failclosed import HOOK_DEADLINE_S, speak_for_mitmproxy
from pretrade.gateway.front.options import OptionsDifferError
from pretrade.gateway.instance import Instance
from pretrade.gateway.machine.clock import Clock
from pretrade.gateway.machine.stalls import Stalls
from pretrade.gateway.preflight.preflight import Preflight
from pretrade.gateway.run import HOUSEKEEPING_S, record_start
from pretrade.gateway.way.gate import Gate
from pretrade.journal.events import EventKind
from pretrade.model.instance import Mode

log = structlog.get_logger()

REQUIRED = {name: value for name, value in options.REQUIRED.items() if name != "server"}
"""As in production, but that mitmproxy's own listener is what clients come in by. Scripts and the web page are the
point of this door, so they are free."""


class DebugEnforcer(FlowEnforcer):
    """With what the fail-closed manager would add: a deadline. An answer that fails leaves the refusal."""

    name = "pretrade-enforcer"

    def __init__(self, instance: Instance, leaf: Path, server: proxyserver.Proxyserver) -> None:
        self._gate_itself = Gate(instance)
        self._instance = instance
        stalls = Stalls(lambda client: close_clients(server, client))
        super().__init__(self._gate_itself, tls_context(leaf), stalls, REQUIRED)
        self._begun: asyncio.Task[None] | None = None
        self._is_orphaned = False
        instance.stopping = True

    def begin(self, loaded: LoadedPolicy, listening: Listening) -> None:
        """Let requests in once the start is on record."""
        self._begun = asyncio.create_task(self._run(loaded, listening), name="pretrade")

    async def _run(self, loaded: LoadedPolicy, listening: Listening) -> None:
        preflight = Preflight(self._instance, paths(loaded).certs)
        try:
            await record_start(self._instance, loaded, listening)
            await preflight.first()
            await self._instance.exchange_status.first()
            await _listen_again()
        except StartError as e:
            log.error("debug_door_stays_shut", detail=str(e))
            return
        self._instance.stopping = self._is_orphaned
        log.warning("debug_door_open", mode="dry_run", proxy=str(listening.proxy))
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_house(), name="housekeeping")
            group.create_task(self._instance.exchange_status.run(), name="exchange status")
            group.create_task(preflight.run(), name="preflight")

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            self._gate_itself.flush()
            await self._instance.markets.refresh_used()

    def orphan(self) -> None:
        """Our script has gone: refuse everything from here on."""
        self._is_orphaned = self._instance.stopping = True
        if ctx.master.should_exit.is_set():
            return
        log.error("script_gone", detail="pretrade's script was changed or removed: everything is refused; restart")

    async def request(self, flow: http.HTTPFlow) -> None:
        """Let the gate answer, within the time that the fail-closed manager would give it."""
        async with asyncio.timeout(HOOK_DEADLINE_S):
            await super().request(flow)

    async def done(self) -> None:
        """mitmproxy ends: write what is waiting and let the journal go."""
        if self._begun is not None:
            self._begun.cancel()
        self._gate_itself.flush(everything=True)
        await self._instance.endings.finish()
        self._instance.journal.record(EventKind.STOP, {"reason": "mitmproxy ended"})
        await self._instance.journal.close()
        await self._instance.upstream.close()
        self._instance.signers.close()


class DebugDoor:
    """The addon of the script: puts the Enforcer into the chain when it is first set up, and in the end orphans it."""

    name = "pretrade"

    def __init__(self) -> None:
        self._enforcer: DebugEnforcer | None = None
        self._is_set_up = False

    def load(self, loader: addonmanager.Loader) -> None:
        """Take the policy's path from `--set pretrade_policy=...`."""
        loader.add_option("pretrade_policy", str, "policy.yaml", "The policy file that pretrade judges by.")

    def configure(self, updated: set[str]) -> None:
        """Set everything up, once. What is wrong ends mitmproxy: it must not run on without the gate."""
        if self._is_set_up:
            return
        self._is_set_up = True
        if ctx.master.addons.get(DebugEnforcer.name) is not None:
            log.error("script_reloaded", detail="everything is refused until mitmproxy is started again")
            return
        try:
            self._enforcer = _set_up(Path(ctx.options.pretrade_policy))
        except (PolicyError, StartError, OptionsDifferError) as e:
            raise SystemExit(f"pretrade: {e}") from e

    def done(self) -> None:
        """The script is being reloaded or removed, or mitmproxy ends."""
        if self._enforcer is not None:
            self._enforcer.orphan()


def _set_up(policy: Path) -> DebugEnforcer:
    loaded = load(policy)
    if loaded.policy.instance.mode is Mode.LIVE:
        raise StartError(
            f"{policy} says mode: live, and a debugging proxy never trades. Use dry_run, or `pretrade run`."
        )
    check_surroundings(loaded)
    listen = loaded.policy.listen
    listening = Listening(listen.proxy, listen.base_url)
    instance = assemble(loaded, Clock(), listening)
    enforcer = DebugEnforcer(instance, leaf_path(loaded), ctx.master.addons.get("proxyserver"))
    ctx.master.addons.add(enforcer)
    ctx.options.update(**REQUIRED, listen_port=ctx.options.listen_port or listen.proxy.port)
    options.check(ctx.options, REQUIRED)
    enforcer.options_are_set = True
    speak_for_mitmproxy(enforcer.error_page)
    enforcer.begin(loaded, listening)
    return enforcer


async def _listen_again() -> None:
    """Move mitmproxy's listener to the address just set: it may have begun on all interfaces, before our script ran."""
    server = ctx.master.addons.get("proxyserver")
    modes = [instance.mode for instance in server.servers]
    await server.servers.update([])
    close_clients(server)
    if not await server.servers.update(modes):
        raise StartError("mitmproxy cannot listen; its own log says why")
