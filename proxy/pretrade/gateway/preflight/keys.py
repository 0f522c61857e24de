"""What the exchange's answers say of one live key: one small function a check.

Rule of this file: pure. A key must be able to do what its clients need, and nothing more; the general one, where no
client signs with it, must only read.
"""

from collections.abc import Iterator, Mapping

from pretrade.gateway.preflight.expected import Expected
from pretrade.gateway.preflight.findings import Finding, Level
from pretrade.gateway.preflight.reads import REFUSED, Heard
from pretrade.kalshi.answer_fields import AnswerError, read_object
from pretrade.kalshi.api_keys import READ, ApiKey, beyond_reading, beyond_trading, may_trade
from pretrade.kalshi.client import Answer
from pretrade.kalshi.drop_copy import read_balance
from pretrade.kalshi.errors import plain, read_error

_OK = 200
_UNAUTHORIZED = 401
_NOT_FOUND = 404
_MAX_NAMES = 200
LATER = "Try again once it is up"
ADDRESS = "Is this the exchange's address?"


def reads_as(balances: Mapping[int, Heard], expected: Expected) -> Iterator[Finding]:
    """What the balances say of a key that they were asked with."""
    yield _accepted(balances, expected)
    yield _balances(balances, expected)


def listed_as(own: ApiKey, expected: Expected) -> Iterator[Finding]:
    """What its row in the list of keys says of a key."""
    yield _listed(own, expected)
    yield _scopes(own, expected)
    yield _bound(own, expected)


def _accepted(balances: Mapping[int, Heard], expected: Expected) -> Finding:
    """Whether the exchange knows the key and its signature: reads are what every key of ours must be able to sign."""
    check = "key"
    for heard in balances.values():
        if isinstance(heard.answer, Answer) and heard.answer.status == _UNAUTHORIZED:
            entry = f"{expected.place}.key_id and {expected.place}.key_file"
            advice = f"Compare {entry} with the exchange's list; a revoked key needs a new one"
            return Finding(check, Level.REFUSED, f"the exchange does not accept it: {said(heard.answer)}", advice)
    if silent := next((heard.silence for heard in balances.values() if heard.silence), ""):
        return Finding(check, Level.UNANSWERED, f"whether it is accepted was not answered: {silent}", LATER)
    return Finding(check, Level.OK, "the exchange accepts it")


def _balances(balances: Mapping[int, Heard], expected: Expected) -> Finding:
    """The worst that any subaccount's balance shows."""
    found = [_balance(number, heard, expected.subaccounts[number]) for number, heard in balances.items()]
    worst = max(found, key=lambda finding: list(Level).index(finding.level))
    if worst.level is not Level.OK:
        return worst
    return Finding("balance", Level.OK, f"that of subaccount {', '.join(map(str, balances))} answers")


def _balance(number: int, heard: Heard, names: str) -> Finding:
    check, answer = "balance", heard.answer
    what = f"the balance of subaccount {number}" + (f", which is {names}'s," if names else "")
    if heard.silence or isinstance(answer, str):
        return Finding(check, Level.UNANSWERED, f"{what} was not answered: {heard.silence}", LATER)
    told = f"{what} was answered {said(answer)}"
    if answer.status in REFUSED:
        advice = "Is the key bound to another subaccount, or without the scope read? Change the key or the policy"
        return Finding(check, Level.REFUSED, f"the key may not see it: {told}", advice)
    if answer.status == _NOT_FOUND:
        return Finding(check, Level.WARNING, told, "Make it at the exchange: until then nothing can be traded there")
    try:
        if answer.status != _OK:
            return Finding(check, Level.REFUSED, told, ADDRESS)
        read_balance(answer.body, number)
    except AnswerError as e:
        return Finding(check, Level.REFUSED, f"{told}, but {e}", ADDRESS)
    return Finding(check, Level.OK, told)


def _listed(own: ApiKey, expected: Expected) -> Finding:
    can = may_trade(own.scopes) and not own.is_subtraders
    seen = f"its scopes are {_names(own.scopes)}"
    if expected.must_trade and can and READ not in own.scopes:
        return Finding("trade", Level.REFUSED, f"{seen}: it may trade and not read", expected.best_key)
    return power(expected, seen, can=can)


def power(expected: Expected, seen: str, *, can: bool) -> Finding:
    """Whether the key may trade exactly where it must; `seen` says how it is known that it can, or cannot."""
    if expected.must_trade and not can:
        level = Level.REFUSED if expected.is_live else Level.WARNING
        return Finding("trade", level, f"{seen}: it may not trade", f"{expected.best_key}; to read only, say role: R")
    if can and not expected.must_trade:
        return Finding("trade", Level.REFUSED, f"{seen}: it may trade", expected.reading_key)
    return Finding("trade", Level.OK, f"{seen}: it {'may' if can else 'may not'} trade")


def _scopes(own: ApiKey, expected: Expected) -> Finding:
    check = "scopes"
    if not expected.must_trade:
        more = beyond_reading(own.scopes)
        seen = f"more than reading: {_names(more)}"
        return Finding(check, Level.REFUSED, seen, expected.reading_key) if more else _enough(own)
    more = beyond_trading(own.scopes, expected.acknowledged)
    if more:
        advice = f"{expected.best_key}, or accept the risk in {expected.place}.acknowledge"
        return Finding(check, Level.REFUSED, f"more than reading and trading: {_names(more)}", advice)
    if known := beyond_trading(own.scopes):
        return Finding(check, Level.WARNING, f"more than needed, as {expected.place}.acknowledge says: {_names(known)}")
    return _enough(own)


def _enough(own: ApiKey) -> Finding:
    return Finding("scopes", Level.OK, f"nothing beyond need: {_names(own.scopes)}")


def _bound(own: ApiKey, expected: Expected) -> Finding:
    check = "subaccount"
    if expected.bound not in {None, own.subaccount}:
        is_bound = "to none" if own.subaccount is None else f"to {own.subaccount}"
        seen = f"the exchange has bound the key {is_bound}, the policy says to {expected.bound}"
        return Finding(check, Level.REFUSED, seen, f"Bind it there, or correct {expected.place}.subaccount")
    if own.subaccount is None:
        return Finding(check, Level.OK, "the key is bound to none")
    for number, names in expected.subaccounts.items():
        if number != own.subaccount:
            advice = "Use a key of that subaccount, or move the client"
            bound = f"the key is bound to subaccount {own.subaccount}"
            return Finding(check, Level.REFUSED, f"{bound}, the policy gives {names or 'the proxy'} {number}", advice)
    return Finding(check, Level.OK, f"the key is bound to {own.subaccount}, as the policy needs")


def said(answer: Answer) -> str:
    """The status and the exchange's words."""
    try:
        error = read_error(read_object(answer.body).raw)
    except AnswerError:
        return str(answer.status)
    words = ": ".join(word for word in (error.code, error.text) if word)
    return f"{answer.status} ({words})" if words else str(answer.status)


def _names(scopes: frozenset[str] | tuple[str, ...]) -> str:
    return plain(", ".join(sorted(scopes)), _MAX_NAMES)
