"""Several live keys at the real process: each client's requests by its own key, our own reads by the general one.

The general key reads only and is bound to nothing; each client's is bound to its subaccount at the exchange.
"""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as to
from tests.e2e.clients import ORDERS, RawClient
from tests.e2e.harness import World, order
from tests.e2e.programs import Pretrade, pretrade
from tests.roomy import ROOMY
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from pretrade.cli import init
from pretrade.kalshi.keys import generate_private_key, load_private_key, private_pem_of, public_pem_of
from pretrade.kalshi.signing import HANDSHAKE_PATH, KEY_HEADER
from pretrade.practice.api.keys import add_key

BALANCE = "/trade-api/v2/portfolio/balance"
CLIENT, SECOND = init.CLIENT, "second-bot"
KEYS = """
signing:
  key_id: practice-live-key
  key_file: keys/live.pem
  keys:
    first: {key_id: first-live, key_file: keys/first.pem, subaccount: 0}
    second: {key_id: second-live, key_file: keys/second.pem, passphrase_file: keys/second.pass, subaccount: 1}
"""
ENTRY = "key_id: second-bot-key, public_key: keys/second-bot.pub.pem, subaccount: 1, signing: second"
CHANGES = (
    ("\nsigning:\n  key_id: practice-live-key\n  key_file: keys/live.pem\n", KEYS),
    (
        "    subaccount: 0\n",
        f"    subaccount: 0\n    signing: first\n  {SECOND}: {{{ENTRY}}}\n",
    ),
)


class Desk(World):
    """Two clients, each with a subaccount and a live key of its own; the second's is encrypted."""

    def _start_exchange(self) -> Pretrade:
        if not (self.folder / "keys" / "second.pem").exists():
            # A subaccount that a key names is opened with the exchange.
            self._register = self._register_in_file
            self._make_keys()
        self._register = lambda key: self.control("POST", "add_key", key)
        return super()._start_exchange()

    def start_proxy(self, *, wait: bool = True, **environment: str) -> Pretrade:
        if not self.starts:
            self.control("POST", "deposit", {"account": "main", "subaccount": 1, "amount": "$1000"})
        return super().start_proxy(wait=wait, **environment)

    def _register_in_file(self, key: dict[str, Any]) -> None:
        more = {"account": key["account"], "subaccount": key["subaccount"]}
        add_key(self.folder / "practice", key["key_id"], key["public_key"].encode(), key["scopes"], **more)

    def _make_keys(self) -> None:
        self.put("live", init.LIVE_KEY_ID, ("read",), make=False)
        self.put("first", "first-live", init.LIVE_SCOPES, 0)
        (self.folder / "keys" / "second.pass").touch(0o600)
        (self.folder / "keys" / "second.pass").write_text("a secret\n")
        self.put("second", "second-live", init.LIVE_SCOPES, 1, passphrase=b"a secret")
        client = generate_private_key("rsa")
        (self.folder / "keys" / "second-bot.pub.pem").write_bytes(public_pem_of(client.public_key()))
        (self.folder / "keys" / "second-bot.pem").write_bytes(private_pem_of(client))

    def put(
        self,
        name: str,
        key_id: str,
        scopes: tuple[str, ...],
        subaccount: int | None = None,
        *,
        make: bool = True,
        passphrase: bytes | None = None,
    ) -> None:
        """A live key in its file, made where it is to be, and registered at the exchange."""
        path = self.folder / "keys" / f"{name}.pem"
        if make:
            write_key(path, passphrase)
        pem = public_half(path, passphrase)
        key = {"key_id": key_id, "public_key": pem, "account": "main", "scopes": scopes, "subaccount": subaccount}
        self._register(key)

    def second(self) -> RawClient:
        return self.raw("second-bot-key", self.folder / "keys" / "second-bot.pem")


def write_key(path: Path, passphrase: bytes | None = None) -> None:
    lock = to.NoEncryption() if passphrase is None else to.BestAvailableEncryption(passphrase)
    path.touch(0o600)
    path.write_bytes(generate_private_key("ed25519").private_bytes(to.Encoding.PEM, to.PrivateFormat.PKCS8, lock))


def public_half(path: Path, passphrase: bytes | None = None) -> str:
    return public_pem_of(load_private_key(path.read_bytes(), passphrase).public_key()).decode()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Desk(tmp_path, *ROOMY, *CHANGES) as running:
        yield running


def signed_by(seen: dict[str, Any]) -> str:
    return next((value for name, value in seen["headers"] if name.upper() == KEY_HEADER), "")


