"""What the proxy answers itself, at /pretrade/ behind both doors: a client's own limits, and what an order could be.

Rule of this file: a client learns its own figures and nobody else's. Where a limit is on what several clients use
together, it learns only whether there is anything left: answers about orders see what is used of it in tenths.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping

from pretrade.gateway.instance import Instance
from pretrade.gateway.machine.bucket import Bucket
from pretrade.gateway.messages import OWN_PREFIX, Answer, RawRequest, Refusal
from pretrade.gateway.questions.asking import largest, passes_any, read_question, written_into
from pretrade.gateway.questions.asking_batch import Found, ask, read_batch
from pretrade.gateway.questions.asking_together import MOST_ORDERS
from pretrade.gateway.questions.headroom import Prepare, coarsely
from pretrade.gateway.questions.injected import groups_shown, rules_shown, written_shown
from pretrade.gateway.questions.readers import Reader
from pretrade.gateway.way.as_sent import as_asked
from pretrade.gateway.way.identity import Client
from pretrade.kalshi.endpoints import Endpoint, EndpointClass, Family
from pretrade.kalshi.endpoints import Found as FoundEndpoint
from pretrade.kalshi.wire import WireError
from pretrade.model.codes import DenyCode
from pretrade.model.decisions import Check, Denied
from pretrade.model.orders import CreateBatch
from pretrade.model.units import format_count, format_money, format_price
from pretrade.policy.combine import bounds_for
from pretrade.risk.checks.headroom import Headroom
from pretrade.risk.checks.limit_use import LimitUse, limits_used

ANSWERS_A_SECOND = 5
"""For one client; each may judge some thirty counts."""
USES_MS = 1_000

type _Body = dict[str, object]


def _own(method: str, name: str) -> FoundEndpoint:
    needs_signature = True
    return FoundEndpoint(
        Endpoint(method, OWN_PREFIX + name, name, needs_signature, EndpointClass.READ, Family.GENERAL), ()
    )


_ENDPOINTS = {
    (method, OWN_PREFIX + name): _own(method, name)
    for method, name in (("GET", "limits"), ("GET", "headroom"), ("POST", "headroom"))
}
"""Reads, all of them: one asks with a body, as the exchange takes a batch."""


def find(method: str, path: str) -> FoundEndpoint | None:
    """The endpoint of the proxy's own that a request is for."""
    return _ENDPOINTS.get((method, path))


