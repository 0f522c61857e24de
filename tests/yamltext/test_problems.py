"""How a refused policy is shown to the person who edits it."""

from pretrade.yamltext.problems import Problem, RefusedTextError


def test_a_problem_of_the_whole_file_has_no_line():
    assert str(RefusedTextError("p.yaml", [Problem(None, None, "", "cannot be read")])) == "p.yaml: cannot be read"


def test_problems_stand_in_the_order_of_the_file():
    error = RefusedTextError("p.yaml", [Problem(2, 1, "b", "two"), Problem(1, 3, "a", "one")], "a: 1\nb: 2\n")
    assert str(error) == "p.yaml:1:3: a: one\n    a: 1\n      ^\np.yaml:2:1: b: two\n    b: 2\n    ^"


def test_control_characters_of_the_file_never_reach_the_terminal():
    """Catches an escape sequence in a policy that repaints the screen of whoever checks it."""
    shown = str(RefusedTextError("p.yaml", [Problem(1, 5, "", "a character")], "a: \x1b[2Jx\r\n"))
    assert shown == "p.yaml:1:5: a character\n    a:  [2Jx\n        ^"


def test_a_long_line_is_shown_around_the_place():
    shown = str(RefusedTextError("p.yaml", [Problem(1, 5001, "", "here")], "x" * 5000 + "HERE" + "x" * 5000))
    _, line, caret = shown.split("\n")
    assert len(line) <= 164
    assert line[caret.index("^") :].startswith("HERE")


def test_a_flood_of_problems_is_counted():
    shown = str(RefusedTextError("p.yaml", [Problem(None, None, "", str(number)) for number in range(60)]))
    assert shown.endswith("p.yaml: 49\nand 10 more")
