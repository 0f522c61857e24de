"""What the gate writes into the journal: the bodies of its rows, and nothing that decides anything."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from pretrade.gateway.clock import Stopwatch
from pretrade.gateway.identity import Client
from pretrade.gateway.messages import RawRequest
from pretrade.kalshi.endpoints import Endpoint
from pretrade.kalshi.wire import describe
from pretrade.model.decisions import Approved, Check, Decision
from pretrade.model.facts import Facts
from pretrade.model.orders import Write
from pretrade.model.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """A decoded write of a known client, ready to be judged. `signature` names the client's signature without giving
    it away: once this write is approved, no other may come under it."""

    decision_id: str
    client: Client
    raw: RawRequest
    endpoint: Endpoint
    write: Write
    watch: Stopwatch
    signature: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """One decision with everything it rests on."""

    decision: Decision
    facts: Facts
    rewrites: tuple[str, ...]
    policy_hash: str


def decision_body(judged: Judged, request: WriteRequest) -> dict[str, object]:
    """The row from which the decision can be made again: request, facts, checks, verdict and the policy's hash."""
    decision, facts, raw = judged.decision, judged.facts, request.raw
    return {
        "client": facts.client,
        "subaccount": facts.subaccount,
        "door": str(raw.door),
        "method": raw.method,
        "path": raw.path,
        "operation": request.endpoint.operation,
        "request": describe(decision.write),
        "rewrites": list(judged.rewrites),
        "facts": facts_body(facts),
        "policy": judged.policy_hash,
        "checks": [check_body(check) for check in decision.checks],
        "verdict": "approved" if isinstance(decision, Approved) else "denied",
        "codes": [str(check.code) for check in decision.checks if check.code is not None],
        "mode": str(facts.mode),
        "signature": request.signature,
        "latency_us": dict(request.watch.laps),
    }


def facts_body(facts: Facts) -> dict[str, object]:
    """The facts as plain JSON values."""
    body = asdict(facts)
    return {key: list(value) if isinstance(value, tuple) else value for key, value in body.items()}


def check_body(check: Check) -> dict[str, object]:
    """One check's report as plain JSON values."""
    return {
        "rule": check.rule,
        "observed": check.observed,
        "limit": check.limit,
        "code": None if check.code is None else str(check.code),
        "leg": check.leg,
    }


def outcome_body(outcome: Outcome, laps: Mapping[str, int]) -> dict[str, object]:
    """The row that says how an approved write ended."""
    return {
        "state": str(outcome.state),
        "status": outcome.status,
        "detail": outcome.detail,
        "legs": [
            {key: None if value is None else str(value) for key, value in asdict(leg).items()} for leg in outcome.legs
        ],
        "latency_us": dict(laps),
    }
