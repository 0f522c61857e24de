"""What `decide` may look at besides the request and the policy. Everything it read is recorded with the decision."""

from dataclasses import dataclass

from pretrade.model.instance import Mode, Role, TradingState


@dataclass(frozen=True, slots=True)
class Facts:
    """The state of the world for one write, read at one moment on the event loop.

    `day` is the date in the policy's time zone and `day_orders` the orders approved so far on it in this mode.
    `own_orders` holds, of the order ids that the write names, those that the dry-run book knows for this client.
    """

    now_ms: int
    role: Role
    mode: Mode
    trading_state: TradingState
    client: str
    subaccount: int
    day: str
    day_orders: int
    own_orders: tuple[str, ...] = ()
