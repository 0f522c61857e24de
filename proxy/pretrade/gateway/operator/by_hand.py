"""A write that is a person's command, or the proxy's own: a request like a client's, that came through no door.

Rule of this file: whoever it is takes a client's place and no more than that: its subaccount, its limits, its key.
"""

import json
from dataclasses import dataclass
from http import HTTPStatus

from pretrade.gateway.machine.clock import Clock, Stopwatch
from pretrade.gateway.messages import Answer, Door, RawRequest, printable
from pretrade.gateway.way.identity import Client
from pretrade.gateway.way.records import WriteRequest
from pretrade.gateway.way.refusals import new_decision_id
from pretrade.kalshi.encode import encode
from pretrade.kalshi.endpoints import find
from pretrade.model.orders import Write

SAID = 400
"""Characters of an answer that are told."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often it is canceled, how often the record is read after each time, and seconds between two reads."""

    cancels: int = 3
    reads: int = 4
    pause: float = 1.5


PATIENCE = Patience()


def command(clock: Clock, client: Client, write: Write, actor: str, *, by_proxy: bool = False) -> WriteRequest:
    """The request for a write that `actor` wants in this client's place; nobody does of what is the proxy's own."""
    wire = encode(write)
    found = find(wire.method, wire.path)
    if found is None:  # the catalogue has it: encode looks it up there
        raise ValueError(f"{wire.method} {wire.path} is not in the catalogue")
    target = f"{wire.path}?{wire.query}" if wire.query else wire.path
    door = Door.OPERATOR if actor else Door.OWN
    raw = RawRequest(door, wire.method, target, "HTTP/1.1", (), wire.body)
    return WriteRequest(
        new_decision_id(), client, raw, found.endpoint, write, Stopwatch(clock), by=actor, by_proxy=by_proxy
    )


def said(answer: Answer) -> str:
    """An answer in a line: of one that refuses, code and message where it has them, else its beginning."""
    if answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return f"the exchange answered {answer.status}"
    text = answer.body.decode("utf-8", "replace")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, dict) and isinstance(body.get("message"), str):
        text = f"{body.get('code', '')}: {body['message']}"
    return f"{answer.status} {printable(text, SAID)}"
