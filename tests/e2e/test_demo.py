"""`pretrade demo` and `pretrade exec`, from a cold start as a newcomer runs them."""

import json
import os
import re
import resource
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psutil
import pysqlite3 as sqlite
import pytest
from tests.e2e.programs import free_ports, run

from pretrade.cli.processes import plain_environment, pretrade_command
from pretrade.journal import reader

OPEN, CLOSED = "KXBTC-26DEC31-T100000", "KXFED-26DEC-T4.25"
CREATES = [
    (OPEN, "bid", "5.00", "0.6000", "5.00", ""),
    (OPEN, "bid", "1000.00", "0.5000", None, "ORDER_COUNT_EXCEEDS_MAXIMUM"),
    (OPEN, "bid", "1.00", "0.9900", None, "PRICE_OUTSIDE_BAND"),
    (CLOSED, "bid", "1.00", "0.6000", None, "MARKET_NOT_ALLOWED"),
    (OPEN, "bid", "40.00", "0.6000", None, "DEPTH_SHARE_EXCEEDS_MAXIMUM"),
    (OPEN, "bid", "25.00", "0.6000", "25.00", ""),
    (OPEN, "bid", "5.00", "0.4600", "0.00", ""),
    (OPEN, "bid", "1.00", "0.6000", None, "TRADING_HALTED"),
    (OPEN, "bid", "1.00", "0.6000", "1.00", ""),
    (OPEN, "bid", "60.00", "0.4600", "0.00", ""),
    (OPEN, "bid", "10.00", "0.4600", None, "POSITION_EXCEEDS_MAXIMUM"),
    (OPEN, "bid", "25.00", "0.6000", "25.00", ""),
    (OPEN, "bid", "42.00", "0.5400", None, "DAY_NOTIONAL_EXCEEDS_MAXIMUM"),
    (OPEN, "bid", "2.00", "0.4600", "0.00", ""),
    (OPEN, "bid", "1.00", "0.6000", None, "PRICE_OUTSIDE_COLLAR"),
    (OPEN, "bid", "1.00", "0.4100", None, "TRADING_REDUCING"),
    (OPEN, "ask", "20.00", "0.3600", "20.00", ""),
]
"""What W's log must say of every create: what was asked, what filled at once, and what it was denied for."""


@pytest.mark.timeout(300)
def test_the_demo_tells_its_story_ends_well_and_leaves_nothing_running(tmp_path):
    """Catches: a story that ends otherwise and still exits with 0, by what the logs of the proxies say; an order that R
    or ABH sent; a proxy or an exchange left behind. Seen red with an R that passes writes on."""
    environ = plain_environment() | {"TMPDIR": str(tmp_path), "HOME": str(tmp_path), "COLUMNS": "200"}
    before = cpu_s()
    demo = subprocess.Popen(
        pretrade_command("demo"), env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    own = psutil.Process(demo.pid)
    children: set[psutil.Process] = set()
    lines = []
    assert demo.stdout is not None
    for line in demo.stdout:
        lines.append(line)
        children |= set(own.children(recursive=True)) if "Everything" not in line else set()
    errors = demo.communicate(timeout=60)[1]
    took_s, said = cpu_s() - before, "".join(lines)
    assert (demo.returncode, errors) == (0, ""), said + errors
    assert len(children) >= 6, "an exchange, three proxies and two bots"
    assert not [child for child in children if child.is_running()]
    assert "NOT AS EXPECTED" not in said
    assert "mode: live" in said
    [work] = tmp_path.glob("pretrade-demo-*/work")
    _the_logs_say_the_same(work)
    _the_commands_it_names_work(said)
    assert took_s < 60, "about 40 s by the clock on two cores that have nothing else to do"


def cpu_s() -> float:
    """Processor time of all our children and theirs that have ended: a busy machine does not lengthen it."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _the_logs_say_the_same(work):
    """The steps are not believed: each log is read."""
    rows = _rows(work / "log.db", "select ticker, side, count, price, fill_count, codes from orders order by seq, leg")
    assert len(rows) == len(CREATES), rows
    for (*asked, codes), (*wanted, code) in zip(rows, CREATES, strict=True):
        assert (asked, code in (codes or "").split()) == (wanted, bool(code)), (asked, codes)
    for role, verdict in (("r", "denied"), ("abh", "approved")):
        copied = work / f"log-{role}.db"
        reader.copy(work / f"state-{role}" / "journal.db", copied)
        assert _rows(copied, "select count, verdict from orders") == [("5.00", verdict)]
    amends = _rows(work / "log.db", "select verdict from decisions where type = 'amend_order' order by seq")
    assert amends == [("denied",), ("approved",)]


def _rows(path: Path, question: str):
    with closing(sqlite.connect(path)) as connection:
        return connection.execute(question).fetchall()


def _the_commands_it_names_work(said):
    commands = re.findall(r"^  (\S.*)$", said.partition("To look further\n")[2], re.MULTILINE)
    assert len(commands) == 3, said
    for command in commands:
        done = run(["sh", "-c", command])
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip()


def test_the_commands_start_cold(tmp_path):
    """The other tests fork what was imported before; this one starts `pretrade run` and `exec` as a person does."""
    folder = tmp_path / "work"
    assert run(pretrade_command("init", str(folder))).returncode == 0
    policy = folder / "policy.yaml"
    proxy_port, base_url_port = free_ports(2)
    text = policy.read_text(encoding="utf-8")
    policy.write_text(text.replace(":8080", f":{proxy_port}").replace(":8081", f":{base_url_port}"), encoding="utf-8")
    (folder / "keys" / "live.pem").chmod(0o640)
    refused = run(pretrade_command("run", "-p", str(folder / "policy.yaml")))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("Error: signing.key_file: ")
    show = [sys.executable, "-c", "import json, os; print(json.dumps([os.getpid(), os.environ['HTTPS_PROXY']]))"]
    command = pretrade_command("exec", "-p", str(folder / "policy.yaml"), "--client", "momentum-bot", "--", *show)
    child = subprocess.Popen(command, env=plain_environment(), stdout=subprocess.PIPE, text=True)
    pid, proxy = json.loads(child.communicate(timeout=30)[0])
    assert (pid, proxy) == (child.pid, f"http://127.0.0.1:{proxy_port}"), "it becomes the command: signals reach it"
    assert os.getpid() != pid
