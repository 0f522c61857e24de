"""`make test-long BUDGET=15m`: rounds of property tests and of tests marked long, each with a new seed, until the time
is up. A round goes through the rooms of tests/ in an order that its seed decides, so that a short budget reaches each
of them in its turn.

A failing part prints how to run it again and ends the run with 1. The part that the time cuts off counts neither way,
unless it had failed already, and what it printed is not shown. The last line counts the parts.
"""

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MOST_S = 1500
"""A test that takes longer hangs. A thousand worlds or accounts take a slow, busy machine their time, so that the
bound of the whole suite is too short here."""
_NO_TESTS = 5
_FAILED = re.compile(r"\b[0-9]+ (failed|errors?)\b.* in [0-9]")
_UNITS = {"s": 1, "m": 60, "h": 3600}


def seconds(text: str) -> int:
    """A duration like 90s, 15m or 2h in seconds."""
    match = re.fullmatch(r"([0-9]+)([smh])", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"must be like 90s, 15m or 2h, was {text!r}")
    return int(match.group(1)) * _UNITS[match.group(2)]


def parts(seed: int) -> list[str]:
    """The rooms of tests/, in this seed's order."""
    rooms = sorted(str(path) for path in Path("tests").iterdir() if any(path.rglob("test_*.py")))
    random.Random(seed).shuffle(rooms)
    return rooms


def run_part(part: str, seed: int, deadline: float) -> bool | None:
    """Run the long tests of a room and show what was printed; None when the time was up first."""
    chosen = ["-m", "hypothesis or long", f"--hypothesis-seed={seed}", f"--timeout={MOST_S}"]
    command = [sys.executable, "-m", "pytest", "-x", "-n", "2", *chosen, part]
    environment = os.environ | {"PRETRADE_SEARCH": "long", "PRETRADE_SEED": str(seed)}
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(command, env=environment, stdout=printed, stderr=subprocess.STDOUT)
        code = _wait(process, deadline)
        printed.seek(0)
        text = printed.read().decode("utf-8", "replace")
    result = verdict(code, text)
    if result is not None and code != _NO_TESTS:
        print(text, flush=True)
    return result


def verdict(code: int | None, printed: str) -> bool | None:
    """Whether a part that ended with this code, None for one that was cut off, has passed; None if nobody can know.

    What counts of a part that was cut off is its last line: its code says only how far pytest had come by then.
    """
    if code is not None:
        return code in {0, _NO_TESTS}
    last = printed.strip().rpartition("\n")[2]
    return False if _FAILED.search(last) else None


def _wait(process: subprocess.Popen[bytes], deadline: float) -> int | None:
    """Its exit code, or None if it had to be cut off."""
    try:
        return process.wait(max(1.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    return None


def main() -> int:
    """Run rounds until the budget is used up; the exit code says whether all parts of them passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", type=seconds, default="15m")
    parser.add_argument("--seed", type=int, help="run one round with this seed")
    parser.add_argument("--part", help="a room of tests/, in place of all")
    options = parser.parse_args()
    deadline = time.monotonic() + options.budget
    passed = 0
    for seed in [options.seed] if options.seed is not None else iter(lambda: random.randrange(2**31), None):
        for part in [options.part] if options.part else parts(seed):
            if time.monotonic() > deadline:
                print(f"parts: {passed} passed, 0 failed")
                return 0
            print(f"{part}, seed {seed}", flush=True)
            result = run_part(part, seed, deadline)
            if result is False:
                print(f"failed; again with: python tests/long.py --seed {seed} --part {part} --budget 1h")
                print(f"parts: {passed} passed, 1 failed")
                return 1
            passed += result is True
    print(f"parts: {passed} passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
