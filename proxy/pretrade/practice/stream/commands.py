"""What a client may send, read strictly: one JSON object a frame, with `id`, `cmd` and `params`.

Rule of this file: types only; whether a command makes sense is decided in `desk`. Fields not listed are ignored, null
is as good as absent, and any wrong type is error 1, as the exchange's decoder has it.
"""

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from pretrade.practice.stream.errors import StreamError

_STRICT = ConfigDict(strict=True, frozen=True, extra="ignore")


class Params(BaseModel):
    """Everything that the params of any command may hold."""

    model_config = _STRICT

    channels: list[str] | None = None
    market_ticker: str | None = None
    market_tickers: list[str] | None = None
    market_id: str | None = None
    market_ids: list[str] | None = None
    send_initial_snapshot: bool | None = None
    skip_ticker_ack: bool | None = None
    use_yes_price: bool | None = None
    user_filter: str | None = None
    shard_factor: int | None = None
    shard_key: int | None = None
    index_ids: list[str] | None = None
    underlying_tickers: list[str] | None = None
    sid: int | None = None
    sids: list[int] | None = None
    action: str | None = None


class Command(BaseModel):
    """One command; an id of 0 is the same as none."""

    model_config = _STRICT

    id: int = Field(default=0, ge=0)
    cmd: str = ""
    params: Params | None = None

    def required(self) -> Params:
        """The params of a command that needs some. Raises error 2."""
        if self.params is None:
            raise StreamError(2)
        return self.params


def read_command(frame: str | bytes) -> Command | int:
    """The command in a frame, or only its id (0 if even that cannot be told) where it cannot be read.

    A documented choice: binary frames are read like text, because pykalshi-client 1.3.0 sends its commands in them.
    """
    try:
        loaded = from_json(frame)
    except ValueError:
        return 0
    try:
        return Command.model_validate(loaded)
    except ValidationError:
        claimed = loaded.get("id") if isinstance(loaded, dict) else None
        return claimed if type(claimed) is int and claimed > 0 else 0
