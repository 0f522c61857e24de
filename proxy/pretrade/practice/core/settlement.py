"""The payout of a determined market: every open position becomes cash.

Rule of this file: money only; when a market may settle is `lifecycle`'s. What all holders of a market are paid, with
what rounding keeps, is exactly the $1 that every pair of YES and NO had locked.
"""

from pretrade.practice.core.accounts import Account, Position
from pretrade.practice.core.events import PositionChanged
from pretrade.practice.core.fees import CENT_STEP
from pretrade.practice.core.instruments import ONE, Market
from pretrade.practice.core.state import MarketState, State
from pretrade.practice.core.statements import Outcome, Settlement


def pay_out(state: State, market_state: MarketState, outcome: Outcome) -> None:
    """Pay every holder of a market and leave no position open in it. One that was closed before is settled with it."""
    ticker, now = market_state.market.ticker, state.clock()
    for account in state.accounts.values():
        for (subaccount, held), position in account.positions.items():
            if held != ticker:
                continue
            position.settled_us = now
            if position.count:
                _pay(state, account, subaccount, position, market_state.market, outcome)
            state.tell(PositionChanged(account.name, subaccount, ticker, now))
    market_state.open_interest = 0


def _pay(state: State, account: Account, subaccount: int, position: Position, market: Market, outcome: Outcome) -> None:
    # The payout is posted in whole cents, the rest is kept as a settlement fee (docs "Settlement Rounding").
    now, yes, no = state.clock(), max(position.count, 0), max(-position.count, 0)
    payout = outcome.value * yes + (ONE - outcome.value) * no
    kept = payout % CENT_STEP
    yes_cost, no_cost = (position.cost, 0) if yes else (0, position.cost)
    position.close(yes + no, payout)
    position.fees += kept
    position.updated_us = now
    state.fees_collected += kept
    account.deposit(subaccount, market.exchange_index, payout - kept, now)
    account.refresh((subaccount, market.ticker), market.exchange_index)
    account.settlements.append(
        Settlement(
            ticker=market.ticker,
            event_ticker=market.event_ticker,
            exchange_index=market.exchange_index,
            subaccount=subaccount,
            result=outcome.result,
            value=outcome.value,
            yes_count=yes,
            yes_cost=yes_cost,
            no_count=no,
            no_cost=no_cost,
            revenue=payout - kept,
            kept=kept,
            fees=position.fees,
            settled_us=now,
        )
    )
