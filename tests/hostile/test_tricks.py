"""No known trick is without a try of its own, and no entry of the corpus without a trick that says what it is."""

from pathlib import Path

import pytest
from tests.hostile.corpus import FAMILIES
from tests.hostile.sabotaged import FAULTS, MITMPROXYS, OURS
from tests.hostile.tricks import AT_THE_PARSER, ELSEWHERE, FAIL_OPEN

TESTS = Path(__file__).parent.parent


def named(family: str, name: str) -> set[str]:
    """The entries that a name in a trick means: `...*` those that begin so; an asterisk of their own is `\\*`."""
    entries = FAMILIES[family]
    if name.endswith("*") and not name.endswith("\\*"):
        return {entry for entry in entries if entry.startswith(name[:-1])}
    return {name.replace("\\*", "*")} & entries.keys()


@pytest.mark.parametrize("trick", AT_THE_PARSER)
def test_a_trick_has_its_entries(trick: str) -> None:
    """Catches an entry that was renamed or taken out, and a trick that nothing tries. Seen red."""
    missing = [
        (family, name) for family, names in AT_THE_PARSER[trick].items() for name in names if not named(family, name)
    ]
    assert missing == []


def test_every_entry_has_one_trick() -> None:
    """Catches an entry that nobody can say the kind of, or two kinds that mean the same. Seen red."""
    kinds: dict[tuple[str, str], list[str]] = {(family, name): [] for family in FAMILIES for name in FAMILIES[family]}
    for trick, families in AT_THE_PARSER.items():
        for family, names in families.items():
            for entry in set().union(*(named(family, name) for name in names)):
                kinds[family, entry].append(trick)
    assert {entry: of_one for entry, of_one in kinds.items() if len(of_one) != 1} == {}


@pytest.mark.parametrize("trick", ELSEWHERE | FAIL_OPEN)
def test_a_trick_has_its_tests(trick: str) -> None:
    """Catches a test that was renamed or taken out. Seen red."""
    for test in (ELSEWHERE | FAIL_OPEN)[trick]:
        file, _, name = test.partition("::")
        assert f"def {name}(" in (TESTS / file).read_text(), test


def test_every_hook_and_fault_of_the_list_is_tried() -> None:
    """Catches a list of the running matrix that has become shorter: its hooks, those of mitmproxy's that must never be
    called, and the faults."""
    assert {"client_connected", "next_layer", "tls_clienthello", "tls_start_client"} <= set(OURS)
    assert {"request", "requestheaders", "response", "responseheaders", "http_connect", "server_connect",
            "tcp_start"} <= set(MITMPROXYS)  # fmt: skip
    assert {"RecursionError", "MemoryError", "AddonHalt", "OptionsError", "CancelledError", "GeneratorExit",
            "SystemExit", "KeyboardInterrupt"} <= FAULTS.keys()  # fmt: skip
