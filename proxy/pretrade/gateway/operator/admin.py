"""The admin interface: a Unix socket in the state folder, one JSON line in, one JSON line out. There is no admin port.

Who may use it is a matter of file permissions; who did use it is the peer's user, as the kernel names it.
"""

import asyncio
import contextlib
import json
import os
import pwd
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from pretrade.journal.errors import JournalError

SOCKET_NAME = "admin.sock"
MAX_LINE = 64 * 1024
PATIENCE_S = 5.0
"""How long a connection may take to say its line."""

PROC = Path("/proc")
_NO_LOGIN = 2**32 - 1
"""What the kernel says of a process that no login began."""

type Handler = Callable[[str, Mapping[str, str]], Awaitable[dict[str, object]]]
"""Takes the actor and the arguments, gives the answer; raises AdminError or ValueError for what the person must put
right."""


class AdminError(Exception):
    """A command that cannot be carried out; the message says why and what to do."""


class AdminServer:
    """Serves admin commands on the socket."""

    def __init__(self, path: Path, handlers: Mapping[str, Handler]) -> None:
        self._path = path
        self._handlers = handlers
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; a socket left by a dead process is replaced (the journal's lock says that no other one lives)."""
        self._path.unlink(missing_ok=True)
        listener = _from_its_folder(self._path, socket.socket.bind)
        self._path.chmod(0o660)
        self._server = await asyncio.start_unix_server(self._serve, sock=listener, limit=MAX_LINE, cleanup_socket=False)

    async def close(self) -> None:
        """Stop listening and remove the socket."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError, ValueError):  # gone, silent, or a line without an end
            line = await asyncio.wait_for(reader.readline(), PATIENCE_S)
            answer = await self._answer(_peer(writer), line)
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()

    async def _answer(self, actor: str, line: bytes) -> dict[str, object]:
        try:
            request = json.loads(line)
            command, arguments = str(request["command"]), {k: str(v) for k, v in request.get("arguments", {}).items()}
            handler = self._handlers[command]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return {"ok": False, "error": f"not a command; known are {', '.join(sorted(self._handlers))}"}
        try:
            return {"ok": True, **await handler(actor, arguments)}
        except (AdminError, JournalError, OSError, ValueError) as e:
            return {"ok": False, "error": str(e)}


def _from_its_folder(path: Path, use: Callable[[socket.socket, str], None]) -> socket.socket:
    """A Unix socket bound or connected by way of its opened folder: a socket's whole path may have 107 bytes only, and
    who goes into the folder may not come back, as `sudo -u` from a home that is closed to others."""
    made = socket.socket(socket.AF_UNIX)
    try:
        folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            use(made, f"/proc/self/fd/{folder}/{path.name}")
        finally:
            os.close(folder)
    except OSError:
        made.close()
        raise
    made.setblocking(False)  # noqa: FBT003 - positional only
    return made


def _peer(writer: asyncio.StreamWriter) -> str:
    """The user at the other end of the socket; for root and for the proxy's own user, who logged in and became it,
    where the kernel knows (`alice as root`)."""
    sock = writer.get_extra_info("socket")
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, _ = struct.unpack("3i", credentials)
    return who(pid, uid)


def who(pid: int, uid: int) -> str:
    """The user of a process of this machine by its names, as it is recorded for a command."""
    login = _login(pid) if uid in (0, os.getuid()) else None
    return _name(uid) if login in (None, uid) else f"{_name(login)} as {_name(uid)}"


def _login(pid: int) -> int | None:
    """The user whose login a process descends from, whatever user it has become (proc(5), loginuid)."""
    try:
        login = int((PROC / str(pid) / "loginuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return login if login not in (0, _NO_LOGIN) else None


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


async def ask(state_dir: Path, command: str, arguments: Mapping[str, str], timeout_s: float = 10) -> dict[str, object]:
    """Send one command to the proxy that runs on this state folder.

    Raises AdminError when no proxy answers there or it refuses. One that was asked and is silent may have done it.
    """
    path = state_dir / SOCKET_NAME
    try:
        async with asyncio.timeout(timeout_s):
            own_end = _from_its_folder(path, socket.socket.connect)
            reader, writer = await asyncio.open_unix_connection(sock=own_end, limit=1024 * 1024)
            with contextlib.closing(writer):
                writer.write(json.dumps({"command": command, "arguments": dict(arguments)}).encode() + b"\n")
                line = await reader.readline()
    except PermissionError as e:
        raise AdminError(f"{path} is closed to this user; be the proxy's own, or a member of its group") from e
    except TimeoutError as e:
        raise AdminError(
            f"the proxy at {path} did not answer within {timeout_s:g} s; what was asked may be done, so see "
            "`pretrade status`"
        ) from e
    except OSError as e:
        raise AdminError(f"no proxy answers at {path}; is `pretrade run` up with this policy?") from e
    answer: dict[str, object] = json.loads(line) if line else {"ok": False, "error": "the proxy hung up"}
    if not answer.pop("ok"):
        raise AdminError(str(answer["error"]))
    return answer
