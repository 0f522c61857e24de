"""What the gate writes into the journal: the bodies of its rows, and nothing that decides anything."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pretrade.gateway.machine.clock import Stopwatch
from pretrade.gateway.messages import RawRequest
from pretrade.gateway.way.identity import Client
from pretrade.gateway.way.pace import pace_body, read_pace
from pretrade.gateway.way.seen_rows import exchange_row, market_row, read_exchange, read_market
from pretrade.kalshi.endpoints import Endpoint
from pretrade.kalshi.wire import describe
from pretrade.model.decisions import Approved, Check, Decision
from pretrade.model.facts import Facts, Measure, NamedOrder, Place, Question, Usage
from pretrade.model.frozen import frozen
from pretrade.model.groups import GroupSeen
from pretrade.model.instance import Mode, Role, TradingState
from pretrade.model.loss import LossSeen, MarkSeen
from pretrade.model.orders import Flags, Side, Write
from pretrade.model.outcomes import LegOutcome, Outcome, OutcomeState
from pretrade.model.rewrites import Rewrite
from pretrade.risk.ledger.ledger import Approval


@frozen
class WriteRequest:
    """A decoded write of a known client, ready to be judged. `signature` names the client's signature without giving
    it away: once this write is approved, no other may come under it. `by` is the person whose command it is, empty for
    what a client sent; `by_proxy` says that the write itself is the proxy's."""

    decision_id: str
    client: Client
    raw: RawRequest
    endpoint: Endpoint
    write: Write
    watch: Stopwatch
    signature: str = ""
    by: str = ""
    by_proxy: bool = False


@frozen
class Judged:
    """One decision with everything it rests on."""

    decision: Decision
    facts: Facts
    rewrites: tuple[str, ...]
    policy_hash: str
    multiplier: int
    injected: tuple[Rewrite, ...] = ()


def decision_body(judged: Judged, request: WriteRequest) -> dict[str, object]:
    """The row from which the decision can be made again: request, facts, checks, verdict and the policy's hash."""
    decision, facts, raw = judged.decision, judged.facts, request.raw
    injected = {"injected": [list(one) for one in judged.injected]} if judged.injected else {}
    who = {"by": request.by} if request.by else {}
    return (
        who
        | injected
        | {
            "client": facts.client,
            "subaccount": facts.subaccount,
            "door": str(raw.door),
            "method": raw.method,
            "path": raw.path,
            "operation": request.endpoint.operation,
            "request": describe(decision.write),
            "rewrites": sorted({*judged.rewrites, *(one.field for one in judged.injected)}),
            "facts": facts_body(facts),
            "multiplier": judged.multiplier,
            "policy": judged.policy_hash,
            "checks": checks_body(decision.checks),
            "verdict": "approved" if isinstance(decision, Approved) else "denied",
            "codes": [str(check.code) for check in decision.checks if check.code is not None and check.enforced],
            "mode": str(facts.mode),
            "signature": request.signature,
            "latency_us": dict(request.watch.laps),
        }
    )


def facts_body(facts: Facts) -> dict[str, object]:
    """The facts as plain JSON values; what there can be many of goes without names, in the order of its fields. What
    only `inject` brings along is left out where it brought nothing."""
    body: dict[str, object] = {
        "now_ms": facts.now_ms,
        "role": str(facts.role),
        "mode": str(facts.mode),
        "trading_state": str(facts.trading_state),
        "client_state": str(facts.client_state),
        "client": facts.client,
        "subaccount": facts.subaccount,
        "day": facts.day,
        "shares_subaccount": facts.shares_subaccount,
        "reconciled_ms": facts.reconciled_ms,
        "usages": [list(usage) for usage in facts.usages],
        "reduces": list(facts.reduces),
        "places": [[p.ticker, p.event, p.series, p.fee_multiplier, p.has_flat_fee] for p in facts.places],
        "orders": [_named_row(one) for one in facts.orders],
        "groups": list(facts.groups),
        "group": None if facts.group is None else [facts.group.group_id, facts.group.limit],
        "markets": [market_row(seen) for seen in facts.markets],
        "exchange": exchange_row(facts.exchange),
        "pace": pace_body(facts.pace),
        "confirmed": facts.confirmed,
        "confirmed_for": None if facts.confirmed_for is None else [list(one) for one in facts.confirmed_for],
        "losses": [[one.own, one.loss, one.age_ms, one.may_show] for one in facts.losses],
        "marks": [[one.ticker, one.yes, one.no] for one in facts.marks],
        "crowded": list(facts.crowded),
    }
    if facts.own_groups:
        body["own_groups"] = list(facts.own_groups)
    if facts.by_proxy:
        body["by_proxy"] = True
    return body


def _named_row(named: NamedOrder) -> list[object]:
    """A named order as a row has it; the flags of one that is amended stand behind the rest."""
    flags = [] if named.flags is None else [list(named.flags)]
    return [named.order_id, named.owner, named.ticker, named.side, *flags]


