"""Places in a file: the way to a key from the top, and how people write it."""

type Where = tuple[str | int, ...]
"""The way from the top of a file to a key: names, and numbers for entries of lists."""
type Spot = tuple[int, int]
"""Line and column, from 1."""


def dotted(where: Where) -> str:
    """Write a key's place the way people do, as in `markets[1].limits.order.max_count`."""
    named = (part if isinstance(part, int) or part.isprintable() else ascii(part) for part in where)
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in named)
    return text.removeprefix(".")
