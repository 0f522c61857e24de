"""The programs of docs/clients.md, run as they stand there, through both doors.

Rule of this file: what is run is the page's own text; a client without a program on the page fails.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.builders import ROOT
from tests.e2e.clients import ORDERS
from tests.e2e.harness import OPEN, World
from tests.roomy import ROOMY
from tests.sdks.matrix import CLIENTS
from tests.sdks.setup import NODE_MODULES, PYKALSHI_CLIENT

from pretrade.cli.client_env import client_environment
from pretrade.cli.init import CLIENT
from pretrade.cli.processes import plain_environment
from pretrade.gateway.config import load

PAGE = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"^```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SENTENCE = "order count 1000.00 is above limits.order.max_count 100.00"
"""What every library's user reads; `kalshi-sdk` keeps nothing else of an answer."""


def blocks_of(client: str) -> list[str]:
    """The code of a client's section."""
    section = PAGE.split(f"\n### {client}\n", 1)[1].partition("\n## ")[0].partition("\n### ")[0]
    return _BLOCK.findall(section)


def programs_of(client: str) -> list[str]:
    """The program as it stands, and with its lines replaced by those for the other door."""
    *program, other = blocks_of(client)
    text = "\n".join(program)
    name = other.partition("=")[0]
    lines = [line for line in text.splitlines() if line.startswith(name)]
    assert len(lines) == 1, f"{client}: one line begins with {name!r}"
    return [text, text.replace(lines[0] + "\n", other)]


def command_of(client: str, program: str, folder: Path) -> list[str]:
    """How a user runs it: a file, and the interpreter of the client's own environment."""
    bin_folder = Path(sys.executable).parent
    if client == "curl":
        return ["sh", "-euc", program]
    if client == "kalshi-typescript":
        (folder / "node_modules").symlink_to(NODE_MODULES)
        (folder / "bot.cjs").write_text(program)
        return [str(bin_folder / "node"), str(folder / "bot.cjs")]
    (folder / "bot.py").write_text(program)
    python = PYKALSHI_CLIENT / "bin" / "python" if client == "pykalshi-client" else bin_folder / "python"
    return [str(python), str(folder / "bot.py")]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("page"), *ROOMY) as running:
        yield running


def run(world: World, command: list[str]) -> str:
    """What a program prints under the variables of `pretrade exec`, started in the working folder."""
    environment = plain_environment() | client_environment(load(world.policy), CLIENT)
    done = subprocess.run(command, cwd=world.folder, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


QUICK = {"kalshi-typescript", "curl"}
PROGRAMS = [
    pytest.param(client, number, marks=[pytest.mark.long] if number and client not in QUICK else [])
    for client in (*CLIENTS, "curl")
    for number in (0, 1)
]
"""Each client's program as it stands and with the lines for the other door; those that take seconds to start run with
the other lines in the long tests only."""


@pytest.mark.parametrize(("client", "number"), PROGRAMS)
def test_the_program_on_the_page_works_by_its_door(world: World, tmp_path: Path, client: str, number: int) -> None:
    """Catches a page whose lines do not work, or lead to the other door than they say, or past both."""
    with world.exchange_sees(1) as seen:
        printed = run(world, command_of(client, programs_of(client)[number], tmp_path))
    placed, denied = printed.strip().splitlines()
    assert ("placed" in placed) or placed.endswith("201"), printed
    assert "403" in denied, printed
    assert SENTENCE in denied
    assert client == "kalshi-sdk" or ("ORDER_COUNT_EXCEEDS_MAXIMUM" in denied and "Send a smaller order." in denied)
    doors = ["base_url", "proxy"] if client == "kalshi-python-sync" else ["proxy", "base_url"]
    name = json.loads(seen[0]["body"])["client_order_id"]
    assert world.decision_of(name).body["door"] == doors[number]


def test_curl_makes_every_kind_of_request(world: World) -> None:
    """Catches a request of a plain HTTP client that a door does not take. By each door one after the other."""
    function, _, other = blocks_of("curl")
    for prefix in (function, function.replace(function.partition("\n")[0] + "\n", other)):
        run_curl(world, prefix)


def run_curl(world: World, prefix: str) -> None:
    def ask(method: str, path: str, body: object = None) -> tuple[int, dict[str, object]]:
        words = "" if body is None else json.dumps(body)
        script = prefix + '\nkalshi "$@"\n'
        said = run(world, ["sh", "-euc", script, "sh", method, path, *([words] if words else [])])
        text, _, status = said.strip().rpartition(" ")
        return int(status), json.loads(text or "{}")

    order = {
        "ticker": OPEN,
        "side": "bid",
        "count": "9.00",
        "price": "0.0500",
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
    }
    assert ask("GET", "/trade-api/v2/portfolio/balance")[0] == 200
    status, made = ask("POST", ORDERS, order)
    name = f"{ORDERS}/{made['order_id']}"
    assert status == 201
    amend = {"ticker": OPEN, "side": "bid", "price": "0.0600", "count": "8.00"}
    assert ask("POST", f"{name}/amend", amend)[0] == 200
    assert ask("POST", f"{name}/decrease", {"reduce_by": "3.00"})[0] == 200
    assert ask("DELETE", name)[0] == 200
    status, batch = ask("POST", f"{ORDERS}/batched", {"orders": [order, order | {"price": "0.0700"}]})
    assert status == 201
    made_ids = [{"order_id": one["order_id"]} for one in batch["orders"]]
    assert ask("DELETE", f"{ORDERS}/batched", {"orders": made_ids})[0] == 200
    status, denied = ask("POST", ORDERS, order | {"count": "1000.00"})
    assert (status, denied["code"]) == (403, "ORDER_COUNT_EXCEEDS_MAXIMUM")
