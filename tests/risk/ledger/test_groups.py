"""What is known of order groups: never a higher limit than may be in force, whatever order things come in."""

from dataclasses import replace

import pytest
from tests.risk.kit import NOW, REJECTED, UNKNOWN, Rows, facts_of, judged, state, through_text
from tests.risk.recordkit import Record

from pretrade.gateway.way.records import approval_of
from pretrade.kalshi.wire import restore
from pretrade.model.drop_copy import ExchangeGroup
from pretrade.model.groups import ChangeGroup, CreateGroup, GroupAct, GroupSeen, GroupWrite, LimitGroup
from pretrade.model.instance import Mode
from pretrade.model.outcomes import LegOutcome, Outcome, OutcomeState
from pretrade.model.units import Count
from pretrade.risk.ledger.groups import Group, Groups
from pretrade.risk.ledger.ledger import Ledger
from pretrade.risk.ledger.state import ledger_of

DONE = Outcome(OutcomeState.ACCEPTED, 200)
LATER = 67_000
"""How much later than our own act a read must be to show all of it (`reconciliation_round.UNSEEN_MS`)."""


def made(group_id: str) -> Outcome:
    """The exchange's yes to a new group."""
    return Outcome(OutcomeState.ACCEPTED, 201, (LegOutcome(OutcomeState.ACCEPTED, group_id),))


class Desk:
    """A ledger with its rows, on which groups are written."""

    def __init__(self) -> None:
        self.ledger, self.rows, self.now_ms = Ledger(), Rows(), 1_000_000

    def write(self, write: GroupWrite, outcome: Outcome | None = None, mode: Mode = Mode.LIVE) -> None:
        """Approve a write and, where an outcome is given, end it a second later."""
        name = f"d-{len(self.rows.events)}"
        one = judged(write, facts_of(mode=mode, now_ms=self.now_ms))
        self.ledger.approve(approval_of(one, name))
        self.rows.approved(name, one)
        if outcome is not None:
            self.now_ms += 1_000
            self.ledger.settle(name, outcome, self.now_ms)
            self.rows.ended(name, outcome, self.now_ms)

    def limit(self, group_id: str = "g", mode: Mode = Mode.LIVE) -> Count | None:
        """The lowest limit that a group may have; -1 where there is no such group of subaccount 0."""
        seen = self.ledger.account(mode).groups.seen(group_id, 0)
        return Count(-1) if seen is None else seen.limit


def test_our_own_group_is_known_with_its_limit_once_it_is_made() -> None:
    """Catches a group that counts before it exists, and one that was refused."""
    desk = Desk()
    desk.write(CreateGroup(Count(900), 0))
    assert desk.limit() == -1
    desk.write(CreateGroup(Count(900), 0), REJECTED)
    desk.write(CreateGroup(Count(900), 0), UNKNOWN)
    assert desk.limit() == -1
    desk.write(CreateGroup(Count(900), 0), made("g"))
    assert desk.limit() == 900
    assert desk.ledger.live.groups.seen("g", 1) is None


@pytest.mark.parametrize("outcome", [None, DONE, UNKNOWN, REJECTED])
def test_a_lower_limit_counts_from_its_approval_and_a_higher_one_never_by_our_word(outcome: Outcome | None) -> None:
    """Catches two tightenings under way at once, of which the second loosens the first."""
    desk = Desk()
    desk.write(CreateGroup(Count(900), 0), made("g"))
    desk.write(LimitGroup("g", Count(500), 0), outcome)
    assert desk.limit() == 500
    desk.write(LimitGroup("g", Count(700), 0), outcome)
    assert desk.limit() == 500


def test_what_the_rows_say_is_what_the_run_knew() -> None:
    """Catches a limit that a restart forgets, from rows and from a snapshot."""
    desk = Desk()
    desk.write(CreateGroup(Count(900), 0), made("g"))
    desk.write(LimitGroup("g", Count(500), 0), UNKNOWN)
    desk.write(ChangeGroup("g", GroupAct.TRIGGER), DONE)
    for again in (desk.rows.fold(), through_text(desk.ledger)):
        assert state(again) == state(desk.ledger)
        assert again.live.groups.items() == (("g", Group(0, Count(500), desk.now_ms)),)


def test_an_old_snapshot_still_loads_and_knows_no_limit() -> None:
    """Before limits were kept a snapshot had the owners alone."""
    ledger = Ledger()
    old = replace(state(ledger), groups=(("g", 3),))
    assert ledger_of(old, restore).live.groups.seen("g", 3) == GroupSeen("g", None)


