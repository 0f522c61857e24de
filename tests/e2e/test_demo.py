"""`pretrade demo` and `pretrade exec`, from a cold start as a newcomer runs them."""

import json
import os
import re
import subprocess
import sys
import time

import psutil
import pytest
from tests.e2e.programs import free_ports, run

from pretrade.cli.processes import plain_environment, pretrade_command


@pytest.mark.timeout(180)
def test_the_demo_tells_its_story_ends_well_and_leaves_nothing_running(tmp_path):
    """Catches: a story that ends otherwise and still exits with 0; a proxy or an exchange left behind."""
    environ = plain_environment() | {"TMPDIR": str(tmp_path), "HOME": str(tmp_path), "COLUMNS": "200"}
    started = time.monotonic()
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
    took, said = time.monotonic() - started, "".join(lines)
    assert (demo.returncode, errors) == (0, ""), said + errors
    assert took < 60
    assert len(children) >= 4, "an exchange, a proxy and two bots"
    assert not [child for child in children if child.is_running()]
    assert "NOT AS EXPECTED" not in said
    for code in ("ORDER_COUNT_EXCEEDS_MAXIMUM", "PRICE_OUTSIDE_BAND", "MARKET_NOT_ALLOWED", "TRADING_HALTED"):
        assert code in said
    assert "mode: live" in said
    _the_commands_it_names_work(said)


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
