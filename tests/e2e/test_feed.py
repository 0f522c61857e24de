"""What a running proxy sees of the world: in the rows of its decisions, and in its status."""

from pathlib import Path
from typing import Any

from tests.e2e.harness import OPEN, World, order
from tests.e2e.programs import eventually

from pretrade.gateway.way.seen_rows import read_market
from pretrade.model.seen import MarketSeen, Source


def seen_by(world: World, client_order_id: str) -> MarketSeen:
    """The market as the decision about this order had it."""
    body: dict[str, Any] = world.decision_of(client_order_id).body
    (row,) = body["facts"]["markets"]
    return read_market(row)


def test_a_row_holds_the_book_and_the_stream_follows_a_cut_and_a_silence(tmp_path: Path) -> None:
    """Catches a proxy that judges by no book, that reads one by REST for every order, and whose stream does not come
    back. The first order reads its market once; later ones see it by the stream."""
    with World(tmp_path) as world:
        bot = world.sync_bot()
        assert bot.call("create_order_v2", **order(client_order_id="first")).ok
        first = seen_by(world, "first")
        assert first.book is not None
        assert (first.ticker, first.is_trading, bool(first.book.yes), bool(first.book.no)) == (OPEN, True, True, True)

        def feed() -> dict[str, Any]:
            return world.operate("status")["feed"]  # type: ignore[no-any-return]

        eventually("the stream has the book", lambda: feed()["books"] == 1 and feed()["age_ms"] is not None)
        assert bot.call("create_order_v2", **order(client_order_id="second")).ok
        second = seen_by(world, "second")
        assert second.book is not None
        assert (second.book.source, second.book.age_ms <= 1_000) == (Source.FEED, True)
        assert "books" in world.pretrade("status").stdout
        for openings, kind in ((2, "abort"), (3, "silence")):
            world.control("POST", "stream_faults", {"kind": kind, "channel": "orderbook_delta"})
            assert bot.call("create_order_v2", **order(client_order_id=f"c-{kind}")).ok
            eventually(f"a new stream after {kind}", lambda n=openings: feed()["openings"] == n, timeout=20)
        eventually("the stream has the book again", lambda: feed()["books"] == 1)
        last = bot.call("create_order_v2", **order(client_order_id="last"))
        assert last.ok
        body = world.decision_of("last").body
        assert body["facts"]["exchange"][:2] == [True, True]
