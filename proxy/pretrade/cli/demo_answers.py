"""What a bot's answer amounts to, in the words of the demo's story.

Rule of this file: it knows only what the SDK's user saw.
"""

import json
from collections.abc import Mapping

DRY_RUN = "dry run"
_DRY_ID = "dry-"


def outcome_of(answer: Mapping[str, object]) -> str:
    """What came of a call, in the words of `Step.expected`."""
    if not answer["ok"]:
        return str(body_of(answer).get("code") or f"HTTP {answer['status']}")
    result = answer["result"]
    if not isinstance(result, dict) or "order_id" not in result:
        return "read"
    if str(result["order_id"]).startswith(_DRY_ID):
        return DRY_RUN
    if "reduced_by" in result:
        return "canceled"
    return "resting" if result.get("fill_count") in (None, "0.00") else "filled"


def message_of(answer: Mapping[str, object]) -> str:
    """The sentence that came with a denial and the size that would pass, or nothing."""
    if answer["ok"]:
        return ""
    said = str(body_of(answer).get("message", ""))
    most = headroom_of(answer)
    return f"{said}; headroom {most}" if most and float(most) else said


def headroom_of(answer: Mapping[str, object]) -> str:
    """The largest count that would pass, as a denial named it, or nothing."""
    return "" if answer["ok"] else str(body_of(answer).get("headroom") or "")


def body_of(answer: Mapping[str, object]) -> dict[str, object]:
    """The body of a denial; empty where it was no JSON object."""
    try:
        body = json.loads(str(answer["body"]) or "{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
