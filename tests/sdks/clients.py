"""The client libraries as programs that a test talks to: started, asked, answered, ended.

Rule of this file: a library is configured as its user would do it, by options and environment; nothing is replaced.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.sdks.matrix import MATRIX, REMOVED
from tests.sdks.setup import NODE_MODULES, PYKALSHI_CLIENT

from pretrade.cli.processes import plain_environment

PROGRAMS = Path(__file__).parent / "programs"
_BIN = Path(sys.executable).parent
_COMMANDS: Mapping[str, tuple[Path, str]] = {
    "kalshi-python-sync": (_BIN / "python", "official_sync.py"),
    "kalshi-python-async": (_BIN / "python", "official_async.py"),
    "kalshi-typescript": (_BIN / "node", "kalshi_typescript.mjs"),
    "kalshi-sdk": (_BIN / "python", "kalshi_sdk.py"),
    "pykalshi": (_BIN / "python", "pykalshi_v2.py"),
    "pykalshi-client": (PYKALSHI_CLIENT / "bin" / "python", "pykalshi_client.py"),
    "kalshi-sdk stream": (_BIN / "python", "kalshi_sdk_stream.py"),
    "pykalshi-client stream": (PYKALSHI_CLIENT / "bin" / "python", "pykalshi_client_stream.py"),
}
_OWN_IDS = {"api_key_id", "order_group_id"}
_ANSWER_S = 90.0
_END_S = 10.0
_LONGEST_LINE = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Place:
    """Where an exchange is and who comes to it: directly, or through a proxy with a CA of its own."""

    base_url: str
    """With /trade-api/v2."""
    ca_file: Path
    key_id: str
    key_file: Path
    proxy: str | None = None
    timeout_s: float | None = None

    @property
    def ws_url(self) -> str:
        """The stream's address, on the same host and port."""
        return self.base_url.replace("http", "ws", 1).replace("/trade-api/v2", "/trade-api/ws/v2")

    def job(self) -> dict[str, Any]:
        """What a program is told first."""
        return {
            "base_url": self.base_url,
            "ws_url": self.ws_url,
            "key_id": self.key_id,
            "key_file": str(self.key_file),
            "ca_file": str(self.ca_file),
            "proxy": self.proxy,
            "timeout_s": self.timeout_s,
        }

    def environment(self) -> dict[str, str]:
        """How the libraries that have no option for it learn of the CA and the proxy."""
        found = {"SSL_CERT_FILE": str(self.ca_file), "NODE_EXTRA_CA_CERTS": str(self.ca_file)}
        return found | {"HTTPS_PROXY": self.proxy} if self.proxy else found


@dataclass(frozen=True, slots=True)
class Seen:
    """What the user of a library has after one call: a parsed answer, or an exception's class, status and text."""

    operation: str
    ok: bool
    result: Any = None
    kind: str = ""
    status: int | None = None
    text: str = ""

    def __getitem__(self, name: str) -> Any:
        """The first value of a field of the wire, wherever the library keeps it; KeyError when it is nowhere."""
        for found in self.all(name):
            return found
        raise KeyError(f"{name} is nowhere in the answer to {self.operation}: {self}")

    def all(self, name: str) -> list[Any]:
        """The values of a field in the order of the answer, the nearest to its top first.

        Libraries differ in wrapping and drop `_dollars` and `_fp` from names, so those endings do not count; some say
        `id` for the thing's own id, and some answer with the one value alone.
        """
        if not isinstance(self.result, dict | list):
            return [self.result]
        wanted = {_plain(name)} | ({"id"} if name in _OWN_IDS else set())
        found: list[Any] = []
        level = [self.result]
        while level:
            objects = [one for one in level if isinstance(one, dict)]
            found += [value for one in objects for key, value in one.items() if _plain(key) in wanted]
            level = [
                inner
                for one in level
                for inner in (one.values() if isinstance(one, dict) else one if isinstance(one, list) else ())
            ]
        return found


@dataclass(slots=True)
class Client:
    """A library's program; `calls` are the operations asked of it so far."""

    name: str
    process: asyncio.subprocess.Process
    calls: list[str] = field(default_factory=list)

    @classmethod
    async def start(cls, name: str, place: Place) -> Self:
        """Start the program of a library. Fails with the way to install it when it is not there."""
        interpreter, script = _COMMANDS[name]
        if not interpreter.exists() or (interpreter.name == "node" and not NODE_MODULES.exists()):
            raise AssertionError(f"the environment of {name} is missing: run `make sync`")
        process = await asyncio.create_subprocess_exec(
            *(str(interpreter), str(PROGRAMS / script)),
            env=plain_environment() | place.environment() | {"KALSHI_TYPESCRIPT": str(NODE_MODULES.parent)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LONGEST_LINE,
        )
        client = cls(name, process)
        await client._write(place.job())
        return client

    def can(self, operation: str) -> bool:
        """Whether the library offers a call for it."""
        return self.name in MATRIX.get(operation, REMOVED.get(operation, {}))

    async def __call__(self, operation: str, /, **arguments: Any) -> Seen:
        """Make the library's call for an operation, with the wire's argument names."""
        self.calls.append(operation)
        return await self.ask(MATRIX.get(operation, REMOVED.get(operation, {}))[self.name], arguments, operation)

    async def ask(self, call: str, arguments: Mapping[str, Any], operation: str = "") -> Seen:
        """Make a call by the program's own name for it."""
        await self._write({"call": call, "arguments": dict(arguments)})
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), _ANSWER_S)
        if not line:
            raise AssertionError(f"the program of {self.name} ended in {call}: {await self._last_words()}")
        return Seen(operation or call, **json.loads(line))

    async def end(self) -> str:
        """Tell it that there are no more calls, wait for its end and return what it printed as errors."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        words = await asyncio.wait_for(self._last_words(), _END_S)
        assert await self.process.wait() == 0, f"the program of {self.name} did not end well: {words}"
        return words

    async def kill(self) -> None:
        """End it whatever it does."""
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    async def _write(self, what: Mapping[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(what).encode() + b"\n")
        await self.process.stdin.drain()

    async def _last_words(self) -> str:
        assert self.process.stderr is not None
        return (await self.process.stderr.read()).decode(errors="replace")


def _plain(name: str) -> str:
    return name.removesuffix("_dollars").removesuffix("_fp")
