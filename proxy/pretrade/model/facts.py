"""What `decide` may look at besides the request and the policy. Everything it read is recorded with the decision."""

from enum import StrEnum
from typing import NamedTuple

from pretrade.model.frozen import frozen
from pretrade.model.groups import GroupSeen
from pretrade.model.instance import Mode, Role, TradingState
from pretrade.model.loss import LossSeen, MarkSeen
from pretrade.model.orders import Flags, Side
from pretrade.model.pace import PaceSeen
from pretrade.model.seen import ExchangeSeen, MarketSeen


class Measure(StrEnum):
    """What is limited by adding up: contracts (0.01), money ($0.000001), or a number of orders."""

    POSITION = "position"
    MARKET_EXPOSURE = "market_exposure"
    EVENT_EXPOSURE = "event_exposure"
    SERIES_EXPOSURE = "series_exposure"
    ACCOUNT_EXPOSURE = "account_exposure"
    OPEN_ORDERS = "open_orders"
    DAY_ORDERS = "day_orders"
    DAY_NOTIONAL = "day_notional"

    __hash__ = str.__hash__  # an Enum's own is a call into Python, and every figure of every write is looked up by it


class Usage(NamedTuple):
    """One figure before the write, and what it would be with it at worst. A tuple: a write has dozens of them.

    `of` is the market, event or series it is about, empty for all of them; `own` is true for the client's own figure
    (its subaccount's), false for the whole account's. Where a position or an exposure would stay as it is, because a
    market's other side is the worse one, it is told with the sides that the write buys: the other may go.
    """

    measure: Measure
    of: str
    own: bool
    before: int
    after: int


@frozen
class Place:
    """Where a market belongs: its event and series, as the exchange says, and its fee multiplier in 1/10000. A flat fee
    does not follow the formula that fees are reckoned by."""

    ticker: str
    event: str
    series: str
    fee_multiplier: int = 0
    has_flat_fee: bool = False


@frozen
class NamedOrder:
    """An existing order that the write names. `owner` is None where nobody here knows the order; the rest is then
    empty. `flags` are told to an amend, and None for any other write and in rows of before they were kept."""

    order_id: str
    owner: str | None
    ticker: str = ""
    side: Side | None = None
    flags: Flags | None = None


type Question = tuple[int | None, str]
"""What a person is asked about an order: the leg of a batch (None outside one) and the rule that asks."""


@frozen
class Facts:
    """The state of the world for one write, read at one moment on the event loop.

    `day` is the date in the policy's time zone. `usages` holds every figure that a limit may bind, `reduces` says for
    each order of the write whether it can only close what is held, `places` are the markets of the write that are
    known, `orders` the existing orders that it names, `groups` those of its order groups that are the client's, `group`
    the one that it changes, if it is the client's.
    `reconciled_ms` is how long ago the exchange's own record was last read, None where it never was. `markets` are
    those of the write that were seen, `exchange` is None where its status was not. `trading_state` is the whole
    account's, `client_state` the client's own. `confirmed` is the decision that asked for this very order to be
    confirmed and was answered with yes, None where there is none; `confirmed_for` are the questions that it asked, None
    in a row of before they were kept, when a yes was good for every question. `losses` are the day's, the client's own
    and the whole account's, as far as they are known; `marks` those of the write's markets.
    `crowded` says for each order of a write that the exchange caps at what is held whether another on its side may
    still fill; empty for any other write.
    `own_groups` has, for each order of a write, the group that the proxy made for the client on the order's shard, and
    for an amend the one that its order is in, if that has no higher limit; None where there is none, empty where the
    policy asks for none.
    `by_proxy` says that the write is the proxy's own: it makes these groups, and resets one when a person resumes the
    client.
    """

    now_ms: int
    role: Role
    mode: Mode
    trading_state: TradingState
    client: str
    subaccount: int
    day: str
    shares_subaccount: bool = False
    reconciled_ms: int | None = None
    usages: tuple[Usage, ...] = ()
    reduces: tuple[bool, ...] = ()
    places: tuple[Place, ...] = ()
    orders: tuple[NamedOrder, ...] = ()
    groups: tuple[str, ...] = ()
    markets: tuple[MarketSeen, ...] = ()
    exchange: ExchangeSeen | None = None
    pace: PaceSeen | None = None
    client_state: TradingState = TradingState.ACTIVE
    confirmed: str | None = None
    losses: tuple[LossSeen, ...] = ()
    marks: tuple[MarkSeen, ...] = ()
    group: GroupSeen | None = None
    crowded: tuple[bool, ...] = ()
    confirmed_for: tuple[Question, ...] | None = ()
    own_groups: tuple[str | None, ...] = ()
    by_proxy: bool = False

    def is_confirmed(self, leg: int | None, rule: str) -> bool:
        """Whether a person has said yes to this very order where this rule asks about this leg of it."""
        if self.confirmed is None:
            return False
        return self.confirmed_for is None or (leg, rule) in self.confirmed_for
