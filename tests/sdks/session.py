"""What every client library does in its session with the exchange, once, in one vocabulary.

A step is one operation with the wire's arguments and what its answer must hold. `$name` in an argument or an
expectation is what an earlier answer held. A client that cannot make a call skips the step, and a `by_client` says what
to give to a library that takes other arguments.

Rule of this file: the steps only; each list starts from an exchange that nobody has traded on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any

from tests.sdks.clients import Client, Seen

BTC = "KXBTC-26DEC31-T100000"
NYC = "KXHIGHNY-26NOV22-T52"
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_DROPPED = {
    "pykalshi": {
        "exchange_index",
        "fee_type",
        "market_ticker",
        "reduced_by",
        "refill_rate",
        "total_resting_order_value",
    }
}
"""Fields that the models of a library leave out, so that its user never sees them."""


@dataclass(frozen=True, slots=True)
class Step:
    """One call. `error` is the status it must be refused with.

    `by_client` are the arguments of libraries that take others; `broken` says which library cannot make the call
    against any exchange, and with which status or exception it fails then.
    """

    operation: str
    arguments: Mapping[str, Any] = _NOTHING
    expect: Mapping[str, Any] = _NOTHING
    save: Mapping[str, str] = _NOTHING
    error: int | None = None
    by_client: Mapping[str, Mapping[str, Any]] = _NOTHING
    broken: Mapping[str, int | str] = _NOTHING


@dataclass(slots=True)
class Session:
    """One library's way through a list of steps."""

    client: Client
    known: dict[str, Any] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    async def go(self, steps: tuple[Step, ...]) -> None:
        """Make the steps that the library can make; what is wrong is collected, so that one run shows all of it."""
        for step in steps:
            if self.client.can(step.operation):
                await self._make(step)

    async def _make(self, step: Step) -> None:
        try:
            given = _filled(step.by_client.get(self.client.name, step.arguments), self.known)
            expect = _filled(step.expect, self.known)
        except KeyError as error:
            self.wrong.append(f"{step.operation}: {error} was never seen")
            return
        seen = await self.client(step.operation, **given)
        if (error := step.broken.get(self.client.name, step.error)) is not None:
            self._check_refusal(step.operation, error, seen)
        elif not seen.ok:
            self.wrong.append(f"{step.operation}: {seen.kind} {seen.status}: {seen.text[:600]}")
        else:
            self._check_answer(step, seen, expect)

    def _check_refusal(self, operation: str, error: int | str, seen: Seen) -> None:
        if seen.ok:
            self.wrong.append(f"{operation}: was not refused: {seen.result}")
        elif str(error) not in f"{seen.status} {seen.kind} {seen.text}":
            self.wrong.append(f"{operation}: refused, but not with {error}: {seen.kind} {seen.text[:600]}")

    def _check_answer(self, step: Step, seen: Seen, expect: Mapping[str, Any]) -> None:
        for name, want in expect.items():
            if name in _DROPPED.get(self.client.name, ()):
                continue
            if not any(_same(found, want) for found in seen.all(name)):
                self.wrong.append(f"{step.operation}: {name} is {seen.all(name)[:5]}, not {want!r}")
        for name, field_name in step.save.items():
            if found := seen.all(field_name):
                self.known[name] = found[0]
            else:
                self.wrong.append(f"{step.operation}: no {field_name} in {seen.result}")


def _filled(value: Any, known: Mapping[str, Any]) -> Any:
    if isinstance(value, Mapping):
        return {name: _filled(one, known) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(one, known) for one in value]
    return known[value[1:]] if isinstance(value, str) and value.startswith("$") else value


def _same(found: Any, want: Any) -> bool:
    """Equal as text, or as numbers where one library has text and another a decimal."""
    if str(found) == str(want):
        return True
    if isinstance(found, bool) or isinstance(want, bool):
        return False
    try:
        return Decimal(str(found)) == Decimal(str(want))
    except InvalidOperation:
        return False
