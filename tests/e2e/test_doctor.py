"""`pretrade doctor` against a running proxy: what it says of doors, keys and states, and with which exit code."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.e2e.harness import World, make_folder
from tests.e2e.programs import free_ports, pretrade

from pretrade.cli.client_env import client_environment
from pretrade.cli.init import CLIENT
from pretrade.gateway.config import load
from pretrade.kalshi import replies
from pretrade.kalshi.keys import generate_private_key, private_pem_of
from pretrade.model.codes import DenyCode


def doctor(world: World, *arguments: str, **environment: str) -> tuple[int, list[str]]:
    """Run it as `pretrade exec` would: its exit code and what it found."""
    variables = client_environment(load(world.policy), CLIENT) | environment
    done = world.pretrade("doctor", "--client", CLIENT, *arguments, **variables)
    assert "Traceback" not in done.stderr, done.stderr
    lines = done.stdout.splitlines()
    assert done.returncode == any(line.startswith("FOUND") for line in lines), done.stdout
    return done.returncode, lines


def said(lines: list[str], start: str) -> str:
    """The one line that begins so, without regard to how columns are filled."""
    (found,) = [text for line in lines if (text := " ".join(line.split())).startswith(start)]
    return found


def test_nothing_is_found_where_all_is_well(world):
    """Catches a doctor that cries wolf, or writes: the exchange sees no write of it."""
    with world.exchange_sees(0):
        code, lines = doctor(world, "--key", str(world.client_key))
    assert code == 0
    for door in ("proxy door", "base-URL door"):
        assert "passed: the proxy knows momentum-bot" in said(lines, f"ok read, {door}")
        assert "agrees with the proxy's within 5 s" in said(lines, f"ok clock, {door}")
    assert said(lines, "ok trading") == "ok trading ACTIVE, role W, live on practice"
    assert doctor(world)[0] == 0, "without a key the gate shows itself by its refusal"
    assert not [line for line in doctor(world, "--door", "base-url")[1] if "proxy door" in line]


def test_a_key_that_is_not_registered_is_told_by_both_doors(world, tmp_path):
    """Catches a doctor that calls any answer of a door a pass."""
    key = tmp_path / "stranger.pem"
    key.write_bytes(private_pem_of(generate_private_key("ed25519")))
    code, lines = doctor(world, "--key", str(key))
    assert code == 1
    assert "403 SIGNATURE_INVALID" in said(lines, "FOUND read, proxy door")
    assert "403 SIGNATURE_INVALID" in said(lines, "FOUND read, base-URL door")
    assert "was not compared" in said(lines, "note clock, proxy door")


def test_a_direct_way_to_the_exchange_is_found(world):
    """Catches a doctor that takes a host from which the exchange can be reached for an isolated one."""
    code, lines = doctor(world, "--direct", "--address", f"127.0.0.1:{world.exchange_port}")
    assert code == 1
    assert "reaches 127.0.0.1" in said(lines, "FOUND direct")


@pytest.mark.parametrize(
    ("state", "words"), [("HALTED", "FOUND trading HALTED"), ("REDUCING", "FOUND trading REDUCING")]
)
def test_a_stop_is_told(world, state, words):
    world.operate("halt", state=state, reason="a test")
    try:
        code, lines = doctor(world)
    finally:
        world.operate("resume", by="tests", reason="the test is over")
    assert code == 1
    assert said(lines, words)


def test_a_policy_that_was_edited_after_the_start_is_told(world):
    """Catches a limit or a client that its author takes for loaded."""
    text = world.policy.read_text()
    world.policy.write_text(text.replace("max_orders: 100000", "max_orders: 99999"))
    try:
        code, lines = doctor(world)
    finally:
        world.policy.write_text(text)
    assert code == 1
    assert said(lines, "FOUND policy the proxy runs with another text")


@contextmanager
def served(port: int, handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[None]:
    """A program on this port that is no proxy of ours."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield
    server.shutdown()
    server.server_close()
    thread.join()


class _Stranger(http.server.BaseHTTPRequestHandler):
    status, body = 200, b"{}"

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        pass


def test_a_proxy_that_is_down_and_another_program_in_its_place_are_told(tmp_path):
    """Catches any program that answers on the port and is taken for our gate."""
    proxy, base_url, exchange = free_ports(3)
    make_folder(tmp_path / "work", (), mode="live", proxy=proxy, base_url=base_url, exchange=exchange)
    command = ("doctor", "-p", str(tmp_path / "work" / "policy.yaml"), "--client", CLIENT)
    down = pretrade(*command)
    assert (down.returncode, down.stdout.count("does not answer")) == (1, 2)
    assert "cannot be seen from here: no proxy answers" in down.stdout
    with served(base_url, _Stranger):
        taken = pretrade(*command, "--door", "base-url")
    assert taken.returncode == 1
    assert "an unsigned read was answered with status 200" in said(taken.stdout.splitlines(), "FOUND read")


def test_clocks_that_disagree_are_told(tmp_path):
    """Catches a stale signature that is told as something else. The answer is our gate's own, given by a stand-in,
    because both clocks are one on this machine."""
    words = "the timestamp is 7012 ms old; at most 5000 ms either way are taken"
    stale = replies.refusal(DenyCode.SIGNATURE_STALE, decision_id="d-1", message=words)
    late = type("_Late", (_Stranger,), {"status": stale.status, "body": stale.body})
    proxy, base_url, exchange = free_ports(3)
    make_folder(tmp_path / "work", (), mode="live", proxy=proxy, base_url=base_url, exchange=exchange)
    key = tmp_path / "work" / "keys" / f"{CLIENT}.pem"
    with served(base_url, late):
        policy = ("-p", str(tmp_path / "work" / "policy.yaml"), "--client", CLIENT)
        done = pretrade("doctor", *policy, "--door", "base-url", "--key", str(key))
    assert done.returncode == 1
    assert words in said(done.stdout.splitlines(), "FOUND clock, base-URL door")
