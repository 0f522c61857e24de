"""One event as one line, whatever its row lacks and whatever somebody wrote into it."""

import json

from pretrade.cli.log import line_of
from pretrade.journal.events import Event, EventKind


def event(kind: EventKind, **body: object) -> Event:
    return Event(1, "2026-11-21T00:00:00.000000Z", 1, "b", kind, "d-1", json.dumps(body), "0" * 64, "1" * 64)


def test_a_refusal_of_what_was_no_request_has_a_line() -> None:
    """Bytes that no request could be read from have no method and no path. Catches a stranger who breaks `log tail`."""
    line = line_of(event(EventKind.REFUSAL, client=None, code="REQUEST_MALFORMED", step="destination", detail="odd"))
    assert line.endswith("d-1 - REQUEST_MALFORMED odd")


def test_a_reason_cannot_forge_a_line() -> None:
    """Catches a line feed in an operator's reason, which would read as another event."""
    body = {"state": "HALTED", "previous": "ACTIVE", "cause": "operator", "actor": "a", "by": "", "reason": "x\nforged"}
    assert "\n" not in line_of(event(EventKind.TRADING_STATE, **body))


def test_what_the_exchanges_record_told_has_a_line() -> None:
    """Catches a break that a person reading the log does not see."""
    broken = [{"kind": "orphan", "subject": "x-9", "detail": "an order past this proxy"}]
    line = line_of(event(EventKind.RECONCILIATION, changes=[{}, {}], breaks=broken))
    assert line.endswith("reconciliation d-1 2 changes orphan x-9")
    assert line_of(event(EventKind.RECONCILIATION, changes=[], breaks=[])).endswith("0 changes no breaks")


def test_what_a_person_settled_has_a_line() -> None:
    """Catches a resolution without its author in the log."""
    body = {"name": "d-1", "as": "absent", "by": "ann", "actor": "root", "reason": "looked", "changes": []}
    assert line_of(event(EventKind.RESOLUTION, **body)).endswith("d-1 d-1 absent root for ann looked")
