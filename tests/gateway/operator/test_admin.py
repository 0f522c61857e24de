"""The admin socket: one line in, one line out, whatever comes; the actor is whom the kernel names."""

import asyncio
import contextlib
import json
import os
import pwd
import socket
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest
from tests.gateway.fakes import until

from pretrade.gateway.operator import admin
from pretrade.gateway.operator.admin import MAX_LINE, SOCKET_NAME, AdminError, AdminServer, ask
from pretrade.journal.errors import JournalUnavailable

ME = pwd.getpwuid(os.getuid()).pw_name
KNOWN = "not a command; known are broken, halt, refuse, status, wrong"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: a socket's may have 107 characters."""
    with tempfile.TemporaryDirectory(prefix="pt-") as name:
        yield Path(name)


class Admin:
    """A running server and what its handlers were given."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / SOCKET_NAME
        self.calls: list[tuple[str, dict[str, str]]] = []
        handlers = {"status": self.note, "halt": self.note, "refuse": self.refuse, "broken": self.fail}
        self.server = AdminServer(self.path, handlers | {"wrong": self.wrong})

    async def note(self, actor: str, arguments: Mapping[str, str]) -> dict[str, object]:
        self.calls.append((actor, dict(arguments)))
        return {"trading_state": "HALTED"}

    async def refuse(self, actor: str, arguments: Mapping[str, str]) -> dict[str, object]:
        raise AdminError("a halt needs a reason")

    async def fail(self, actor: str, arguments: Mapping[str, str]) -> dict[str, object]:
        raise JournalUnavailable("disk full")

    async def wrong(self, actor: str, arguments: Mapping[str, str]) -> dict[str, object]:
        raise ValueError(arguments["state"])

    async def send(self, data: bytes) -> bytes:
        """Raw bytes in, all bytes out until the server hangs up."""
        reader, writer = await asyncio.open_unix_connection(self.path)
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            async with asyncio.timeout(10):
                writer.write(data)
                if not data.endswith(b"\n"):
                    writer.write_eof()
                return await reader.read()
        return b""


@pytest.fixture
async def served(folder: Path) -> AsyncIterator[Admin]:
    served = Admin(folder)
    await served.server.start()
    yield served
    await served.server.close()


@pytest.fixture
async def complaints() -> AsyncIterator[list[str]]:
    """What the event loop complains about: an exception that nobody caught."""
    heard: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: heard.append(str(context["message"])))
    yield heard


async def test_a_command_reaches_its_handler_with_its_actor(folder: Path, served: Admin) -> None:
    """The actor is the peer's user as the kernel names it. Catches an actor that the caller may choose."""
    answer = await ask(folder, "halt", {"reason": "a test", "actor": "root"})
    assert answer == {"trading_state": "HALTED"}
    assert served.calls == [(ME, {"reason": "a test", "actor": "root"})]


async def test_only_the_owner_and_the_group_may_connect(served: Admin) -> None:
    """Catches a socket that every user of the machine can resume trading through."""
    found = os.lstat(served.path)
    assert stat.S_ISSOCK(found.st_mode)
    assert stat.S_IMODE(found.st_mode) == 0o660


@pytest.mark.parametrize(
    ("command", "message"),
    [("refuse", "a halt needs a reason"), ("broken", "disk full"), ("delete", "not a command; known are")],
)
async def test_a_refusal_reaches_the_person(folder: Path, served: Admin, command: str, message: str) -> None:
    """Catches a resume that failed and reads as done."""
    with pytest.raises(AdminError, match=message):
        await ask(folder, command, {})


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"status\n",
        b"{}\n",
        b"[]\n",
        b"null\n",
        b"7\n",
        b'"status"\n',
        b'{"command": "status"',
        b'{"command": ["status"]}\n',
        b'{"command": null}\n',
        b'{"command": "status", "arguments": []}\n',
        b'{"command": "status", "arguments": "x"}\n',
        b'{"command": "status", "arguments": null}\n',
        b'{"command": "STATUS"}\n',
        b"\xff\xfe\n",
        b"\x00\n",
        b"[" * 60_000 + b"\n",
    ],
)
async def test_garbage_is_answered_and_calls_nothing(served: Admin, line: bytes, complaints: list[str]) -> None:
    """Catches an exception on the socket's way, and a half command that is carried out."""
    answer = await served.send(line)
    assert json.loads(answer) == {"ok": False, "error": KNOWN}
    assert served.calls == []
    assert complaints == []


async def test_arguments_become_text(folder: Path, served: Admin) -> None:
    """Catches a handler that is given a number, a list or null where it expects text."""
    await served.send(b'{"command": "halt", "arguments": {"a": 1, "b": null, "c": ["x"]}}\n')
    assert served.calls == [(ME, {"a": "1", "b": "None", "c": "['x']"})]


