"""Another live key for a proxy that trades: no order is dropped, and what is wrong with the new key changes nothing."""

import threading
from concurrent.futures import ThreadPoolExecutor
from subprocess import CompletedProcess

import pytest
from tests.e2e.clients import ORDERS
from tests.e2e.harness import World, order
from tests.e2e.programs import pretrade
from tests.roomy import ROOMY

from pretrade.cli import init
from pretrade.kalshi.keys import generate_private_key, private_pem_of, public_pem_of

NEW = "second-key"


@pytest.fixture
def world(tmp_path):
    with World(tmp_path, *ROOMY) as running:
        yield running


def give(world: World, *scopes: str, key_id: str = NEW, name: str = "second.pem", kind: str = "ed25519") -> None:
    """A new key in the folder, registered at the exchange where it has scopes, and named in `signing`."""
    key, path = generate_private_key(kind), world.folder / "keys" / name
    path.touch(0o600)
    path.write_bytes(private_pem_of(key))
    if scopes:
        pem = public_pem_of(key.public_key()).decode()
        world.control("POST", "add_key", {"key_id": key_id, "public_key": pem, "account": "main", "scopes": scopes})
    change(world, (f"key_id: {init.LIVE_KEY_ID}", f"key_id: {key_id}"), ("keys/live.pem", f"keys/{name}"))


def change(world: World, *changes: tuple[str, str]) -> None:
    text = world.policy.read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    world.policy.write_text(text)


def rotate(world: World) -> CompletedProcess[str]:
    return pretrade("keys", "rotate", "-p", str(world.policy))


class Stream(threading.Thread):
    """Orders one after another, until told to end."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.bot, self.statuses, self.enough = world.raw(), [], threading.Event()

    def run(self) -> None:
        while not self.enough.is_set():
            self.statuses.append(
                self.bot.send("POST", ORDERS, order(price=f"0.0{len(self.statuses) % 8 + 2}00")).status
            )


def test_a_rotation_drops_no_order(world: World) -> None:
    """Catches: an order that is refused, or signed half with either key, while the key changes; a key of before that is
    still used once it is gone at the exchange; a change that nobody can find in the log."""
    give(world, *init.LIVE_SCOPES)
    stream = Stream(world)
    stream.start()
    try:
        done = rotate(world)
        world.control("POST", "remove_key", {"key_id": init.LIVE_KEY_ID})
        after = len(stream.statuses)
        while len(stream.statuses) < after + 5 and stream.is_alive():
            stream.join(0.05)
    finally:
        stream.enough.set()
        stream.join()
    said = f"the proxy signs with {NEW} now; before it was {init.LIVE_KEY_ID}\n"
    assert (done.returncode, done.stdout) == (0, said), done.stderr
    assert set(stream.statuses) == {201}
    row = world.events("rotation")[-1].body
    assert (row["previous"], row["key_id"]) == (init.LIVE_KEY_ID, NEW)
    proven = world.events("preflight")[-1].body
    assert (proven["verdict"], proven["key_id"]) == ("passed", NEW), "what was found of the new key is on record"
    assert world.events("decision")[-1].body["policy"] == row["policy"] == world.events("policy")[-1].body["hash"]
    assert f'"previous": "{init.LIVE_KEY_ID}", "key_id": "{NEW}"' in world.proxy.err


def test_it_ends_once_what_the_old_key_signed_is_answered(world: World) -> None:
    """Catches: an operator who removes the old key as the command says, and an order signed with it that comes to the
    exchange after that. Planted: a rotation that does not wait."""
    give(world, *init.LIVE_SCOPES)
    world.fault("late_execution", seconds=4)
    with ThreadPoolExecutor() as pool:
        late = pool.submit(world.raw().send, "POST", ORDERS, order(client_order_id="late"))
        decision = world.decision_of("late")
        assert rotate(world).returncode == 0
        assert world.about(decision.decision_id or "", "outcome"), "its answer came before the rotation's"
        assert late.result().status == 201


def test_the_file_may_stay_where_it_is(world: World) -> None:
    """As on a host whose unit says where keys lie: other content and another id, the same path. Catches: a rotation
    that looks at names alone, and one that takes a file for the old key's because only its id was forgotten."""
    give(world, *init.LIVE_SCOPES)
    change(world, (f"key_id: {NEW}", f"key_id: {init.LIVE_KEY_ID}"), ("keys/second.pem", "keys/live.pem"))
    world.live_key.write_bytes((world.folder / "keys" / "second.pem").read_bytes())
    forgot = rotate(world)
    assert (forgot.returncode, "the exchange does not accept it: 401" in forgot.stderr) == (1, True), forgot.stderr
    change(world, (f"key_id: {init.LIVE_KEY_ID}", f"key_id: {NEW}"))
    assert rotate(world).returncode == 0
    world.control("POST", "remove_key", {"key_id": init.LIVE_KEY_ID})
    assert world.raw().send("POST", ORDERS, order()).status == 201


def no_change(world: World) -> None:
    """Nothing to do."""


def other_change(world: World) -> None:
    give(world, *init.LIVE_SCOPES)
    change(world, ('max_count: "100"', 'max_count: "99"'))


def broken(world: World) -> None:
    change(world, ("version: 1", "version: one"))


def reads_only(world: World) -> None:
    give(world, "read")


def not_registered(world: World) -> None:
    give(world)


def open_to_others(world: World) -> None:
    give(world, *init.LIVE_SCOPES)
    (world.folder / "keys" / "second.pem").chmod(0o644)


def a_clients(world: World) -> None:
    change(world, (f"key_id: {init.LIVE_KEY_ID}", f"key_id: {NEW}"), ("keys/live.pem", f"keys/{init.CLIENT}.pem"))


WRONG = [
    (no_change, "names the key that is in use already"),
    (other_change, "differs from the running one in more than `signing`"),
    (broken, "version: "),
    (reads_only, "its scopes are read: it may not trade"),
    (not_registered, "preflight of the new key"),
    (open_to_others, "is open to group or others"),
    (a_clients, f"has the key of clients.{init.CLIENT}"),
]


@pytest.mark.parametrize(("spoil", "says"), WRONG, ids=lambda value: getattr(value, "__name__", ""))
def test_a_key_that_is_not_right_changes_nothing(world: World, spoil, says: str) -> None:
    """Catches a rotation that goes half way: the old key given up before the new one is proven."""
    spoil(world)
    done = rotate(world)
    assert (done.returncode, says in done.stderr) == (1, True), done.stderr
    assert world.events("rotation") == []
    assert world.raw().send("POST", ORDERS, order()).status == 201
