"""A second, naive telling of what the practice exchange does to orders, to compare it with.

Written in another style on purpose: no books and no levels, one flat list of orders that is searched and sorted anew
for every question. It knows no money: a refusal for lack of it is taken from the exchange.
"""

from dataclasses import dataclass, field

from pretrade.model.orders import (
    AmendOrder,
    CancelOrder,
    DecreaseOrder,
    NewOrder,
    SelfTradePrevention,
    Side,
    TimeInForce,
)

GTC, IOC, FOK = TimeInForce.GOOD_TILL_CANCELED, TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL
WINDOW = 15_000_000
RESTING, CANCELED, EXECUTED = "resting", "canceled", "executed"


@dataclass
class Known:
    """An order as the oracle sees it."""

    who: str
    new: NewOrder
    price: int
    total: int
    left: int
    turn: int
    expires: int | None
    client_order_id: str
    filled: int = 0
    status: str = RESTING
    reason: str = ""

    @property
    def sub(self):
        return self.new.subaccount or 0

    @property
    def better(self):
        """What it is sorted by: price first, then its turn."""
        return (-self.price if self.new.side is Side.BID else self.price, self.turn)


@dataclass
class Club:
    """An order group."""

    who: str
    sub: int
    shard: int
    limit: int
    open: bool = True
    matched: list = field(default_factory=list)