class OwnEndpoints:
    """Answers for one instance."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._buckets: dict[str, Bucket] = {}
        self._turn = asyncio.Lock()
        self._used: tuple[int, tuple[LimitUse, ...]] | None = None
        self._answers: Mapping[tuple[str, str], Callable[[Reader, RawRequest], Coroutine[None, None, _Body]]] = {
            ("GET", OWN_PREFIX + "limits"): self._limits,
            ("GET", OWN_PREFIX + "headroom"): self._headroom,
            ("POST", OWN_PREFIX + "headroom"): self._together,
        }

    def serves(self, endpoint: Endpoint) -> bool:
        """Whether an endpoint is one of the proxy's own."""
        return (endpoint.method, endpoint.template) in self._answers

    async def answer(self, client: Client, endpoint: Endpoint, raw: RawRequest) -> Answer | Refusal:
        """The answer to a known client; nothing is sent anywhere for it but reads of a market not known yet."""
        reader = Reader(client, len(self._instance.clients) == 1)
        try:
            body = await self._answers[endpoint.method, endpoint.template](reader, raw)
        except _TooManyError as e:
            return Refusal(DenyCode.QUESTIONS_EXCEED_MAXIMUM, str(e), e.free_ms)
        except WireError as e:
            return Refusal(e.code, str(e))
        except ValueError as e:
            return Refusal(DenyCode.QUERY_NOT_ALLOWED, str(e))
        return Answer(200, json.dumps(body).encode("ascii"))

    def _take(self, client: Client, orders: int = 1) -> None:
        """Count the orders that a question is about. Raises _TooManyError."""
        bucket = self._bucket(client)
        if not bucket.take(orders):
            raise self._too_many(bucket, orders)

    def _bucket(self, client: Client) -> Bucket:
        clock = self._instance.clock
        return self._buckets.setdefault(
            client.name, Bucket(clock, a_second=ANSWERS_A_SECOND, at_once=2 * ANSWERS_A_SECOND)
        )

    def _too_many(self, bucket: Bucket, orders: int) -> "_TooManyError":
        # One more, for a millisecond of the wall's clock may end before the bucket's own does.
        return _TooManyError(self._instance.clock.now_ms() + bucket.empty_for_ms(orders) + 1)

    async def _headroom(self, reader: Reader, raw: RawRequest) -> _Body:
        self._take(reader.client)
        instance, client, question = self._instance, reader.client, read_question(_parts(raw.query))
        found = await largest(instance, client, question, _judged_by(reader))
        written = written_into(instance, client, question, found.count)
        asked = {"ticker": question.ticker, "side": question.side, "price": format_price(question.price)}
        told = _told(reader, found) | {"any_passes": found.count > 0 or passes_any(instance, client, question)}
        return asked | told | {"injected": written_shown(instance, client.name, written)}

    async def _together(self, reader: Reader, raw: RawRequest) -> _Body:
        batch = self._read(reader.client, raw)
        orders = len(batch.orders)
        found = await ask(self._instance, reader.client, batch, _judged_by(reader), self._turn)
        legs = [self._leg(reader, batch, found, leg) for leg in range(orders)]
        return _whole(reader, found) | {"orders": legs}

    def _read(self, client: Client, raw: RawRequest) -> CreateBatch:
        """A batch whose orders are counted. One that cannot be read counts as one order, and none is read while nothing
        is left: nothing stops a client that sends such bodies, and to read one takes as long as many judgements."""
        bucket = self._bucket(client)
        bucket.take(0)
        if bucket.empty_for_ms():
            raise self._too_many(bucket, MOST_ORDERS)
        try:
            batch = read_batch(client, raw)
        except WireError:
            bucket.take()
            raise
        self._take(client, len(batch.orders))
        return batch

    def _leg(self, reader: Reader, batch: CreateBatch, found: Found, leg: int) -> _Body:
        order, rewrites = batch.orders[leg], [one for one in found.rewrites if one.leg == leg]
        unknown: _Body = {"headroom": None, "any_passes": None, "binds": []}
        return {
            "ticker": order.ticker,
            "side": str(order.side),
            "price": format_price(order.price),
            "count": format_count(order.count),
            **(unknown if found.rooms is None else _told(reader, found.rooms[leg])),
            "injected": written_shown(self._instance, reader.client.name, rewrites),
        }

    async def _limits(self, reader: Reader, raw: RawRequest) -> _Body:
        self._take(reader.client)
        if raw.query:
            raise ValueError("this takes no query")
        instance, name = self._instance, reader.client.name
        uses = [use for use in self._uses() if use.client in ("", name)]
        order = bounds_for(instance.policy, name, "")
        return {
            "client": name,
            "trading_state": str(instance.trading.state()),
            "client_state": str(instance.trading.client_state(name)),
            "order": {
                "max_count": None if order.max_count is None else format_count(order.max_count),
                "max_risk": None if order.max_risk is None else format_money(order.max_risk),
            },
            "inject": rules_shown(instance, name),
            "order_groups": groups_shown(instance, reader.client),
            "own": [_use(use) for use in uses if reader.owns(use.rule)],
            "shared": [_coarse(use) for use in uses if not reader.owns(use.rule)],
        }

    def _uses(self) -> tuple[LimitUse, ...]:
        """What is used of every limit; worked out once a second at most, for it looks at every market in use."""
        instance, now_ms = self._instance, self._instance.clock.age_ms()
        if self._used is None or now_ms - self._used[0] >= USES_MS:
            account = instance.ledger.account(instance.policy.instance.mode)
            day = instance.ledger.day_of(instance.clock.day(instance.zone))
            self._used = now_ms, limits_used(account, instance.policy, day)
        return self._used[1]


def _parts(query: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in query.split("&")]
    names = [name for name, _, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError("each parameter may occur once")
    return {name: value for name, _, value in pairs}


def _judged_by(reader: Reader) -> Prepare:
    return as_asked if reader.is_alone else coarsely


def _told(reader: Reader, found: Headroom) -> _Body:
    """`headroom` is null where others' use would show in it; then `any_passes` says whether there is any, null where
    that would show it too."""
    shared = [reader.is_shared(check) for check in found.binds]
    return {
        "headroom": None if any(shared) else format_count(found.count),
        "any_passes": True if found.count else None if shared and all(shared) else False,
        "binds": [{"code": check.code, "rule": check.rule} for check in found.binds],
    }


def _whole(reader: Reader, found: Found) -> _Body:
    """What would become of the batch as it stands: null where that rests on others' use alone."""
    reasons = found.decision.reasons if isinstance(found.decision, Denied) else ()
    is_others = bool(reasons) and all(reader.is_shared(check) for check in reasons)
    return {"would_pass": None if is_others else not reasons, "reasons": [_reason(one) for one in reader.told(reasons)]}


def _reason(check: Check) -> _Body:
    told = {"code": check.code, "rule": check.rule, "observed": check.observed, "limit": check.limit}
    return told | {"unit": check.unit, "leg": check.leg}


class _TooManyError(Exception):
    """A client asks more than is answered; `free_ms` (Unix ms) is from when it is."""

    def __init__(self, free_ms: int) -> None:
        super().__init__(f"{ANSWERS_A_SECOND} a second are answered, and each order of a batch counts")
        self.free_ms = free_ms


def _use(use: LimitUse) -> _Body:
    return {
        "rule": use.rule,
        "of": use.of,
        "used": use.text(use.used),
        "limit": use.text(use.limit),
        "left": use.text(use.left),
    }


def _coarse(use: LimitUse) -> _Body:
    """Without `of`, which would name a market that another client is in."""
    return {"rule": use.rule, "is_used_up": use.left <= 0}
