"""How property tests search: the same cases each time in `make test`, new ones with every seed in `make test-long`.

What depends on the machine's speed or on a seed's luck is no finding: whether a strategy filters too much is decided by
the cases that stay the same.
"""

import gc
import os
import sys
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

_CALM = [HealthCheck.too_slow, HealthCheck.data_too_large]

settings.register_profile("quick", max_examples=50, derandomize=True, deadline=None, suppress_health_check=_CALM)
_LUCK = [*_CALM, HealthCheck.filter_too_much]
settings.register_profile("long", max_examples=500, deadline=None, suppress_health_check=_LUCK, print_blob=True)
settings.load_profile(os.environ.get("PRETRADE_SEARCH", "quick"))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the collector off what is made here and stays: modules and thousands of tests, which it would look through
    again and again, now and at every full collection later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_sessionfinish() -> None:
    """End the parent of the tests' programs: here and nowhere before, for any folder's world may still need it."""
    programs = sys.modules.get("tests.e2e.programs")
    if programs is not None and programs.nursery.cache_info().currsize:
        programs.nursery().close()
