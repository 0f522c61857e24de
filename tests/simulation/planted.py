"""Faults to plant into a copy of the product, to see that the simulated worlds find each of them.

Rule of this file: an edit replaces text that must be there exactly once; where the product has changed, the fault is
planted anew, not left out. `python -m tests.simulation.planted NAME` plays worlds with one until it is found.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
MOST_SEEDS = 200
_PLAY = """
import sys
from tests.simulation.world import play
for seed in range(int(sys.argv[1])):
    broken = play(seed).broken
    if broken:
        print(seed + 1, broken)
        break
"""


@dataclass(frozen=True)
class Edit:
    """In this file of the product, `old` becomes `new`."""

    file: str
    old: str
    new: str


_WRITES, _SENDING, _LEDGER = "gateway/way/writes.py", "gateway/way/sending.py", "risk/ledger/ledger.py"
_SETTLED = "        self._instance.ledger.settle(request.decision_id, outcome, at_ms)\n"
_MARKED = "        if outcome.state is OutcomeState.UNKNOWN:\n            self._mark("

FAULTS: dict[str, tuple[Edit, ...]] = {
    "sign before commit": (
        Edit(
            _WRITES,
            "                await row.pending\n",
            "                row.pending.add_done_callback(lambda _: None)\n",
        ),
    ),
    "hold dropped on timeout": (
        Edit(
            _LEDGER,
            "elif state in (OutcomeState.REJECTED, OutcomeState.NOT_SENT, OutcomeState.ABSENT):",
            "elif state in (OutcomeState.REJECTED, OutcomeState.NOT_SENT, OutcomeState.ABSENT, OutcomeState.UNKNOWN):",
        ),
    ),
    "write sent again": (
        Edit(
            _SENDING,
            "        except Unknown as e:\n",
            "        except Unknown as e:\n            await self._instance.upstream.send(signed, lane=lane)\n",
        ),
    ),
    "unknown freed by a timer": (
        Edit(
            _SENDING,
            _SETTLED,
            _SETTLED + "        if outcome.state is OutcomeState.UNKNOWN:\n"
            "            import asyncio\n"
            "            free = Outcome(OutcomeState.NOT_SENT)\n"
            "            asyncio.get_running_loop().call_later(1, self.settle, request, free)\n",
        ),
    ),
    "await between check and hold": (
        Edit(_WRITES, "    def _judge(", "    async def _judge("),
        Edit(_WRITES, "= self._judge(request)", "= await self._judge(request)"),
        Edit(
            _WRITES,
            "        legs = instance.ledger.approve(",
            "        await asyncio.sleep(0.001)\n        legs = instance.ledger.approve(",
        ),
    ),
    "cancel body believed": (
        Edit(
            _LEDGER,
            _MARKED,
            "        canceled = self.live.by_order_id(getattr(pending.write, 'order_id', ''))\n"
            "        is_cancel = type(pending.write).__name__ == 'CancelOrder'\n"
            "        if canceled is not None and is_cancel and outcome.state is OutcomeState.ACCEPTED:\n"
            "            self.end(canceled.key, at_ms)\n" + _MARKED,
        ),
    ),
    "row skipped by the fold": (
        Edit(
            "gateway/account/restore.py",
            "    for event in events:\n",
            "    for event in events:\n        if event.seq % 5 == 0:\n            continue\n",
        ),
    ),
    "amend counts its new terms only": (
        Edit(
            "risk/ledger/live_order.py",
            "terms=(*self.terms, terms), ",
            "terms=(replace(self.terms[0], price=terms.price, total=terms.total), terms), ",
        ),
    ),
    "resting order not counted": (
        Edit(
            _LEDGER,
            "        if not self.live.orders[order.key].remaining:\n            self.end(",
            "        if self.live.orders[order.key]:\n            self.end(",
        ),
    ),
    "spent signatures forgotten": (
        Edit("gateway/way/replay.py", "        self._spent.add(bytes.fromhex(signature))\n", "        return\n"),
        Edit("gateway/way/identity.py", "    if who.timestamp_ms < started_ms:", "    if not started_ms:"),
    ),
    "sent after the client was told it was not": (
        Edit(_SENDING, "            if attempt.abandoned:\n", "            if not attempt:\n"),
    ),
    "unknown told as not sent": (
        Edit(
            _SENDING,
            "return outcome, refused(request, DenyCode.OUTCOME_UNKNOWN, str(e))",
            "return outcome, refused(request, DenyCode.EXCHANGE_UNREACHABLE, str(e))",
        ),
    ),
}


def plant(name: str, folder: Path) -> Path:
    """A copy of the source root in a folder, with a fault in it. Raises ValueError where its text is not there once."""
    root = folder / "proxy"
    shutil.copytree(ROOT / "proxy", root, ignore=shutil.ignore_patterns("__pycache__"))
    for file, text in planted(name).items():
        (root / "pretrade" / file).write_text(text)
    return root


def planted(name: str) -> dict[str, str]:
    """The files that a fault changes, as they are with it. Raises ValueError where its text is not there once."""
    files: dict[str, str] = {}
    for edit in FAULTS[name]:
        text = files.get(edit.file) or (ROOT / "proxy" / "pretrade" / edit.file).read_text()
        if text.count(edit.old) != 1:
            raise ValueError(f"{name}: {edit.file} has {text.count(edit.old)} times {edit.old!r}; plant it anew")
        files[edit.file] = text.replace(edit.old, edit.new)
    return files


def hunt(name: str, most: int = MOST_SEEDS) -> str:
    """Play worlds with a fault: "SEEDS what was broken", or nothing where no world found it."""
    with tempfile.TemporaryDirectory() as folder:
        root = plant(name, Path(folder))
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(root), str(ROOT)])}
        command = [sys.executable, "-c", _PLAY, str(most)]
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    if "the gate raised" in done.stdout:
        raise RuntimeError(f"{name} does not run where it is planted: {done.stdout}")
    return done.stdout.strip()


def main() -> None:
    """Hunt for one fault, or for all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="*", help=f"of {', '.join(FAULTS)}; all of them by default")
    for name in parser.parse_args().name or FAULTS:
        print(f"{name}: {hunt(name) or 'NOT FOUND'}", flush=True)


if __name__ == "__main__":
    main()
