"""The fuzzers of test_fuzz.py, whose top says what must hold, and how to run them for hours:

    make fuzz CASES=10000000 SEED=1

goes through half as many cases at the decoder and half at the front door, in rounds with seeds of their own, a line a
round. What fails is printed with its bytes and with the command that runs its round again. On two cores, run each half
as a process: `.venv/bin/python -m tests.hostile.fuzzing --what decoder`, and `--what front-door`.

On 2026-11-22, 2,000,000 cases at the decoder, 1,060,000 at the base-URL door alone and 220,000 at both doors went by
without a finding, at 3,900, 640 and 370 a second beside other work: of that, 10 million are some four hours.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from tests.gateway.gatekit import ORDERS, order
from tests.hostile.front import KINDS, Front, Said
from tests.hostile.mutants import examples, neighbours

from pretrade.kalshi.endpoints import find
from pretrade.kalshi.wire import WireError, decode, describe, encode, restore
from pretrade.model.orders import Write

BODIES: dict[str, list[str]] = {
    ORDERS: [
        order().decode(),
        order(expiration_time=1_800_000_000, subaccount=0, exchange_index=-1, order_group_id="g-1").decode(),
        order(time_in_force="immediate_or_cancel", reduce_only=True, client_order_id=None).decode(),
        order(post_only=True, cancel_order_on_pause=False).decode(),
    ],
    f"{ORDERS}/batched": [f'{{"orders":[{order().decode()}, {order().decode()}]}}'],
    f"{ORDERS}/o-1/amend": ['{"ticker":"KXBTC-1","side":"ask","price":"0.5600","count":"1.50","expiration_time":0}'],
    f"{ORDERS}/o-1/decrease": ['{"reduce_by":"1.00"}', '{"reduce_to":"0.00","market_ticker":"KXBTC-1"}'],
}


def agrees(write: Write, body: bytes) -> None:
    """What was read is in the client's bytes as another reader sees them, and in ours as we read them again."""
    sent = encode(write)
    found = find(sent.method, sent.path)
    assert found is not None
    assert decode(found, sent.query, "application/json", sent.body) == write == restore(describe(write))
    theirs, ours = json.loads(body, object_pairs_hook=_once), json.loads(sent.body)
    for client, own in zip(theirs.get("orders", [theirs]), ours.get("orders", [ours]), strict=True):
        assert own.items() <= {name: _plain(name, value) for name, value in client.items()}.items(), (client, own)
        assert all(value is False for name, value in client.items() if name not in own), (client, own)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object in which every key stands once: of two, parsers elsewhere take the first, the last, or none."""
    assert len(dict(pairs)) == len(pairs), pairs
    return dict(pairs)


def _plain(name: str, value: object) -> object:
    places = {"price": 4, "count": 2, "reduce_by": 2, "reduce_to": 2}.get(name)
    if places is None or not isinstance(value, str):
        return value
    whole, _, fraction = value.partition(".")
    return f"{whole}.{fraction.ljust(places, '0')}"


def decoder_case(path: str, body: bytes) -> bool:
    """One body at the decoder; whether it was read."""
    found = find("POST", path)
    assert found is not None
    try:
        write = decode(found, "", "application/json", body)
    except WireError as error:
        assert str(error).isprintable(), body
        return False
    agrees(write, body)
    return True


@dataclass(frozen=True, slots=True)
class Tally:
    """How many cases were tried, and how many of them said a write: were read as one, or sent as one."""

    cases: int
    writes: int


def fuzz_decoder(count: int, seed: int) -> Tally:
    """Try so many examples' neighbours at the decoder. Raises AssertionError, or what the decoder should not raise."""
    seen = {"cases": 0, "read": 0}

    @examples(count, seed)
    @given(st.sampled_from([(path, body) for path, bodies in BODIES.items() for body in bodies]), st.integers(0, 2**48))
    def run(chosen: tuple[str, str], number: int) -> None:
        for body in neighbours(chosen[1].encode(), number):
            seen["cases"] += 1
            seen["read"] += decoder_case(chosen[0], body)

    run()
    return Tally(seen["cases"], seen["read"])


def fuzz_front_door(count: int, seed: int, folder: Path) -> Tally:
    """Try so many examples' neighbours at readers, hooks and gate. Raises AssertionError, or what none should raise."""
    front = Front(folder)
    runner = asyncio.Runner()

    async def all_of(said: Said, number: int) -> None:
        rng = random.Random(number + 1)
        front.forget()
        for neighbour in neighbours(said.data, number):
            await front.case(said.but(neighbour), rng)

    @examples(count, seed)
    @given(st.sampled_from(sorted(KINDS)), st.integers(0, 2**48))
    def run(kind: str, number: int) -> None:
        runner.run(all_of(KINDS[kind](), number))

    with runner:
        run()
    return Tally(front.cases, front.sent)


ROUND = 200
"""Examples of a round, each with its neighbours: 20,000 cases."""
FUZZERS = ("decoder", "front-door")


def _round(what: str, seed: int) -> Tally:
    if what == "decoder":
        return fuzz_decoder(ROUND, seed)
    with tempfile.TemporaryDirectory(prefix="pretrade-fuzz-") as folder:
        return fuzz_front_door(ROUND, seed, Path(folder))


def for_long(what: str, cases: int, seed: int) -> None:
    """Run rounds until so many cases are done; the round that fails says how to run it again, and raises."""
    done = writes = 0
    began = time.monotonic()
    while done < cases:
        try:
            tally = _round(what, seed)
        except BaseException:
            again = f"python -m tests.hostile.fuzzing --what {what} --seed {seed} --cases 1"
            print(f"{what}: ended in the round of seed {seed}, after {done:,} cases; again with: {again}", flush=True)
            raise
        done, writes, seed = done + tally.cases, writes + tally.writes, seed + 1
        rate = done / (time.monotonic() - began)
        print(f"{what}: {done:,} of {cases:,} cases, {writes:,} said a write, {rate:.0f} a second", flush=True)


def main() -> None:
    """Run one fuzzer, or one after the other."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.fuzzing")
    parser.add_argument("--cases", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=1, help="of the first round; each has the one after")
    parser.add_argument("--what", choices=FUZZERS, help="in place of half the cases at each")
    options = parser.parse_args()
    chosen = [options.what] if options.what else FUZZERS
    for what in chosen:
        for_long(what, -(-options.cases // len(chosen)), options.seed)


if __name__ == "__main__":
    sys.exit(main())
