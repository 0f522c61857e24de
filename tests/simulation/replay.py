"""`python -m tests.simulation.replay SEED`: play the world of a seed and print everything that happened in it."""

import argparse
import sys

from tests.simulation.world import play


def main() -> int:
    """Print the trace; 1 when an invariant was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seed", type=int)
    parser.add_argument("--last", type=int, help="print so many lines at most")
    options = parser.parse_args()
    outcome = play(options.seed)
    lines = outcome.trace.lines
    print("\n".join(lines[-options.last :] if options.last else lines))
    print(f"\nseed {outcome.seed}: {len(lines)} lines, {outcome.steps} steps, trace {outcome.trace.digest()[:16]}")
    print(f"BROKEN: {outcome.broken}" if outcome.broken else "everything held")
    return 1 if outcome.broken else 0


if __name__ == "__main__":
    sys.exit(main())
