"""Every spelling of a price and a count, in every shape of a request: read exactly, or refused.

Rule of this file: what a spelling is worth is worked out here, in fractions, by a grammar of its own. What is accepted
is then read by other JSON parsers, and all of them must see the figures that we sent on.
"""

import base64
import itertools
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pydantic_core
import pysqlite3
import pytest
import yaml

from pretrade.kalshi.endpoints import find
from pretrade.kalshi.wire import WireError, decode, encode
from pretrade.model.codes import DenyCode

ORDERS = "/trade-api/v2/portfolio/events/orders"
_PLAIN = re.compile(r'"((?:0|[1-9][0-9]{0,11})(?:\.[0-9]+)?)"')
"""The one spelling of a figure: a JSON string with a plain decimal in it."""


def prices(cents: int) -> list[str]:
    """JSON texts that somebody may write for this many cents, some of them for something else by mistake."""
    whole, dollars = str(cents), f"{cents // 100}.{cents % 100:02d}"
    return [
        f'"{dollars}"', f'"{dollars}0"', f'"{dollars}00"', f'"{dollars}000"', f'"{dollars}01"', f'"{dollars}1"',
        f'"{dollars.rstrip("0").rstrip(".")}"', f'"{dollars.lstrip("0")}"', f'"0{dollars}"', f'"+{dollars}"',
        f'"-{dollars}"', f'" {dollars}"', f'"{dollars} "', f'"{dollars}\\n"', f'"${dollars}"', f'"{dollars}e0"',
        f'"{whole}e-2"', f'"{dollars.replace(".", ",")}"', f'"{whole}"', f'"{whole}c"', f'"0x{cents:x}"',
        f'"{dollars}_0"',
        f'"{dollars.translate({48 + d: 0xFF10 + d for d in range(10)})}"', f'"\\u0030{dollars}"',
        "".join(("\"", *(f"\\u{ord(c):04x}" for c in dollars), "\"")), dollars, whole, f"{dollars}0", f"{whole}e-2",
        f"-{whole}", f'["{dollars}"]', f'{{"dollars":"{dollars}"}}', "null", "true", '""', '"NaN"', "NaN", "1e400",
    ]  # fmt: skip


COUNTS = [
    '"1"', '"1.0"', '"1.00"', '"1.000"', '"0.01"', '"0.001"', '"0"', '"0.00"', '"10.50"', '"100"', '"999999999999"',
    '"1000000000000"', '"01"', '"+1"', '"-1"', '"1e0"', '"1_0"', '" 1"', '"1 "', '"\\u0031"', '"１"', '"1,0"', '".5"',
    '"1."', '""', "1", "1.0", "-1", "0", "true", "null", "NaN", "Infinity", '"Infinity"', '["1"]',
]  # fmt: skip


def worth(text: str, places: int) -> Fraction | None:
    """What a JSON text says, where it says it in the one spelling; None where it is to be refused."""
    try:
        said = json.loads(text)
    except ValueError:
        return None
    if not isinstance(said, str) or not _PLAIN.fullmatch(f'"{said}"'):
        return None
    if len(said.partition(".")[2]) > places:
        return None
    return Fraction(said)


def price_worth(text: str) -> Fraction | None:
    value = worth(text, 4)
    return value if value is not None and 0 < value < 1 else None


def count_worth(text: str) -> Fraction | None:
    value = worth(text, 2)
    return value if value is not None and value > 0 else None


REST = '"time_in_force":"good_till_canceled","self_trade_prevention_type":"taker_at_cross"'
type Shape = Callable[[str, str], tuple[str, str]]


def create(price: str, count: str) -> tuple[str, str]:
    return ORDERS, f'{{"ticker":"KXBTC-1","side":"bid","count":{count},"price":{price},{REST}}}'


def batch_of_one(price: str, count: str) -> tuple[str, str]:
    return f"{ORDERS}/batched", f'{{"orders":[{create(price, count)[1]}]}}'


