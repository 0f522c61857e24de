"""`pykalshi` 2: objects with methods. `Market.x` as a call's name means: first fetch the market, then ask it for x."""

import enum
import inspect
import typing
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from operator import attrgetter
from typing import Any

import pykalshi
from talk import Arguments, Caller, Job, renamed, run

_ORDER = {
    "side": "book_side",
    "count": "count_fp",
    "price": "price_dollars",
    "self_trade_prevention_type": "self_trade_prevention",
    "expiration_time": "expiration_ts",
}
_NAMES = {
    "portfolio.place_order": _ORDER,
    "portfolio.amend_order": _ORDER,
    "portfolio.decrease_order": {"reduce_by": "reduce_by_fp"},
    "portfolio.create_order_group": {"contracts_limit_fp": "contracts_limit_fp"},
    "history.get_candlesticks": {"period_interval": "period"},
    "Market.get_candlesticks": {"period_interval": "period"},
    "get_candlesticks_batch": {"period_interval": "period", "market_tickers": "tickers"},
    "api_keys.delete": {"api_key": "key_id"},
}
_FETCH = {
    "Market": ("get_market", "ticker"),
    "Event": ("get_event", "event_ticker"),
    "MveCollection": ("get_mve_collection", "collection_ticker"),
}


@asynccontextmanager
async def opened(job: Job) -> AsyncIterator[Caller]:
    """A client of a base URL; CA and proxy come by the environment."""
    timeout = {} if job.timeout_s is None else {"timeout": job.timeout_s}
    with pykalshi.KalshiClient(job.key_id, job.key_file, api_base=job.base_url, **timeout) as client:

        def call(name: str, arguments: Arguments) -> Any:
            method = _method(client, name, arguments := renamed(arguments, _NAMES.get(name, {})))
            return method(**_typed(method, arguments))

        yield call


def _method(client: pykalshi.KalshiClient, name: str, arguments: Arguments) -> Callable[..., Any]:
    owner, _, method = name.partition(".")
    if owner not in _FETCH:
        return attrgetter(name)(client)
    fetch, key = _FETCH[owner]
    return getattr(getattr(client, fetch)(arguments.pop(key)), method)


def _typed(method: Callable[..., Any], arguments: Arguments) -> Arguments:
    """The arguments with the enums that this library asks for in place of plain words."""
    return {name: _as_enum(_annotation(method, name), value) for name, value in arguments.items()}


def _annotation(method: Callable[..., Any], name: str) -> Any:
    """What a parameter is annotated with; names that are imported for type checkers only stay unread."""
    parameter = inspect.signature(method).parameters.get(name)
    if parameter is None or not isinstance(parameter.annotation, str):
        return None
    known = {**vars(pykalshi), **vars(pykalshi.enums), **vars(typing)}
    names = (word.strip() for word in parameter.annotation.split("|"))
    return next((known[word] for word in names if _is_enum(known.get(word))), None)


def _is_enum(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, enum.Enum)


def _as_enum(wanted: Any, value: Any) -> Any:
    return wanted(value) if wanted is not None else value


if __name__ == "__main__":
    run(opened)
