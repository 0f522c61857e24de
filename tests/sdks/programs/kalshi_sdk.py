"""`kalshi-sdk` (module `kalshi`): calls lie in resources; orders are given as request models. REST and the stream."""

import inspect
import typing
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from operator import attrgetter
from typing import Any

from pydantic import BaseModel
from talk import Arguments, Caller, Job, renamed, run

import kalshi

_NAMES = {
    "live_data.get_typed": {"type": "milestone_type"},
    "live_data.weather": {"from": "from_ts"},
    "milestones.list": {"type": "milestone_type"},
    "structured_targets.list": {"type": "target_type"},
    "incentive_programs.list": {"type": "incentive_type"},
}


@asynccontextmanager
async def opened(job: Job) -> AsyncIterator[Caller]:
    """A client of an unknown host; CA and proxy come by the environment."""
    config = kalshi.KalshiConfig(base_url=job.base_url, ws_base_url=job.ws_url, allow_unknown_host=True)
    with kalshi.KalshiClient(key_id=job.key_id, private_key_path=job.key_file, config=config) as client:

        def call(name: str, arguments: Arguments) -> Any:
            method = attrgetter(name)(client)
            return method(**_fitted(method, renamed(arguments, _NAMES.get(name, {}))))

        yield call


def _fitted(method: Callable[..., Any], arguments: Arguments) -> Arguments:
    """The arguments by name; what the method has no name for goes into its request model."""
    known = inspect.signature(method).parameters
    own = {name: value for name, value in arguments.items() if name in known}
    rest = {name: value for name, value in arguments.items() if name not in known}
    return own | {"request": _request_model(method)(**rest)} if rest else own


def _request_model(method: Callable[..., Any]) -> type[BaseModel]:
    wanted = typing.get_type_hints(method)["request"]
    return next(one for one in (wanted, *typing.get_args(wanted)) if inspect.isclass(one))


if __name__ == "__main__":
    run(opened)
