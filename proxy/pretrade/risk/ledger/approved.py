"""A write that was approved, as it is counted and as it is waited for.

Rule of this file: plain values; the ledger holds them and says what they add up to.
"""

from pretrade.model.facts import Place
from pretrade.model.frozen import frozen
from pretrade.model.instance import Mode
from pretrade.model.orders import Write
from pretrade.model.pace import PaceSeen
from pretrade.model.rewrites import Rewrite
from pretrade.risk.ledger.live_order import OrderState


@frozen
class Approval:
    """An approved write as the ledger counts it. `multiplier` is the fee ceiling in 1/10000 that it was judged with,
    `reduces` says of each of its orders whether it only closes, `pace` what was seen of the client's, `confirmed` is
    the decision whose confirmation it uses up, `injected` what the proxy wrote into its orders. `by_proxy` says that it
    is the proxy's own."""

    decision_id: str
    client: str
    subaccount: int
    mode: Mode
    day: str
    write: Write
    now_ms: int
    multiplier: int
    places: tuple[Place, ...] = ()
    reduces: tuple[bool, ...] = ()
    pace: PaceSeen | None = None
    confirmed: str | None = None
    injected: tuple[Rewrite, ...] = ()
    by_proxy: bool = False


@frozen
class Pending:
    """An approved live write whose end is not known: held, under way, or unknown until somebody finds out.

    `sent_ms` is when it was approved; `lost_ms`, of an unknown one, the latest moment at which it can have been signed.
    `silent` counts the reads that came late enough to show it and did not; the last two are the approval's.
    """

    decision_id: str
    client: str
    subaccount: int
    write: Write
    sent_ms: int
    state: OrderState = OrderState.HELD
    silent: int = 0
    lost_ms: int = 0
    injected: tuple[Rewrite, ...] = ()
    by_proxy: bool = False


def order_key(decision_id: str, leg: int) -> str:
    """The name of the order that a decision's leg creates."""
    return f"{decision_id}/{leg}"
