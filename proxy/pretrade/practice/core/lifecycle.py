"""The life of a market: created, open, paused, closed, determined, perhaps disputed and amended, settled.

Rule of this file: what the exchange's operators do to markets; each act first does what is due, then checks, then
changes, then tells. The states and their transitions are those of the docs' "Market Lifecycle":

    initialized -> active <-> inactive          by time, `pause_market`, `resume_market`
    active | inactive -> closed                 by time, `close_market`, `move_close`
    closed -> active                            `move_close` into the future
    closed -> determined                        `determine`
    determined -> disputed -> amended           `dispute`, `determine` again
    determined | amended -> finalized           `settle`, by itself after the settlement timer

What an act may not do is refused with 409 `market_state_conflict` or 400 `invalid_parameters` (codes: choices; there is
no public call for any of it).
"""

from dataclasses import replace
from functools import partial

from pretrade.model.markets import FeeType, MarketStatus
from pretrade.model.orders import Side
from pretrade.model.units import format_price
from pretrade.practice.core import resting, settlement
from pretrade.practice.core.errors import ExchangeError, invalid_parameters
from pretrade.practice.core.events import EventFeeChanged, Lifecycle, MarketChanged
from pretrade.practice.core.instruments import ONE, Market, PriceStructure, SettlementBounds
from pretrade.practice.core.records import Order
from pretrade.practice.core.state import MarketState, State, Switches
from pretrade.practice.core.statements import FeeChange, MarketResult, Outcome

_SECOND = 1_000_000
_TRADED = (MarketStatus.INITIALIZED, MarketStatus.ACTIVE, MarketStatus.INACTIVE)
_UNDETERMINED = (*_TRADED, MarketStatus.CLOSED)
_SETTLING = (MarketStatus.DETERMINED, MarketStatus.AMENDED)


def watch(state: State, ticker: str) -> None:
    """Have a market's orders canceled at the moment of its close, if that is still its close then."""
    close_us = state.markets[ticker].market.close_us
    state.schedule(close_us, partial(_close_when_due, state, ticker, close_us))


def create_market(state: State, market: Market) -> None:
    """List a new market of an event that exists. A new shard starts with everything switched on."""
    state.advance()
    if market.ticker in state.markets:
        raise _conflict(f"market {market.ticker} exists already")
    if market.event_ticker not in state.events:
        raise invalid_parameters(f"event {market.event_ticker} does not exist")
    state.markets[market.ticker] = MarketState(market, updated_us=state.clock())
    state.shard_switches.setdefault(market.exchange_index, Switches())
    watch(state, market.ticker)
    _tell(state, market.ticker, Lifecycle.CREATED)


def pause_market(state: State, ticker: str) -> None:
    """Stop trading in one market; its orders stay and can be canceled."""
    market = _in_state(state, ticker, "paused", MarketStatus.ACTIVE)
    market.paused = True
    _tell(state, ticker, Lifecycle.DEACTIVATED)


def resume_market(state: State, ticker: str) -> None:
    """Let a paused market trade again; all orders resting in it are canceled first, as the docs say."""
    market = _in_state(state, ticker, "resumed", MarketStatus.INACTIVE)
    _cancel_resting(state, ticker, "HaltCancel")
    market.paused = False
    _tell(state, ticker, Lifecycle.ACTIVATED)


def close_market(state: State, ticker: str) -> None:
    """Close a market now, ahead of its time. Refused where `can_close_early` is false."""
    _in_state(state, ticker, "closed", *_TRADED)
    now = state.clock()
    _set_close(state, ticker, now, now)


def move_close(state: State, ticker: str, close_us: int) -> None:
    """Move the close of a market: to the present closes it now, into the future opens a closed one again."""
    _in_state(state, ticker, "given another close", *_UNDETERMINED)
    _set_close(state, ticker, close_us, state.clock())


