"""The adaptive limit against simulated servers; time is counted in steps, chance is seeded."""

from heapq import heappop, heappush
from random import Random

import pytest
from arbitrage.teachers.limit import Limit


class Server:
    """Serves each request in `service` steps, or in about as many, and refuses above `cap` or by chance.

    Where all take as long, work comes and goes in waves, as it does with servers that generate in batches.
    """

    def __init__(self, limit: Limit, cap: int = 10**9, chance: float = 0.0, waves: bool = False) -> None:
        self.limit, self.cap, self.chance, self.waves = limit, cap, chance, waves
        self.random = Random(1)
        self.in_flight: list[tuple[int, int]] = []
        self.now = self.served = self.refused = 0
        self.levels: list[int] = []

    def run(self, steps: int, arrivals: int = 64) -> None:
        for _ in range(steps):
            self.now += 1
            while self.in_flight and self.in_flight[0][0] <= self.now:
                _, level = heappop(self.in_flight)
                self.served += 1
                self.limit.succeeded(level)
            for _ in range(arrivals):
                if not self.limit.allows(len(self.in_flight)):
                    break
                level = len(self.in_flight) + 1
                if level > self.cap or self.random.random() < self.chance:
                    self.refused += 1
                    self.limit.refused(level, len(self.in_flight))
                else:
                    service = 10 if self.waves else self.random.randint(5, 15)
                    heappush(self.in_flight, (self.now + service, level))
            self.levels.append(len(self.in_flight))

    @property
    def mean(self) -> float:
        last = self.levels[-1000:]
        return sum(last) / len(last)


@pytest.mark.parametrize("waves", [True, False])
@pytest.mark.parametrize(("ceiling", "cap"), [(64, 32), (256, 32), (64, 5), (64, 1), (512, 200)])
def test_a_hard_cap_is_found_and_kept_to(ceiling: int, cap: int, waves: bool) -> None:
    server = Server(Limit(ceiling), cap=cap, waves=waves)
    server.run(3000)
    assert server.mean > 0.9 * cap - 1
    settled = server.refused
    server.run(3000)
    assert (server.refused - settled) / server.served < 0.01


@pytest.mark.parametrize("ceiling", [16, 64, 128])
@pytest.mark.parametrize("waves", [True, False])
@pytest.mark.parametrize("chance", [0.01, 0.05])
def test_chance_refusals_do_not_bring_it_down(ceiling: int, chance: float, waves: bool) -> None:
    server = Server(Limit(ceiling), chance=chance, waves=waves)
    server.run(3000)
    assert server.mean > 0.8 * ceiling


@pytest.mark.parametrize("waves", [True, False])
def test_a_wall_that_moves_away_is_followed(waves: bool) -> None:
    server = Server(Limit(128), cap=16, waves=waves)
    server.run(2000)
    assert server.mean <= 16
    server.cap = 100
    server.run(6000)
    assert server.mean > 80


@pytest.mark.parametrize("waves", [True, False])
@pytest.mark.parametrize("chance", [0.0, 0.05])
def test_a_wall_under_chance_refusals(waves: bool, chance: float) -> None:
    server = Server(Limit(128), cap=32, chance=chance, waves=waves)
    server.run(4000)
    assert server.mean > 25


@pytest.mark.parametrize("waves", [True, False])
def test_a_wall_that_comes_nearer_is_kept_to(waves: bool) -> None:
    server = Server(Limit(128), cap=100, waves=waves)
    server.run(2000)
    server.cap = 10
    server.run(1000)
    refused, served = server.refused, server.served
    server.run(2000)
    assert server.mean > 8
    assert (server.refused - refused) / (server.served - served) < 0.02


def test_a_refusal_leaves_room_for_one() -> None:
    limit = Limit(4)
    for _ in range(10):
        limit.refused(1, 0)
        limit.timed_out()
    assert limit.allows(0)
    assert not limit.allows(1)


def test_a_ceiling_that_the_server_names() -> None:
    limit = Limit(64)
    limit.lower_ceiling(8)
    limit.lower_ceiling(16)
    for _ in range(100):
        limit.succeeded(8)
    assert (limit.allows(7), limit.allows(8)) == (True, False)


def test_missed_deadlines_halve_it() -> None:
    limit = Limit(32)
    limit.timed_out()
    assert (limit.allows(15), limit.allows(16)) == (True, False)
