"""A client that is bound to a user of the machine: another user with the same key is nobody, by either door; and what
another user of the machine can do to a running proxy.

Rule of this file: real users. Only root can act as another one.
"""

import encodings.idna  # noqa: F401 - read here: another user cannot read the library's files
import os
import shutil
import socket
import stat
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.e2e.clients import API, ORDERS, RawClient
from tests.e2e.harness import World, order
from tests.e2e.programs import pretrade

from pretrade.cli import init
from pretrade.cli.main import cli, main

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can act as another user")

NOBODY = 65534
USER = "daemon"
USER_ID = 1
BOUND = (f"    key_id: {init.CLIENT_KEY_ID}\n", f"    key_id: {init.CLIENT_KEY_ID}\n    user: {USER}\n")


@pytest.fixture(scope="module")
def world():
    """In a folder that every user may walk through: what keeps them out must be the proxy's own doing."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        with World(folder, BOUND) as running:
            yield running
    finally:
        shutil.rmtree(folder)


def given(world, name):
    """A copy that every user may read, as an operator gives it to the users of clients."""
    copy = world.root / Path(name).name
    shutil.copy(world.folder / name, copy)
    copy.chmod(0o644)
    return copy


@contextmanager
def acting_as(user: int):
    """Of no group of ours either: what is open to a group is not what is shut to everybody."""
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(user)
    os.seteuid(user)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


@pytest.mark.parametrize("door", ["base_url", "proxy"])
def test_only_the_clients_own_user_comes_in(world, door):
    """Catches a key that another user has read and trades with; and a user told once for all connections."""
    bot = RawClient(
        world.base_url_port, world.proxy_port, given(world, "certs/ca.crt"), init.CLIENT_KEY_ID, world.client_key
    )
    for user, status in ((USER_ID, 201), (NOBODY, 403), (0, 403), (USER_ID, 201)):
        with acting_as(user):
            answer = bot.send("POST", ORDERS, order(client_order_id=f"{door}-{user}-{os.urandom(3).hex()}"), door=door)
        assert answer.status == status, (user, answer.body)
        if status == 403:
            assert answer.code == "CLIENT_USER_NOT_ALLOWED"
            assert world.refusal(answer.body["decision_id"])["client"] == init.CLIENT


@pytest.mark.parametrize("path", [f"{API}/portfolio/balance", "/pretrade/limits"])
def test_reads_are_for_the_clients_own_user_too(world, path):
    """Catches another user who reads what the account holds."""
    bot = world.raw()
    with acting_as(NOBODY):
        assert bot.send("GET", path).code == "CLIENT_USER_NOT_ALLOWED"
    with acting_as(USER_ID):
        assert bot.send("GET", path).status == 200


def test_a_user_that_the_machine_does_not_have_is_no_start(world):
    """Catches a bound client that is let in by anybody because its user is not there."""
    changed = world.folder / "changed.yaml"
    text = world.policy.read_text().replace(f"user: {USER}", "user: no-such-user")
    for port in (world.proxy_port, world.base_url_port):
        text = text.replace(f"127.0.0.1:{port}", "127.0.0.1:0")
    changed.write_text(text)
    done = pretrade("run", "-p", str(changed))
    says = "clients.momentum-bot.user: this machine has no user no-such-user"
    assert (done.returncode, says in done.stderr) == (1, True), done.stderr


def as_nobody(command):
    """What a shell of another user says and how it ends."""
    return subprocess.run(
        ["/bin/sh", "-c", command], user=NOBODY, group=NOBODY, extra_groups=[], cwd="/", env={"PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, errors="replace", timeout=20,
    )  # fmt: skip


@contextmanager
def modes(changed):
    """Each file and folder with another mode for as long as this lasts."""
    before = {path: stat.S_IMODE(path.stat().st_mode) for path in changed}
    try:
        for path, mode in changed.items():
            path.chmod(mode)
        yield
    finally:
        for path, mode in before.items():
            path.chmod(mode)


def as_made(_):
    """The folders as they are."""
    return modes({})


def walkable(world):
    """The folders' walls taken down: every user may walk through, as operators do with a service's."""
    return modes(dict.fromkeys((world.folder, world.state, world.folder / "keys", world.folder / "certs"), 0o711))


@pytest.mark.parametrize("folders", [as_made, walkable], ids=["as made", "open folders"])
def test_another_user_can_do_nothing_to_the_proxy(world, folders):
    """Reading the live key, the leaf's key and the journal, writing policy and journal, signalling and looking into the
    process all fail, and where the folders keep nobody out each file's own mode does. Catches a file or a folder that
    is open to the machine's users. Seen red, with open folders alone, with a journal made 0644, no umask and no look at
    its mode at a start: each of the three is enough to keep it shut."""
    pid, folder = world.proxy.pid, world.folder
    assert as_nobody(f"ls {world.root}").returncode == 0, "the test itself keeps the user out"
    attempts = [
        *(f"cat {path}" for path in (world.live_key, folder / "certs" / "leaf.pem", world.journal)),
        *(f"echo x >> {path}" for path in (world.policy, world.journal, world.state / "HALT", folder / "new")),
        *(f"rm -f {path} && ! test -e {path}" for path in (world.policy, world.journal)),
        *(f"kill -{name} {pid}" for name in ("TERM", "USR1", "KILL", "STOP")),
        *(f"cat /proc/{pid}/{name}" for name in ("mem", "environ", "maps", "fd/0")),
    ]
    with folders(world):
        assert [attempt for attempt in attempts if as_nobody(attempt).returncode == 0] == []
    assert world.proxy.running
    assert world.operate("status")["trading_state"] == "ACTIVE"


def test_each_wall_before_the_admin_socket_holds_alone(world):
    """Catches a socket that any user may connect to where a service's folder lets operators through, and a folder that
    lets them through to a socket of any mode. With both walls down they are in: it is the walls that hold. Seen red
    with a socket of mode 0666."""
    admin_socket = world.state / "admin.sock"

    def get_in():
        with socket.socket(socket.AF_UNIX) as admin, acting_as(NOBODY):
            admin.connect(str(admin_socket))

    with pytest.raises(PermissionError), walkable(world):
        get_in()
    with pytest.raises(PermissionError), modes({admin_socket: 0o666}):
        get_in()
    with walkable(world), modes({admin_socket: 0o666}):
        get_in()
    assert world.operate("status")["trading_state"] == "ACTIVE"


def test_who_is_shut_out_is_told_so(world):
    """Catches an operator without the group, or without sudo, who is told in an emergency that no proxy runs, and
    commands that end in a traceback. Seen red with one sentence for all that can fail, and with a look whether the file
    is there that fails itself."""
    policy = str(given(world, "policy.yaml"))
    shut = {
        "admin.sock is closed to this user": ("status", "-p", policy),
        "journal.db is closed to this user": ("log", "-p", policy, "tail"),
        "policy.yaml: cannot be read: Permission denied": ("check", str(world.policy)),
        "name the state folder with --state DIR": ("halt", "-p", str(world.policy), "--reason", "x"),
    }
    state = ("state_dir: state", f"state_dir: {world.state}")
    Path(policy).write_text(Path(policy).read_text().replace(*state))
    for words, command in shut.items():
        assert CliRunner().invoke(cli, [command[0], "--help"]).exit_code == 0  # imported by who may read our files
        with acting_as(NOBODY):
            done = CliRunner().invoke(cli, command)
        assert (done.exit_code, words in done.output) == (1, True), (done.output, done.exception)
    assert world.operate("status")["trading_state"] == "ACTIVE"


def test_a_folder_of_others_is_no_bug_of_ours(world, capsys):
    """Catches a command that cannot write and asks for a bug report. Seen red without a sentence for it."""
    policy, key = given(world, "policy.yaml"), given(world, f"keys/{init.CLIENT}.pub.pem")
    commands = (["init", str(world.root / "new")], ["clients", "-p", str(policy), "add", "other", "--key", str(key)])
    for command in commands:
        assert main([command[0], "--help"]) == 0
        with acting_as(NOBODY):
            code = main(command)
        said = capsys.readouterr().err
        assert (code, said.count("\n"), said.startswith(f"Error: {world.root}")) == (1, 1, True), said
