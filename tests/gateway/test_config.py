"""A policy file is taken whole or refused, with every problem at its place."""

import hashlib
import os
import re
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.policy.tree import GONE, KEYED, TREE, UNWAIVED, Raw, as_yaml, changed

from pretrade.gateway.config import MAX_BYTES, LoadedPolicy, PolicyError, load, loads, paths
from pretrade.model.instance import Environment, Mode, Role
from pretrade.model.units import Count, Money
from pretrade.policy.describe import keys
from pretrade.policy.schema import Policy
from pretrade.policy.waivers import LIMITS
from pretrade.yamltext.describe import ITEM, NAME, known_keys
from pretrade.yamltext.explain import schema_problems
from pretrade.yamltext.tree import Tree

DEFAULT = Path(__file__).parents[2] / "policy.yaml"
TEXT = as_yaml(TREE)


def refusal(text):
    """The problems that a text is refused with, as `line:column: where: message` lines."""
    with pytest.raises(PolicyError) as refused:
        loads(text, source="policy.yaml")
    return [f"{problem.line}:{problem.column}: {problem}" for problem in refused.value.problems]


def written(where, value):
    return as_yaml(changed((where, Raw(value))))


# What a person gets --------------------------------------------------------------------------------------------------


def test_the_default_policy_is_the_careful_one():
    loaded = load(DEFAULT)
    policy = loaded.policy
    assert (policy.instance.role, policy.instance.environment, policy.instance.mode) == (
        Role.W,
        Environment.PRACTICE,
        Mode.DRY_RUN,
    )
    assert not policy.instance.allow_production
    assert (policy.limits.order.max_count, policy.limits.order.max_risk) == (Count(10_000), Money(200_000_000))
    assert loaded.sha256 == hashlib.sha256(DEFAULT.read_bytes()).hexdigest()
    assert loaded.text.encode() == DEFAULT.read_bytes()


def test_quotes_change_nothing():
    bare = TEXT.replace('"100"', "100").replace('"$200"', "$200").replace('"false"', "false")
    assert loads(bare, source="p").policy == loads(TEXT, source="p").policy


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_both_line_ends_read_alike_and_hash_apart(end, tmp_path):
    file = tmp_path / "policy.yaml"
    file.write_bytes(TEXT.replace("\n", end).encode())
    loaded = load(file)
    assert loaded.policy == loads(TEXT, source="p").policy
    assert loaded.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_missing_final_newline_and_blank_lines_after_the_end_pass():
    for text in (TEXT.removesuffix("\n"), TEXT + "\n  \n\n"):
        loads(text, source="p")


def test_paths_start_from_the_folder_of_the_file(tmp_path):
    file = tmp_path / "policy.yaml"
    file.write_text(as_yaml(changed((("state_dir",), "/var/lib/pretrade"))))
    resolved = paths(load(file))
    assert resolved.live_key.key == tmp_path / "keys/live.pem"
    assert resolved.live_key.passphrase == tmp_path / "keys/live.pass"
    assert resolved.state == Path("/var/lib/pretrade")
    assert resolved.certs == tmp_path / "certs"
    assert resolved.practice_ca == tmp_path / "practice/ca.crt"
    assert resolved.client_keys == {"bot": tmp_path / "keys/bot.pub.pem"}


def test_a_refusal_shows_the_line_and_points_at_the_place():
    text = DEFAULT.read_text().replace('max_count: "100" ', 'max_cuont: "100" ')
    with pytest.raises(PolicyError) as refused:
        loads(text, source="policy.yaml")
    line = text.split("\n").index(next(line for line in text.split("\n") if "max_cuont" in line)) + 1
    first, second, third = str(refused.value).split("\n")
    assert first == f"policy.yaml:{line}:5: limits.order.max_cuont: unknown key; did you mean max_count?"
    assert second.startswith('        max_cuont: "100"')
    assert third == "        ^"


def test_every_problem_is_told_at_once_and_in_order():
    text = as_yaml(
        changed(
            (("version",), "2"),
            (("instance", "role"), Raw("no")),
            (("signing", "key_file"), Raw("")),
            (("limits", "order", "max_count"), GONE),
            (("limits", "order", "max_cuont"), "100"),
            (("limits", "day", "timezone"), "America/NewYork"),
            (("fees",), Raw("&a {multiplier_ceiling: 99}")),
        )
    )
    assert [re.sub(r"^\d+:\d+: ", "", line) for line in refusal(text)] == [
        "version: must be 1, was '2'",
        "instance.role: must be W, R or ABH, was 'no'",
        "signing.key_file: has no value; write one, in quotes if this is meant as text",
        "limits.order.max_cuont: unknown key; did you mean max_count?",
        "limits.day.timezone: no time zone is called 'America/NewYork'; did you mean America/New_York?",
        "fees: anchors (&a) are not allowed",
        "fees.multiplier_ceiling: a multiplier may be at most 10, was '99'",
    ]


