"""Starts that the preflight refuses, at the real process: each with its own sentence, exit code 1, and no port open."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.clients import ORDERS
from tests.e2e.harness import World, order
from tests.e2e.programs import Pretrade, eventually, pretrade

from pretrade.cli import init
from pretrade.kalshi.keys import load_private_key, public_pem_of
from pretrade.kalshi.signing import PROBE_PATH

CHECKS = ("exchange", "clock", "key", "balance", "trade", "scopes", "subaccount", "region", "client keys")


class Desk(World):
    """A world whose proxy is started anew by each test, with a key and an exchange of the test's own choice."""

    def give_key(self, *scopes: str, key_id: str = init.LIVE_KEY_ID, subaccount: int | None = None) -> None:
        pem = public_pem_of(load_private_key(self.live_key.read_bytes()).public_key()).decode()
        key = {"key_id": key_id, "public_key": pem, "account": "main", "scopes": scopes, "subaccount": subaccount}
        self.control("POST", "add_key", key)

    def refused(self, policy: Path, timeout: float = 60.0) -> str:
        """What a start says that is refused; while it lasts, nobody can come in by either door."""
        program = Pretrade("refused", ("run", "-p", str(policy)), self.root)
        before = len(program.err), len(program.out)
        try:
            eventually("the start is refused", lambda: self._shut(program), timeout)
        finally:
            program.kill()
        assert program.code == 1
        assert "ready" not in program.out[before[1] :]
        said = [line for line in program.err[before[0] :].splitlines() if not line.startswith("{")]
        assert len(said) == 1, said
        return said[0]

    def _shut(self, program: Pretrade) -> bool:
        for port in (self.proxy_port, self.base_url_port):
            with socket.socket() as door:
                assert door.connect_ex(("127.0.0.1", port)) != 0, "a door is open before the key is proven"
        return not program.running

    def checked(self, policy: Path) -> tuple[int, str]:
        done = pretrade("keys", "check", "-p", str(policy))
        return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with Desk(tmp_path_factory.mktemp("desk")) as running:
        assert running.proxy.end() == 0, running.proxy.err
        yield running


@pytest.fixture(autouse=True)
def as_it_was(desk: Desk) -> Iterator[None]:
    yield
    desk.give_key(*init.LIVE_SCOPES)
    desk.control("POST", "attest_region", {})
    desk.control("POST", "clock", {"skew": 0})


ROLE_R, ROLE_ABH, DRY = ("role: W", "role: R"), ("role: W", "role: ABH"), ("mode: live", "mode: dry_run")


def _reads_only(desk: Desk) -> None:
    desk.give_key("read")


def _full_power(desk: Desk) -> None:
    desk.give_key("read", "write")


def _other_subaccount(desk: Desk) -> None:
    desk.give_key(*init.LIVE_SCOPES, subaccount=2)


def _ended(desk: Desk) -> None:
    desk.control("POST", "attest_region", {"seconds": 0})


def _skewed(desk: Desk) -> None:
    desk.control("POST", "clock", {"skew": 5})


def _far_skewed(desk: Desk) -> None:
    desk.control("POST", "clock", {"skew": -600})


def _client_alive(desk: Desk) -> None:
    desk.give_key("read", key_id=init.CLIENT_KEY_ID)


def _revoked(desk: Desk) -> None:
    desk.control("POST", "remove_key", {"key_id": init.LIVE_KEY_ID})


def _as_it_is(desk: Desk) -> None:
    """The key of `pretrade init`, which reads and trades."""


