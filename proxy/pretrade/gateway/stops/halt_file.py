"""What stops trading from outside the program: a HALT file in the state folder, and the environment at the start.

Rule of this file: it imports nothing of ours, so that `pretrade halt` does not wait for the program to be imported.
"""

from pathlib import Path

HALT_FILE = "HALT"
KILL_SWITCH_VARIABLE = "KALSHI_TRADE_KILL_SWITCH"
_OFF = frozenset({"", "0", "false", "no", "off"})


def kill_switch_set(value: str | None) -> bool:
    """Whether the environment asks for HALTED: anything but an explicit no does."""
    return value is not None and value.strip().lower() not in _OFF


def halt_file(state_dir: Path, client: str = "") -> Path:
    """The file that halts a client, or the whole account where no client is named."""
    return state_dir / (f"{HALT_FILE}.{client}" if client else HALT_FILE)