async def test_a_line_without_an_end_is_hung_up_on(folder: Path, served: Admin, complaints: list[str]) -> None:
    """Catches a line that eats all memory; the next one is served."""
    assert await served.send(b"x" * (4 * MAX_LINE)) == b""
    assert await ask(folder, "status", {}) == {"trading_state": "HALTED"}
    assert complaints == []


async def test_a_silent_client_is_hung_up_on(
    folder: Path, served: Admin, complaints: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Catches connections that stay for ever, and one that keeps others from being served."""
    monkeypatch.setattr(admin, "PATIENCE_S", 0.05)
    reader, writer = await asyncio.open_unix_connection(served.path)
    assert await ask(folder, "status", {}) == {"trading_state": "HALTED"}
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()
    assert complaints == []


async def test_a_client_that_leaves_harms_nobody(folder: Path, served: Admin, complaints: list[str]) -> None:
    """Catches a handler that is cancelled by its caller: a halt must stand though nobody waits for its answer."""
    _, writer = await asyncio.open_unix_connection(served.path)
    writer.write(b'{"command": "halt"}\n')
    await writer.drain()
    writer.close()
    await until(lambda: len(served.calls) == 1)
    assert await ask(folder, "status", {}) == {"trading_state": "HALTED"}
    assert complaints == []


async def test_a_handlers_mistake_is_answered(folder: Path, served: Admin) -> None:
    """Catches a value that no handler knows and that ends in silence: the operator would not know where they stand."""
    with pytest.raises(AdminError, match="SIDEWAYS"):
        await ask(folder, "wrong", {"state": "SIDEWAYS"})


async def test_nobody_there_is_said_so(folder: Path) -> None:
    """Catches a halt that reads as done though no proxy runs."""
    with pytest.raises(AdminError, match=r"no proxy answers at .*admin\.sock"):
        await ask(folder, "halt", {})


async def test_it_does_not_matter_where_a_person_stands(
    folder: Path, served: Admin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Catches a command that must come back to the folder that it is run in, and cannot: `sudo -u pretrade` from a home
    that is closed to others, as Debian makes them. Seen red with a change of folder."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert await ask(folder, "status", {}) == {"trading_state": "HALTED"}
    assert served.calls == [(ME, {})]


@pytest.mark.parametrize(("answers", "message"), [(False, "may be done"), (True, "hung up")])
async def test_a_proxy_that_hangs_is_said_so(folder: Path, answers: bool, message: str) -> None:
    """Catches a command that waits for ever on a proxy that hangs, an empty answer taken for success, and silence taken
    for a proxy that is not there. Seen red with a resume that a slow proxy carried out told as one nobody heard."""
    closing: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        closing.append(writer)
        if answers:
            writer.close()

    server = await asyncio.start_unix_server(serve, folder / SOCKET_NAME)
    with pytest.raises(AdminError, match=message):
        await ask(folder, "status", {}, timeout_s=0.2)
    server.close()
    for writer in closing:
        writer.close()


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_a_socket_of_a_dead_process_is_replaced_and_ours_is_removed(folder: Path) -> None:
    """Catches a proxy that cannot be halted after a crash, and a socket left behind that looks like a live one."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(folder / SOCKET_NAME))
    served = Admin(folder)
    await served.server.start()
    assert await ask(folder, "status", {}) == {"trading_state": "HALTED"}
    await served.server.close()
    assert _names(folder) == []


@pytest.mark.skipif(os.getuid() != 0, reason="it is about root")
@pytest.mark.parametrize(
    ("login", "actor"),
    [
        ("1", "daemon as root"),
        ("0", "root"),
        ("4294967295", "root"),
        ("", "root"),
        (None, "root"),
        ("71", "uid 71 as root"),
    ],
    ids=["a user", "root's own login", "no login", "an empty file", "no file", "a user without a name"],
)
async def test_of_root_it_is_told_who_logged_in(
    folder: Path, monkeypatch: pytest.MonkeyPatch, login: str | None, actor: str
) -> None:
    """Catches a log, and an approval, in which everybody with sudo is the same person."""
    proc = folder / "proc" / str(os.getpid())
    proc.mkdir(parents=True)
    if login is not None:
        (proc / "loginuid").write_text(login, encoding="ascii")
    monkeypatch.setattr(admin, "PROC", folder / "proc")
    running = Admin(folder)
    await running.server.start()
    await ask(folder, "status", {})
    assert [who for who, _ in running.calls] == [actor]
    await running.server.close()