def test_a_read_raises_a_limit_only_when_it_is_later_than_what_we_did() -> None:
    """Catches a read of before our tightening that is taken for the state after it: the next limit would loosen."""
    record = Record()
    groups = (ExchangeGroup("g", 0, Count(900)),)
    record.read(1_000, groups=groups)
    assert record.ledger.live.groups.seen("g", 0) == GroupSeen("g", Count(900))
    record.ledger.live.groups.approve(LimitGroup("g", Count(500), 0), NOW + 2_000)
    record.read(10_000, groups=groups)
    assert record.ledger.live.groups.seen("g", 0) == GroupSeen("g", Count(500))
    record.read(2_000 + LATER, groups=groups)
    assert record.ledger.live.groups.seen("g", 0) == GroupSeen("g", Count(900))


def test_a_read_that_is_too_early_does_not_take_a_new_group_away() -> None:
    """Catches a group that its own client may not use until a read has shown it."""
    groups = Groups({"g": Group(0, Count(900), changed_ms=50_000)})
    assert groups.as_shown({}, lambda at_ms: at_ms < 50_000).owners() == {"g": 0}
    assert groups.as_shown({}, lambda at_ms: at_ms <= 50_000).owners() == {}


@pytest.mark.parametrize(
    ("known", "shown", "expected"),
    [(500, 900, 500), (900, 500, 500), (None, 900, 900), (500, None, 500), (None, None, None)],
)
def test_of_what_we_know_and_what_an_early_read_shows_the_lower_counts(
    known: int | None, shown: int | None, expected: int | None
) -> None:
    """A limit that is missing on one side is what the other says, and unknown where both lack it."""
    groups = Groups({"g": Group(0, None if known is None else Count(known), changed_ms=9)})
    told = {"g": (0, None if shown is None else Count(shown))}
    assert groups.as_shown(told, lambda _: False).seen("g", 0) == GroupSeen("g", expected)
    assert groups.as_shown(told, lambda _: True).seen("g", 0) == GroupSeen("g", told["g"][1])


def test_the_dry_run_does_at_once_what_it_is_asked() -> None:
    """Catches a dry-run group that the exchange's record is asked about, and a live one in a dry run."""
    desk = Desk()
    desk.write(CreateGroup(Count(900), 0), mode=Mode.DRY_RUN)
    ((name, group),) = desk.ledger.dry.account.groups.items()
    assert (name[:4], group.limit) == ("dry-", 900)
    desk.write(LimitGroup(name, Count(950), 0), mode=Mode.DRY_RUN)
    assert desk.limit(name, Mode.DRY_RUN) == 950
    assert desk.ledger.live.groups.items() == ()
    desk.write(ChangeGroup(name, GroupAct.DELETE, 0), mode=Mode.DRY_RUN)
    assert desk.limit(name, Mode.DRY_RUN) == -1
    assert state(desk.rows.fold()) == state(desk.ledger)


def test_a_group_that_serves_a_client_stays_the_proxys() -> None:
    """Catches a client that may loosen a group which its orders are in: its own was taken for the one that the proxy
    had asked for, and then its own answer came."""
    groups, mine = Groups(), CreateGroup(Count(900), 0)
    groups.accepted(mine, "g", 10, "bot")
    groups.accepted(mine, "g", 20)
    assert groups.seen("g", 0) is None
    assert groups.own("bot", 0, 0, Count(900)) == "g"


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        (Group(0, Count(900), made_for="bot", made_with=900), "g"),
        (Group(0, Count(800), made_for="bot", made_with=800), "g"),
        (Group(0, None, made_for="bot", made_with=900), "g"),
        (Group(0, Count(901), made_for="bot", made_with=901), None),
        (Group(0, Count(901), made_for="bot", made_with=900), None),
        (Group(0, None, made_for="bot", made_with=901), None),
        (Group(0, Count(900), made_for="other", made_with=900), None),
        (Group(0, Count(900)), None),
    ],
)
def test_an_order_may_grow_in_a_group_of_its_own_client_with_no_higher_limit(
    group: Group, expected: str | None
) -> None:
    """Catches growth in a group that lets more through than the policy does now, or that is another's."""
    groups = Groups({"g": group})
    assert groups.holds("bot", "g", Count(900)) == expected
    assert groups.holds("bot", "gone", Count(900)) is None
    assert groups.holds("bot", None, Count(900)) is None
