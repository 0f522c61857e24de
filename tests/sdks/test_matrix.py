"""The matrix against the official library, and the environments' files against what a new machine can reach."""

import importlib.util
import re
from pathlib import Path

import pytest
from tests.sdks import setup
from tests.sdks.matrix import CLIENTS, MATRIX, NOT_PRACTISED, REMOVED

HERE = Path(__file__).parent
HOSTS = {"https://pypi.org", "https://files.pythonhosted.org", "https://registry.npmjs.org"}
_METHOD = re.compile(r"^    def ([a-z]\w*?)(?<!_with_http_info)(?<!_without_preload_content)\(", re.MULTILINE)


def test_every_operation_of_the_official_library_has_a_row():
    """Catches an operation that the library has and no session calls."""
    spec = importlib.util.find_spec("kalshi_python_sync")
    assert spec is not None
    assert spec.origin is not None
    left_out = {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower() + ".py" for name in NOT_PRACTISED[CLIENTS[0]]}
    files = [one for one in (Path(spec.origin).parent / "api").glob("*_api.py") if one.name not in left_out]
    assert {name for one in files for name in _METHOD.findall(one.read_text())} == set(MATRIX)


def test_clients_and_removed_operations_are_known():
    assert {client for names in (*MATRIX.values(), *REMOVED.values()) for client in names} == set(CLIENTS)
    assert not set(MATRIX) & set(REMOVED)


@pytest.mark.parametrize("name", ["pykalshi_client/uv.lock", "node/package-lock.json"])
def test_a_lock_file_names_no_place_that_others_cannot_reach(name):
    """Catches a mirror's address or a path of somebody's machine."""
    sources = re.findall(r'(?:\burl =|\bregistry =|"resolved":) "([^"]*)"', (HERE / name).read_text())
    assert {"/".join(one.split("/")[:3]) for one in sources} <= HOSTS


def test_a_second_setup_does_nothing(capsys):
    """Catches an environment that is made anew by every `make`."""
    assert setup.main([]) == 0
    capsys.readouterr()
    assert setup.main(["no-such-uv"]) == 0
    assert capsys.readouterr().err == ""


def test_without_uv_it_says_what_to_do(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(setup, "TARGET", tmp_path)
    monkeypatch.setattr(setup, "PYKALSHI_CLIENT", tmp_path / "absent")
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    assert setup.main(["no-such-uv"]) == 1
    assert "'no-such-uv' is no program; run `make sync`" in capsys.readouterr().err


def test_a_failed_installation_is_told_and_tried_again(monkeypatch, tmp_path, capsys):
    """Catches a stamp that is written though the installation failed."""
    monkeypatch.setattr(setup, "TARGET", tmp_path)
    monkeypatch.setattr(setup, "PYKALSHI_CLIENT", tmp_path / "absent")
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    for _ in range(2):
        assert setup.main(["false"]) == 1
        assert "uv sync ended with 1" in capsys.readouterr().err
