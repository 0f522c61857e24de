"""What the preflight's answers mean for an instance of this role and mode: one small function a check.

Rule of this file: pure; time is an argument. W must be able to trade, and with nothing more than it needs; R and a dry
run of ABH must not be able to. An answer that nobody foresaw proves nothing and refuses.
"""

from collections.abc import Iterator
from dataclasses import replace

from pretrade.gateway.preflight.clock import check_clock
from pretrade.gateway.preflight.expected import UNLISTED, Expected
from pretrade.gateway.preflight.findings import Finding, Level, Report
from pretrade.gateway.preflight.keys import ADDRESS, LATER, listed_as, power, reads_as, said
from pretrade.gateway.preflight.reads import REFUSED, Heard, Seen
from pretrade.kalshi.answer_fields import AnswerError
from pretrade.kalshi.api_keys import KeyListing, Probed, read_exchange_status, read_listing, read_probe
from pretrade.model.instance import Role

REGION_WARNING_DAYS = 30
_DAY_S = 86_400
_OK = 200
_UNLISTED = "the key may not list keys, so that this cannot be seen"


def judge(seen: Seen, expected: Expected, now_ms: int) -> Report:
    """Every check's finding. Where the exchange cannot be reached at all, that is the one finding."""
    return Report(tuple(_findings(seen, expected, now_ms)))


def _findings(seen: Seen, expected: Expected, now_ms: int) -> Iterator[Finding]:
    if all(isinstance(heard.answer, str) for heard in (seen.status, *seen.signed)):
        yield Finding(
            "exchange", Level.UNANSWERED, f"no answer: {seen.status.answer}", "Is it up, and its address right?"
        )
        return
    yield _exchange(seen.status)
    yield check_clock(seen.signed)
    yield from _of(expected, reads_as(seen.balances, expected))
    for name, key in expected.named.items():
        yield from _of(key, reads_as(seen.named[name], key))
    yield from _about_keys(seen, expected, now_ms)


def _of(key: Expected, findings: Iterator[Finding]) -> Iterator[Finding]:
    """What was found of one key of several names it."""
    return (replace(finding, key=key.place if key.is_of_several else "") for finding in findings)


def _exchange(status: Heard) -> Finding:
    check, answer = "exchange", status.answer
    if status.silence or isinstance(answer, str):
        return Finding(check, Level.UNANSWERED, f"no status: {status.silence}", LATER)
    if answer.status != _OK:
        return Finding(check, Level.REFUSED, f"its status was answered {said(answer)}", ADDRESS)
    try:
        is_active = read_exchange_status(answer.body)
    except AnswerError as e:
        return Finding(check, Level.REFUSED, f"its status was answered 200, but {e}", ADDRESS)
    if not is_active:
        return Finding(
            check, Level.WARNING, "it answers, and does not trade now", "Orders will be rejected until it does"
        )
    return Finding(check, Level.OK, "it answers and is active")


def _about_keys(seen: Seen, expected: Expected, now_ms: int) -> Iterator[Finding]:
    """What the list of keys shows of every key; of one alone, where it may not be read, what the probe does."""
    answer, silence = seen.listing.answer, seen.listing.silence
    if silence or isinstance(answer, str):
        unheard = Finding("trade", Level.UNANSWERED, f"the list of keys was not answered: {silence}", LATER)
        yield from _of(expected, iter((unheard,)))
        return
    if answer.status in REFUSED:
        yield from _unlisted(seen.probe, expected)
        return
    try:
        if answer.status != _OK:
            raise AnswerError(said(answer))
        listing = read_listing(answer.body)
    except AnswerError as e:
        advice = "What the key may do is not proven"
        unclear = Finding("trade", Level.REFUSED, f"the list of keys was answered {answer.status}, but {e}", advice)
        yield from _of(expected, iter((unclear,)))
        return
    for key in (expected, *expected.named.values()):
        yield from _of(key, _listed(listing, key))
    yield _region(listing, expected, now_ms)
    yield _client_keys(listing, expected)


def _listed(listing: KeyListing, key: Expected) -> Iterator[Finding]:
    own = listing.find(key.key_id)
    if own is not None:
        yield from listed_as(own, key)
        return
    advice = "What the key may do is not proven"
    if key.is_of_several:
        advice += ", nor that all keys are one account's: the list was read with the general one"
    yield Finding("trade", Level.REFUSED, "the list of keys was answered 200, but it does not name this key", advice)


def _unlisted(probe: Heard | None, expected: Expected) -> Iterator[Finding]:
    """What is known without the list. Of several keys, each bound ones, only it shows that they are one account's: our
    own reads would be another's than the orders."""
    if expected.named:
        advice = "Name a key in `signing` that is bound to no subaccount and may read: its list must show every key"
        seen = "the general key may not list keys, so that nothing is proven of the others"
        yield Finding("trade", Level.REFUSED, seen, advice, expected.place)
        return
    yield _probed(probe, expected)
    level = Level.REFUSED if expected.must_be_listed else Level.WARNING
    for check in ("scopes", "region", "client keys"):
        yield Finding(check, level, _UNLISTED, _how_to_see(expected))


def _how_to_see(expected: Expected) -> str:
    look = "Look at the exchange's own page"
    if not expected.is_production:
        return look
    if expected.role is Role.W:
        return f"{look}; signing.acknowledge: [{UNLISTED}] says that somebody has, and live needs it"
    return f"Role {expected.role} needs a key that may list keys: one that is bound to no subaccount"


def _probed(probe: Heard | None, expected: Expected) -> Finding:
    if probe is None:
        return Finding("trade", Level.WARNING, f"{_UNLISTED}, and a dry run sends no probe", "`mode: live` sends it")
    if probe.silence or isinstance(probe.answer, str):
        return Finding("trade", Level.UNANSWERED, f"the probe was not answered: {probe.silence}", LATER)
    seen = f"it may not list keys, and the cancel of an order that cannot exist was answered {said(probe.answer)}"
    probed = read_probe(probe.answer.status, probe.answer.body)
    if probed is Probed.UNCLEAR:
        advice = "404 not_found would show a key that may trade, 403 one that may not; this proves nothing"
        return Finding("trade", Level.REFUSED, seen, advice)
    return power(expected, seen, can=probed is Probed.MAY_TRADE)


def _region(listing: KeyListing, expected: Expected, now_ms: int) -> Finding:
    check, ends_s = "region", listing.region_ends_s
    if ends_s is None:
        return Finding(check, Level.OK, "the exchange names no end of its attestation")
    left_s = ends_s - now_ms // 1000
    advice = "Attest it on the exchange's page; without it keys cannot trade sports, elections and entertainment"
    if left_s <= 0:
        level = Level.REFUSED if expected.is_trading and expected.is_live else Level.WARNING
        return Finding(check, level, f"its attestation ended {-left_s // _DAY_S} days ago", advice)
    level = Level.WARNING if left_s < REGION_WARNING_DAYS * _DAY_S else Level.OK
    return Finding(check, level, f"attested for {left_s // _DAY_S} days more", advice if level is Level.WARNING else "")


def _client_keys(listing: KeyListing, expected: Expected) -> Finding:
    check = "client keys"
    alive = [f"{name}'s ({key_id})" for key_id, name in expected.client_keys.items() if listing.find(key_id)]
    if not alive:
        return Finding(check, Level.OK, "no client's key id is one of this account's")
    level = Level.REFUSED if expected.is_trading else Level.WARNING
    advice = "Delete it there: with it the client trades past the proxy"
    return Finding(check, level, f"alive at the exchange: {', '.join(alive)}", advice)
