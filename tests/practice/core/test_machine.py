"""Any sequence of operations, compared after each one with a second telling of the rules, and with what must hold."""

import pytest
from hypothesis import settings
from tests.practice.core.machine import ExchangeMachine

TestExchange = ExchangeMachine.TestCase
TestExchange.settings = settings(max_examples=40, stateful_step_count=50, deadline=None)


# a time limit that strikes while an example is made looks like a flaky strategy, so the limit is far off
@pytest.mark.timeout(1_800)
@pytest.mark.long
class TestExchangeForLong(ExchangeMachine.TestCase):
    settings = settings(max_examples=1_000, stateful_step_count=60, deadline=None)
