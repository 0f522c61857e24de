"""The demo's working folder: as `pretrade init` makes it, with the policies of all three roles in it.

Rule of this file: every role is the default policy with a few of its lines changed; R and ABH get keys that only read.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pretrade.cli import init
from pretrade.cli.demo_story import CHANGES
from pretrade.cli.processes import free_ports
from pretrade.kalshi.keys import generate_private_key, private_pem_of, public_pem_of
from pretrade.practice.api.keys import add_key
from pretrade.practice.certs import write_private

READERS = {"R": "live", "ABH": "dry_run"}
"""The roles that must not be able to trade, and the mode that the demo gives them."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where everything listens: the exchange, and the proxy and base-URL doors of each role."""

    exchange: int
    doors: Mapping[str, tuple[int, int]]


def take_ports() -> Ports:
    """Ports that are free now."""
    exchange, *rest = free_ports(7)
    return Ports(exchange, dict(zip(("W", *READERS), zip(rest[::2], rest[1::2], strict=True), strict=True)))


def policy_name(role: str) -> str:
    """The policy file of a role."""
    return "policy.yaml" if role == "W" else f"policy-{role.lower()}.yaml"


def make(work: Path, ports: Ports) -> None:
    """Make the folder; the practice exchange will know the readers' keys as such."""
    init.make_folder(work, _policy("W", ports, CHANGES))
    for role, mode in READERS.items():
        name = role.lower()
        key = generate_private_key("ed25519")
        write_private(work / "keys" / f"{name}.pem", private_pem_of(key))
        add_key(work / "practice", f"practice-{name}-key", public_pem_of(key.public_key()), ("read",))
        own = (
            ("role: W ", f"role: {role} "),
            ("mode: dry_run", f"mode: {mode}"),
            ("practice-live-key", f"practice-{name}-key"),
            ("keys/live.pem", f"keys/{name}.pem"),
            ("state_dir: state", f"state_dir: state-{name}"),
        )
        (work / policy_name(role)).write_text(_policy(role, ports, own), encoding="utf-8")


def changed_lines(work: Path, role: str) -> Iterator[tuple[str, str]]:
    """The lines of a role's policy that are not the default's, before and after."""
    now = (work / policy_name(role)).read_text(encoding="utf-8").splitlines()
    for before, after in zip(init.default_policy().splitlines(), now, strict=True):
        if before != after:
            yield before, after


def _policy(role: str, ports: Ports, changes: tuple[tuple[str, str], ...]) -> str:
    """Raises LookupError where the default policy has none of a text that is to be changed."""
    proxy, base_url = ports.doors[role]
    places = (("8080", proxy), ("8081", base_url), ("9443", ports.exchange))
    text = init.default_policy()
    for old, new in (*changes, *((f"127.0.0.1:{port}", f"127.0.0.1:{taken}") for port, taken in places)):
        if old not in text:
            raise LookupError(f"the default policy has no {old!r}")
        text = text.replace(old, new)
    return text
