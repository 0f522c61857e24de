"""How a client program talks with the test that started it: a job, then calls, each one line of JSON; each answered.

The first line is the Job. Each further line is `{"call": NAME, "arguments": {...}}`, where NAME is the matrix's word
for the call in this client and the arguments are the wire's. Each is answered by one line: what the library's user has
then, a result as plain JSON or an exception's class, status and text. The end of the input ends the program.

Rule of this file: it imports no client library and nothing of the project, because it runs in their environments.
"""

import asyncio
import enum
import inspect
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any

Arguments = dict[str, Any]
Caller = Callable[[str, Arguments], Any | Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Job:
    """How to reach the exchange, as the user of a library says it. The CA and proxy of most come by the environment."""

    base_url: str
    """With /trade-api/v2."""
    ws_url: str
    """With /trade-api/ws/v2."""
    key_id: str
    key_file: str
    ca_file: str | None = None
    """For the libraries that take it as an option."""
    proxy: str | None = None
    """For the library that knows no proxy variables."""
    timeout_s: float | None = None
    """How long one answer may take, for the library that sends again what took longer; None is its default."""

    def private_key(self) -> str:
        """The key file's text, for the libraries that take no file."""
        return Path(self.key_file).read_text()


def run(opened: Callable[[Job], AbstractAsyncContextManager[Caller]]) -> None:
    """Answer calls until the input ends; `opened` gives the way to make them."""
    asyncio.run(_answer_all(opened))


async def _answer_all(opened: Callable[[Job], AbstractAsyncContextManager[Caller]]) -> None:
    async with opened(Job(**json.loads(sys.stdin.readline()))) as call:
        while line := await asyncio.to_thread(sys.stdin.readline):
            request = json.loads(line)
            answer = await _answer(call, request["call"], request["arguments"])
            print(json.dumps(answer), flush=True)


async def _answer(call: Caller, name: str, arguments: Arguments) -> dict[str, Any]:
    try:
        result = call(name, arguments)
        if inspect.isawaitable(result):
            result = await result
        return {"ok": True, "result": plain(result)}
    except Exception as error:  # noqa: BLE001  (whatever a user of the library would see, the test must see)
        status = getattr(error, "status_code", getattr(error, "status", None))
        # the text is empty for some of the libraries' network errors; some keep the answer's body beside it
        kept = "".join(f" {getattr(error, name, None) or ''}" for name in ("body", "response_body"))
        text = (str(error) or repr(error)) + kept.rstrip()
        return {"ok": False, "kind": type(error).__name__, "status": status, "text": text}


def plain(value: Any) -> Any:
    """A parsed answer as plain JSON: models by their own dump, and the models that some libraries wrap in objects."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, enum.Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(one) for one in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return plain(value.data) if hasattr(value, "data") else str(value)


def renamed(arguments: Arguments, names: Mapping[str, str]) -> Arguments:
    """The arguments under the library's own names."""
    return {names.get(name, name): value for name, value in arguments.items()}