# A file that was cut short -------------------------------------------------------------------------------------------


def _refuse_prefixes(sizes, tmp_path):
    data, file = DEFAULT.read_bytes(), tmp_path / "policy.yaml"
    assert data.endswith(b"\nend: policy\n")
    for size in sizes:
        file.write_bytes(data[:size])
        with pytest.raises(PolicyError) as refused:
            load(file)
        said = str(refused.value)
        assert "may have been cut short" in said or "not UTF-8" in said, size


def test_a_policy_that_was_cut_short_is_refused(tmp_path):
    """Catches an editor's half-written file that is valid YAML and lacks its last limits: cut after every line, at
    every byte of the end, and here and there."""
    data = DEFAULT.read_bytes()
    ends = [at for at, byte in enumerate(data) if byte == ord("\n")]
    sizes = {*(end + 1 for end in ends), *range(len(data) - 20, len(data)), *range(0, len(data), 397)}
    _refuse_prefixes(sorted(size for size in sizes if size < len(data) - 1), tmp_path)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("share", range(16))
def test_every_proper_prefix_of_the_default_policy_is_refused(share, tmp_path):
    """The same, cut at every byte."""
    _refuse_prefixes(range(share, len(DEFAULT.read_bytes()) - 1, 16), tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("end: policy\n", ""),
        TEXT + "# after the end\n",
        TEXT + "...\n",
        TEXT.replace("end: policy", "end: policy "),
        TEXT.replace("end: policy", "end: policy # done"),
        TEXT.replace("end: policy", 'end: "policy"'),
        "end: policy\n" + TEXT.replace("end: policy\n", ""),
    ],
)
def test_the_last_line_is_the_end_and_nothing_else(text):
    """Catches a loader that only looks whether the key `end` is there: text after it may be half of something."""
    assert any("the last line must be exactly 'end: policy'" in line for line in refusal(text))


# Keys ----------------------------------------------------------------------------------------------------------------


def _misspelt(name):
    for at in range(len(name)):
        yield name[:at] + name[at + 1 :]
        yield name[:at] + name[at] + name[at:]
        yield name[:at] + "x" + name[at + 1 :]
        yield name[:at] + name[at + 1 : at + 2] + name[at] + name[at + 2 :]


NAMED = [info for info in keys() if info.where[-1] not in (NAME, ITEM)]


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.long)])
@pytest.mark.parametrize("info", NAMED, ids=str)
def test_every_key_misspelt_by_one_letter_is_refused_with_the_right_name(info, every):
    """Catches a key that is ignored where it is unknown (a limit that silently does not hold), one letter at a time:
    left out, doubled, replaced, swapped with the next."""
    group = tuple({NAME: "bot", ITEM: 0}.get(part, part) for part in info.where[:-1])
    name = info.where[-1]
    slips = sorted(set(_misspelt(name)) - {"", *known_keys(keys(), group)})
    for wrong in slips if every else Random(str(info)).sample(slips, min(3, len(slips))):
        tree = Tree(value=_renamed(group, name, wrong))
        with pytest.raises(ValidationError) as refused:
            Policy.model_validate(tree.value)
        told = [str(problem) for problem in schema_problems(refused.value, tree, keys(), "policy")]
        unknown = [line for line in told if "unknown key" in line]
        assert len(unknown) == 1, (wrong, told)
        assert unknown[0].endswith(f"{wrong}: unknown key; did you mean {name}?"), wrong


def _renamed(group, name, wrong):
    tree = changed(*(UNWAIVED if group == ("confirm",) else ()), of=KEYED)
    inner = tree
    for part in group:
        inner = inner[part]
    renamed = {(wrong if key == name else key): value for key, value in inner.items()}
    inner.clear()
    inner.update(renamed)
    return tree


@pytest.mark.parametrize(
    "info", [info for info in NAMED if str(info) != "end" and (info.required or str(info) in LIMITS)], ids=str
)
def test_every_missing_key_is_named(info):
    """Catches a limit that has a default: what is not stated must be asked for."""
    where = tuple({NAME: "bot", ITEM: 0}.get(part, part) for part in info.where)
    bare = {"key_id": "bot-key", "public_key": "keys/bot.pub.pem", "subaccount": "0"}
    limit = [*UNWAIVED, (("clients", "bot"), bare)] if str(info) in LIMITS else []
    told = refusal(as_yaml(changed(*limit, (where, GONE), of=KEYED if "keys" in where else TREE)))
    shown = str(info).replace(NAME, "bot").replace("[]", "[0]")
    assert len(told) == 1
    assert f": {shown}: missing; a policy must state it" in told[0]


