"""How property tests search: the same cases each time in `make test`, new ones with every seed in `make test-long`."""

import os

from hypothesis import HealthCheck, settings

_CALM = [HealthCheck.too_slow, HealthCheck.data_too_large]

settings.register_profile("quick", derandomize=True, deadline=None, suppress_health_check=_CALM)
settings.register_profile("long", max_examples=500, deadline=None, suppress_health_check=_CALM, print_blob=True)
settings.load_profile(os.environ.get("PRETRADE_SEARCH", "quick"))
