"""Who owns what when the exchange starts: accounts, purses, positions, and the orders that rest already.

Rule of this file: positions come in pairs, so that the books balance: for each one an account is given, the account
`house` holds the opposite. Both have paid for theirs before the start; no cash moves here.
"""

from pretrade.model.orders import NewOrder, SelfTradePrevention, Side, TimeInForce
from pretrade.practice.core import transfers
from pretrade.practice.core.accounts import Account
from pretrade.practice.core.errors import ExchangeError
from pretrade.practice.core.exchange import Exchange
from pretrade.practice.core.fees import CENT_STEP, DIRECT_STEP
from pretrade.practice.core.instruments import ONE
from pretrade.practice.core.state import Switches
from pretrade.practice.worlds.schema import AccountKeys, LevelKeys, PositionKeys, WorldKeys
from pretrade.yamltext.places import Where, dotted

HOUSE = "house"


class OpeningError(ValueError):
    """A world that can be read but not opened; the message names the key and the exchange's reason."""


def open_accounts(exchange: Exchange, world: WorldKeys, newcomers: set[str]) -> None:
    """Open every account in the order of names: those of the world, and `newcomers`, whom only a key names."""
    for name in sorted(set(world.accounts) | newcomers):
        keys = world.accounts.get(name)
        account = exchange.open_account(name, world.newcomer_cash if keys is None else keys.cash)
        if keys is not None:
            _fill_purses(exchange, account, keys)
    for name in sorted(world.accounts):
        for held in world.accounts[name].positions:
            _hold(exchange, exchange.accounts[name], held)


def rest_orders(exchange: Exchange, world: WorldKeys) -> None:
    """Place the orders that rest from the start, market by market in the order of the file. Raises OpeningError."""
    for index, market in enumerate(world.markets):
        for place, level in enumerate(market.book):
            _rest(exchange, market.ticker, level, ("markets", index, "book", place))


def _fill_purses(exchange: Exchange, account: Account, keys: AccountKeys) -> None:
    account.balance_step = DIRECT_STEP if keys.rounding == "direct" else CENT_STEP
    numbers = {purse.subaccount for purse in keys.purses} | {held.subaccount for held in keys.positions}
    for number in sorted(numbers - account.subaccounts):
        transfers.open_subaccount(exchange, account, number)
    for purse in keys.purses:
        exchange.shard_switches.setdefault(purse.shard, Switches())
        account.deposit(purse.subaccount, purse.shard, purse.cash, exchange.clock())


def _hold(exchange: Exchange, account: Account, held: PositionKeys) -> None:
    side = Side.BID if held.leg == "yes" else Side.ASK
    price = held.price if side is Side.BID else ONE - held.price
    house, now = exchange.open_account(HOUSE, 0), exchange.clock()
    state = exchange.markets[held.market]
    for owner, number, direction in (
        (account, held.subaccount, side),
        (house, 0, Side.ASK if side is Side.BID else Side.BID),
    ):
        position = owner.position((number, held.market))
        before = max(position.count, 0)
        position.apply(direction, price, held.count, now)
        state.open_interest += max(position.count, 0) - before


def _rest(exchange: Exchange, ticker: str, level: LevelKeys, where: Where) -> None:
    new = NewOrder(
        ticker=ticker,
        side=level.side,
        count=level.count,
        price=level.price,
        time_in_force=TimeInForce.GOOD_TILL_CANCELED,
        self_trade_prevention_type=SelfTradePrevention.TAKER_AT_CROSS,
        post_only=True,
        subaccount=level.subaccount,
    )
    try:
        exchange.create(exchange.accounts[level.account], new)
    except ExchangeError as error:
        reason = f"{error.message}, {error.details}" if error.details else error.message
        raise OpeningError(f"{dotted(where)}: the exchange refuses this order: {reason}") from error
