"""The generated pages are in step with the code."""

from dataclasses import fields
from pathlib import Path

from pretrade.cli import reference
from pretrade.model.codes import DenyCode
from pretrade.policy.describe import keys
from pretrade.practice.api.left_out import LEFT_OUT
from pretrade.practice.faults.plan import MEANINGS, Fault

ROOT = Path(__file__).parents[2]


def test_the_generated_pages_are_in_step():
    assert reference.stale(ROOT) == [], "a generated page is behind the code: run make docs"


def test_every_key_and_every_code_has_its_row():
    """Catches a page that leaves a key or a code out."""
    policy, codes = reference.policy_reference(), reference.reasons_reference()
    assert all(f"`{info}`" in policy for info in keys())
    assert all(f"| `{code}` |" in codes for code in DenyCode)


def test_a_page_that_is_missing_or_edited_is_stale_and_written_anew(tmp_path, capsys):
    assert len(reference.stale(tmp_path)) == 6
    reference.write(tmp_path)
    assert reference.stale(tmp_path) == []
    (tmp_path / "docs/policy.md").write_text("edited")
    assert reference.main(["--check", str(tmp_path)]) == 1
    assert "docs/policy.md is behind the code: run make docs" in capsys.readouterr().err
    assert reference.main([str(tmp_path)]) == 0
    assert reference.main(["--check", str(tmp_path)]) == 0


def test_a_generated_page_says_how_it_is_made():
    assert all("make docs" in text.split("\n")[0] for text in reference.pages(ROOT).values())


def test_every_field_of_a_fault_is_told():
    """Catches an option that is added and that the page says nothing about."""
    assert set(MEANINGS) == {field.name for field in fields(Fault)}
    page = (ROOT / "docs/practice-reference.md").read_text()
    assert all(f"| `{one.method} {one.path}` |" in page for one in LEFT_OUT)
