"""The control endpoint: what people and tests ask of the practice exchange beside its API.

Rule of this file: all of it lies under /practice/control/ and needs the token; it is no part of the exchange's API.
`GET` looks (state, requests, faults, stream_faults, actions), `POST` does an action of `actions` by its name, `DELETE`
forgets (requests, faults, stream_faults). What cannot be done is a 400 with the reason in words under `error`.
"""

import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pretrade.practice.api.call import Reply
from pretrade.practice.api.dispatch import HttpRequest
from pretrade.practice.assemble import Practice
from pretrade.practice.faults.plan import Fault
from pretrade.practice.play import actions
from pretrade.practice.play.action import ActionError
from pretrade.practice.play.faulty import (
    clear_faults,
    clear_stream_faults,
    condition,
    faults_view,
    stream_faults_view,
)
from pretrade.practice.play.overview import overview
from pretrade.practice.words import nearest

PREFIX = "/practice/control/"
TOKEN_HEADER = "X-Practice-Token"  # noqa: S105  (the header's name, not a token)

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Control:
    """The operator's side of a running exchange; `reset` has it started anew, where that can be done."""

    practice: Practice
    token: str
    reset: Callable[[], None] | None = None

    def answer(self, request: HttpRequest) -> Reply:
        """The reply to a control request; 403 without the token, 404 for what there is not."""
        if not hmac.compare_digest(request.headers.get(TOKEN_HEADER, "").encode(), self.token.encode()):
            return Reply(403, {"error": f"the header {TOKEN_HEADER} must carry the token of control.token"})
        name = request.path.removeprefix(PREFIX)
        if (request.method, name) == ("POST", "reset"):
            return self._reset()
        if request.method == "POST" and name in actions.NAMES:
            return self._act(name, request.body)
        other = self._others().get((request.method, name))
        if other is None:
            return Reply(404, {"error": self._unknown(request.method, name)})
        return Reply(200, other(request))

    def begin(self, fault: Fault) -> None:
        """Set in the condition of a fault whose request has come, for a kind that has one."""
        found = condition(fault)
        if found is not None:
            actions.perform(self.practice, *found)

    def _act(self, name: str, body: bytes) -> Reply:
        try:
            return Reply(200, actions.perform(self.practice, name, _object(body)).as_json())
        except ActionError as error:
            return Reply(400, {"error": str(error)})

    def _reset(self) -> Reply:
        if self.reset is None:
            return Reply(400, {"error": "reset: only an exchange that `pretrade practice` runs can be started anew"})
        self.reset()
        return Reply(200, {"message": "the exchange starts anew"})

    def _others(self) -> Mapping[tuple[str, str], Callable[[HttpRequest], Json]]:
        practice = self.practice
        return {
            ("GET", "state"): lambda _: overview(practice),
            ("GET", "actions"): lambda _: actions.catalogue(),
            ("GET", "requests"): self._requests,
            ("DELETE", "requests"): self._forget_requests,
            ("GET", "faults"): lambda _: faults_view(practice),
            ("DELETE", "faults"): lambda _: clear_faults(practice).as_json(),
            ("GET", "stream_faults"): lambda _: stream_faults_view(practice),
            ("DELETE", "stream_faults"): lambda _: clear_stream_faults(practice).as_json(),
        }

    def _requests(self, request: HttpRequest) -> Json:
        log = self.practice.log
        return {"count": log.count(), "requests": log.as_json(reads="reads=true" in request.query.split("&"))}

    def _forget_requests(self, _: HttpRequest) -> Json:
        self.practice.log.clear()
        return {"message": "no request has been seen", "count": 0}

    def _unknown(self, method: str, name: str) -> str:
        known = (
            [*actions.NAMES, "reset"] if method == "POST" else [what for how, what in self._others() if how == method]
        )
        return f"{method} knows no {name or 'name'}" + (f"; {nearest(name, known)}" if known else "")


def _object(body: bytes) -> Json:
    try:
        value = json.loads(body or b"{}")
    except ValueError as error:
        raise ActionError(f"the body must be JSON: {error}") from error
    if not isinstance(value, dict):
        raise ActionError("the body must be a JSON object")
    return value
