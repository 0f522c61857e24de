"""A market whose event and series the account learns only with the write that is judged.

Rule of this file: the account holds something in the market already, put there by a read; the oracle knew the place all
along.
"""

from fractions import Fraction

import pytest
from tests.oracle.account import Account
from tests.oracle.formula import BID, Held
from tests.oracle.intents import Asker, New
from tests.oracle.product import Product
from tests.oracle.scenes import CLIENTS, PLACES
from tests.oracle.test_edges import FIGURES, with_limit
from tests.oracle.verdict import tried

NEW = "KXA-1-T1"
HELD = Held(Fraction(40), Fraction(20))
ASKER = Asker("ann", *CLIENTS["ann"], "W", "ACTIVE", "2026-11-20")


def told(places: dict[str, tuple[str, str]]) -> tuple[Account, Product]:
    """An account that holds something in every market, in both subaccounts; the program knows these places."""
    account, product = Account(PLACES), Product(places)
    product.places = Product(PLACES).places
    for ticker in PLACES:
        for subaccount in (0, 1):
            account.state((subaccount, ticker), HELD)
            product.state((subaccount, ticker), HELD)
    return account, product


@pytest.mark.parametrize("scope", ["event", "series", "account", "market"])
@pytest.mark.parametrize("asked", [(NEW,), (NEW, "KXA-1-T2"), (NEW, NEW), ("KXB-1-T1", NEW)])
@pytest.mark.parametrize(
    "known",
    [PLACES, {ticker: place for ticker, place in PLACES.items() if ticker != NEW}, PLACES | {NEW: ("KXB-1", "KXB")}],
    ids=["known", "unknown", "moved"],
)
def test_what_a_market_held_before_counts_in_its_event(
    known: dict[str, tuple[str, str]], asked: tuple[str, ...], scope: str
) -> None:
    """Catches an event's limit judged without what the market that just joined it had counted already."""
    account, product = told(known)
    intent = tuple(New(ticker, BID, Fraction(1, 2), Fraction(10)) for ticker in asked)
    after, _ = tried(intent, account, ASKER, Fraction(1))
    group = {ticker for ticker in PLACES if same(ticker, NEW, scope)}
    come_to = sum(row["exposure"] for where, row in after.sheet(ASKER.day).items() if where[1] in group)
    path = ("limits", scope, "max_exposure")
    code = FIGURES[scope, "max_exposure"][2]
    assert code not in product.verdict(intent, with_limit(path, come_to, money=True), ASKER)
    assert code in product.verdict(intent, with_limit(path, come_to - Fraction(1, 1_000_000), money=True), ASKER)


def same(ticker: str, other: str, scope: str) -> bool:
    """Whether two markets count in the same figure."""
    if scope in {"account", "market"}:
        return scope == "account" or ticker == other
    which = 0 if scope == "event" else 1
    return PLACES[ticker][which] == PLACES[other][which]
