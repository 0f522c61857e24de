import pytest
from tests.practice.support import start_practice


@pytest.fixture
async def practice(tmp_path):
    running = await start_practice(tmp_path / "practice")
    yield running
    await running.stop()
