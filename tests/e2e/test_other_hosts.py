"""A bot that also talks to another service: `other_hosts` passes that host through, with its own certificate."""

import datetime as dt
import http.server
import json
import ssl
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.harness import World
from tests.e2e.programs import free_ports, pretrade

from pretrade.cli import init
from pretrade.practice.certs import CA_FILE, ensure_certificates

BOT = """
import json, os, ssl, urllib.request
trust = ssl.create_default_context(cafile=os.environ["WEATHER_CA"])
with urllib.request.urlopen(os.environ["WEATHER"], timeout=10, context=trust) as answer:
    weather = json.load(answer)
public = ssl.create_default_context().cert_store_stats()["x509_ca"]
print(json.dumps({"weather": weather, "public": public, "trusts": os.environ["SSL_CERT_FILE"]}))
"""


class _Weather(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"sunny": True, "asked": self.path}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def weather(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A service on this machine with a CA of its own: its address and the CA's file."""
    folder = tmp_path / "weather"
    folder.mkdir()
    _, chain = ensure_certificates(folder, dt.datetime.now(dt.UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Weather)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"localhost:{server.server_address[1]}", folder / CA_FILE
    server.shutdown()
    server.server_close()
    thread.join()


def run_bot(world: World, address: str, ca_file: Path) -> tuple[int, str, str]:
    done = pretrade(
        "exec", "-p", str(world.policy), "--client", init.CLIENT, "--", sys.executable, "-c", BOT,
        WEATHER=f"https://{address}/today", WEATHER_CA=str(ca_file),
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_a_listed_host_is_reached_with_its_own_certificate(tmp_path: Path, weather: tuple[str, Path]) -> None:
    """Catches a listed host that is decrypted by us (the bot trusts its own CA alone here), a bot that has lost
    its public CAs, and a row in the log about what is none of our business."""
    address, ca_file = weather
    listed = ("certs_dir: certs", f'other_hosts: ["{address}"]\ncerts_dir: certs')
    with World(tmp_path / "world", listed) as world:
        code, out, err = run_bot(world, address, ca_file)
        assert code == 0, err
        said = json.loads(out)
        assert said["weather"] == {"sunny": True, "asked": "/today"}
        assert Path(said["trusts"]).name == "ca-and-roots.crt"
        assert said["public"] > 50
        assert (world.folder / "certs" / "ca.crt").read_text() in Path(said["trusts"]).read_text()
        assert world.events("refusal", "reads") == []


def test_a_host_that_is_not_listed_is_refused(tmp_path: Path, weather: tuple[str, Path]) -> None:
    """Catches a proxy that lets a client out to anybody. The refusal is in the log."""
    address, ca_file = weather
    listed = ("certs_dir: certs", f'other_hosts: ["localhost:{free_ports(1)[0]}"]\ncerts_dir: certs')
    with World(tmp_path / "world", listed) as world:
        code, _, err = run_bot(world, address, ca_file)
        assert code != 0
        assert "403" in err
        assert [row.body["code"] for row in world.events("refusal")] == ["DESTINATION_NOT_ALLOWED"]
