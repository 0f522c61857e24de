"""Each planted fault is found by some world: a simulation that finds nothing would prove nothing."""

import pytest
from tests.simulation.planted import FAULTS, hunt, planted


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_still_fits_the_product(name):
    """Catches a change of the product that leaves a fault without its place, in every run: the long one alone plays
    worlds with it."""
    for file, text in planted(name).items():
        compile(text, file, "exec")


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found_within_two_hundred_worlds(name):
    assert hunt(name)
