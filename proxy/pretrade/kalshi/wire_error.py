"""The one way in which bytes of a client can be wrong. Nothing else is raised for anything that a client sends."""

from pretrade.model.codes import DenyCode


class WireError(Exception):
    """A request that cannot be read exactly. The message is for the client: which field, what was expected.

    `code` is one of the decode codes, or BODY_TOO_LARGE. `field` names the field where there is one, and `leg` the
    entry of a batch, counted from 0.
    """

    def __init__(self, code: DenyCode, message: str, field: str | None = None, leg: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.field = field
        self.leg = leg


def shown(value: object) -> str:
    """A client's value as short printable text for a message."""
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
