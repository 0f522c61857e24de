"""Books by REST: exactly what the exchange wrote, or no book at all."""

import json
from typing import Any

import pytest

from pretrade.kalshi.answer_fields import AnswerError
from pretrade.kalshi.order_book import BookLevels, book_request, books_request, read_book, read_books
from pretrade.model.seen import LEVELS


def body(**sides: Any) -> bytes:
    return json.dumps({"orderbook_fp": sides}).encode()


GOOD: dict[str, tuple[bytes, BookLevels]] = {
    "the sample of the exchange": (
        body(no_dollars=[["0.4700", "5.00"], ["0.4800", "3.00"]], yes_dollars=[["0.4700", "3.00"]]),
        BookLevels(((4_700, 300),), ((4_800, 300), (4_700, 500))),
    ),
    "any order of levels": (
        body(yes_dollars=[["0.47", "3"], ["0.49", "1.5"], ["0.48", "2"]]),
        BookLevels(((4_900, 150), (4_800, 200), (4_700, 300)), ()),
    ),
    "both sides empty": (body(yes_dollars=[], no_dollars=[]), BookLevels((), ())),
    "absent and null sides": (body(yes_dollars=None), BookLevels((), ())),
    "a level without contracts is none": (body(yes_dollars=[["0.4700", "0.00"]]), BookLevels((), ())),
    "six decimals that fit": (body(yes_dollars=[["0.470100", "0.01"]]), BookLevels(((4_701, 1),), ())),
    "crossed, and told as it is": (
        body(yes_dollars=[["0.6000", "1.00"]], no_dollars=[["0.6000", "1.00"]]),
        BookLevels(((6_000, 100),), ((6_000, 100),)),
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_book_is_read_as_it_stands(name: str) -> None:
    """Catches a best level looked for at the wrong end, a book that is judged while it is read, a rounded figure."""
    text, levels = GOOD[name]
    assert read_book(text) == levels


BAD: dict[str, bytes] = {
    "a price at 0": body(yes_dollars=[["0.0000", "1.00"]]),
    "a price at 1 dollar": body(yes_dollars=[["1.0000", "1.00"]]),
    "a price finer than ours": body(yes_dollars=[["0.470150", "1.00"]]),
    "a price as a number": body(yes_dollars=[[0.47, "1.00"]]),
    "a count below zero": body(yes_dollars=[["0.4700", "-1.00"]]),
    "a count finer than ours": body(yes_dollars=[["0.4700", "1.001"]]),
    "a count as a number": body(yes_dollars=[["0.4700", 1]]),
    "an exponent": body(yes_dollars=[["0.4700", "1e2"]]),
    "one price twice": body(yes_dollars=[["0.4700", "1.00"], ["0.47", "2.00"]]),
    "a level of three": body(yes_dollars=[["0.4700", "1.00", "x"]]),
    "a level that is none": body(yes_dollars=["0.4700"]),
    "a side that is none": body(yes_dollars={"0.4700": "1.00"}),
    "no book": b'{"orderbook": {}}',
    "half of it": body(yes_dollars=[["0.4700", "1.00"]])[:-4],
    "a side twice": b'{"orderbook_fp": {"yes_dollars": [], "yes_dollars": [["0.4700", "1.00"]]}}',
}


@pytest.mark.parametrize("name", BAD)
def test_a_book_that_is_not_exact_is_none(name: str) -> None:
    """Missing is not zero. Catches a bad level that is left out, after which the rest would pass for the book."""
    with pytest.raises(AnswerError):
        read_book(BAD[name])


def test_levels_are_cut_behind_the_best() -> None:
    levels = [[f"0.{price:04}", "1.00"] for price in range(1, 100)]
    read = read_book(body(yes_dollars=levels, no_dollars=levels))
    assert read.yes == read.no == tuple((price, 100) for price in range(99, 99 - LEVELS, -1))


def test_several_books_are_told_apart() -> None:
    """Catches the book of one market taken for another's, and a market that was left out and seems to be empty."""
    book = {"yes_dollars": [["0.4700", "3.00"]], "no_dollars": []}
    entries = [{"ticker": "B", "orderbook_fp": book}]
    assert read_books(json.dumps({"orderbooks": entries}).encode(), ("A", "B")) == {
        "A": None,
        "B": BookLevels(((4_700, 300),), ()),
    }
    for wrong in (entries * 2, [{"ticker": "C", "orderbook_fp": book}]):
        with pytest.raises(AnswerError):
            read_books(json.dumps({"orderbooks": wrong}).encode(), ("A", "B"))


def test_only_plain_tickers_are_asked_for() -> None:
    assert book_request("KX-1").path == "/trade-api/v2/markets/KX-1/orderbook"
    assert books_request(("KX-1", "KX-2")).query == "tickers=KX-1&tickers=KX-2"
    for ticker in ("", "a", "A/../B", "A&tickers=B", "A?", "A" * 129):
        with pytest.raises(ValueError, match="plain"):
            book_request(ticker)
        with pytest.raises(ValueError, match="plain"):
            books_request((ticker, "KX-1"))
    with pytest.raises(ValueError, match="at once"):
        books_request(())
