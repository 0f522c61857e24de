"""The preflight: before the port opens, and every hour after, the key must be what the role says, and no more.

Rule of this file: nothing is judged here. A start waits some seconds for an exchange that is just coming up, then
silence refuses it as a bad answer does, in every role and mode; later, silence changes nothing, and a check that has
turned bad halts.
"""

import asyncio
import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from pretrade.gateway.assemble import StartError
from pretrade.gateway.instance import Instance
from pretrade.gateway.keys import cert_checks
from pretrade.gateway.keys.signers import Signers, place_of
from pretrade.gateway.machine.clock import Clock
from pretrade.gateway.messages import printable
from pretrade.gateway.preflight.expected import Expected, expected_of
from pretrade.gateway.preflight.findings import Finding, Level, Report
from pretrade.gateway.preflight.reads import PreflightReads, Seen
from pretrade.gateway.preflight.rules import judge
from pretrade.journal.errors import JournalError
from pretrade.journal.events import EventKind
from pretrade.kalshi.client import Upstream
from pretrade.model.instance import TradingState
from pretrade.policy.schema import Policy

log = structlog.get_logger()

HOUR_S = 3600.0
AGAIN_S = 60.0
"""After a preflight that was not answered whole."""

_REASON = 400
"""Characters of the exchange's and our own words that are logged or recorded as a reason."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a start waits for answers, in seconds: as long as an exchange beside it takes to come up; and how long
    until it asks again."""

    whole: float = 10.0
    pause: float = 0.1


PATIENCE = Patience()


async def preflight(
    signers: Signers, upstream: Upstream, clock: Clock, expected: Expected, patience: Patience = PATIENCE
) -> Report:
    """One preflight for a start. Something that is not answered is asked again as long as the patience lasts."""
    reads, seen = PreflightReads(signers, upstream, clock), None
    try:
        async with asyncio.timeout(patience.whole):
            while seen is None or not seen.is_whole:
                await asyncio.sleep(0 if seen is None else patience.pause)
                seen = await _look(reads, expected)
    except TimeoutError:
        if seen is None:
            waited = f"no whole answer within {patience.whole:g} s"
            return Report((Finding("exchange", Level.UNANSWERED, waited, "Is it up?"),))
    return judge(seen, expected, clock.now_ms())


async def _look(reads: PreflightReads, expected: Expected) -> Seen:
    named = {name: frozenset(key.subaccounts) for name, key in expected.named.items()}
    return await reads.look(frozenset(expected.subaccounts), named, may_probe=expected.may_probe)


class Preflight:
    """The preflights of one running instance."""

    def __init__(self, instance: Instance, certs_dir: Path, patience: Patience = PATIENCE) -> None:
        """`certs_dir` holds the certificates that clients are shown: they are looked at as well."""
        self._instance = instance
        self._certs_dir = certs_dir
        self._patience = patience
        self._expected = expected_of(instance.policy)
        self._reads = PreflightReads(instance.signers, instance.upstream, instance.clock)

    def proven(self, policy: Policy, report: Report) -> None:
        """Hold the keys to what another policy says of them: one was rotated, and this was found of it before. What
        was found of the one in its place is forgotten: it would hide that the new one turns bad."""
        self._expected = expected_of(policy)
        report = self._with_certificates(report)
        self._instance.preflight.report = report
        _tell(report)
        self._instance.journal.record(EventKind.PREFLIGHT, self._row(report))

    async def first(self) -> None:
        """The one before the doors open. Its row is on disk when it returns. Raises StartError."""
        instance = self._instance
        report = await preflight(instance.signers, instance.upstream, instance.clock, self._expected, self._patience)
        report = self._with_certificates(report)
        instance.preflight.report = report
        _tell(report)
        try:
            await instance.journal.append(EventKind.PREFLIGHT, self._row(report))
        except JournalError as e:
            raise StartError(f"the journal cannot be written: {e}") from e
        if report.obstacles:
            raise StartError(f"preflight: {'; '.join(map(str, report.obstacles))}")

    async def run(self) -> None:
        """The hourly ones, without end; sooner after one that was not answered whole."""
        is_whole = True  # or there would have been no start
        while True:
            await asyncio.sleep(HOUR_S if is_whole else AGAIN_S)
            is_whole = await self.again()

    async def again(self) -> bool:
        """One more: what is refused now and was not before halts the clients whose key it is, or all where it is the
        general one or none; what was not answered stays as it was. Whether everything was answered."""
        instance = self._instance
        expected = self._expected
        seen = await _look(self._reads, expected)
        if expected is not self._expected:
            return False  # a key was rotated meanwhile: these answers are about the old one and the new one
        before = instance.preflight.report or Report(())
        report = self._with_certificates(judge(seen, expected, instance.clock.now_ms())).keeping(before)
        instance.preflight.report = report
        for clients, refused in self._by_clients(report.newly_refused(before)).items():
            reason = printable("; ".join(map(str, refused)), _REASON)
            for client in clients:
                instance.trading.stop(TradingState.HALTED, cause="preflight", actor="", reason=reason, client=client)
        if report.levels != before.levels:
            _tell(report)
            instance.journal.record(EventKind.PREFLIGHT, self._row(report))
        return seen.is_whole

    def _by_clients(self, findings: Iterable[Finding]) -> dict[tuple[str, ...], list[Finding]]:
        """The findings by whom they stop: the clients of a named key, else the whole account, which has no name. Our
        own reads go by the general key, so that nobody can trade without it."""
        clients = self._instance.policy.clients.items()
        users = {
            place_of(name): tuple(client for client, entry in clients if entry.signing == name)
            for name in self._expected.named
        }
        found: dict[tuple[str, ...], list[Finding]] = defaultdict(list)
        for finding in findings:
            found[users.get(finding.key, ("",))].append(finding)
        return found

    def _with_certificates(self, report: Report) -> Report:
        now = dt.datetime.fromtimestamp(self._instance.clock.now_ms() // 1000, dt.UTC)
        return replace(
            report, findings=(*report.findings, _certificates(cert_checks.inspect(self._certs_dir, (), now)))
        )

    def _row(self, report: Report) -> dict[str, object]:
        expected = self._expected
        return {
            "verdict": report.verdict,
            "role": str(expected.role),
            "mode": str(expected.mode),
            "key_id": expected.key_id,
            "keys": {name: key.key_id for name, key in expected.named.items()},
            "findings": report.as_rows(),
        }


def _certificates(info: cert_checks.CertInfo) -> Finding:
    """Whether clients will go on believing what they are shown. Ended ones halt nobody: clients refuse them, and an
    exit that still gets through must."""
    advice = "Run `pretrade certs renew`, give clients the new ca.crt, then restart"
    if wrong := (*info.problems, *info.warnings):
        return Finding("certificates", Level.WARNING, "; ".join(wrong), advice)
    return Finding("certificates", Level.OK, f"good until {info.not_after:%Y-%m-%d}")


def _tell(report: Report) -> None:
    log.info("preflight", verdict=report.verdict)
    for finding in report.findings:
        if finding.level is Level.OK:
            continue
        words = {name: printable(text, _REASON) for name, text in finding.as_row().items() if name != "level"}
        tell = log.warning if finding.level is Level.WARNING else log.error
        tell("preflight_finding", found=str(finding.level), **words)