def test_each_client_s_requests_are_signed_by_its_own_key(desk: Desk) -> None:
    """Catches an order, cancel or read that is signed by another client's key or by the general one, a subaccount that
    the key does not fit, a denial of what names none, and a row that names another key than the one that signed.
    Planted: `Signers.of` giving the general key, which reads only: every order is refused."""
    first, second = desk.raw(), desk.second()
    with desk.exchange_sees(4) as seen:
        mine = first.send("POST", ORDERS, order(client_order_id="mine"))
        theirs = second.send("POST", ORDERS, order(client_order_id="theirs"))
        assert (mine.status, theirs.status) == (201, 201), (mine.body, theirs.body)
        for bot, placed in ((first, mine), (second, theirs)):
            assert bot.send("DELETE", f"{ORDERS}/{placed.body['order_id']}").status == 200
    assert [signed_by(one) for one in seen] == ["first-live", "second-live", "first-live", "second-live"]
    assert ['"subaccount":1' in str(one) or "subaccount=1" in str(one) for one in seen] == [False, True, False, True]
    for name, key_id in (("mine", "first-live"), ("theirs", "second-live")):
        assert desk.decision_of(name).body["key_id"] == key_id
    for bot, other in ((first, 1), (second, 0)):
        assert bot.send("POST", ORDERS, order(subaccount=other)).code == "SUBACCOUNT_NOT_OWNED"
        statuses = [bot.send("GET", f"{BALANCE}?subaccount={number}").status for number in (other, 1 - other)]
        assert statuses == [403, 200], "a read that is signed by a key of more than the client's subaccount"
    reads = desk.control("GET", "requests?reads=true")["requests"]
    assert {key_id for one in reads if (key_id := signed_by(one))} == {init.LIVE_KEY_ID, "first-live", "second-live"}
    for one in reads:
        if one["path"] == BALANCE and one["status"] == 403:
            assert signed_by(one) in {"first-live", "second-live"}
    assert {signed_by(one) for one in reads if one["path"].endswith("/user_data_timestamp")} <= {init.LIVE_KEY_ID, ""}


def test_each_client_s_stream_is_opened_by_its_own_key(desk: Desk) -> None:
    """Catches a handshake that is signed by the general key, which sees every subaccount, or by another client's: once
    one client's key is gone, its stream alone is refused; without the general one both are opened. Seen red
    with the relay's handshake signed by the general key."""

    async def opened(bot: RawClient) -> bool:
        headers = bot.signed("GET", HANDSHAKE_PATH)
        address = f"ws://127.0.0.1:{desk.base_url_port}{HANDSHAKE_PATH}"
        try:
            async with connect(address, additional_headers=headers, proxy=None):
                return True
        except InvalidStatus:
            return False

    def streams() -> tuple[bool, bool]:
        return asyncio.run(opened(desk.raw())), asyncio.run(opened(desk.second()))

    assert streams() == (True, True)
    _dead(desk)
    assert streams() == (True, False)
    desk.put("second", "second-live", init.LIVE_SCOPES, 1, make=False, passphrase=b"a secret")
    desk.control("POST", "remove_key", {"key_id": init.LIVE_KEY_ID})
    assert streams() == (True, True)


def test_status_shows_every_key(desk: Desk) -> None:
    """Catches a key that signs and that nobody sees."""
    shown = desk.operate("status")["keys"]
    assert [(one["key"], one["key_id"], one["subaccount"], one["clients"]) for one in shown] == [
        ("signing", init.LIVE_KEY_ID, None, []),
        ("signing.keys.first", "first-live", 0, [CLIENT]),
        ("signing.keys.second", "second-live", 1, [SECOND]),
    ]
    assert "second-live" in desk.pretrade("status").stdout


def test_the_check_of_a_status_is_for_monitoring(desk: Desk) -> None:
    """Catches a health check that is green while the proxy is halted, or gone."""
    done = desk.pretrade("status", "--check")
    assert (done.returncode, done.stdout) == (0, "ok: ACTIVE, role W, live\n"), done.stderr
    assert desk.pretrade("halt", "--reason", "tea").returncode == 0
    done = desk.pretrade("status", "--check")
    told = re.fullmatch(r"Error: trading state HALTED since \S+Z \(operator: tea\)\n", done.stderr)
    assert done.returncode == 1 and told, done.stderr
    assert desk.proxy.end() == 0
    assert desk.pretrade("status", "--check").returncode == 1


def check(desk: Desk) -> CompletedProcess[str]:
    return pretrade("keys", "check", "-p", str(desk.policy))


def _dead(desk: Desk) -> None:
    desk.control("POST", "remove_key", {"key_id": "second-live"})


def _reads_only(desk: Desk) -> None:
    desk.put("second", "second-live", ("read",), 1, make=False, passphrase=b"a secret")


def _bound_to_none(desk: Desk) -> None:
    desk.put("second", "second-live", init.LIVE_SCOPES, make=False, passphrase=b"a secret")


def _bound_elsewhere(desk: Desk) -> None:
    desk.put("second", "second-live", init.LIVE_SCOPES, 2, make=False, passphrase=b"a secret")


