"""What a fill does to an account's money, position and order, and the fees that this takes.

Rule of this file: it settles fills and says what they may cost; whether an order may enter is `admission`'s, what
matches what is `matching`'s. Every money that leaves a purse here arrives in another purse, in a position, or in
`state.fees_collected`.
"""

from pretrade.model.orders import TimeInForce
from pretrade.practice.core import fees
from pretrade.practice.core.accounts import Account
from pretrade.practice.core.events import Filled, PositionChanged
from pretrade.practice.core.fees import FeeModel
from pretrade.practice.core.instruments import Market, leg_price
from pretrade.practice.core.records import Fill, Order, Trade
from pretrade.practice.core.state import State


def fee_model(state: State, market: Market) -> FeeModel:
    """What trading in a market costs at this moment: its event's or series' fee model, nothing while it is waived."""
    event = state.events[market.event_ticker]
    model = fees.fee_model(state.series[event.series_ticker], event)
    if market.fee_waiver_us is not None and state.clock() < market.fee_waiver_us:
        return FeeModel(model.fee_type, 0)
    return model


def worst_fee(state: State, account: Account, order: Order, pieces: int) -> int:
    """The most that entering can cost in fees: `pieces` fills at once, and what is set aside for what then rests."""
    market = state.markets[order.ticker].market
    rests = order.time_in_force is TimeInForce.GOOD_TILL_CANCELED
    later = fee_reserve(state, account, order) if rests else 0
    if not pieces:
        return later
    rounding = fees.worst_rounding(account.balance_step, market.finest_step)
    model = fee_model(state, market)
    return model.worst_trade_fee(order.side, order.price, order.remaining, pieces) + rounding * pieces + later


def fee_reserve(state: State, account: Account, order: Order) -> int:
    """What a resting order sets aside for its fees: the maker fee of one fill of all that remains, and its rounding.

    A documented choice: many small fills may cost more than one. What a purse cannot pay then is waived, so that no
    fee takes it below zero.
    """
    market = state.markets[order.ticker].market
    fee = fee_model(state, market).trade_fee(order.price, order.remaining, is_taker=False)
    return fee + fees.worst_rounding(account.balance_step, market.finest_step)


def book_fill(state: State, order: Order, trade: Trade, *, is_taker: bool) -> Fill:
    """Settle one account's half of a trade: cash, position, fee, the order's figures; note and tell the fill.

    A taker is not on the book yet, a maker still is: what it holds shrinks with it. The caller takes it off the book
    when nothing remains.
    """
    account = state.accounts[order.account]
    if not is_taker:
        account.reduce(order, trade.count)
    order.filled += trade.count
    order.remaining -= trade.count
    order.updated_us = trade.at_us
    position = _move(state, account, order, trade)
    fee = _charge(state, account, order, trade, is_taker=is_taker)
    fill = Fill(
        fill_id=state.new_id(),
        trade_id=trade.trade_id,
        order_id=order.order_id,
        account=order.account,
        subaccount=order.subaccount,
        ticker=order.ticker,
        side=order.side,
        price=trade.price,
        count=trade.count,
        is_taker=is_taker,
        fee=fee,
        at_us=trade.at_us,
    )
    state.fills.append(fill)
    account.fills.append(fill)
    if state.listeners:
        state.tell(Filled(fill, order, position))
        state.tell(PositionChanged(order.account, order.subaccount, order.ticker, trade.at_us))
    return fill


def _move(state: State, account: Account, order: Order, trade: Trade) -> int:
    # Position, cash and open interest; returns the signed position afterwards.
    position = account.position(order.key)
    before = position.count
    revenue = position.apply(order.side, trade.price, trade.count, trade.at_us)
    state.markets[order.ticker].open_interest += max(position.count, 0) - max(before, 0)
    account.deposit(order.subaccount, order.exchange_index, revenue, trade.at_us)
    account.refresh(order.key, order.exchange_index)
    return position.count


def _charge(state: State, account: Account, order: Order, trade: Trade, *, is_taker: bool) -> int:
    # Takes the fee out of the purse and books it to the order, the position and the exchange.
    leg = leg_price(order.side, trade.price)
    model = fee_model(state, state.markets[order.ticker].market)
    trade_fee = model.trade_fee(trade.price, trade.count, is_taker=is_taker)
    charge = fees.charge(-leg * trade.count, trade_fee, account.balance_step, order.rounding)
    order.rounding = charge.accumulated
    fee = min(charge.net, max(0, account.available(order.subaccount, order.exchange_index)))
    account.deposit(order.subaccount, order.exchange_index, -fee, trade.at_us)
    account.position(order.key).fees += fee
    state.fees_collected += fee
    if is_taker:
        order.taker_cost, order.taker_fees = order.taker_cost + leg * trade.count, order.taker_fees + fee
    else:
        order.maker_cost, order.maker_fees = order.maker_cost + leg * trade.count, order.maker_fees + fee
    return fee
