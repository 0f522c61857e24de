"""Neighbours of good bytes: what fuzzers try, made from a number, so that the same number makes the same bytes."""

import random
import re
from collections.abc import Callable, Iterator

from hypothesis import HealthCheck, seed, settings

NEIGHBOURS = 100
"""Of one example, itself among them."""

PIECES = [
    "{", "}", "[", "]", ",", ":", '"', "\\", "\\u0030", "\\u005f", "\\ud800", "null", "true", "false", "0", "-0", "1e2",
    "1.0", "NaN", "Infinity", "9007199254740993", "99999999999999999999", "0.5", '"0.5"', '"price":"0.99"',
    '"count":"100.00",', '"Count":"1"', '"subaccount":1,', "\x00", "\ufeff", "\u200b", "\uff11", "\u0661", "\n",
    "\t", " ",
    "/*", "//", "'", "[[[[[[[[[",
    '{"a":', "\xe9", "\r\n", "\r", "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n",
    "Host: evil\r\n", "HTTP/1.1", "%2f", "..", "POST ", "Connection: close\r\n", "Upgrade: x\r\n", "0\r\n\r\n",
]  # fmt: skip


def mutate(data: bytes, rng: random.Random) -> bytes:
    """A neighbour: a few bytes put in, taken out, doubled, swapped or changed."""
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        place = rng.randrange(len(made) + 1)
        match rng.randrange(6):
            case 0:
                made[place:place] = rng.choice(PIECES).encode()
            case 1:
                del made[place : place + rng.randint(1, 8)]
            case 2:
                made[place:place] = made[place : place + rng.randint(1, 30)]
            case 3:
                made[place : place + 1] = bytes([rng.randrange(256)])
            case 4:
                other = rng.randrange(len(made) + 1)
                made[place:place] = made[other : other + rng.randint(1, 20)]
            case _:
                digits = [match.start() for match in re.finditer(rb"[0-9]", made)]
                if digits:
                    made[rng.choice(digits)] = rng.choice(b"0123456789")
    return bytes(made)


def neighbours(data: bytes, number: int) -> Iterator[bytes]:
    """The bytes themselves, then what this number makes of them."""
    yield data
    rng = random.Random(number)
    for _ in range(NEIGHBOURS - 1):
        yield mutate(data, rng)


def examples(count: int, number: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """So many examples, the same ones for the same number."""

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        calm = settings(max_examples=count, deadline=None, database=None, derandomize=False,
                        suppress_health_check=list(HealthCheck))  # fmt: skip
        return seed(number)(calm(test))

    return decorate
