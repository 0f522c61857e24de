"""The fail-open matrix (threats 2.1) at a running `pretrade run`, sabotaged from within: whatever fails in any hook, an
order reaches the exchange exactly when its client is told so.

Rows that fell away, because there is nothing left that they could break, are shown to be gone: no HTTP or TCP layer of
mitmproxy's (so no `request`, `response`, `http_connect`, `stream`, `flow.kill`, raw TCP or WebSocket), no script loader
(so no hot reload), no reading of config.yaml.
"""

import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.harness import World
from tests.e2e.invariants import check_world
from tests.e2e.programs import Program
from tests.gateway.doorkit import HOST, Opened, until
from tests.gateway.gatekit import KEY, request
from tests.hostile.exchange import Record
from tests.hostile.sabotaged import FAULTS, OURS
from tests.roomy import ROOMY

from pretrade.kalshi.keys import public_pem_of

PROGRAM = Path(__file__).parent / "sabotaged.py"
CONFIG = """\
ignore_hosts: ['.*']
tcp_hosts: ['.*']
stream_large_bodies: '1'
rawtcp: true
http2: true
websocket: true
connection_strategy: eager
upstream_cert: true
mode: ['transparent']
scripts: ['/nonexistent.py']
map_remote: ['|.*|https://evil.example']
"""
"""What a file in the home folder turned mitmproxy into, a way past the gate (threats 0.7)."""


class SabotagedWorld(World):
    """A world whose proxy has hostile addons in it and a hostile mitmproxy configuration in its home."""

    def start_proxy(self, *, wait: bool = True, **environment: str) -> Program:  # type: ignore[override]
        home = self.root / "home"
        (home / ".mitmproxy").mkdir(parents=True)
        (home / ".mitmproxy" / "config.yaml").write_text(CONFIG)
        command = [sys.executable, str(PROGRAM), str(self.root), "run", "-p", str(self.policy)]
        self.proxy = Program("proxy", command, self.root, environment | {"HOME": str(home)})  # type: ignore[assignment]
        if wait:
            self.wait_for_proxy()
        return self.proxy


@pytest.fixture(scope="module")
def sabotaged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("sabotaged")
    (folder / "bot.pub.pem").write_bytes(public_pem_of(KEY.public_key()))
    changes = (*ROOMY, ("keys/momentum-bot.pub.pem", str(folder / "bot.pub.pem")))
    with SabotagedWorld(folder, *changes, tap=True) as running:
        yield running
        check_world(running)


async def order(world: World) -> tuple[int, str]:
    way = Opened(None, world.proxy_port, world.base_url_port)  # type: ignore[arg-type]
    answer = await way.try_tunnel(request(), f"{HOST}:443")
    return answer.status, answer.code if answer.status not in (200, 201) else ""


CLOSES = {"client_connected", "next_layer", "tls_start_client"}
"""Without an answer: there is no request yet that one could be an answer to."""
POISONED = {"beforepretrade_connect", "beforepretrade_request", "ingate", "inwrites"}
"""What failed before the gate had answered is never served, even if nothing of ours failed."""
PLACES = [(place, hook) for place in ("before", "after") for hook in OURS] + [("in", "gate"), ("in", "writes")]


@pytest.mark.parametrize(("place", "hook"), PLACES)
async def test_whatever_fails_nothing_is_forwarded(sabotaged: World, place: str, hook: str) -> None:
    """Catches a fault in a hook that forwards, that ends the process, or that turns a sent order into a 503."""
    record, plan = Record(sabotaged.tap_record), sabotaged.root / "plan"
    wrong: dict[str, tuple[int, str, int]] = {}
    record.new_writes()
    for fault in FAULTS:
        plan.write_text(f"{place} {hook} {fault}")
        status, code = await order(sabotaged)
        await until(lambda: not plan.exists())  # the fault was reached
        sent = record.new_writes()
        is_refused = (status, code) == (503, "INTERNAL_FAULT") or (status == 0 and hook in CLOSES)
        is_served = status == 201 and place + hook not in POISONED
        if not (is_refused and sent == 0) and not (is_served and sent == 1):
            wrong[fault] = (status, code, sent)
    assert wrong == {}
    assert await order(sabotaged) == (201, "")
    assert sabotaged.proxy.running


async def test_nothing_is_left_of_what_fell_away(sabotaged: World) -> None:
    """Catches a layer or an addon of mitmproxy's that comes back, and a configuration file that is read."""
    inventory = json.loads((sabotaged.root / "inventory").read_text())
    assert inventory["chain"] == ["Core", "Proxyserver", "Enforcer"]
    gone = (
        "scripts",
        "map_",
        "modify_",
        "save_stream",
        "hardump",
        "server_replay",
        "client_replay",
        "proxyauth",
        "onboarding",
    )
    assert [name for name, start in itertools.product(inventory["options"], gone) if name.startswith(start)] == []
    assert await order(sabotaged) == (201, "")
    assert not (sabotaged.root / "fired").exists()
