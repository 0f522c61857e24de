"""`pretrade doctor` on variables, keys and addresses: what it finds, and that it finds nothing where all is well."""

import datetime as dt
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from pretrade.cli import doctor_direct, init
from pretrade.cli.client_env import client_environment
from pretrade.cli.doctor_doors import check_key
from pretrade.cli.doctor_lines import Verdict
from pretrade.cli.doctor_shell import check_other_variables, check_proxy_variables, check_trust
from pretrade.cli.main import cli
from pretrade.gateway.config import LoadedPolicy, load
from pretrade.gateway.keys import certs
from pretrade.kalshi.hosts import all_names
from pretrade.kalshi.keys import generate_private_key, private_pem_of

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> LoadedPolicy:
    folder = tmp_path_factory.mktemp("doctor") / "work"
    init.make_folder(folder, init.default_policy())
    return load(folder / "policy.yaml")


def findings(loaded: LoadedPolicy, environ: dict[str, str], now: dt.datetime = NOW) -> list[str]:
    """What is found in a shell's variables, each as `variable: what was seen`."""
    lines = [
        *check_proxy_variables(environ, loaded, init.CLIENT),
        *check_trust(environ, loaded, now),
        *check_other_variables(environ, loaded, init.CLIENT),
    ]
    assert all(line.to_do for line in lines if line.verdict is Verdict.FOUND), "a finding says what to do"
    return [f"{line.what}: {line.seen}" for line in lines if line.verdict is Verdict.FOUND]


def test_what_exec_sets_is_found_good(loaded: LoadedPolicy) -> None:
    """Catches a doctor and an `exec` that disagree about what a client needs."""
    assert findings(loaded, client_environment(loaded, init.CLIENT)) == []


GOOD = "http://127.0.0.1:8080"
SPOILT = {
    "nothing set": ({"HTTPS_PROXY": "", "https_proxy": ""}, "HTTPS_PROXY: is not set"),
    "another port": ({"HTTPS_PROXY": "http://127.0.0.1:8088"}, "HTTPS_PROXY: 'http://127.0.0.1:8088' is not the proxy"),
    "the base-URL door": ({"https_proxy": "http://127.0.0.1:8081"}, "https_proxy: 'http://127.0.0.1:8081' is not the"),
    "another host": ({"https_proxy": "http://127.0.0.2:8080"}, "https_proxy: 'http://127.0.0.2:8080' is not the proxy"),
    "TLS to the proxy": ({"HTTPS_PROXY": "https://127.0.0.1:8080"}, "asks for https to the proxy"),
    "no address": ({"HTTPS_PROXY": "http://127.0.0.1:port"}, "is no address that can be found"),
    "all excluded": ({"NO_PROXY": "*"}, "NO_PROXY: '*' leads past the proxy"),
    "the domain excluded": ({"NO_PROXY": "localhost,.kalshi.com"}, "to external-api.kalshi.com"),
    "the domain with a star": ({"no_proxy": "*.Kalshi.Com"}, "no_proxy: "),
    "a host with a port": ({"NO_PROXY": "api.elections.kalshi.com:443"}, "to api.elections.kalshi.com"),
    "entries by spaces": ({"NO_PROXY": "localhost demo-api.kalshi.co"}, "to demo-api.kalshi.co"),
    "another way for all": ({"ALL_PROXY": "socks5://127.0.0.1:1"}, "ALL_PROXY: "),
    "another way for http": ({"http_proxy": GOOD}, "http_proxy: "),
    "another way for streams": ({"WSS_PROXY": "http://127.0.0.1:1"}, "WSS_PROXY: "),
    "more CAs": ({"SSL_CERT_DIR": "/etc/ssl/certs"}, "SSL_CERT_DIR: "),
    "a CA file that is not there": ({"SSL_CERT_FILE": "/no/such"}, "SSL_CERT_FILE: /no/such cannot be read"),
    "a CA file of others": ({"CURL_CA_BUNDLE": "STRANGER"}, "does not hold our CA"),
    "another client's id": (
        {"KALSHI_API_KEY_ID": "other"},
        "KALSHI_API_KEY_ID: is 'other', the key id of momentum-bot",
    ),
    "another address": ({"KALSHI_API_BASE_URL": "https://evil.example/trade-api/v2"}, "KALSHI_API_BASE_URL: "),
    "an address like ours": ({"KALSHI_HTTP_BASE_URL": "http://127.0.0.1:8081.evil.example"}, "KALSHI_HTTP_BASE_URL: "),
}


@pytest.mark.parametrize("case", SPOILT)
def test_each_thing_that_leads_astray_is_found(loaded: LoadedPolicy, tmp_path: Path, case: str) -> None:
    """Catches a variable that leads a client past the proxy and is told to be fine."""
    changes, words = SPOILT[case]
    if "STRANGER" in changes.values():
        certs.make(tmp_path, all_names(), NOW)
        changes = dict.fromkeys(changes, str(tmp_path / certs.CA_NAME))
    seen = findings(loaded, client_environment(loaded, init.CLIENT) | changes)
    assert len(seen) == 1
    assert words in seen[0]


FINE = {
    "a name for the address": {"HTTPS_PROXY": "http://localhost:8080"},
    "no scheme": {"HTTPS_PROXY": "127.0.0.1:8080"},
    "other hosts excluded": {"NO_PROXY": "localhost,127.0.0.1,.example.com,notkalshi.com,i.kalshi.com.example"},
    "the base-URL door": {"KALSHI_API_BASE_URL": "http://127.0.0.1:8081/trade-api/v2"},
    "the exchange": {"KALSHI_HTTP_BASE_URL": "https://external-api.kalshi.com"},
    "one spelling": {"https_proxy": ""},
    "a variable of others unset": {"REQUESTS_CA_BUNDLE": "", "NODE_EXTRA_CA_CERTS": ""},
}


