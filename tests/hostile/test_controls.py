"""Each family of the corpus is red when its own bug is planted: a corpus that passes whatever we do shows nothing.

Rule of this file: the bug stands in this process, between the real doors and the real gate; what is sent is noted
instead of sent. The same families are asked of the running program in test_wire.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.doorkit import opened
from tests.gateway.gatekit import RealGate
from tests.hostile.corpus import FAMILIES
from tests.hostile.test_wire import ask_all

from pretrade.gateway.front import enforcer, heads
from pretrade.gateway.way import destination, gate

Patch = pytest.MonkeyPatch


def no_bound_on_bodies(patch: Patch) -> None:
    patch.setattr(heads.RequestReader, "on_headers_complete", lambda self: setattr(self, "_head_complete", True))


def chunks_are_read(patch: Patch) -> None:
    patch.setattr(heads, "_NOT_READ", ())
    patch.setattr(destination, "_REFUSED", ())


def any_value_of_a_header(patch: Patch) -> None:
    patch.setattr(destination, "_HEADER_VALUE", re.compile(".*", re.DOTALL))


def of_two_headers_the_last(patch: Patch) -> None:
    patch.setattr(destination, "_SINGLE", ())
    patch.setattr(destination.RawRequest, "values", lambda self, name: [v for k, v in self.headers if k == name][-1:])


def any_encoding(patch: Patch) -> None:
    patch.setattr(destination, "_header_problem", lambda raw: None)


def obeying(header: str, part: str) -> Callable[[Patch], None]:
    """A client's header that names another method or path is obeyed."""

    def plant(patch: Patch) -> None:
        read = enforcer._raw

        def raw(*args: Any) -> Any:
            made = read(*args)
            return replace(made, **{part: made.value(header) or getattr(made, part)})

        patch.setattr(enforcer, "_raw", raw)

    return plant


def any_request_line(patch: Patch) -> None:
    patch.setattr(destination, "_request_line_problem", lambda raw: None)


def absolute_form_is_cut_short(patch: Patch) -> None:
    split = enforcer._split
    patch.setattr(enforcer, "_split", lambda target: ("", split(target)[1]))


def upgrades_are_not_looked_at(patch: Patch) -> None:
    patch.setattr(gate, "_check_upgrade", lambda raw, found: None)


def any_host_at_the_base_url(patch: Patch) -> None:
    patch.setattr(destination, "_check_base_url", lambda raw, destinations: None)


def any_host_in_a_tunnel(patch: Patch) -> None:
    patch.setattr(destination, "_check_proxy", lambda raw, destinations: None)


def what_is_no_request_is_waited_for(patch: Patch) -> None:
    patch.setattr(
        heads.RequestReader, "_stop", lambda self, *args: heads.Unreadable(destination.DenyCode.FIELD_INVALID, "")
    )


PLANTED: list[tuple[str, str, Callable[[Patch], None]]] = [
    ("lengths", "base_url", no_bound_on_bodies),
    ("transfers", "base_url", chunks_are_read),
    ("headers", "base_url", any_value_of_a_header),
    ("headers", "proxy", of_two_headers_the_last),
    ("headers", "base_url", any_encoding),
    ("overrides", "base_url", obeying("x-http-method-override", "method")),
    ("overrides", "proxy", obeying("x-original-url", "target")),
    ("lines", "base_url", any_request_line),
    ("targets", "base_url", absolute_form_is_cut_short),
    ("targets", "proxy", any_request_line),
    ("upgrades", "base_url", upgrades_are_not_looked_at),
    ("hosts", "base_url", any_host_at_the_base_url),
    ("hosts", "proxy", any_host_in_a_tunnel),
    ("raw", "base_url", what_is_no_request_is_waited_for),
]


async def wrong(leaf: Path, folder: Path, family: str, door: str) -> dict[str, str]:
    """The cases of a family that are answered otherwise than listed."""
    made = RealGate(folder)
    async with opened(made.gate, leaf, 5, stalled_s=0.5 if family == "raw" else 5) as way:
        hosts = frozenset({f"127.0.0.1:{way.base_url_port}"})
        made.instance.destinations = replace(made.instance.destinations, base_url_hosts=hosts)
        seen = await ask_all(way, door, FAMILIES[family], [])
    return {name: was for name, was in seen.items() if was != FAMILIES[family][name][1]}


@pytest.mark.parametrize(("family", "door", "plant"), PLANTED, ids=lambda value: getattr(value, "__name__", value))
async def test_a_planted_bug_is_seen(
    leaf: Path, tmp_path: Path, monkeypatch: Patch, family: str, door: str, plant: Callable[[Patch], None]
) -> None:
    plant(monkeypatch)
    assert await wrong(leaf, tmp_path, family, door) != {}


@pytest.mark.parametrize("family", FAMILIES)
async def test_without_one_there_is_nothing_wrong(leaf: Path, tmp_path: Path, family: str) -> None:
    """Catches controls that are red by themselves."""
    assert await wrong(leaf, tmp_path, family, "base_url") == {}


def test_every_family_has_its_control() -> None:
    assert {family for family, _, _ in PLANTED} == FAMILIES.keys()
