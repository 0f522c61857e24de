"""Actions on faults: let some wait for their requests or stream messages; the conditions that some of them begin.

Rule of this file: the forms are `faults.Fault` and `stream.faults.StreamFault` themselves.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked_dataclass

from pretrade.practice.assemble import Practice
from pretrade.practice.faults.kinds import KINDS, FaultKind
from pretrade.practice.faults.plan import Fault
from pretrade.practice.play.action import Done
from pretrade.practice.stream.faults import StreamFault
from pretrade.practice.words import read


@checked_dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class StreamFaultForm(StreamFault):
    """A stream fault whose fields are checked as they come from a person."""


def add_fault(practice: Practice, arguments: Mapping[str, Any]) -> Done:
    """Let a fault wait for its requests. Raises ValueError in words."""
    fault = read(Fault, **arguments)
    practice.faults.add(fault)
    said = f"fault {fault.kind} waits for {_requests(fault)}: {_meaning(fault)}"
    return Done(said, faults_view(practice))


def add_stream_fault(practice: Practice, arguments: Mapping[str, Any]) -> Done:
    """Let a fault wait for its stream messages. Raises ValueError in words."""
    fault = read(StreamFaultForm, **arguments)
    practice.hub.faults.add(fault)
    channel = "any channel" if fault.channel == "*" else f"channel {fault.channel}"
    what = "message" if fault.times == 1 else "messages"
    count = "all" if fault.times is None else str(fault.times)
    return Done(f"stream fault {fault.kind} waits for {count} {what} of {channel}", stream_faults_view(practice))


def clear_faults(practice: Practice) -> Done:
    """Forget the faults that wait for requests."""
    practice.faults.clear()
    return Done("no fault waits for a request", faults_view(practice))


def clear_stream_faults(practice: Practice) -> Done:
    """Forget the faults that wait for stream messages."""
    practice.hub.faults.clear()
    return Done("no fault waits for a stream message", stream_faults_view(practice))


def faults_view(practice: Practice) -> dict[str, Any]:
    """The faults that wait for requests."""
    return {"faults": [waiting.as_json() for waiting in practice.faults.waiting()]}


def stream_faults_view(practice: Practice) -> dict[str, Any]:
    """The faults that wait for stream messages."""
    waiting = practice.hub.faults.waiting()
    return {
        "stream_faults": [
            {"kind": str(fault.kind), "channel": fault.channel, "times": left, "seconds": fault.seconds}
            for fault, left in waiting
        ]
    }


def condition(fault: Fault) -> tuple[str, dict[str, Any]] | None:
    """The action that a fault begins when its request has come, with its arguments; None for most kinds."""
    match fault.kind:
        case FaultKind.STALE_READS:
            return "lag", {"seconds": fault.seconds, "lasting": fault.lasting}
        case FaultKind.LATE_FILLS:
            return "lag", {"fills": fault.seconds, "lasting": fault.lasting}
        case FaultKind.CLOCK_SKEW:
            return "clock", {"skew": fault.skew, "lasting": fault.lasting}
        case FaultKind.PAUSE_TRADING:
            return "pause", {"what": "trading", "lasting": fault.lasting}
        case FaultKind.PAUSE_EXCHANGE:
            return "pause", {"what": "exchange", "lasting": fault.lasting}
        case _:
            return None


def _requests(fault: Fault) -> str:
    method = "" if fault.method == "*" else f"{fault.method.upper()} "
    which = {None: f"every {method}request", 1: f"the next {method}request"}
    said = which.get(fault.times, f"the next {fault.times} {method}requests")
    where = "" if fault.path == "/" else f" to {fault.path}"
    spared = f" after {fault.after} more" if fault.after else ""
    return said + where + spared


def _meaning(fault: Fault) -> str:
    """What its kind means, with its own figures."""
    meaning = KINDS[fault.kind].meaning
    for name in KINDS[fault.kind].options:
        value = getattr(fault, name)
        meaning = meaning.replace(
            f"`{name}`", f"{value:g}" if isinstance(value, float) else str(value) or "where it went"
        )
    return meaning