def read_facts(body: Mapping[str, Any]) -> Facts:
    """The facts that a decision's row holds. Raises KeyError, ValueError or TypeError for what is no such body."""
    return Facts(
        now_ms=body["now_ms"],
        role=Role(body["role"]),
        mode=Mode(body["mode"]),
        trading_state=TradingState(body["trading_state"]),
        client_state=TradingState(body.get("client_state", TradingState.ACTIVE)),
        client=body["client"],
        subaccount=body["subaccount"],
        day=body["day"],
        shares_subaccount=body["shares_subaccount"],
        reconciled_ms=body["reconciled_ms"],
        usages=tuple(Usage(Measure(measure), *rest) for measure, *rest in body["usages"]),
        reduces=tuple(body["reduces"]),
        places=tuple(Place(*place) for place in body["places"]),
        orders=tuple(
            NamedOrder(order_id, owner, ticker, None if side is None else Side(side), *(Flags(*one) for one in flags))
            for order_id, owner, ticker, side, *flags in body["orders"]
        ),
        groups=tuple(body["groups"]),
        group=None if body.get("group") is None else GroupSeen(*body["group"]),
        markets=tuple(read_market(row) for row in body.get("markets", ())),
        exchange=read_exchange(body.get("exchange")),
        pace=read_pace(body.get("pace")),
        confirmed=body.get("confirmed"),
        confirmed_for=None if body.get("confirmed_for") is None else read_questions(body["confirmed_for"]),
        losses=tuple(LossSeen(*one) for one in body.get("losses", ())),
        marks=tuple(MarkSeen(*one) for one in body.get("marks", ())),
        crowded=tuple(body.get("crowded", ())),
        own_groups=tuple(body.get("own_groups", ())),
        by_proxy=body.get("by_proxy", False),
    )


def read_questions(rows: Iterable[Sequence[Any]]) -> tuple[Question, ...]:
    """The questions that a row holds. Raises ValueError or TypeError."""
    return tuple((leg, str(rule)) for leg, rule in rows)


def approval_of(judged: Judged, decision_id: str) -> Approval:
    """An approved decision as the ledger counts it."""
    return _approval(decision_id, judged.decision.write, judged.facts, judged.multiplier, judged.injected)


def read_approval(decision_id: str, write: Write, body: Mapping[str, Any]) -> Approval:
    """The same out of the decision's row. Raises KeyError, ValueError or TypeError."""
    return _approval(decision_id, write, read_facts(body["facts"]), body["multiplier"], read_rewrites(body))


def read_rewrites(body: Mapping[str, Any]) -> tuple[Rewrite, ...]:
    """What the proxy wrote into the orders of a decision's row. Raises TypeError for what is no such body."""
    return tuple(Rewrite(*one) for one in body.get("injected", ()))


def _approval(decision_id: str, write: Write, facts: Facts, multiplier: int, injected: tuple[Rewrite, ...]) -> Approval:
    return Approval(
        decision_id=decision_id,
        client=facts.client,
        subaccount=facts.subaccount,
        mode=facts.mode,
        day=facts.day,
        write=write,
        now_ms=facts.now_ms,
        multiplier=multiplier,
        places=facts.places,
        reduces=facts.reduces,
        pace=facts.pace,
        confirmed=facts.confirmed,
        injected=injected,
        by_proxy=facts.by_proxy,
    )


def checks_body(checks: Iterable[Check]) -> list[list[object]]:
    """Reports as plain JSON values, each rule, observed, limit, code, leg, unit, enforced. There are many in a row, so
    they go without names."""
    return list(map(list, checks))


def outcome_body(outcome: Outcome, at_ms: int, laps: Mapping[str, int]) -> dict[str, object]:
    """The row that says how an approved write ended, and when that was known."""
    return {
        "at_ms": at_ms,
        "state": str(outcome.state),
        "status": outcome.status,
        "detail": outcome.detail,
        "legs": [_leg_body(leg) for leg in outcome.legs],
        "latency_us": dict(laps),
    }


def _leg_body(leg: LegOutcome) -> dict[str, object]:
    return {
        "state": leg.state,
        "order_id": leg.order_id,
        "client_order_id": leg.client_order_id,
        "fill_count": leg.fill_count,
        "remaining_count": leg.remaining_count,
        "average_fill_price": leg.average_fill_price,
        "reduced_by": leg.reduced_by,
        "code": leg.code,
    }


def read_outcome_row(body: Mapping[str, Any]) -> Outcome:
    """The outcome that a row holds. Raises KeyError, ValueError or TypeError."""
    legs = tuple(LegOutcome(**{**leg, "state": OutcomeState(leg["state"])}) for leg in body["legs"])
    return Outcome(OutcomeState(body["state"]), body["status"], legs, body["detail"])
