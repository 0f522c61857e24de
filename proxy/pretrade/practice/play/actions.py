"""All actions by their names, and the one way to have one done.

Rule of this file: a table. The control endpoint, the command line and faults that begin a condition all come through
`perform`, which has each action noted in the state file; faults are not kept there.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import TypeAdapter

from pretrade.practice.assemble import Practice
from pretrade.practice.core.errors import ExchangeError
from pretrade.practice.faults.plan import Fault
from pretrade.practice.keeping.recording import ACTION
from pretrade.practice.play.action import Action, ActionError, Done
from pretrade.practice.play.conditions import CancelAllLingers, Clock, Lag
from pretrade.practice.play.faulty import StreamFaultForm, add_fault, add_stream_fault
from pretrade.practice.play.life import Close, Determine, Dispute, Fee, Settle, Structure
from pretrade.practice.play.market import Fill, Move, Pause, Resume
from pretrade.practice.play.money import AddKey, AttestRegion, Deposit, RemoveKey, Tier
from pretrade.practice.words import nearest, read

FORMS: dict[str, type[Action]] = {
    "fill": Fill,
    "move": Move,
    "pause": Pause,
    "resume": Resume,
    "close": Close,
    "determine": Determine,
    "dispute": Dispute,
    "settle": Settle,
    "structure": Structure,
    "fee": Fee,
    "deposit": Deposit,
    "lag": Lag,
    "clock": Clock,
    "cancel_all_lingers": CancelAllLingers,
    "add_key": AddKey,
    "remove_key": RemoveKey,
    "attest_region": AttestRegion,
    "tier": Tier,
}
_OTHERS: dict[str, Callable[[Practice, Mapping[str, Any]], Done]] = {
    "faults": add_fault,
    "stream_faults": add_stream_fault,
}
_FORMS_OF_OTHERS: dict[str, type] = {"faults": Fault, "stream_faults": StreamFaultForm}
NAMES = (*FORMS, *_OTHERS)


def perform(practice: Practice, name: str, arguments: Mapping[str, Any]) -> Done:
    """Do the action of a name now. Raises ActionError in words, whatever was wrong, and then has changed nothing."""
    if name not in NAMES:
        raise ActionError(f"there is no action {name}; {nearest(name, NAMES)}")
    try:
        if name in _OTHERS:
            return _OTHERS[name](practice, arguments)
        action = read(FORMS[name], **arguments)
        with practice.recorder.command(ACTION, {"name": name, "arguments": dict(arguments)}):
            practice.exchange.advance()
            return action.do(practice)
    except ExchangeError as error:
        because = f"{error.message}, {error.details}" if error.details else error.message
        raise ActionError(f"{name}: the exchange refuses it: {because}") from error
    except ValueError as error:
        raise ActionError(f"{name}: {error}") from error


def catalogue() -> dict[str, Any]:
    """Every action with what it does and, as a JSON schema, its arguments."""
    forms = {name: (form.__doc__, TypeAdapter(form)) for name, form in (FORMS | _FORMS_OF_OTHERS).items()}
    return {
        "actions": {
            name: {"does": " ".join((does or "").split()), "arguments": adapter.json_schema()}
            for name, (does, adapter) in forms.items()
        }
    }
