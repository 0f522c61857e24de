"""YAML gives the shape and nothing else: what would make one text mean another is a problem."""

import time

import pytest

from pretrade.yamltext.tree import read_tree


def problems(text):
    return [f"{problem.line}:{problem.column}: {problem}" for problem in read_tree(text, "policy").problems]


def test_scalars_stay_text_and_everything_has_a_place():
    tree = read_tree('a: no\nb:\n  - {c: 010, "d": "x"}\n  - 1e3\n', "policy")
    assert tree.value == {"a": "no", "b": [{"c": "010", "d": "x"}, "1e3"]}
    assert tree.complete
    assert not tree.problems
    assert tree.keys[("b", 0, "d")] == (3, 14)
    assert tree.values[("b", 0, "d")] == (3, 19)
    assert tree.values[("b", 1)] == (4, 5)


TRICKS = [
    ("a: &x 1\n", ["1:4: a: anchors (&x) are not allowed"]),
    ("&x a: 1\n", ["1:1: anchors (&x) are not allowed"]),
    (
        "a: &x {c: 1}\nb: *x\n",
        ["1:4: a: anchors (&x) are not allowed", "2:4: b: aliases (*) are not allowed; write the value out"],
    ),
    ("a: {<<: {b: 1}}\n", ["1:5: a: merge keys (<<) are not allowed; write the keys out"]),
    ("a: !!int 1\n", ["1:4: a: tags (tag:yaml.org,2002:int) are not allowed; a value is only its text"]),
    ("a: !!python/object:os.system x\n", ["1:4: a: tags (tag:yaml.org,2002:python/object:os.system) are not allowed;"]),
    ("a: ! 1\n", ["1:4: a: tags (!) are not allowed; a value is only its text"]),
    ("!!map {a: 1}\n", ["1:1: tags (tag:yaml.org,2002:map) are not allowed; a value is only its text"]),
    ("a: 1\n---\nb: 2\n", ["2:1: a second document starts here; a policy is one document"]),
    ("a: 1\n...\n---\n", ["3:1: a second document starts here; a policy is one document"]),
    ("%YAML 1.1\n---\na: 1\n", ["1:1: YAML directives (%) are not allowed"]),
    ("", ["1:1: the file is empty"]),
    ("# nothing\n", ["the file is empty"]),
    ("a: 1\nb: 2\na: 3\n", ["3:1: a: is set twice, here and on line 1 column 1"]),
    ("a:\n", ["1:3: a: has no value; write one, in quotes if this is meant as text"]),
    ("a: [1, ~]\n", ["1:8: a[1]: has no value; write one, in quotes if this is meant as text"]),
    ("a: one\n  two\n", ["1:4: a: goes over several lines; write it on one"]),
    ("a: |\n  one\n", ["1:4: a: goes over several lines; write it on one"]),
    ('a: "one\n  two"\n', ["1:4: a: goes over several lines; write it on one"]),
    ("? [a]\n: 1\n", ["1:3: a key must be a plain word"]),
    ("*x : 1\n", ["1:1: a key must be a plain word"]),
    ("a: b: c\n", ["1:5: a second ': ' on one line"]),
    ("a: 1\nb\nc: 2\n", ["2:1: a key without ': ' after it"]),
    ('a: "one\n', ["2:1: the file ends inside a quoted value"]),
    ("a: {b: 1\n", ["2:1: a { that is never closed"]),
    ("a: [1\n", ["2:1: a [ that is never closed"]),
    ("a: 1\n  b: 2\n", ["1:4: a: goes over several lines; write it on one", "2:4: a second ': ' on one line"]),
    ("a:\n  b: 1\n c: 2\n", ["3:2: this line is indented differently from its neighbours"]),
    ("a: @x\n", ["1:4: this cannot be read as YAML"]),
    ('a: "\\q"\n', ["1:6: this cannot be read as YAML"]),
    ('a: "\\UFFFFFFFF"\n', ["after this place comes something that is no character"]),
    ("%YAML " + "9" * 5000 + ".1\n---\n", ["after this place comes something"]),
]


@pytest.mark.parametrize(("text", "told"), TRICKS)
def test_a_trick_or_a_slip_is_told_with_its_place(text, told):
    """Catches each way in which YAML lets one text override, repeat or rename another."""
    found = problems(text)
    assert len(found) == len(told), found
    assert all(sentence in line for sentence, line in zip(told, found, strict=True)), found


def test_an_alias_bomb_is_read_in_a_moment_and_refused():
    """Catches aliases that are followed: ten lines that grow to billions of values."""
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    started = time.process_time()
    found = problems("\n".join(lines))
    assert time.process_time() - started < 2
    assert sum("aliases" in line for line in found) == 110


@pytest.mark.parametrize("text", ["[" * 200_000, "{a: " * 60_000, "- " * 100_000])
def test_depth_is_bounded(text):
    """Catches a recursion as deep as the text wants it."""
    tree = read_tree(text, "policy")
    assert not tree.complete
    assert "groups more than 10 deep" in tree.problems[-1].message


@pytest.mark.parametrize("text", ['a: "\\x24200"', 'a: "\\u0031"', '"max\\x5fcount": 1', 'a: "b\\\\c"'])
def test_escapes_in_quotes_are_refused(text):
    """Catches a value or a key that reads otherwise than it stands there."""
    assert any("escapes" in problem.message for problem in read_tree(text, "policy").problems)


def test_single_quotes_have_no_escapes():
    assert read_tree("a: 'b\\c'", "policy").value == {"a": "b\\c"}
