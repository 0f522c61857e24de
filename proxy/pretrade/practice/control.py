"""The control endpoint: what people and tests ask of the practice exchange beside its API.

Rule of this file: all of it lies under /practice/control/ and needs the token; it is no part of the exchange's API.
"""

import hmac
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from pretrade.practice.call import Reply
from pretrade.practice.decode import figure
from pretrade.practice.dispatch import Dispatcher, HttpRequest
from pretrade.practice.errors import ExchangeError, bad_request, not_found
from pretrade.practice.faults import Fault, FaultKind, FaultPlan
from pretrade.practice.requestlog import RequestLog
from pretrade.practice.views import Json, fill_view

PREFIX = "/practice/control/"
TOKEN_HEADER = "X-Practice-Token"  # noqa: S105  (the header's name, not a token)


@dataclass(frozen=True, slots=True)
class Control:
    """Faults, the log of write requests, fills by a visitor, and the exchange's switches."""

    dispatcher: Dispatcher
    faults: FaultPlan
    log: RequestLog
    token: str

    def answer(self, request: HttpRequest) -> Reply:
        """The reply to a control request; 403 without the token."""
        if not hmac.compare_digest(request.headers.get(TOKEN_HEADER, "").encode(), self.token.encode()):
            return Reply(403, {"error": f"the header {TOKEN_HEADER} must carry the token of control.token"})
        actions: dict[tuple[str, str], Callable[[HttpRequest], Json]] = {
            ("GET", "requests"): self._requests,
            ("DELETE", "requests"): self._forget_requests,
            ("GET", "faults"): self._faults,
            ("POST", "faults"): self._add_fault,
            ("DELETE", "faults"): self._clear_faults,
            ("POST", "fill"): self._fill,
            ("POST", "pause"): self._pause,
        }
        action = actions.get((request.method, request.path.removeprefix(PREFIX)))
        try:
            if action is None:
                raise not_found()
            return Reply(200, action(request))
        except ExchangeError as error:
            return Reply(error.status, error.body())

    def _requests(self, _: HttpRequest) -> Json:
        return {"count": self.log.count(), "requests": self.log.as_json()}

    def _forget_requests(self, _: HttpRequest) -> Json:
        self.log.clear()
        return {"count": 0}

    def _faults(self, _: HttpRequest) -> Json:
        return {"faults": [asdict(fault) | {"times": left} for fault, left in self.faults.waiting()]}

    def _add_fault(self, request: HttpRequest) -> Json:
        body = _object(request.body)
        try:
            self.faults.add(Fault(**body | {"kind": FaultKind(body.get("kind", ""))}))
        except (TypeError, ValueError) as error:
            raise bad_request(str(error)) from error
        return self._faults(request)

    def _clear_faults(self, request: HttpRequest) -> Json:
        self.faults.clear()
        return self._faults(request)

    def _fill(self, request: HttpRequest) -> Json:
        body = _object(request.body)
        count = figure(str(body["count"]), 2, "invalid_order_size") if "count" in body else None
        result = self.dispatcher.exchange.fill_by_visitor(str(body.get("order_id", "")), count)
        self.dispatcher.maker.react()
        return {"fill": fill_view(result.fills[0])}

    def _pause(self, request: HttpRequest) -> Json:
        body = _object(request.body)
        switches = {name: body.get(f"{name}_active", True) is True for name in ("trading", "exchange")}
        self.dispatcher.exchange.pause(**switches)
        return switches


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body or b"{}")
    except ValueError as error:
        raise bad_request(f"the body must be JSON: {error}") from error
    if not isinstance(value, dict):
        raise bad_request("the body must be a JSON object")
    return value
