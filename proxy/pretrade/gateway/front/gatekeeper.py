"""What the front door needs of the gate, and all that it knows of it.

Rule of this file: plain values in, an Answer out; no type of mitmproxy's.
"""

from typing import Protocol

from pretrade.gateway.messages import Answer, RawRequest
from pretrade.gateway.way.attempts import Ticket
from pretrade.model.codes import DenyCode


class GateKeeper(Protocol):
    """What the Enforcer needs of the gate."""

    def connect(self, host: str, port: int) -> Answer | None:
        """May a tunnel to this address be opened? None when it may."""

    def passes_through(self, host: str, port: int) -> bool:
        """Whether a tunnel to this address is another host's, whose bytes are none of our business."""

    def refuse_tunnel(
        self, host: str, port: int, detail: str, code: DenyCode = DenyCode.DESTINATION_NOT_ALLOWED
    ) -> Answer:
        """Refuse a tunnel to another host that the policy lists."""

    async def handle(self, raw: RawRequest, ticket: Ticket) -> Answer:
        """Answer one request."""

    def answered(self, ticket: Ticket, *, delivered: bool) -> None:
        """Note whether an answer reached its client."""

    def unreadable(self, code: DenyCode, detail: str) -> Answer:
        """Answer what could not be read as a request."""

    def note_fault(self, decision_id: str, hook: str) -> None:
        """Keep a fault for the log. Must not raise."""
