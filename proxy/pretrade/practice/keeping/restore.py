"""An exchange from its state file: built as it was at first, then everything that was asked of it once more.

Rule of this file: what is carried out again goes through the same code as when it was asked for the first time, and is
not noted again.
"""

from contextlib import ExitStack, closing, suppress
from importlib.metadata import version
from pathlib import Path

from pretrade.practice.api.keystore import KeyStore
from pretrade.practice.assemble import Practice, assemble, go_wrong, welcome
from pretrade.practice.core.state import Clock
from pretrade.practice.keeping.recording import NEWCOMERS, Command, members, request_of
from pretrade.practice.keeping.store import Start, StateError, Store
from pretrade.practice.play.action import ActionError
from pretrade.practice.play.actions import perform
from pretrade.practice.scenario import Scenario


def open_stored(
    path: Path, scenario: Scenario, *, clock: Clock, seed: int, keys: KeyStore, tier: str
) -> tuple[Practice, Store]:
    """The exchange of a state file, or a new one that keeps its state there; close the store when it is done.

    `keys` are those of now, the file's own are only needed to carry requests out again. Raises StateError for a file
    that belongs to another world, seed, tier or version, or that cannot be read.
    """
    with ExitStack() as undo:
        store = undo.enter_context(closing(Store(path)))
        program = version("pretrade")
        store.require(seed=seed, world=scenario.sha256, tier=tier, program=program)
        start = store.start()
        if start is None:
            start = Start(clock(), seed, scenario.sha256, tier, program, tuple(members(keys.values())))
            store.begin(start)
        practice = _replayed(store, start, scenario, clock)
        practice.recorder.notebook = store
        _take_over(practice, keys)
        undo.pop_all()
    return practice, store


def _replayed(store: Store, start: Start, scenario: Scenario, clock: Clock) -> Practice:
    practice = assemble(
        scenario, clock=clock, seed=start.seed, tier=start.tier, start_us=start.at_us, newcomers=start.members
    )
    for number, command in enumerate(store.commands(), start=1):
        try:
            _carry_out(practice, command)
        except (LookupError, ValueError, TypeError) as error:
            raise StateError(f"command {number} ({command.kind}) cannot be carried out again: {error!r}") from error
    practice.tick()
    # a script's faults from before now have met their requests, or have missed them
    go_wrong(practice)
    return practice


def _carry_out(practice: Practice, command: Command) -> None:
    payload = command.payload
    with practice.moment.held(command.at_us):
        match command.kind:
            case "key":
                practice.recorder.learn(payload)
            case "request":
                practice.dispatcher.answer_as(practice.recorder.key(payload["key_id"]), request_of(payload))
            case "action":
                # what it refused at first it refuses again, at the same place
                with suppress(ActionError):
                    perform(practice, payload["name"], payload["arguments"])
            case "newcomers":
                welcome(practice, payload["members"])
            case _:
                raise ValueError(f"no version of the program has written a {command.kind}")


def _take_over(practice: Practice, keys: KeyStore) -> None:
    """Put the keys of now in the place of those that the notes made, and let those in whom only they name."""
    dispatcher, exchange = practice.dispatcher, practice.exchange
    for key in practice.scenario.keys:
        keys.lend(key)
    for name in exchange.accounts:
        keys.attest_region(name, dispatcher.keys.region_expiration(name))
    dispatcher.keys = keys
    is_open = {(name, number) for name, account in exchange.accounts.items() for number in (None, *account.subaccounts)}
    fresh = [member for member in members(keys.values()) if member not in is_open]
    if fresh:
        with practice.recorder.command(NEWCOMERS, {"members": fresh}):
            welcome(practice, fresh)
