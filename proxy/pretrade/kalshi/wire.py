"""The wire, as other rooms use it: a client's bytes to a Write, a Write to our bytes, a Write to a row and back.

What is judged is what is sent (invariant 7): `decode` keeps nothing of the client's bytes but the values it read, and
`encode` knows nothing but those. For every write, `decode(encode(write)) == write == restore(describe(write))`.
"""

from pretrade.kalshi.bodies import MAX_BATCH
from pretrade.kalshi.decode import decode
from pretrade.kalshi.describe import describe, restore
from pretrade.kalshi.encode import WireRequest, encode
from pretrade.kalshi.wire_error import WireError

__all__ = ["MAX_BATCH", "WireError", "WireRequest", "decode", "describe", "encode", "restore"]