def determine(state: State, ticker: str, result: str, value: int | None = None, expiration_value: str = "") -> Outcome:
    """Set the result of a closed or disputed market; it settles by itself when the settlement timer has run.

    `value` (in $0.0001) is what one YES pays: given with `scalar` only. A market that still trades is closed first,
    where it may close early. Raises 400 for a result or a value that cannot be.
    """
    outcome = _outcome(state.market(ticker).market, result, value, expiration_value)
    state.advance()
    if state.market(ticker).status(state.clock()) in _TRADED:
        close_market(state, ticker)
    market = _in_state(state, ticker, "determined", MarketStatus.CLOSED, MarketStatus.DISPUTED)
    _cancel_resting(state, ticker, "CloseCancel")
    market.verdict = MarketStatus.AMENDED if market.verdict else MarketStatus.DETERMINED
    market.outcome = outcome
    _tell(state, ticker, Lifecycle.DETERMINED)
    due = state.clock() + market.market.settlement_timer_seconds * _SECOND
    state.schedule(due, partial(_settle_when_due, state, ticker, outcome))
    return outcome


def dispute(state: State, ticker: str) -> None:
    """Challenge a result: the settlement timer stops until the market is determined again."""
    market = _in_state(state, ticker, "disputed", *_SETTLING)
    market.verdict = MarketStatus.DISPUTED
    market.updated_us = state.clock()


def settle(state: State, ticker: str) -> None:
    """Pay out a determined market now, without waiting for its timer."""
    market = _in_state(state, ticker, "settled", *_SETTLING)
    if market.outcome is None:
        raise _conflict(f"market {ticker} has no result")
    settlement.pay_out(state, market, market.outcome)
    market.verdict = MarketStatus.FINALIZED
    market.settled_us = state.clock()
    _tell(state, ticker, Lifecycle.SETTLED)


def set_structure(state: State, ticker: str, structure: PriceStructure) -> None:
    """Give a market another price grid, while it trades too.

    New and amended orders are checked against it; orders that rest off the new grid stay (a choice).
    """
    market_state = _in_state(state, ticker, "given another price grid", *_UNDETERMINED)
    market = market_state.market
    if structure is market.structure:
        return
    former = (*(old for old in market.former_structures if old is not market.structure), market.structure)
    market_state.market = replace(market, structure=structure, former_structures=former)
    _tell(state, ticker, Lifecycle.PRICE_LEVEL_STRUCTURE_UPDATED)


def raise_floor(state: State, ticker: str, floor: int) -> None:
    """Raise the least that a YES will pay; orders at or below it are canceled and refused (docs "Settlement Bounds").

    A choice: nothing is paid before settlement, as for FCM members; the exchange says that floors are not live yet.
    """
    market_state = _in_state(state, ticker, "given a settlement floor", *_UNDETERMINED)
    market = market_state.market
    if market.settlement_bounds is not SettlementBounds.FLOOR:
        raise _conflict(f"market {ticker} has settlement bounds {market.settlement_bounds}, a floor needs floor")
    if not market.settlement_floor <= floor < ONE:
        least = format_price(market.settlement_floor)
        raise invalid_parameters(f"a settlement floor only rises: from {least} to below 1, was {format_price(floor)}")
    market_state.market = replace(market, settlement_floor=floor)
    for order in _resting_in(market_state):
        if order.price <= floor:
            resting.cancel(state, order, "SettlementBoundsCancel")
    _tell(state, ticker, Lifecycle.METADATA_UPDATED)


def set_event_fee(state: State, event_ticker: str, fee_type: FeeType | None, multiplier: int | None) -> FeeChange:
    """Override the fee type and the multiplier (hundredths) of an event from now on; None is the series' own again.

    Orders that rest keep the fees they have set aside.
    """
    state.advance()
    if event_ticker not in state.events:
        raise invalid_parameters(f"event {event_ticker} does not exist")
    _require_multiplier(multiplier)
    event = state.events[event_ticker]
    state.events[event_ticker] = replace(event, fee_type_override=fee_type, fee_multiplier_override=multiplier)
    change = _noted(state, event.series_ticker, event_ticker, fee_type, multiplier)
    state.tell(EventFeeChanged(event_ticker, change.at_us))
    return change


