"""What the stream says when it refuses a command: the exchange's own table of codes and texts.

Rule of this file: numbers and texts are those of the exchange's asyncapi; 6, 16 and 17 are retired there and stay free.
"""

TEXTS: dict[int, str] = {
    1: "Unable to process message",
    2: "Params required",
    3: "Channels required",
    4: "Subscription IDs required",
    5: "Unknown command",
    7: "Unknown subscription ID",
    8: "Unknown channel name",
    9: "Authentication required",
    10: "Channel error",
    11: "Invalid parameter",
    12: "Exactly one subscription ID is required",
    13: "Unsupported action",
    14: "Market Ticker required",
    15: "Action required",
    18: "Command timeout",
    19: "shard_factor must be > 0",
    20: "shard_factor is required when shard_key is set",
    21: "shard_key must be >= 0 and < shard_factor",
    22: "shard_factor must be <= 100",
    23: "Match IDs required",
    24: "Index IDs required",
    25: "Subscription buffer overflow",
    26: "Subscription market limit exceeded",
    27: "Too many requests",
    28: "Underlying tickers required",
}


class StreamError(Exception):
    """A command that cannot be done; `market_tickers` are the markets it failed for."""

    def __init__(self, code: int, market_tickers: tuple[str, ...] = ()) -> None:
        super().__init__(f"{code} {TEXTS[code]}" + (f": {', '.join(market_tickers)}" if market_tickers else ""))
        self.code = code
        self.market_tickers = market_tickers

    def message(self) -> dict[str, object]:
        """The `msg` of the error: one market is named as market_ticker, several as market_tickers."""
        body: dict[str, object] = {"code": self.code, "msg": TEXTS[self.code]}
        if len(self.market_tickers) == 1:
            return body | {"market_ticker": self.market_tickers[0]}
        return body | ({"market_tickers": list(self.market_tickers)} if self.market_tickers else {})
