"""World files: taken whole or refused with line, column, what was expected and the nearest right name."""

import base64
import json
from pathlib import Path

import pytest
from tests.practice.worlds.kit import HEAD, QUIET, example, world

from pretrade.kalshi.keys import generate_private_key, load_public_key, public_pem_of
from pretrade.model.orders import Side
from pretrade.practice.faults.plan import FaultKind
from pretrade.practice.simulation import Simulation
from pretrade.practice.worldfile import WorldError, default_scenario, load_world, read_world, world_keys
from pretrade.practice.worlds.forms import When
from pretrade.practice.worlds.schema import WorldKeys

MARKET = "markets:\n  - {ticker: KXS-E-A, event: KXS-E, yes_sub_title: A, closes: +1d"


def complaints(text, folder=Path("/nowhere")):
    with pytest.raises(WorldError) as refused:
        read_world(text, source="w.yaml", folder=folder)
    return [f"{problem.line}:{problem.column}: {problem}" for problem in refused.value.problems]


WRONG = [
    # the shape
    ("nonsense: 1\n", ["1:1: nonsense: unknown key", "1:1: version: missing", "1:1: markets: missing"]),
    (HEAD, ["1:1: markets: missing; a world must state it"]),
    (HEAD + "markets: []\n", ["9:10: markets: must have at least one entry"]),
    (HEAD + MARKET + "}\n  - &x {}\n", ["11:5: markets[1]: anchors (&x) are not allowed"]),
    (HEAD + MARKET + "}\nmaket: {kind: none}\n", ["11:1: maket: unknown key; did you mean maker?"]),
    (HEAD + MARKET + ", struture: deci_cent}\n", ["10:68: markets[0].struture: unknown key; did you mean structure?"]),
    # single values
    (HEAD + MARKET + ", mid: 0.5}\n", ["10:73: markets[0].mid: must carry its unit, as in \"$0.45\", was '0.5'"]),
    (HEAD + MARKET + ", mid: $1.5}\n", ["10:73: markets[0].mid: a price must lie between 0 and 1 dollar"]),
    (HEAD + MARKET + ", shard: one}\n", ["10:75: markets[0].shard: a shard must be a plain whole number like 25"]),
    (HEAD + MARKET + ", opens: tomorrow}\n", ["10:75: markets[0].opens: must be a moment like 2026-12-31T17:00:00Z"]),
    (HEAD + MARKET + ", opens: 2026-13-31T17:00:00Z}\n", ["there is no such moment: '2026-13-31T17:00:00Z'"]),
    (HEAD + MARKET + ", opens: --1d}\n", ["must be a moment like"]),
    (HEAD + MARKET + "}\nmaker: {kind: walk, every: 0s}\n", ["11:28: maker.every: must be a duration of at least 1ms"]),
    (HEAD + MARKET + "}\nmaker: {kind: dance}\n", ["11:15: maker.kind: must be none, static, reactive or walk"]),
    (HEAD + MARKET + "}\nread_lag: {order: 5}\n", ["11:19: read_lag.order: must be a duration like 500ms, 30s"]),
    # between keys
    (
        HEAD + MARKET + ", mid: $0.505}\n",
        ["markets[0].mid: $0.5050 lies between ticks of linear_cent; nearest: $0.5000"],
    ),
    (HEAD + MARKET + ", opens: +2d}\n", ["10:63: markets[0].closes: must be later than `opens`"]),
    (
        HEAD.replace("series: KXS,", "series: KSX,") + MARKET + "}\n",
        ["5:29: events[0].series: no series is called KSX; did"],
    ),
    (HEAD.replace("crowd", "maker") + MARKET + "}\n", ["accounts.maker: belongs to the exchange itself"]),
    (
        HEAD + MARKET + ", book: [{account: crwd, side: bid, price: $0.10, count: 1}]}\n",
        ["markets[0].book[0].account: no account is called crwd; did you mean crowd?"],
    ),
    (
        HEAD + MARKET + "}\n  - {ticker: KXS-E-A, event: KXS-E, yes_sub_title: B, closes: +1d}\n",
        ["is already markets[0]"],
    ),
    (
        HEAD + MARKET + "}\nnoise: {every: 1s, smallest: 5, largest: 2}\n",
        ["noise.smallest: must be from 1 to `largest`"],
    ),
    (HEAD + MARKET + "}\nmaker: {kind: static, gap: 0}\n", ["maker.gap: must be at least 1"]),
    # faults and steps
    (QUIET + "faults:\n  - {kind: hodl}\n", ["13:12: faults[0].kind: cannot be 'hodl'; did you mean hold?"]),
    (QUIET + "faults:\n  - {kind: hold, secnds: 3}\n", ["13:26: faults[0].secnds: unknown key; did you mean seconds?"]),
    (
        QUIET + "faults:\n  - {kind: hold, seconds: 9999}\n",
        ["13:27: faults[0].seconds: should be less than or equal to 600"],
    ),
    (QUIET + "stream_faults:\n  - {kind: delay}\n", ["13:5: stream_faults[0]: a delay needs seconds above 0"]),
    (
        QUIET + "script:\n  - {at: 1s, do: moev}\n",
        ["13:18: script[0].do: there is no action 'moev'; did you mean move?"],
    ),
    (
        QUIET + "script:\n  - {at: 1s, do: move, market: KXS-E-A}\n",
        ["13:5: script[0].price: missing; this must be said"],
    ),
    (QUIET + "script:\n  - {at: 1s, do: clear_faults, all: yes}\n", ["script[0].all: unknown key; none is taken"]),
    (QUIET + "script:\n  - {do: move}\n", ["13:5: script[0].at: missing; a world must state it, as in at: 30s"]),
    # keys and extras
    (
        QUIET + "keys:\n  - {key_id: k, account: main, public_key: none.pem}\n",
        ["keys[0].public_key: must be the path of"],
    ),
    (
        QUIET + "keys:\n  - {key_id: k, account: main, public_key: none.pem, scopes: [wirte]}\n",
        ["no scope is called wirte"],
    ),
    (
        QUIET + "keys:\n  - {key_id: k, account: main, public_key: none.pem, scopes: [write]}\n",
        ["must have read wherever"],
    ),
    (QUIET + "extras: none.json\n", ["12:9: extras: must be the path of a JSON file"]),
]