REFUSED = {
    "W with a key that only reads": (_reads_only, (), "trade: its scopes are read: it may not trade. Make a key"),
    "W with full power": (_full_power, (), "preflight: scopes: more than reading and trading: write. Make a key"),
    "W on another's subaccount": (_other_subaccount, (), "preflight: balance: the key may not see it: the balance of"),
    "W whose region ended": (_ended, (), "preflight: region: its attestation ended 0 days ago. Attest it"),
    "W on a clock that is off": (_skewed, (), "s behind the exchange's. Set this machine's clock"),
    "W on a clock that is far off": (_far_skewed, (), "preflight: clock: it is at least 59"),
    "W with a revoked key": (_revoked, (), "key: the exchange does not accept it: 401 (authentication"),
    "R with a key that trades": (_as_it_is, (ROLE_R,), "trade: its scopes are read, write::trade: it may trade."),
    "R, dry, with a key that trades": (_as_it_is, (ROLE_R, DRY), "it may trade. Role R must hold a key that cannot"),
    "ABH, dry, with a key that trades": (_as_it_is, (ROLE_ABH, DRY), "Role ABH must hold a key that cannot"),
    "R that cannot list, and trades": (
        lambda desk: desk.give_key(*init.LIVE_SCOPES, subaccount=0), (ROLE_R,), "was answered 404 (not_found",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_key_that_is_not_what_the_role_says_keeps_the_port_shut(desk: Desk, case: str) -> None:
    """Catches a port that opens with the wrong key on the host, and a refusal that does not say which check, what was
    seen and what to do."""
    spoil, changes, says = REFUSED[case]
    spoil(desk)
    said = desk.refused(desk.policy_with(*changes))
    assert said.startswith("Error: preflight: "), said
    assert says in said
    assert [row.kind for row in desk.events()][-3:] == ["start", "preflight", "stop"]
    assert desk.events("preflight")[-1].body["verdict"] == "refused"


def test_a_client_key_that_is_alive_keeps_the_port_shut(desk: Desk) -> None:
    """Catches a client that could trade past the proxy with its own key."""
    _client_alive(desk)
    try:
        said = desk.refused(desk.policy)
    finally:
        desk.control("POST", "remove_key", {"key_id": init.CLIENT_KEY_ID})
    assert "client keys: alive at the exchange: momentum-bot's (momentum-bot-key). Delete it there" in said


ROLES = {
    "R, a key that reads": (("read",), None, (ROLE_R,)),
    "R, bound, so that it cannot list": (("read",), 0, (ROLE_R, DRY)),
    "ABH, dry, a key that reads": (("read",), None, (ROLE_ABH, DRY)),
    "ABH, live on practice, a key that trades": (init.LIVE_SCOPES, None, (ROLE_ABH,)),
    "W, bound, so that it cannot list": (init.LIVE_SCOPES, 0, ()),
    "W, full power that the policy acknowledges": (
        ("read", "write"), None, (("key_file: keys/live.pem", "key_file: keys/live.pem\n  acknowledge: [write]"),),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ROLES)
def test_the_right_key_of_each_role_starts(desk: Desk, case: str) -> None:
    """Catches a proof that the exchange's own answers do not give; and a probe beyond the one that it takes."""
    scopes, subaccount, changes = ROLES[case]
    desk.give_key(*scopes, subaccount=subaccount)
    policy = desk.policy_with(*changes)
    with desk.exchange_sees(0 if subaccount is None else 1) as seen:
        proxy = Pretrade("proxy", ("run", "-p", str(policy)), desk.root)
        try:
            proxy.wait_ready()
            shown = desk.operate("status")["preflight"]
        finally:
            assert proxy.end() == 0, proxy.err
    assert {(one["method"], one["path"]) for one in seen} <= {("DELETE", PROBE_PATH)}
    assert shown["verdict"] in {"passed", "warned"}, shown
    assert (shown["verdict"] == "warned") is (bool(seen) or "acknowledges" in case), shown


def test_the_check_alone_says_each_finding(desk: Desk) -> None:
    """Catches a check that says good where a start would be refused, and one that leaves a row or a lock behind."""
    before = len(desk.events())
    code, said = desk.checked(desk.policy)
    assert code == 0, said
    assert [line.split("  ")[0] for line in said.splitlines()] == ["ok"] * len(CHECKS)
    assert all(check in said for check in CHECKS)
    _reads_only(desk)
    code, said = desk.checked(desk.policy)
    assert (code, "refused    trade       its scopes are read: it may not trade" in said) == (1, True), said
    assert len(desk.events()) == before


@pytest.mark.parametrize("mode", ["live", "dry_run"])
def test_without_an_exchange_nothing_starts(tmp_path: Path, mode: str) -> None:
    """Catches a start, in whatever mode, that proved nothing. It takes as long as a start waits for an exchange that
    may be coming up. Seen red, in the dry run, with silence that kept the live alone from starting."""
    with Desk(tmp_path, mode=mode) as desk:
        assert desk.proxy.end() == 0
        desk.exchange.end()
        said = desk.refused(desk.policy)
        assert "preflight: exchange: no answer: could not connect to the exchange" in said
        assert desk.events("preflight")[-1].body["verdict"] == "refused"


def test_the_check_alone_says_that_nobody_answers(tmp_path: Path) -> None:
    """Catches a check without an answer that is taken for a good one."""
    with Desk(tmp_path, mode="dry_run") as desk:
        desk.exchange.end()
        code, said = desk.checked(desk.policy)
        assert (code, "no answer: could not connect" in said) == (1, True), said


def test_a_proxy_of_role_r_passes_reads(tmp_path: Path) -> None:
    """Catches a role that is proven and then cannot do what it is for."""
    with Desk(tmp_path, ROLE_R, scopes=("read",)) as desk:
        raw = desk.raw()
        assert raw.send("POST", ORDERS, order()).code == "ROLE_READ_ONLY"
        assert raw.send("GET", "/trade-api/v2/portfolio/balance?subaccount=0").status == 200
