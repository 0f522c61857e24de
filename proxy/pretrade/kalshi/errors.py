"""The exchange's error bodies, read and written: four shapes occur on its wire (orders.md 7).

Rule of this file: text of a stranger's becomes printable ASCII of a bounded length before anything else sees it.
"""

import json
from dataclasses import dataclass

MAX_CODE = 80
MAX_TEXT = 300


@dataclass(frozen=True, slots=True)
class ErrorText:
    """What an error body says: `code` is None where it names none, `text` is for people and may be empty."""

    code: str | None
    text: str


def plain(text: str, limit: int) -> str:
    """Printable ASCII of at most `limit` characters: the rest becomes `?`, what is cut ends in `...`."""
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text
    clean = "".join(character if " " <= character <= "~" else "?" for character in text[: limit + 1])
    return clean if len(clean) <= limit else clean[: limit - 3] + "..."


def error_fields(code: str, message: str, details: str | None = None) -> dict[str, object]:
    """The fields that every shape with a code carries, as they stand in a batch entry's `error`."""
    fields: dict[str, object] = {"code": code, "message": message}
    return fields if details is None else fields | {"details": details}


def nested(code: str, message: str) -> bytes:
    """The shape of business errors: `{"error": {"code", "message"}}`."""
    return to_json({"error": error_fields(code, message)})


def to_json(value: object) -> bytes:
    """Compact JSON in ASCII, the form of every body that we write."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def read_error(value: dict[str, object]) -> ErrorText:
    """Read what an error body, already a JSON object, says, in any of the four shapes. Never raises.

    `{"error": {...}}`, `{"code": ..., "message": ...}`, `{"msg": ...}` and `{"error": "..."}`; the last two carry no
    code of their own, so their text, with underscores, stands for one.
    """
    inner = value.get("error")
    if isinstance(inner, str):
        return ErrorText(_as_code(inner), plain(inner, MAX_TEXT))
    fields = inner if isinstance(inner, dict) else value
    code = fields.get("code")
    words = [fields.get(name) for name in ("message", "details", "msg")]
    text = plain(": ".join(word for word in words if isinstance(word, str) and word), MAX_TEXT)
    if isinstance(code, str) and code:
        return ErrorText(plain(code, MAX_CODE), text)
    message = fields.get("msg")
    return ErrorText(_as_code(message) if isinstance(message, str) else None, text)


def _as_code(text: str) -> str | None:
    return plain("_".join(text.split()), MAX_CODE) or None


def says_of_group(code: str) -> bool:
    """Whether an order was refused for its order group: the group has tripped, unless it is one that nobody knows."""
    return "order_group" in code.lower()


def is_unknown_group(code: str) -> bool:
    """Whether that is because the exchange does not know the group."""
    return says_of_group(code) and "not_found" in code.lower()
