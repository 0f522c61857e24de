"""Every command that may change the exchange, noted before it is carried out, and carried out again from the notes.

Rule of this file: a command is a kind, a payload of JSON and one moment. What happens by the clock (expiries, makers,
strangers, scripts) is no command: it follows from the moments. Reads are none either.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from pretrade.kalshi.keys import load_public_key, public_pem_of
from pretrade.practice.api import auth
from pretrade.practice.api.call import Reply
from pretrade.practice.api.dispatch import Dispatcher, HttpRequest
from pretrade.practice.api.keystore import ApiKey
from pretrade.practice.core.errors import ExchangeError
from pretrade.practice.keeping.moment import Moment

type Member = tuple[str, int | None]
"""An account's name, and the subaccount of it that a key is bound to, if any."""

KEY, REQUEST, ACTION, NEWCOMERS = "key", "request", "action", "newcomers"


@dataclass(frozen=True, slots=True)
class Command:
    """One command: when it was carried out, what kind it is, and what it said."""

    at_us: int
    kind: str
    payload: dict[str, Any]


class Notebook(Protocol):
    """Where commands are kept."""

    def note(self, command: Command) -> None:
        """Keep a command for good before this returns."""


class Recorder:
    """Notes commands in a notebook; without one it only lets time stand still while they run."""

    def __init__(self, moment: Moment) -> None:
        self.moment = moment
        self.notebook: Notebook | None = None
        self._keys: dict[str, ApiKey] = {}
        self._running = False

    @contextmanager
    def command(self, kind: str, payload: Mapping[str, Any]) -> Iterator[None]:
        """Note a command and carry out the body as of one moment. A command within a command is part of it."""
        with self.moment.held() as at_us:
            if self._running:
                yield
                return
            if self.notebook is not None:
                self.notebook.note(Command(at_us, kind, dict(payload)))
            self._running = True
            try:
                yield
            finally:
                self._running = False

    def know(self, key: ApiKey) -> None:
        """Note a key when it is new or has changed, so that requests can be noted by its id alone."""
        if self._keys.get(key.key_id) != key:
            self._keys[key.key_id] = key
            if self.notebook is not None:
                self.notebook.note(Command(self.moment(), KEY, key_payload(key)))

    def learn(self, payload: Mapping[str, Any]) -> None:
        """Know a key from what was noted of it."""
        key = _key_of(payload)
        self._keys[key.key_id] = key

    def key(self, key_id: str) -> ApiKey:
        """A noted key."""
        return self._keys[key_id]


class RecordedDispatcher(Dispatcher):
    """A dispatcher whose writes are commands. A write that nobody signed changes nothing and is not noted."""

    recorder: Recorder

    def answer(self, request: HttpRequest) -> Reply:
        """The reply to any request, as of one moment."""
        with self.recorder.moment.held():
            signer = None if request.method == "GET" else self._signed_by(request)
            return super().answer(request) if signer is None else self.answer_as(signer, request)

    def answer_as(self, key: ApiKey, request: HttpRequest) -> Reply:
        """The same for a request whose signer is known."""
        if request.method == "GET":
            with self.recorder.moment.held():
                return super().answer_as(key, request)
        self.recorder.know(key)
        with self.recorder.command(REQUEST, request_payload(key, request)):
            return super().answer_as(key, request)

    def _signed_by(self, request: HttpRequest) -> ApiKey | None:
        now_ms = self.exchange.clock() // 1000
        try:
            return auth.authenticate(
                self.keys, request.headers, request.method, request.path, now_ms, self.clock_window
            )
        except ExchangeError:
            return None


def request_payload(key: ApiKey, request: HttpRequest) -> dict[str, Any]:
    """A request as it is noted: signature and other headers are left out, only the content type decides anything."""
    return {
        "key_id": key.key_id,
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "content_type": request.headers.get("Content-Type"),
        "body": request.body.decode("latin-1"),
    }


def request_of(payload: Mapping[str, Any]) -> HttpRequest:
    """A noted request."""
    content_type = payload["content_type"]
    headers = {} if content_type is None else {"Content-Type": content_type}
    body = payload["body"].encode("latin-1")
    return HttpRequest(payload["method"], payload["path"], payload["query"], headers, body)


def key_payload(key: ApiKey) -> dict[str, Any]:
    """A key as it is noted: its public half."""
    return {
        "key_id": key.key_id,
        "account": key.account,
        "public_key": public_pem_of(key.public_key).decode("ascii"),
        "scopes": list(key.scopes),
        "name": key.name,
        "subaccount": key.subaccount,
        "fcm_subtrader_id": key.fcm_subtrader_id,
    }


def members(keys: Iterable[ApiKey]) -> list[Member]:
    """The accounts and subaccounts that keys name, in a fixed order."""
    return sorted({(key.account, key.subaccount) for key in keys}, key=lambda one: (one[0], one[1] or 0))


def _key_of(payload: Mapping[str, Any]) -> ApiKey:
    public_key = load_public_key(payload["public_key"].encode("ascii"))
    return ApiKey(**dict(payload) | {"public_key": public_key, "scopes": tuple(payload["scopes"])})
