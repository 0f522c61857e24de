"""What the proxy wrote into an order in its client's place."""

from typing import NamedTuple


class Rewrite(NamedTuple):
    """One field that was written in: the order's place in the write (0 outside a batch), the field's name in the
    exchange's words, what it was (None where it was left out) and what it is."""

    leg: int
    field: str
    before: str | int | bool | None
    after: str | int | bool