def amend(price: str, count: str) -> tuple[str, str]:
    return f"{ORDERS}/o-1/amend", f'{{"ticker":"KXBTC-1","side":"bid","price":{price},"count":{count}}}'


SHAPES: list[Shape] = [create, batch_of_one, amend]


def figures(path: str, body: str) -> dict[str, Any] | None:
    """What we read in a body, in our own bytes' words; None where it is refused."""
    found = find("POST", path)
    assert found is not None
    try:
        write = decode(found, "", "application/json", body.encode())
    except WireError as error:
        assert error.code in {DenyCode.FIELD_INVALID, DenyCode.BODY_UNDECODABLE}, error
        return None
    return leg_of(json.loads(encode(write).body))


def leg_of(document: dict[str, Any]) -> dict[str, Any]:
    """The one order of a body, or the second of three."""
    orders = document.get("orders", [document])
    return orders[len(orders) // 2]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_price_in_every_spelling(shape: Shape) -> None:
    """Catches a price that is rounded, guessed in cents, or read from a number; and one that is refused though it is in
    the one spelling. Seen red with float(), with Decimal(), and without the limit on decimals."""
    accepted = 0
    for cents in range(102):
        for price, count in itertools.product(prices(cents), ('"1"', '"10.50"')):
            seen, expected = figures(*shape(price, count)), price_worth(price)
            assert (seen is None) is (expected is None), (price, seen)
            if seen is not None:
                accepted += 1
                assert Fraction(seen["price"]) == expected, price
                assert Fraction(seen["count"]) == worth(count, 2)
    assert accepted > 800


@pytest.mark.parametrize("shape", SHAPES)
def test_every_count_with_every_price_form(shape: Shape) -> None:
    """Catches a count that is rounded or taken from a number, whatever price stands beside it."""
    for count, price in itertools.product(COUNTS, (*prices(56), *prices(1), *prices(100))):
        seen, expected = figures(*shape(price, count)), (price_worth(price), count_worth(count))
        assert (seen is None) is (None in expected), (price, count, seen)
        if seen is not None:
            assert (Fraction(seen["price"]), Fraction(seen["count"])) == expected


def second_of_three(price: str, count: str) -> tuple[str, str]:
    good = create('"0.5000"', '"2.00"')[1]
    return f"{ORDERS}/batched", f'{{"orders":[{good},{create(price, count)[1]},{good}]}}'


def with_everything(price: str, count: str) -> tuple[str, str]:
    more = '"post_only":true,"client_order_id":"c-1","expiration_time":1800000000,"subaccount":0,"exchange_index":0'
    return ORDERS, create(price, count)[1].removesuffix("}") + f",{more}}}"


def price_last(price: str, count: str) -> tuple[str, str]:
    return ORDERS, f'{{{REST},"side":"ask","count":{count},"ticker":"KXBTC-1","price":{price}}}'


def spaced(body: str) -> str:
    return body.replace('":', '": ').replace(',"', ', "')


def on_lines(body: str) -> str:
    return body.replace("{", "{\n  ").replace(',"', ',\r\n\t"') + "\n"


def escaped(body: str) -> str:
    """The names of the two figures, as a serialiser that escapes letters writes them."""
    return body.replace('"price"', '"\\u0070rice"').replace('"count"', '"coun\\u0074"')


CLIENTS: dict[str, Callable[[str], str]] = {
    "compact, as Go and JavaScript write": str, "spaced, as Python writes": spaced, "on lines": on_lines,
    "escaped": escaped,
}  # fmt: skip
"""How clients lay out the same body."""


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("shape", [*SHAPES, second_of_three, with_everything, price_last])
def test_every_price_with_every_count(shape: Shape, client: str) -> None:
    """Catches what only a pair of forms, a place in a body or a layout brings out: the whole product of prices (102 in
    38 spellings), counts (35), shapes (6) and clients (4), 3.2 million bodies."""
    lay_out, accepted = CLIENTS[client], 0
    expected = {count: count_worth(count) for count in COUNTS}
    for cents in range(102):
        for price in prices(cents):
            value = price_worth(price)
            for count in COUNTS:
                path, body = shape(price, count)
                seen = figures(path, lay_out(body))
                if value is None or expected[count] is None:
                    assert seen is None, (price, count)
                    continue
                accepted += 1
                assert seen is not None, (price, count)
                assert (Fraction(seen["price"]), Fraction(seen["count"])) == (value, expected[count])
    assert accepted > 5_000


@pytest.mark.parametrize("name", ["reduce_by", "reduce_to"])
def test_every_count_of_a_decrease(name: str) -> None:
    """Catches a decrease by nothing, or to something else than was said; zero is a count to reduce to."""
    for count in COUNTS:
        seen = figures(f"{ORDERS}/o-1/decrease", f'{{"{name}":{count}}}')
        expected = worth(count, 2) if name == "reduce_to" else count_worth(count)
        assert (seen is None) is (expected is None), (count, seen)
        if seen is not None:
            assert Fraction(seen[name]) == expected


NODE = Path(sys.executable).parent / "node"
NODE_PROGRAM = """
const lines = require("fs").readFileSync(0, "utf8").trim().split("\\n");
for (const line of lines) {
  const o = JSON.parse(Buffer.from(line, "base64").toString("utf8"));
  console.log(JSON.stringify(o.orders ? o.orders[0] : o));
}
"""


def by_node(bodies: list[str]) -> Iterator[dict[str, Any]]:
    lines = "\n".join(base64.b64encode(body.encode()).decode() for body in bodies)
    done = subprocess.run(
        [NODE, "-e", NODE_PROGRAM], input=lines, capture_output=True, text=True, timeout=60, check=True
    )
    return map(json.loads, done.stdout.splitlines())


def by_sqlite(bodies: list[str]) -> Iterator[dict[str, Any]]:
    database = pysqlite3.connect(":memory:")
    try:
        for body in bodies:
            root = "$.orders[0]" if '"orders"' in body else "$"
            rows = database.execute("select key, atom from json_each(?, ?)", (body, root))
            yield dict(rows.fetchall())
    finally:
        database.close()


PARSERS: dict[str, Callable[[list[str]], Iterable[dict[str, Any]]]] = {
    "json": lambda bodies: (leg_of(json.loads(body)) for body in bodies),
    "pydantic_core": lambda bodies: (leg_of(pydantic_core.from_json(body.encode())) for body in bodies),
    "sqlite": by_sqlite,
    "node": by_node,
    "yaml": lambda bodies: (leg_of(yaml.safe_load(body)) for body in bodies[::50]),
}


@pytest.fixture(scope="module")
def accepted() -> list[tuple[str, dict[str, Any]]]:
    """Every body that we accept, and what we read in it."""
    made = [shape(price, '"10.50"') for cents in range(102) for price in prices(cents) for shape in SHAPES]
    made += [shape(price, count) for count in COUNTS for price in prices(56) for shape in SHAPES]
    made += [
        (f"{ORDERS}/o-1/decrease", f'{{"{name}":{count}}}') for name in ("reduce_by", "reduce_to") for count in COUNTS
    ]
    return [(body, seen) for path, body in made if (seen := figures(path, body)) is not None]


@pytest.mark.parametrize("parser", PARSERS)
def test_other_parsers_read_the_same_figures(parser: str, accepted: list[tuple[str, dict[str, Any]]]) -> None:
    """Catches a body that says one thing to us and another to a parser elsewhere (yaml, the slow one, reads a part)."""
    step = 50 if parser == "yaml" else 1
    readings = list(PARSERS[parser]([body for body, _ in accepted]))
    assert len(readings) == len(accepted[::step]) > 20
    for (body, ours), theirs in zip(accepted[::step], readings, strict=True):
        assert theirs.keys() == ours.keys(), body
        for name in ours:
            if name in {"price", "count", "reduce_by", "reduce_to"}:
                assert Fraction(theirs[name]) == Fraction(ours[name]), (body, theirs)
            else:
                assert theirs[name] == ours[name], body
