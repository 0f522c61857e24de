"""One line an event, escaped: nothing that a client, an exchange or an operator says can forge a line.

What is read by people or programs line by line: the process log, `pretrade log tail`, and the rows of the journal.
"""

import json
import os
import re
import socket
from contextlib import suppress

import pytest
import structlog
from tests.e2e.clients import API, ORDERS
from tests.e2e.harness import order
from tests.e2e.programs import eventually, pretrade
from tests.failing.conftest import GENEROUS
from tests.failing.machine import machine

from pretrade.gateway.machine.logs import LineLogger, log_to

FORGED = '{"event": "trading_state", "state": "ACTIVE", "level": "warning"}'
MARK = "forged-by-a-client"
OWN_DOINGS = {"preflight", "preflight_finding", "feed_opened", "feed_lost"}
"""What the proxy tells of itself and the exchange meanwhile."""
HOSTILE = {
    "a new line": f"x\n{FORGED}",
    "a carriage return": f"x\r{FORGED}",
    "escapes of a terminal": "x\x1b[2K\x1b[1A\x1b]0;title\x07",
    "separators of lines in Unicode": "x\u2028y\u2029z\u0085\v\f\x1c",
    "right to left": "x\u202eyes\u202c",
    "a NUL": "x\0y",
    "half a character": "x\udc80",
    "quotes and braces": '"}, {"event": "stop"}',
    "a percent and a brace for format": "%s %(x)s {0} {x!r} ${jndi}",
    "very long": "x" * 3000,
}
_SHOWN = ("decision", "refusal", "refusals", "outcome", "trading_state", "reconciliation", "resolution")
_TAIL_LINE = re.compile(rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9:.]+Z ({'|'.join(_SHOWN)}) [ -~]*")


@pytest.fixture(scope="module")
def m(tmp_path_factory):
    with machine(tmp_path_factory.mktemp("loglines"), *GENEROUS) as running:
        yield running


def _send_raw(port, text):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(text.encode("utf-8", "surrogateescape"))
        client.shutdown(socket.SHUT_WR)
        while client.recv(4096):
            pass


def _everywhere(m, text):
    """A hostile text in every place where a client may put one."""
    raw = m.raw()
    text = f"{MARK} {text}"
    for body in (order(client_order_id=text), order(ticker=text), order(side=text), {text: 1}):
        data = json.dumps(body).encode()
        assert raw.send("POST", ORDERS, raw=data).status in {400, 403}
        if text.isascii():
            assert raw.send("POST", ORDERS, raw=data.replace(b"\\n", b"\n"), door="proxy").status in {400, 403}
    for port in (m.base_url_port, m.proxy_port):
        _send_raw(port, f"GET {API}/{text} HTTP/1.1\r\nHost: {text}\r\n\r\n")
        _send_raw(port, f"{text} / HTTP/1.1\r\nHost: x\r\n\r\n")
        _send_raw(port, f"GET / HTTP/1.1\r\nHost: x\r\nKALSHI-ACCESS-KEY: {text}\r\nX-{text}: {text}\r\n\r\n")
        _send_raw(port, f"CONNECT {text}:443 HTTP/1.1\r\nHost: {text}\r\n\r\n")


def _tail(m, count):
    """The lines of `pretrade log tail`, each of which is one event."""
    done = pretrade("log", "-p", str(m.policy), "tail", "-n", str(count))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.split("\n")
    assert lines.pop() == ""
    assert [line for line in lines if not _TAIL_LINE.fullmatch(line)] == []
    return lines


def test_nothing_that_a_client_sends_becomes_a_line(m):
    """Catches: a client's text in the log without its escapes; a hostile request that makes the process log at all."""
    for text in HOSTILE.values():
        _everywhere(m, text)
    told = [line for line in m.proxy.err.splitlines() if json.loads(line)["event"] not in OWN_DOINGS]
    assert told == [], "what clients do is in the journal, not in the process log"
    assert MARK not in m.proxy.err
    assert MARK not in m.proxy.out
    seen = eventually("refusals are recorded", lambda: [r for r in m.events("refusal") if MARK in json.dumps(r.body)])
    lines = _tail(m, 1000)
    assert len([line for line in lines if MARK in line]) >= len(seen) / 2
    assert len(lines) == min(1000, len(m.events(*_SHOWN)))


def test_every_row_of_the_journal_is_one_line_of_ascii(m):
    """Catches: a body that an export, one row a line, would break."""
    _everywhere(m, HOSTILE["separators of lines in Unicode"])
    for row in m.events():
        text = json.dumps(row.body, sort_keys=True, separators=(",", ":"))
        assert text.isascii()
        assert text.isprintable()


@pytest.mark.parametrize("name", ["a new line", "escapes of a terminal", "separators of lines in Unicode"])
def test_what_an_operator_or_a_file_says_stays_in_its_line(m, name):
    """Catches: the text of a HALT file, or of a halt, that reads as another event."""
    text = HOSTILE[name]
    before = len(m.proxy.err)
    (m.state / "HALT").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert m.raw().send("POST", ORDERS, order()).code == "TRADING_HALTED"
    m.operate("resume", by=f"Ada{text}", reason=text)
    m.operate("halt", reason=text)
    m.operate("resume", by="Ada", reason="done")
    events = [json.loads(line) for line in m.proxy.err[before:].splitlines()]
    events = [event for event in events if event["event"] not in OWN_DOINGS]
    assert [event["event"] for event in events] == ["trading_state"] * 4
    assert [event["state"] for event in events] == ["HALTED", "ACTIVE", "HALTED", "ACTIVE"]
    assert m.proxy.err.isascii()
    assert "\x1b" not in m.proxy.err
    assert len(_tail(m, 5)) == 5


def test_what_an_exchange_says_stays_in_its_row(m):
    """Catches: an exchange's error text with its line ends in the log that people read."""
    m.fault("html")
    assert m.raw().send("POST", ORDERS, order(client_order_id="html")).status == 504
    outcome = m.outcome(m.decision_of("html").decision_id)
    assert outcome["detail"].isprintable()
    assert m.proxy.err.count("\n") == len([json.loads(line) for line in m.proxy.err.splitlines()])


@pytest.fixture
def pipe():
    reading, writing = os.pipe()
    yield reading, writing
    for end in (reading, writing):
        try:
            os.close(end)
        except OSError:
            continue


def test_every_hostile_text_is_one_line_of_the_log(pipe):
    """The log itself, with what no client can reach today. Catches: a renderer that prints what it is given."""
    reading, writing = pipe
    log_to(writing)
    try:
        log = structlog.get_logger()
        for name, text in HOSTILE.items():
            log.error("planted", what=text)
            line = os.read(reading, 65536)
            assert line.endswith(b"\n"), name
            assert line.count(b"\n") == 1, name
            assert line[:-1].decode("ascii").isprintable(), name
            assert json.loads(line)["what"] == text
    finally:
        structlog.reset_defaults()


def test_a_log_that_nobody_reads_waits_for_nobody(pipe):
    """Catches: a proxy that stands still because `less` shows another page of its log."""
    reading, writing = pipe
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while os.write(writing, b"x" * 4096):
            pass
    os.set_blocking(writing, True)
    logger = LineLogger(writing)
    logger.error("one")
    assert logger.lost == 1
    os.read(reading, 65536)
    logger.error("two")
    assert logger.lost == 1


def test_a_log_whose_reader_has_gone_raises_nothing(pipe):
    """Catches: a broken pipe that ends a refusal half-way."""
    reading, writing = pipe
    os.close(reading)
    logger = LineLogger(writing)
    logger.error("one")
    logger.warning("two")
    assert logger.lost == 2