@pytest.mark.parametrize(("text", "expected"), WRONG, ids=[said[0] for _, said in WRONG])
def test_what_is_wrong_is_told_with_its_place(text, expected):
    """Each row is one mistake; the text says where it is, what was expected and, where there is one, the right name."""
    told = complaints(text)
    for said in expected:
        assert any(said in one for one in told), told
    assert len(told) <= max(2, len(expected) + 2)


def test_all_mistakes_are_told_at_once_and_shown_with_a_caret():
    text = QUIET.replace("kind: none", "kind: nona").replace("+1d", "later")
    with pytest.raises(WorldError) as refused:
        world(text)
    assert len(refused.value.problems) == 2
    assert "maker: {kind: nona}\n                  ^" in str(refused.value)


def test_a_file_that_cannot_be_read_is_told_by_its_name(tmp_path):
    with pytest.raises(WorldError, match=r"none\.yaml: cannot be read: No such file"):
        load_world(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"a: \xff\n")
    with pytest.raises(WorldError, match="is not UTF-8"):
        load_world(tmp_path / "latin.yaml")
    (tmp_path / "tab.yaml").write_text("a:\t1\n")
    with pytest.raises(WorldError, match="a tab; indent and align with spaces"):
        load_world(tmp_path / "tab.yaml")
    (tmp_path / "big.yaml").write_text("#" * (4 * 1024 * 1024 + 1))
    with pytest.raises(WorldError, match="larger than 4 MB"):
        load_world(tmp_path / "big.yaml")


