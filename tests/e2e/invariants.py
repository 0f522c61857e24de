"""What must hold at the end of every world, whatever its tests did to it."""

import json
from collections import defaultdict
from typing import Any

from tests.e2e.harness import Row, World

from pretrade.cli.init import CLIENT_KEY_ID
from pretrade.journal import reader
from pretrade.journal.chain import verify
from pretrade.journal.events import utc_text
from pretrade.kalshi.wire import encode, restore

WINDOW = 32


def check_world(world: World) -> None:
    """Raise for any write without its earlier row, a broken chain, or a secret where none may be."""
    assert verify(reader.read_events(world.journal)) is None
    check_rows_come_first(world.exchange_requests(), world.events("decision"))
    pem = world.live_key.read_bytes()
    for name, text in (("log", world.proxy.out + world.proxy.err), ("journal", journal_text(world))):
        assert not windows_of(pem, text.encode()), f"a part of the live key is in the {name}"
    for request in world.exchange_requests():
        assert CLIENT_KEY_ID not in str(request), "the client's key id reached the exchange"


def check_rows_come_first(seen: list[dict[str, Any]], decisions: list[Row]) -> None:
    """For every write that the exchange received there is an approved decision, recorded before, about that very order.

    Writes that say the same (a cancel sent twice) are matched one by one in their order.
    """
    recorded: dict[str, list[str]] = defaultdict(list)
    for row in decisions:
        if row.body["verdict"] == "approved":
            sent = encode(restore(row.body["request"]))  # a cancel-all may go out as another write
            recorded[f"{sent.method} {sent.path}"].append(row.utc)
            for made in row.body["request"].get("orders", ()):
                recorded[f"order {made.get('client_order_id')}"].append(row.utc)
    for request in seen:
        for key in _keys(request):
            assert recorded[key], f"no approved decision is left for {key}"
            row_utc, arrived = recorded[key].pop(0), utc_text(request["at_us"] * 1000)
            assert row_utc < arrived, f"{key}: recorded {row_utc}, arrived {arrived}"


def _keys(request: dict[str, Any]) -> list[str]:
    keys = [f"{request['method']} {request['path']}"]
    if request["method"] == "POST" and request["path"].endswith(("/orders", "/orders/batched")) and request["body"]:
        try:
            body = json.loads(request["body"])
        except ValueError:
            return keys  # a fault of the exchange's cut it off
        keys += [f"order {made['client_order_id']}" for made in body.get("orders", [body])]
    return keys


def windows_of(secret: bytes, text: bytes) -> list[bytes]:
    """The 32-byte windows of a secret that occur in a text; those of a PEM's armour do not count."""
    armour = (b"-----BEGIN PRIVATE KEY-----\n", b"\n-----END PRIVATE KEY-----\n")
    inner = secret.removeprefix(armour[0]).removesuffix(armour[1])
    return [part for start in range(len(inner) - WINDOW + 1) if (part := inner[start : start + WINDOW]) in text]


def journal_text(world: World) -> str:
    return "\n".join(f"{event.decision_id} {event.body}" for event in reader.read_events(world.journal))
