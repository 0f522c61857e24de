"""Asking the practice exchange that runs on a folder: where it is, its token, its CA, and what it answered.

Rule of this file: one question, one answer, one connection; every failure becomes a sentence that says what to do.
"""

import contextlib
import http.client
import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from pathlib import Path
from typing import Any, Concatenate
from urllib.parse import urlencode, urlsplit

import click

from pretrade.practice.certs import CA_FILE
from pretrade.practice.folder import ADDRESS_FILE, TOKEN_FILE
from pretrade.practice.play.control import PREFIX, TOKEN_HEADER

_ANSWER_S = 30.0
_POLL_S = 0.05
_START = "start one with `pretrade practice --folder DIR`, or name the folder of the one that runs with --folder"


@dataclass(frozen=True, slots=True)
class Operator:
    """The operator of the exchange that runs on a folder."""

    folder: Path

    def act(self, action: str, **arguments: Any) -> None:
        """Have an action done and say what happened. Raises ClickException where it cannot be."""
        click.echo(self.ask("POST", action, arguments)["message"])

    def ask(self, method: str, name: str, arguments: Mapping[str, Any] | None = None, **query: str) -> dict[str, Any]:
        """The answer to one control request.

        Raises ClickException: not running, refused, or something else that answers.
        """
        path = PREFIX + name + (f"?{urlencode(query)}" if query else "")
        connection = self._connection()
        try:
            connection.request(method, path, json.dumps(arguments or {}), {TOKEN_HEADER: self.token()})
            answer = connection.getresponse()
            return _understood(answer.status, answer.read())
        except (OSError, http.client.HTTPException) as e:
            raise click.ClickException(f"no practice exchange answers for {self.folder} ({e}); {_START}") from e
        finally:
            connection.close()

    def token(self) -> str:
        """The token of the exchange that runs now; a new start makes another."""
        return self._read(TOKEN_FILE)

    def answers_anew(self, former_token: str) -> bool:
        """Wait until an exchange with another token answers; False when none does in time."""
        deadline = time.monotonic() + _ANSWER_S
        while time.monotonic() < deadline:
            with contextlib.suppress(click.ClickException):
                if self.token() != former_token and self.ask("GET", "actions"):
                    return True
            time.sleep(_POLL_S)
        return False

    def _connection(self) -> http.client.HTTPSConnection:
        place = urlsplit(self._read(ADDRESS_FILE))
        try:
            trusting = ssl.create_default_context(cafile=str(self.folder / CA_FILE))
        except OSError as e:
            raise click.ClickException(f"{self.folder / CA_FILE} cannot be read ({e}); {_START}") from e
        return http.client.HTTPSConnection(place.hostname or "", place.port, timeout=_ANSWER_S, context=trusting)

    def _read(self, name: str) -> str:
        path = self.folder / name
        try:
            return path.read_text(encoding="ascii").strip()
        except OSError as e:
            raise click.ClickException(f"no practice exchange runs on {self.folder} (no {path}); {_START}") from e


def for_operator[**P](function: Callable[Concatenate[Operator, P], None]) -> Callable[..., None]:
    """Give a command the operator of the exchange of --folder, which may stand behind the command too."""

    @click.option(
        "--folder", type=click.Path(path_type=Path, file_okay=False),
        help="The folder of the running exchange.  [default: that of `pretrade practice`]",
    )  # fmt: skip
    @click.pass_context
    @wraps(function)
    def command(context: click.Context, /, folder: Path | None, *args: P.args, **kwargs: P.kwargs) -> None:
        function(Operator(folder or context.find_object(Path) or Path("practice")), *args, **kwargs)

    return command


def _understood(status: int, body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError as e:
        raise click.ClickException(f"what answered is no practice exchange: status {status}, {body[:80]!r}") from e
    if not isinstance(answer, dict) or status != HTTPStatus.OK:
        raise click.ClickException(str(answer.get("error", answer) if isinstance(answer, dict) else answer))
    return answer
