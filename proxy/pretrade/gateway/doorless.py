"""An instance without doors: all that judges, records, signs and sends, for one command that a person runs alone.

Rule of this file: it starts and ends on record as a proxy does, on the same journal; the journal's lock keeps it from
running beside one.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pretrade.gateway.assemble import Listening, StartError, assemble, check_surroundings
from pretrade.gateway.config import LoadedPolicy, paths
from pretrade.gateway.instance import Instance
from pretrade.gateway.machine.clock import Clock
from pretrade.gateway.preflight.preflight import Preflight
from pretrade.gateway.run import DRAIN_S, record_start, record_stop


@asynccontextmanager
async def doorless(loaded: LoadedPolicy, purpose: str) -> AsyncIterator[Instance]:
    """The instance from the row of its start to that of its stop, which says what it was for; its key has passed the
    preflight. Raises StartError."""
    check_surroundings(loaded)
    listen = loaded.policy.listen
    instance = assemble(loaded, Clock(), Listening(listen.proxy, listen.base_url))
    reason = "it could not start"
    try:
        await record_start(instance, loaded, None)
        await Preflight(instance, paths(loaded).certs).first()
        reason = purpose
        yield instance
    except StartError:
        reason = "preflight"
        raise
    finally:
        await _close(instance, reason)


async def _close(instance: Instance, reason: str) -> None:
    """What is under way is answered first: its end must be on record."""
    instance.stopping = True
    if unanswered := instance.attempts.unanswered:
        await asyncio.wait(unanswered, timeout=DRAIN_S)
    instance.notices.hook.close()
    instance.flood.flush(everything=True)
    await record_stop(instance, reason)
