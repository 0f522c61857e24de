"""The ports that worlds are given stay theirs until they listen on them."""

from tests.e2e.programs import WORKERS, free_ports


def test_no_two_workers_are_handed_the_same_port_nor_one_the_same_twice_soon(monkeypatch):
    """Catches ports drawn by each worker from all: of two worlds that start at once, or of which one has its exchange
    stopped, one finds its port taken, once in many runs."""
    handed: list[int] = []
    for worker in range(WORKERS):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", f"gw{worker}")
        handed += [port for _ in range(700) for port in free_ports(3)]
    assert len(set(handed)) == len(handed) == WORKERS * 2_100
