"""The demo's verdict on itself, and the words it has for answers, without any process."""

import io
import json
from collections.abc import Mapping

import pytest
from rich.console import Console

from pretrade.cli import demo_folder, init
from pretrade.cli.demo import tell
from pretrade.cli.demo_answers import message_of, outcome_of
from pretrade.cli.demo_story import AS_TOLD, PROXY, STORY, Step

DENIED = {
    "ok": False,
    "status": 403,
    "body": json.dumps({"code": "DEPTH_SHARE_EXCEEDS_MAXIMUM", "message": "too much of it", "headroom": "25.00"}),
}
FILLED = {"ok": True, "result": {"order_id": "o-1", "fill_count": "25.00"}}
TOO_MUCH = Step("too much", PROXY, "create_order_v2", "DEPTH_SHARE_EXCEEDS_MAXIMUM", {"count": "40.00"})
AS_MUCH = Step("as much as passes", PROXY, "create_order_v2", "filled", {"count": AS_TOLD}, "held")
CANCEL = Step("cancel it", PROXY, "cancel_order_v2", "canceled", order="held")
HALT = Step("halt", "", "halt", "HALTED")


class Scripted:
    """A stage by interface: answers in turn, and what it was asked."""

    def __init__(self, *answers: Mapping[str, object], operator: str = "HALTED") -> None:
        self._answers = list(answers)
        self._operator = operator
        self.asked: list[tuple[str, Mapping[str, object]]] = []

    def ask_bot(self, bot: str, call: str, arguments: Mapping[str, object]) -> Mapping[str, object]:
        self.asked.append((call, dict(arguments)))
        return self._answers.pop(0)

    def operate(self, step: Step) -> str:
        return self._operator


def told(stage: Scripted, *steps: Step) -> tuple[bool, str]:
    out = io.StringIO()
    good = tell(Console(file=out, width=200), stage, {"a chapter": steps})  # type: ignore[arg-type]
    return good, out.getvalue()


def test_a_story_that_goes_as_told_is_good_and_later_steps_use_what_earlier_ones_learned() -> None:
    """Catches an order of the size that the denial named that is sent with another one, and a cancel of no order."""
    stage = Scripted(DENIED, FILLED, {"ok": True, "result": {"order_id": "o-1", "reduced_by": "1.00"}})
    good, said = told(stage, TOO_MUCH, AS_MUCH, CANCEL, HALT)
    assert good, said
    assert stage.asked == [
        ("create_order_v2", {"count": "40.00"}),
        ("create_order_v2", {"count": "25.00"}),
        ("cancel_order_v2", {"order_id": "o-1"}),
    ]
    assert "too much of it; headroom 25.00" in said
    assert said.count(" ok\n") == 4
    assert "NOT AS EXPECTED" not in said


@pytest.mark.parametrize(
    ("stage", "steps"),
    [
        (Scripted(FILLED), (TOO_MUCH,)),
        (Scripted(DENIED, DENIED), (TOO_MUCH, AS_MUCH)),
        (Scripted({"ok": False, "status": 502, "body": "<html>"}, FILLED), (TOO_MUCH, AS_MUCH)),
        (Scripted(operator="ACTIVE"), (HALT,)),
        (Scripted(DENIED, operator="ACTIVE"), (HALT, TOO_MUCH)),
    ],
    ids=["passed", "denied", "no answer of ours", "operator", "the last step is good"],
)
def test_one_step_that_ends_otherwise_fails_the_whole_story(stage: Scripted, steps: tuple[Step, ...]) -> None:
    """Catches a step that always says ok, and a good step that makes an earlier bad one good."""
    good, said = told(stage, *steps)
    assert not good
    assert said.count("NOT AS EXPECTED") == 1


@pytest.mark.parametrize(
    ("answer", "outcome", "message"),
    [
        ({"ok": True, "result": None}, "read", ""),
        ({"ok": True, "result": {"order_id": "o-1", "fill_count": "0.00"}}, "resting", ""),
        ({"ok": True, "result": {"order_id": "dry-1", "fill_count": "0.00"}}, "dry run", ""),
        ({"ok": True, "result": {"order_id": "o-1", "reduced_by": "2.00"}}, "canceled", ""),
        (FILLED, "filled", ""),
        (DENIED, "DEPTH_SHARE_EXCEEDS_MAXIMUM", "too much of it; headroom 25.00"),
        ({"ok": False, "status": 403, "body": '{"code": "A", "message": "b", "headroom": "0.00"}'}, "A", "b"),
        ({"ok": False, "status": 404, "body": "{}"}, "HTTP 404", ""),
        ({"ok": False, "status": 502, "body": "<html>"}, "HTTP 502", ""),
    ],
)
def test_an_answer_has_one_word(answer: Mapping[str, object], outcome: str, message: str) -> None:
    assert (outcome_of(answer), message_of(answer)) == (outcome, message)


def test_every_role_has_a_policy_of_its_own_and_only_w_a_key_that_trades(tmp_path) -> None:
    """Catches an R or ABH of the demo that shares W's key, its log, or its doors."""
    ports = demo_folder.Ports(1, {"W": (2, 3), "R": (4, 5), "ABH": (6, 7)})
    demo_folder.make(tmp_path / "work", ports)
    texts = {role: (tmp_path / "work" / demo_folder.policy_name(role)).read_text() for role in ports.doors}
    for role, own in (("R", "mode: live"), ("ABH", "mode: dry_run")):
        assert f"role: {role} " in texts[role]
        assert own in texts[role]
        assert init.LIVE_KEY_ID not in texts[role]
        assert f"state_dir: state-{role.lower()}" in texts[role]
    known = (tmp_path / "work" / "practice" / "keys.yaml").read_text()
    assert known.count("write::trade") == 1
    assert len({line for text in texts.values() for line in text.splitlines() if "127.0.0.1:" in line}) == 7


def test_the_story_shows_each_thing_that_it_is_for() -> None:
    """Catches a story that loses one of its points while the rest goes well."""
    expected = {step.expected for steps in STORY.values() for step in steps}
    assert expected >= {
        "ROLE_READ_ONLY", "dry run", "1 order, signed on W", "DEPTH_SHARE_EXCEEDS_MAXIMUM", "PRICE_OUTSIDE_COLLAR",
        "REDUCING", "TRADING_REDUCING", "TRADING_HALTED", "canceled", "POSITION_EXCEEDS_MAXIMUM", "OUTCOME_UNKNOWN",
    }  # fmt: skip
    *_, last = STORY.values()
    assert [step.expected for step in last[-3:]] == ["REDUCING", "TRADING_REDUCING", "filled"]
    assert last[-1].arguments["side"] == "ask", "the last step gets out"
