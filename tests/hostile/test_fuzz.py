"""The decoder and the front door under mutated bytes. The invariant:

    Whatever bytes a client sends, in whatever pieces: nothing but our own errors comes out of the decoder; what it
    reads is what another JSON parser reads in the same bytes, and goes out as bytes that are read as the very same
    write; at both front doors every request is answered with a status and, where refused, a code of ours, and nothing
    raises; a tunnel is opened only by a CONNECT to a name of the exchange at port 443, or to a host and port that the
    policy lists; and a write leaves us only after an approved decision of its own is recorded, from a request to the
    door's own address or the tunnel's, and says what the request said that was answered as done.

Hypothesis chooses a request or a body, and a number; from each, a hundred neighbours are made by small edits, so that a
round costs thousands of cases and a failure is shown with the bytes themselves. Counts are printed (`pytest -rP`).
`fuzzing.py` runs the same for hours.
"""

import os
from pathlib import Path

import pytest
from tests.hostile.fuzzing import Tally, fuzz_decoder, fuzz_front_door
from tests.hostile.mutants import NEIGHBOURS

from pretrade.gateway.front.heads import Message, RequestReader

QUICK, QUICK_AT_THE_DOOR, LONG, PARTS = 60, 30, 400, 4
"""Examples, every one with its hundred neighbours: 6,000 and 3,000 cases in a run; in a long one 160,000 at each of
both, in two parts that two workers share: 320,000 in all, some two minutes' work of both."""
SEED = int(os.environ.get("PRETRADE_SEED", "1"))


def shown(what: str, tally: Tally, examples: int) -> None:
    """Print the tally, and hold it to what such a run must have tried for its silence to mean anything."""
    print(f"{what}: {tally.cases} cases, {tally.writes} said a write")
    assert tally.cases >= examples * NEIGHBOURS
    assert tally.writes > tally.cases / 100


def test_blank_lines_between_requests_in_all_pieces() -> None:
    """Catches a verdict that hangs on where TCP cut: after a request, blank lines are skipped, in any pieces."""
    one = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
    for blank in (b"", b"\r\n", b"\n", b"\r\n\r\n"):
        data = one + blank + one
        for first in range(1, len(data)):
            for second in range(first, len(data), 7):
                reader = RequestReader()
                pieces = (data[:first], data[first:second], data[second:])
                seen = [message for piece in pieces if piece for message in reader.feed(piece)]
                assert [type(message) for message in seen] == [Message, Message], pieces


def test_the_decoder() -> None:
    """Catches a second reading of a body: an escape, a duplicate, a number, a default of ours. 6,000 cases."""
    shown("decoder", fuzz_decoder(QUICK, SEED), QUICK)


def test_the_front_door(tmp_path: Path) -> None:
    """Catches bytes that raise, that are answered by nobody, or that send what was not approved. 3,000 cases."""
    shown("front door", fuzz_front_door(QUICK_AT_THE_DOOR, SEED, tmp_path), QUICK_AT_THE_DOOR)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(PARTS))
def test_the_decoder_for_long(part: int) -> None:
    """As above with other seeds: 40,000 cases a part."""
    shown("decoder", fuzz_decoder(LONG, SEED * PARTS + part), LONG)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(PARTS))
def test_the_front_door_for_long(part: int, tmp_path: Path) -> None:
    """As above with other seeds: 40,000 cases a part."""
    shown("front door", fuzz_front_door(LONG, SEED * PARTS + part, tmp_path), LONG)
