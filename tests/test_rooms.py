"""The house rules that no linter knows: who may know mitmproxy, who may catch everything, how long a file may be."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "proxy" / "pretrade"
FILES = sorted(SOURCE.rglob("*.py"))
KNOW_MITMPROXY = ("gateway/front/", "gateway/debug_door.py")
CATCH_EVERYTHING = {"gateway/front/failclosed.py", "cli/main.py"}


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def _catches_everything(node: ast.AST) -> bool:
    if not isinstance(node, ast.ExceptHandler):
        return False
    caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    return any(
        one is None or (isinstance(one, ast.Name) and one.id in {"Exception", "BaseException"}) for one in caught
    )


def test_few_files_know_mitmproxy() -> None:
    """Catches a mitmproxy type that leaks into the gate, which must stay free of them."""
    knowing = [str(path.relative_to(SOURCE)) for path in FILES if "mitmproxy" in _imports(path)]
    assert knowing and all(name.startswith(KNOW_MITMPROXY) for name in knowing), knowing


def test_two_places_catch_everything() -> None:
    """Catches an exception swallowed on the way of an order."""
    found = {
        str(path.relative_to(SOURCE)) for path in FILES for node in ast.walk(_tree(path)) if _catches_everything(node)
    }
    assert found == CATCH_EVERYTHING


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_is_short_and_says_what_it_is(path: Path) -> None:
    """A file has a docstring on top and at most 300 lines."""
    assert ast.get_docstring(_tree(path))
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_no_float_in_the_pure_rooms() -> None:
    """Catches money that is no exact integer."""
    for room in ("model", "policy", "risk"):
        for path in (SOURCE / room).rglob("*.py"):
            for node in ast.walk(_tree(path)):
                assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), path
                assert not (isinstance(node, ast.Name) and node.id == "float"), path