def test_keys_come_from_files_or_one_line_and_count_for_the_digest(tmp_path):
    """Catches a state file that goes on with a world whose key file was exchanged."""
    pem = public_pem_of(generate_private_key("ed25519").public_key())
    inline = base64.b64encode(base64.b64decode(b"".join(pem.splitlines()[1:-1]))).decode()
    (tmp_path / "bot.pem").write_bytes(pem)
    (tmp_path / "w.yaml").write_text(
        QUIET + "keys:\n"
        "  - {key_id: file, account: main, public_key: bot.pem}\n"
        f"  - {{key_id: line, account: main, public_key: {inline}, subaccount: 1, region_until: +2d}}\n"
    )
    scenario = load_world(tmp_path / "w.yaml")
    assert [key.public_key for key in scenario.keys] == [load_public_key(pem)] * 2
    assert scenario.regions == {"main": When(2 * 86_400_000_000, relative=True)}
    (tmp_path / "bot.pem").write_bytes(public_pem_of(generate_private_key("ed25519").public_key()))
    assert load_world(tmp_path / "w.yaml").sha256 != scenario.sha256


def test_extras_come_from_a_json_file_and_are_judged(tmp_path):
    extras = {"structured_targets": [{"id": "t", "name": "T", "type": "team"}]}
    (tmp_path / "x.json").write_text(json.dumps(extras))
    scenario = read_world(QUIET + "extras: x.json\n", source="w", folder=tmp_path)
    assert scenario.extras == extras
    assert Simulation(scenario).body("GET", "/trade-api/v2/structured_targets")["structured_targets"][0]["name"] == "T"
    for wrong, said in (("[]", "one JSON object"), ('{"milestone": []}', "milestones"), ("{", "path of a JSON file")):
        (tmp_path / "x.json").write_text(wrong)
        assert any(said in one for one in complaints(QUIET + "extras: x.json\n", tmp_path)), said


def test_faults_of_a_world_are_read_as_what_they_are():
    scenario = world(QUIET + "faults:\n  - {kind: status, status: 503, times: 2, probability: 0.5, execute: true}\n")
    fault = scenario.faults[0]
    assert (fault.kind, fault.status, fault.times, fault.probability, fault.execute) == (
        FaultKind.STATUS, 503, 2, 0.5, True,
    )  # fmt: skip
    assert Simulation(scenario).practice.faults.waiting()[0].fault == fault


def test_every_key_of_a_world_says_what_it_means():
    for info in world_keys():
        assert info.meaning.endswith("."), str(info)
    assert {info.where[0] for info in world_keys()} == set(WorldKeys.model_fields)


@pytest.mark.parametrize("name", ["quiet", "wild", "sharded"])
def test_every_example_can_be_read_and_opened(name):
    assert Simulation(example(name)).practice.exchange.markets


def test_the_default_world_has_its_tickers_its_makers_and_its_cash():
    """Catches a changed default world: everybody's first bot, the demo and the docs know these names."""
    simulation = Simulation(default_scenario())
    assert list(simulation.practice.exchange.markets) == [
        "KXBTC-26DEC31-T100000",
        "KXBTC-26DEC31-T120000",
        "KXBTC-26DEC31-T150000",
        "KXHIGHNY-26NOV22-T52",
        "KXHIGHNY-26NOV22-T57",
        "KXFED-26DEC-T4.25",
        "KXFED-26DEC-T4.00",
    ]
    assert simulation.account().cash_of(0, 0) == 10_000 * 1_000_000
    assert simulation.practice.exchange.markets["KXBTC-26DEC31-T100000"].market.title == (
        "Bitcoin price at the end of 2026: $100,000 or above?"
    )
    for state in simulation.practice.exchange.markets.values():
        assert [len(state.book.depth(side)) for side in Side] == [5, 5], state.market.ticker
