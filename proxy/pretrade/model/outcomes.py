"""What became of a write that was approved."""

from enum import StrEnum

from pretrade.model.frozen import frozen


class OutcomeState(StrEnum):
    """`not_sent`: no byte left us. `unknown`: it may have reached the exchange; it counts until somebody knows.
    `absent`: it was unknown, and is proven not to be at the exchange."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"
    ABSENT = "absent"
    DRY_RUN = "dry_run"


@frozen
class LegOutcome:
    """What the exchange said about one order: figures in its own text, absent where it said nothing."""

    state: OutcomeState
    order_id: str | None = None
    client_order_id: str | None = None
    fill_count: str | None = None
    remaining_count: str | None = None
    average_fill_price: str | None = None
    reduced_by: str | None = None
    code: str | None = None


@frozen
class Outcome:
    """The end of a write: one state for the whole, one leg for each order that the answer told about.

    `status` is the exchange's HTTP status, None when it never answered; `detail` says why in words where that helps.
    A batch with mixed legs is ACCEPTED; the legs say which were rejected. One unknown leg makes the whole UNKNOWN.
    """

    state: OutcomeState
    status: int | None = None
    legs: tuple[LegOutcome, ...] = ()
    detail: str = ""