def set_series_fee(state: State, series_ticker: str, fee_type: FeeType, multiplier: int) -> FeeChange:
    """Give a series another fee type and multiplier (hundredths); events that override it are not touched."""
    state.advance()
    if series_ticker not in state.series:
        raise invalid_parameters(f"series {series_ticker} does not exist")
    _require_multiplier(multiplier)
    changed = replace(state.series[series_ticker], fee_type=fee_type, fee_multiplier=multiplier)
    state.series[series_ticker] = changed
    return _noted(state, series_ticker, None, fee_type, multiplier)


def _set_close(state: State, ticker: str, close_us: int, now_us: int) -> None:
    market_state = state.markets[ticker]
    market, closed = market_state.market, market_state.status(now_us) is MarketStatus.CLOSED
    if close_us < now_us or (closed and close_us == now_us):
        raise _conflict(f"market {ticker} cannot close before the present")
    if close_us < market.close_us and not market.can_close_early:
        raise _conflict(f"market {ticker} cannot close early (can_close_early is false)")
    latest = None if market.latest_expiration_us is None else max(market.latest_expiration_us, close_us)
    market_state.market = replace(market, close_us=close_us, latest_expiration_us=latest)
    _tell(state, ticker, Lifecycle.CLOSE_DATE_UPDATED)
    if close_us == now_us:
        _cancel_resting(state, ticker, "CloseCancel")
        return
    watch(state, ticker)
    if closed:
        market_state.paused = False
        if market_state.status(now_us) is MarketStatus.ACTIVE:
            _tell(state, ticker, Lifecycle.ACTIVATED)


def _close_when_due(state: State, ticker: str, close_us: int) -> None:
    if state.markets[ticker].market.close_us == close_us:
        _cancel_resting(state, ticker, "CloseCancel")


def _settle_when_due(state: State, ticker: str, outcome: Outcome) -> None:
    market = state.markets[ticker]
    if market.verdict in _SETTLING and market.outcome is outcome:
        settle(state, ticker)


def _outcome(market: Market, result: str, value: int | None, expiration_value: str) -> Outcome:
    if result not in set(MarketResult):
        raise invalid_parameters(f"result must be yes, no or scalar, was {result!r}")
    if (result == MarketResult.SCALAR) != (value is not None):
        raise invalid_parameters("a value goes with the result scalar, and with no other")
    pays = {MarketResult.YES: ONE, MarketResult.NO: 0}.get(MarketResult(result), value)
    if pays is None or not market.settlement_floor <= pays <= ONE:
        least = format_price(market.settlement_floor)
        raise invalid_parameters(f"one YES of {market.ticker} pays from {least} to 1 dollar")
    return Outcome(MarketResult(result), pays, expiration_value)


def _in_state(state: State, ticker: str, done: str, *allowed: MarketStatus) -> MarketState:
    # What is due comes first: it may close or settle the market.
    state.advance()
    market = state.market(ticker)
    status = market.status(state.clock())
    if status not in allowed:
        raise _conflict(f"market {ticker} is {status}, it can be {done} when it is {' or '.join(allowed)}")
    return market


def _conflict(details: str) -> ExchangeError:
    return ExchangeError(409, "market_state_conflict", details)


def _resting_in(market: MarketState) -> list[Order]:
    return [order for side in Side for order in market.book.orders(side)]


def _cancel_resting(state: State, ticker: str, reason: str) -> None:
    for order in _resting_in(state.markets[ticker]):
        resting.cancel(state, order, reason)


def _tell(state: State, ticker: str, kind: Lifecycle) -> None:
    now = state.clock()
    state.markets[ticker].updated_us = now
    state.tell(MarketChanged(ticker, kind, now))


def _require_multiplier(multiplier: int | None) -> None:
    if multiplier is not None and multiplier < 0:
        raise invalid_parameters("a fee multiplier is not negative")


def _noted(state: State, series: str, event: str | None, fee_type: FeeType | None, multiplier: int | None) -> FeeChange:
    change = FeeChange(state.new_id(), series, event, fee_type, multiplier, state.clock())
    state.fee_changes.append(change)
    return change
