"""`make test-long BUDGET=15m`: rounds of property tests and of tests marked long, each with a new seed, until the time
is up.

A failing round prints its seed and ends the run with 1; `--seed` runs that round again. The round that the time cuts
off counts neither way, unless it had failed already.
"""

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import time

_UNITS = {"s": 1, "m": 60, "h": 3600}


def seconds(text: str) -> int:
    """A duration like 90s, 15m or 2h in seconds."""
    match = re.fullmatch(r"([0-9]+)([smh])", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"must be like 90s, 15m or 2h, was {text!r}")
    return int(match.group(1)) * _UNITS[match.group(2)]


def run_round(seed: int, deadline: float) -> bool | None:
    """Run every long test once; None when the time was up first."""
    command = [sys.executable, "-m", "pytest", "-x", "-n", "2", "-m", "hypothesis or long", f"--hypothesis-seed={seed}"]
    environment = os.environ | {"PRETRADE_SEARCH": "long", "PRETRADE_SEED": str(seed)}
    process = subprocess.Popen(command, env=environment)
    try:
        return process.wait(max(1.0, deadline - time.monotonic())) == 0
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        try:
            return None if process.wait(60) == 2 else False
        except subprocess.TimeoutExpired:
            process.kill()
            return None


def main() -> int:
    """Run rounds until the budget is used up; the exit code says whether all of them passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", type=seconds, default="15m")
    parser.add_argument("--seed", type=int, help="run one round with this seed")
    options = parser.parse_args()
    deadline = time.monotonic() + options.budget
    passed = failed = 0
    while not failed and time.monotonic() < deadline:
        seed = options.seed if options.seed is not None else random.randrange(2**31)
        print(f"round {passed + 1}, seed {seed}", flush=True)
        result = run_round(seed, deadline)
        passed += result is True
        failed += result is False
        if result is False:
            print(f"failed; again with: python tests/long.py --seed {seed} --budget 1h", flush=True)
        if options.seed is not None:
            break
    print(f"whole rounds without a failure: {passed}" if not failed else "a round failed, see above")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