@pytest.mark.parametrize("case", FINE)
def test_what_is_harmless_is_not_found(loaded: LoadedPolicy, case: str) -> None:
    """Catches a doctor that cries wolf."""
    assert findings(loaded, client_environment(loaded, init.CLIENT) | FINE[case]) == []


def test_our_ca_among_the_public_ones_is_found_good_and_its_end_is_seen(loaded: LoadedPolicy, tmp_path: Path) -> None:
    environment = client_environment(loaded, init.CLIENT)
    both = tmp_path / "both.crt"
    both.write_bytes(Path(environment["SSL_CERT_FILE"]).read_bytes() * 2)
    assert findings(loaded, environment | {"SSL_CERT_FILE": str(both)}) == []
    (ended,) = findings(loaded, environment, NOW + dt.timedelta(days=400))
    assert "our CA: " in ended
    assert " ended on " in ended


def test_a_host_of_the_clients_without_our_ca_is_told_to_copy_it(tmp_path: Path) -> None:
    """Catches an advice to make a CA on a client's host: the proxy shows no leaf of that one, so nobody would come in.
    Seen red with `pretrade certs` as all that is said. A copy of policy and CA is all that such a host needs."""
    (tmp_path / "policy.yaml").write_text(init.default_policy(), encoding="utf-8")
    there = load(tmp_path / "policy.yaml")
    (line,) = check_trust({}, there, NOW)
    assert (line.verdict, line.to_do.startswith("copy the proxy's own")) == (Verdict.FOUND, True)
    certs.make(tmp_path / "certs", all_names(), NOW)
    (tmp_path / "certs" / certs.LEAF_NAME).unlink()
    assert findings(there, client_environment(there, init.CLIENT)) == []


def test_the_key_must_be_the_registered_one_and_never_the_live_one(loaded: LoadedPolicy, tmp_path: Path) -> None:
    """Catches a doctor that signs with the live key, or takes any key for the bot's."""
    keys = loaded.path.parent / "keys"
    stranger, broken = tmp_path / "stranger.pem", tmp_path / "broken.pem"
    stranger.write_bytes(private_pem_of(generate_private_key("ed25519")))
    broken.write_text("nothing")
    key, line = check_key(loaded, init.CLIENT, keys / f"{init.CLIENT}.pem")
    assert (key is not None, line.verdict) == (True, Verdict.FINE)
    key, line = check_key(loaded, init.CLIENT, stranger)
    assert (line.verdict, "is not the key that is registered" in line.seen) == (Verdict.FOUND, True)
    key, line = check_key(loaded, init.CLIENT, keys / "live.pem")
    assert (key, line.verdict, "live key" in line.seen) == (None, Verdict.FOUND, True)
    key, line = check_key(loaded, init.CLIENT, broken)
    assert (key, line.verdict, "cannot be read" in line.seen) == (None, Verdict.FOUND, True)


def test_an_address_that_can_be_reached_is_found_and_a_closed_one_is_not() -> None:
    """Catches a direct way to the exchange that is told to be shut. It connects and sends nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as closed:
        shut = closed.getsockname()[1]
        closed.close()
        port = server.getsockname()[1]
        lines = list(doctor_direct.check_direct([("127.0.0.1", port), ("127.0.0.1", shut)]))
        server.settimeout(5)
        visitor, _ = server.accept()
        with visitor:
            visitor.settimeout(5)
            assert visitor.recv(1) == b""
    reached, blocked = lines
    assert (reached.verdict, f"127.0.0.1:{port}" in reached.seen) == (Verdict.FOUND, True)
    assert (blocked.verdict, "1 of 2 addresses cannot be reached: connection refused" in blocked.seen) == (
        Verdict.FINE,
        True,
    )


def test_a_name_that_is_not_resolved_is_no_proof_of_a_wall() -> None:
    """`.invalid` never resolves (RFC 6761)."""
    (line,) = doctor_direct.check_direct([("exchange.invalid", 443)])
    assert (line.verdict, "not resolved" in line.seen) == (Verdict.NOTE, True)


def test_every_documented_name_and_port_is_on_the_list() -> None:
    addresses = set(doctor_direct.exchange_addresses())
    assert {(name, 443) for name in all_names()} <= addresses
    assert ("mm.fix.elections.kalshi.com", 8228) in addresses
    assert ("api.klear.kalshi.com", 443) in addresses


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--client", "nobody"), 1, "registered: momentum-bot"),
        ((), 2, "Missing option '--client'"),
        (("--client", init.CLIENT, "--address", "127.0.0.1:1"), 2, "give both"),
        (("--client", init.CLIENT, "--direct", "--address", "127.0.0.1"), 2, "is not HOST:PORT"),
        (("--client", init.CLIENT, "--door", "back"), 2, "Invalid value for '--door'"),
        (("--client", init.CLIENT, "--key", "/no/such"), 2, "does not exist"),
    ],
)
def test_wrong_usage(loaded: LoadedPolicy, arguments: tuple[str, ...], code: int, words: str) -> None:
    result = CliRunner().invoke(cli, ["doctor", "-p", str(loaded.path), *arguments])
    assert (result.exit_code, words in result.output) == (code, True), result.output
