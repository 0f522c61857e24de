"""How much of each limit is used: for people, by the same figures and the same bounds that orders are judged by.

Rule of this file: one line a policy key, for the market, event or series where it has the least left. Nothing is judged
here.
"""

from collections.abc import Callable, Iterator

from pretrade.model.facts import Measure
from pretrade.model.frozen import frozen
from pretrade.policy.bounds import Bound
from pretrade.policy.combine import bounds_for
from pretrade.policy.schema import Policy
from pretrade.risk.checks.usage_checks import KINDS
from pretrade.risk.ledger.account import Account, scopes

_SCOPE_OF = {
    Measure.MARKET_EXPOSURE: 0,
    Measure.EVENT_EXPOSURE: 1,
    Measure.SERIES_EXPOSURE: 2,
    Measure.ACCOUNT_EXPOSURE: 3,
}
"""Where `scopes` has the scope that a measure adds up in."""


@frozen
class LimitUse:
    """One limit and what of it is used, in the unit of its measure.

    `of` is the market, event or series that has the least left, empty where the limit is on all of them together or
    nothing is used anywhere; `client` is whose own figure it is, empty for the whole account's.
    """

    rule: str
    measure: Measure
    client: str
    of: str
    used: int
    limit: int

    @property
    def left(self) -> int:
        """What may still be used; below zero where an orphan, a settlement or a tightened policy took it past."""
        return self.limit - self.used

    @property
    def text(self) -> Callable[[int], str]:
        """Writes a figure of this measure for people."""
        return KINDS[self.measure].text


def limits_used(account: Account, policy: Policy, day: str) -> tuple[LimitUse, ...]:
    """Every limit of the policy on what adds up, with its use on `day`: the whole account's first, then each client's
    own. What an entry of `markets` states appears once one of its markets is in use."""
    tightest: dict[str, LimitUse] = {}
    for use in each_use(account, policy, day):
        known = tightest.get(use.rule)
        if known is None or use.left < known.left:
            tightest[use.rule] = use
    return tuple(sorted(tightest.values(), key=lambda use: use.client))


def each_use(account: Account, policy: Policy, day: str) -> Iterator[LimitUse]:
    """The same for each market, event and series that is in use, in no order; read as it is asked for."""
    in_use = sorted({ticker for (_, ticker), _ in account.books()} | account.days.tickers(day))
    for client, entry in policy.clients.items():
        for ticker in ("", *in_use):  # the empty one fits no entry: only what holds everywhere
            bounds = bounds_for(policy, client, ticker, account.places.get(ticker))
            for measure, _, bound in bounds.figures:
                owner, whose = (entry.subaccount, client) if bound.scope_is_client else (None, "")
                of, used = _figure(account, measure, bound, owner, ticker, day)
                yield LimitUse(bound.rule, measure, whose, of, used, bound.limit)


def _figure(
    account: Account, measure: Measure, bound: Bound, owner: int | None, ticker: str, day: str
) -> tuple[str, int]:
    """What a figure is about, and what it is now."""
    if measure in _SCOPE_OF:
        scope = scopes(owner, account.place(ticker))[_SCOPE_OF[measure]]
        return scope[2], account.exposure(scope) if ticker or measure is Measure.ACCOUNT_EXPOSURE else 0
    if measure is Measure.POSITION:
        return ticker, account.worst_position(owner, ticker) if ticker else 0
    of = ticker if bound.per_market else ""
    if measure is Measure.OPEN_ORDERS:
        return of, account.open_orders(owner, of)
    if measure is Measure.DAY_ORDERS:
        return of, account.days.orders(day, (owner, of))
    return of, account.days.notional(day, (owner, of))