def _full_power(desk: Desk) -> None:
    desk.put("second", "second-live", ("read", "write"), 1, make=False, passphrase=b"a secret")


def _general_trades(desk: Desk) -> None:
    desk.put("live", init.LIVE_KEY_ID, init.LIVE_SCOPES, make=False)


def _general_is_bound(desk: Desk) -> None:
    desk.put("live", init.LIVE_KEY_ID, ("read",), 0, make=False)


WRONG = [
    (_dead, "key of signing.keys.second: the exchange does not accept it: 401"),
    (_reads_only, "trade of signing.keys.second: its scopes are read: it may not trade"),
    (_bound_to_none, "subaccount of signing.keys.second: the exchange has bound the key to none, the policy says to 1"),
    (_bound_elsewhere, "balance of signing.keys.second: the key may not see it"),
    (_full_power, "scopes of signing.keys.second: more than reading and trading: write"),
    (_general_trades, "trade of signing: its scopes are read, write::trade: it may trade. No client signs with it"),
    (_general_is_bound, "balance of signing: the key may not see it"),
]


def test_one_wrong_key_of_several_refuses_the_start_and_is_named(desk: Desk) -> None:
    """Catches a start with a key that nobody looked at. Planted: the preflight asked with the general key alone."""
    assert check(desk).returncode == 0, check(desk).stdout
    assert desk.proxy.end() == 0
    for spoil, says in WRONG:
        spoil(desk)
        refused = pretrade("run", "-p", str(desk.policy))
        assert (refused.returncode, says in refused.stderr) == (1, True), (spoil.__name__, refused.stderr)
        checked = check(desk)
        assert (checked.returncode, says.partition(":")[0] in checked.stdout) == (1, True), checked.stdout
        desk.put("second", "second-live", init.LIVE_SCOPES, 1, make=False, passphrase=b"a secret")
        desk.put("live", init.LIVE_KEY_ID, ("read",), make=False)


def rotate(desk: Desk) -> CompletedProcess[str]:
    return pretrade("keys", "rotate", "-p", str(desk.policy))


def edit(desk: Desk, old: str, new: str) -> None:
    text = desk.policy.read_text()
    assert old in text
    desk.policy.write_text(text.replace(old, new))


def test_one_key_of_several_is_rotated(desk: Desk) -> None:
    """Catches a rotation that gives one client's key to another, or changes one that was not asked for. Planted: the
    new key put into the general signer."""
    desk.put("newer", "newer-live", init.LIVE_SCOPES, 1)
    edit(desk, "key_id: second-live, key_file: keys/second.pem, passphrase_file: keys/second.pass,",
         "key_id: newer-live, key_file: keys/newer.pem,")  # fmt: skip
    done = rotate(desk)
    said = "the proxy signs with newer-live now for the clients of signing.keys.second; before it was second-live\n"
    assert (done.returncode, done.stdout) == (0, said), done.stderr
    desk.control("POST", "remove_key", {"key_id": "second-live"})
    for bot, name, key_id in ((desk.raw(), "a", "first-live"), (desk.second(), "b", "newer-live")):
        placed = bot.send("POST", ORDERS, order(client_order_id=f"after-{name}"))
        assert placed.status == 201, placed.body
        assert desk.decision_of(f"after-{name}").body["key_id"] == key_id
    assert desk.events("rotation")[-1].body["key"] == "signing.keys.second"


def test_two_at_a_time_and_other_bindings_are_not_rotated(desk: Desk) -> None:
    """Catches keys that are changed half, a client that gets a subaccount's key without a restart, and a power that is
    acknowledged of another key by the way. Planted: `signing` compared by its bindings alone."""
    desk.put("newer", "newer-live", init.LIVE_SCOPES, 1)
    before = desk.policy.read_text()
    edit(desk, "key_id: second-live, key_file: keys/second.pem, passphrase_file: keys/second.pass,",
         "key_id: newer-live, key_file: keys/newer.pem,")  # fmt: skip
    edit(desk, "key_id: first-live", "key_id: another")
    refused = rotate(desk)
    assert "signing.keys.first and signing.keys.second are others now: change one key at a time" in refused.stderr
    desk.policy.write_text(before)
    edit(desk, "passphrase_file: keys/second.pass, subaccount: 1", "passphrase_file: keys/second.pass")
    assert "restart the proxy for that" in rotate(desk).stderr
    desk.policy.write_text(before)
    edit(desk, "key_id: second-live, key_file: keys/second.pem, passphrase_file: keys/second.pass,",
         "key_id: newer-live, key_file: keys/newer.pem,")  # fmt: skip
    edit(desk, "key_file: keys/first.pem,", "key_file: keys/first.pem, acknowledge: [write],")
    assert "differs from the running policy's in more than signing.keys.second" in rotate(desk).stderr
    assert desk.events("rotation") == []
    assert desk.second().send("POST", ORDERS, order()).status == 201