def test_a_key_in_the_wrong_group_is_told_where_it_belongs():
    told = refusal(as_yaml(changed((("limits", "order", "max_orders"), "25"))))
    assert told[0].endswith("limits.order.max_orders: unknown key; did you mean limits.day.max_orders?")


def test_of_two_names_as_near_the_one_that_is_not_there_is_meant():
    """Catches a hint that sends the operator to the key that already stands there."""
    told = refusal(as_yaml(_renamed(("price", "band"), "max", "man")))
    assert told[0].endswith("price.band.man: unknown key; did you mean max?")


def test_a_key_like_no_other_has_no_suggestion():
    assert refusal(as_yaml(changed((("fees", "zzz"), "1"))))[0].endswith("fees.zzz: unknown key")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ((("limits",), "5"), "limits: must be a group of keys"),
        ((("markets",), {"a": "1"}), "markets: must be a list of entries"),
        ((("markets",), []), "markets: must have at least one entry"),
        ((("markets", 1), "KXBTC-*"), "markets[1]: must be a group of keys"),
        ((("clients",), ["bot"]), "clients: must be a group of keys"),
        ((("clients", "Bot"), TREE["clients"]["bot"]), "clients.Bot: must be a name of at most 64"),
        ((("state_dir",), ["state"]), "state_dir: must be one value"),
    ],
)
def test_a_value_of_another_shape_is_refused(change, sentence):
    assert any(f": {sentence}" in line for line in refusal(as_yaml(changed(change))))


def test_duplicate_keys_are_refused_with_both_places():
    """Catches the last of two winning, as in PyYAML: `max_count` 100 that becomes 100000 further down."""
    text = TEXT.replace('max_risk: "$200"', 'max_risk: "$200", max_count: "100000"')
    line = next(number for number, line in enumerate(text.split("\n"), 1) if line.startswith("limits"))
    (told,) = refusal(text)
    assert f"limits.order.max_count: is set twice, here and on line {line} column 18" in told
    assert told.startswith(f"{line}:")


def test_a_section_twice_is_refused():
    (told,) = refusal(TEXT.replace("end: policy", 'fees: {multiplier_ceiling: "9"}\nend: policy'))
    assert "fees: is set twice" in told


# Values --------------------------------------------------------------------------------------------------------------

COUNT, ORDERS, ALLOW = ("limits", "order", "max_count"), ("limits", "day", "max_orders"), ("markets", 0, "allow")

# YAML 1.1 reads each of these as something else than what stands there.
SURPRISES = [
    (ALLOW, "no", "markets[0].allow: must be true or false, was 'no'"),
    (ALLOW, "NO", "was 'NO'"),
    (ALLOW, "off", "was 'off'"),
    (ALLOW, "yes", "was 'yes'"),
    (ALLOW, "On", "was 'On'"),
    (ALLOW, "True", "was 'True'"),
    (("instance", "role"), "NO", "instance.role: must be W, R or ABH, was 'NO'"),
    (COUNT, "010", "limits.order.max_count: a count must be a plain decimal number like 1 or 1.50, was '010'"),
    (COUNT, "0o10", "was '0o10'"),
    (COUNT, "0b11", "was '0b11'"),
    (COUNT, "12:30", "was '12:30'"),
    (COUNT, "12:30:45", "was '12:30:45'"),
    (COUNT, "1_000", "was '1_000'"),
    (COUNT, "1e3", "was '1e3'"),
    (COUNT, ".inf", "was '.inf'"),
    (COUNT, "-.inf", "was '-.inf'"),
    (COUNT, ".nan", "was '.nan'"),
    (COUNT, "-0", "was '-0'"),
    (COUNT, "2026-01-01", "was '2026-01-01'"),
    (ORDERS, "1_000", "limits.day.max_orders: a number must be a plain whole number like 25, was '1_000'"),
    (COUNT, "", "limits.order.max_count: has no value"),
    (COUNT, "~", "limits.order.max_count: has no value"),
    (COUNT, "null", "limits.order.max_count: has no value"),
    (COUNT, "Null", "limits.order.max_count: has no value"),
    (COUNT, '""', "limits.order.max_count: a count must be a plain decimal"),
    (COUNT, '"~"', "limits.order.max_count: a count must be a plain decimal"),
]


@pytest.mark.parametrize(("where", "value", "sentence"), SURPRISES)
def test_a_value_is_the_text_that_was_written(where, value, sentence):
    """Catches a YAML resolver: `no` is not false, 010 is not 8, 12:30 is not 750, .inf is no limit at all."""
    (told,) = refusal(written(where, value))
    assert sentence in told