class Oracle:
    """What should be the case after each operation; `now` is set by whoever drives it."""

    def __init__(self, shards, on_grid):
        self.now = 0
        self.shards = shards
        self.on_grid = on_grid
        self.orders: dict[str, Known] = {}
        self.used: set[tuple[str, str]] = set()
        self.groups: dict[str, Club] = {}
        self.off: set[tuple[str, int | None]] = set()
        self.shut: dict[str, str] = {}
        self.positions: dict[tuple[str, int, str], int] = {}
        self.turns = 0

    # what rests, and in which order it would trade

    def queue(self, ticker, side):
        rows = [k for k in self.orders.values() if k.status == RESTING and (k.new.ticker, k.new.side) == (ticker, side)]
        return sorted(rows, key=lambda k: k.better)

    def facing(self, ticker, side, price):
        sign = 1 if side is Side.BID else -1
        other = Side.ASK if side is Side.BID else Side.BID
        return [k for k in self.queue(ticker, other) if sign * k.price <= sign * price]

    def resting(self, **wanted):
        return [
            k
            for k in self.orders.values()
            if k.status == RESTING and all(getattr(k, n) == v for n, v in wanted.items())
        ]

    def id_of(self, known):
        return next(i for i, k in self.orders.items() if k is known)

    # refusals

    def halted(self, shard, what=("exchange", "trading")):
        for name in what:
            if (name, None) in self.off or (name, shard) in self.off:
                return f"{name}_is_paused"
        return None

    def refuses_create(self, who, new):
        """The code a create is refused with, None if it enters; those after the money step are in LATE."""
        if code := self.halted(None):
            return code
        shard = self.shards[new.ticker]
        if new.exchange_index not in {None, -1, shard}:
            return "not_found"
        if code := self.halted(shard):
            return code
        if new.ticker in self.shut:
            return "MARKET_NOT_ACTIVE"
        if not self.on_grid(new.ticker, new.price):
            return "invalid_price"
        if new.expiration_time is not None and new.expiration_time * 1_000_000 <= self.now:
            return "invalid_order"
        if new.client_order_id and (who, new.client_order_id) in self.used:
            return "order_already_exists"
        return self.refused_by_group(who, new, shard) or self.refused_by_book(who, new)

    def refused_by_group(self, who, new, shard):
        if new.order_group_id is None:
            return None
        club = self.groups.get(new.order_group_id)
        if club is None or (club.who, club.sub, club.shard) != (who, new.subaccount or 0, shard):
            return "order_group_not_found"
        return None if club.open else "order_group_triggered"

    def refused_by_book(self, who, new):
        facing = self.facing(new.ticker, new.side, new.price)
        if new.post_only and facing:
            return "invalid_order"
        if new.time_in_force is FOK and sum(k.left for k in facing) < self.capped(who, new):
            return "fill_or_kill_insufficient_resting_volume"
        return None

    LATE = (None, "invalid_order", "fill_or_kill_insufficient_resting_volume")

    def refuses_exit(self, who, which: CancelOrder | DecreaseOrder):
        if code := self.halted(None, ("exchange",)):
            return code
        shard = which.exchange_index
        if which.market_ticker is not None:
            if shard not in {None, -1, self.shards[which.market_ticker]}:
                return "not_found"
            shard = self.shards[which.market_ticker]
        elif shard == -1:
            return "bad_request"
        known = self.orders.get(which.order_id)
        if known is None or (known.who, known.sub, self.shards[known.new.ticker]) != (
            who,
            which.subaccount or 0,
            shard or 0,
        ):
            return "not_found"
        if code := self.halted(shard or 0, ("exchange",)):
            return code
        if self.shut.get(known.new.ticker) == "closed":
            return "MARKET_INACTIVE"
        return None if known.status == RESTING else "not_found"

    def refuses_amend(self, who, change: AmendOrder):
        if code := self.halted(None):
            return code
        shard = self.shards[change.ticker]
        known = self.orders.get(change.order_id)
        if change.exchange_index not in {None, -1, shard} or known is None:
            return "not_found"
        own = (known.who, known.sub, self.shards[known.new.ticker]) == (who, change.subaccount or 0, shard)
        if not own or known.status != RESTING:
            return "not_found"
        if change.ticker != known.new.ticker or change.side is not known.new.side:
            return "order_side_mismatch" if change.ticker == known.new.ticker else "order_ticker_mismatch"
        return self.halted(shard) or self.refuses_change(known, change)

    def refuses_change(self, known, change):
        if change.ticker in self.shut:
            return "MARKET_NOT_ACTIVE"
        if not self.on_grid(change.ticker, change.price):
            return "invalid_price"
        if change.count <= known.filled:
            return "invalid_order_size"
        if known.new.post_only and self.facing(change.ticker, change.side, change.price):
            return "invalid_order"
        return None

    # what happens

    def capped(self, who, new):
        if not new.reduce_only:
            return new.count
        held = self.positions.get((who, new.subaccount or 0, new.ticker), 0)
        return max(0, min(new.count, -held if new.side is Side.BID else held))

    def create(self, order_id, who, new):
        """Enter an order; returns (order id, price, count) of each resting order it trades with."""
        self.used.add((who, new.client_order_id))
        left = self.capped(who, new)
        known = Known(who, new, new.price, new.count, left, 0, new.expiration_time, new.client_order_id or "")
        self.orders[order_id] = known
        return self.enter(known)

    def enter(self, known):
        known.status = "entering"
        trades, verdict = [], None
        while known.left and verdict is None:
            facing = self.facing(known.new.ticker, known.new.side, known.price)
            if not facing:
                break
            maker = facing[0]
            if maker.who != known.who:
                count = min(maker.left, known.left)
                trades.append((self.id_of(maker), maker.price, count))
                self.fill(maker, count)
                self.fill(known, count)
                if maker.left == 0:
                    maker.status = EXECUTED
                self.match(maker, count)
                self.match(known, count)
                if known.new.order_group_id in self.groups and not self.groups[known.new.order_group_id].open:
                    verdict = ""
            elif known.new.self_trade_prevention_type is SelfTradePrevention.TAKER_AT_CROSS:
                verdict = "SelfTradeCancel"
            else:
                self.end(maker, "SelfTradeCancel")
        self.turns += 1
        known.turn = self.turns
        if known.left and verdict is None and known.new.time_in_force is GTC:
            known.status = RESTING
        elif known.filled == known.total:
            known.status = EXECUTED
        else:
            shrunk = known.new.reduce_only and known.filled + known.left < known.total
            rest = (
                "ReduceOnlyCancel" if shrunk else "SelfTradeCancel" if known.new.time_in_force is FOK else known.reason
            )
            self.end(known, rest if verdict is None else verdict)
        return trades

    def fill(self, known, count):
        known.filled, known.left, known.reason = known.filled + count, known.left - count, "Trade"
        key = (known.who, known.sub, known.new.ticker)
        self.positions[key] = self.positions.get(key, 0) + (count if known.new.side is Side.BID else -count)

    def match(self, known, count):
        club = self.groups.get(known.new.order_group_id)
        if club is not None and club.open:
            club.matched.append((self.now, count))
            self.judge(known.new.order_group_id)

    def judge(self, group_id):
        club = self.groups[group_id]
        if club.open and sum(count for at, count in club.matched if at > self.now - WINDOW) > club.limit:
            self.trigger(group_id)

    def trigger(self, group_id):
        self.groups[group_id].open = False
        self.disband(group_id)

    def disband(self, group_id):
        for known in self.resting():
            if known.new.order_group_id == group_id:
                self.end(known, "")

    def end(self, known, reason):
        known.status, known.left, known.reason = CANCELED, 0, reason

    def amend(self, who, change):
        known = self.orders[change.order_id]
        stays = change.price == known.price and change.count - known.filled <= known.left
        known.price, known.total, known.left = change.price, change.count, change.count - known.filled
        known.reason = "Amend"
        if change.expiration_time is not None:
            known.expires = change.expiration_time or None
        return [] if stays else self.enter(known)

    def decrease(self, change):
        known = self.orders[change.order_id]
        left = change.reduce_to if change.reduce_to is not None else max(0, known.left - change.reduce_by)
        if left > known.left:
            return False
        if left == 0:
            self.end(known, "Decrease")
        else:
            known.left, known.reason = left, "Decrease"
        return True

    def pass_time(self, until, closes):
        """Let time pass: what expires or closes on the way ends, each at its moment."""
        for known in sorted(self.resting(), key=lambda k: k.expires or 0):
            if known.expires is not None and known.expires * 1_000_000 <= until:
                closed = closes[known.new.ticker] <= known.expires * 1_000_000
                self.end(known, "CloseCancel" if closed else "ExpiryCancel")
        for ticker, at in closes.items():
            if at <= until and self.shut.get(ticker) != "closed":
                self.close(ticker)
        self.now = until

    def close(self, ticker):
        self.shut[ticker] = "closed"
        for known in self.resting():
            if known.new.ticker == ticker:
                self.end(known, "CloseCancel")