@pytest.mark.parametrize("name", ["Europe/Atlantis", "localtime", "posixrules", "utc2"])
def test_a_time_zone_must_exist(name):
    (told,) = refusal(as_yaml(changed((("limits", "day", "timezone"), name))))
    assert f"limits.day.timezone: no time zone is called {name!r}" in told


def test_a_rule_between_keys_is_told_at_its_value():
    text = as_yaml(changed((("markets", 0, "limits", "order", "max_count"), "101")))
    (told,) = refusal(text)
    line = next(number for number, line in enumerate(text.split("\n"), 1) if line.startswith("markets"))
    column = text.split("\n")[line - 1].index('"101"') + 1
    assert told.startswith(f"{line}:{column}: markets[0].limits.order.max_count: 101.00 is looser than 100.00")


# Files ---------------------------------------------------------------------------------------------------------------


def file_refusal(path):
    with pytest.raises(PolicyError) as refused:
        load(path)
    return str(refused.value)


def test_a_file_that_is_not_there(tmp_path):
    assert (
        file_refusal(tmp_path / "none.yaml") == f"{tmp_path / 'none.yaml'}: cannot be read: No such file or directory"
    )


def test_a_folder_is_no_policy(tmp_path):
    assert "cannot be read" in file_refusal(tmp_path)


def test_a_pipe_is_no_policy_and_does_not_hang(tmp_path):
    """Catches a start that waits for ever on a named pipe."""
    os.mkfifo(tmp_path / "policy.yaml")
    assert "not a regular file" in file_refusal(tmp_path / "policy.yaml")


def test_a_symbolic_link_to_a_file_is_followed(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real/p.yaml").write_text(TEXT)
    (tmp_path / "policy.yaml").symlink_to("real/p.yaml")
    assert paths(load(tmp_path / "policy.yaml")).certs == tmp_path / "certs"


def test_what_is_not_utf8_is_refused_with_its_line(tmp_path):
    file = tmp_path / "policy.yaml"
    for data in (TEXT.encode("utf-16"), b"version: 1\nstate_dir: \xff\nend: policy\n"):
        file.write_bytes(data)
        assert "is not UTF-8; save it as UTF-8" in file_refusal(file)
    assert file_refusal(file).startswith(f"{file}:2:1: byte 23 of the file")


@pytest.mark.parametrize("more", [0, 1])
def test_a_file_may_have_256_kilobytes(more, tmp_path):
    file = tmp_path / "policy.yaml"
    filler = "#" * (MAX_BYTES - len(TEXT.encode()) - 1 + more)
    file.write_text(f"{filler}\n{TEXT}")
    if not more:
        assert isinstance(load(file), LoadedPolicy)
        return
    assert "is larger than 256 KB" in file_refusal(file)


@pytest.mark.parametrize(
    ("char", "sentence"),
    [
        ("\t", "a tab; indent and align with spaces"),
        ("\ufeff", "a byte order mark; save the file as UTF-8 without one"),
        ("\x85", "a character that does not show (U+0085); remove it"),
        ("\u2028", "a character that does not show (LINE SEPARATOR); remove it"),
        ("\u00a0", "a character that does not show (NO-BREAK SPACE); remove it"),
        ("\u202e", "a character that does not show (RIGHT-TO-LEFT OVERRIDE); remove it"),
        ("\x00", "a character that does not show (U+0000); remove it"),
        ("\x1b", "a character that does not show (U+001B); remove it"),
        ("\r", "a character that does not show (U+000D); remove it"),
        ("\ud800", "a character that does not show (U+D800); remove it"),
    ],
)
def test_characters_that_do_not_show_are_refused(char, sentence):
    """Catches text that an editor shows as a comment and YAML reads as a line of its own."""
    assert refusal(f"# first line\n# a{char}fees: {{}}\n{TEXT}") == [f"2:4: {sentence}"]


# Whatever the bytes --------------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(TEXT)), st.integers(0, 12), st.text(st.sampled_from("{}[]:,&*!|>%@`'\"\\#-?~<$ \n\tUu0a1é")))
def test_an_edited_policy_is_loaded_or_refused_and_nothing_else(start, length, insert):
    """Catches an error of YAML's or pydantic's own that escapes as a traceback."""
    text = TEXT[:start] + insert + TEXT[start + length :]
    try:
        loaded = loads(text, source="policy.yaml")
    except PolicyError as refused:
        assert refused.problems
        assert str(refused)
    else:
        assert loaded.sha256 == hashlib.sha256(text.encode()).hexdigest()


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_refused_with_a_reason(text):
    with pytest.raises(PolicyError) as refused:
        loads(text + "\nend: policy\n", source="policy.yaml")
    assert str(refused.value).startswith("policy.yaml:")
