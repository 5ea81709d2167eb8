"""What is asked of whom: the server's settings, the client's limits, and the floor no client can beat."""

import math
from dataclasses import dataclass, replace

ALL = ("bare", "hf", "datatrove", "datatrove+checkpoints", "ours")
REFUSED = ("bare", "hf", "datatrove", "datatrove-sdk", "datatrove+retry", "ours")

# unequal in latency, lanes and both; together 410 requests a second at first, which leaves two cores room
NINE = [(0.2, 16), (0.4, 32), (0.8, 64), (0.4, 16), (0.8, 32), (1.6, 64), (0.8, 16), (1.6, 32), (0.4, 4)]


@dataclass(frozen=True)
class Scenario:
    """One table of the results; the title has a place for `rows`."""

    name: str
    title: str
    rows: int
    ports: tuple[dict, ...]
    """Settings of the server, one teacher each; every teacher is asked for every row."""
    concurrency: tuple[int, ...]
    runners: tuple[str, ...]

    @property
    def lanes(self) -> list[int]:
        """Requests that can be in flight at each teacher."""
        pairs = zip(self.ports, self.concurrency, strict=True)
        return [min(own, port.get("cap") or own) for port, own in pairs]

    @property
    def floors(self) -> list[float]:
        """Seconds each teacher needs for the rows at its own latency and the lanes open to the client."""
        return [self.rows / lanes * port["latency"] for port, lanes in zip(self.ports, self.lanes, strict=True)]

    @property
    def least(self) -> list[float]:
        """Multiples of the floors that none gets below, where the rows do not fill the last wave."""
        return [math.ceil(self.rows / lanes) * lanes / self.rows for lanes in self.lanes]

    @property
    def limit(self) -> float:
        """Seconds after which a run is ended and called so."""
        return 60 + 8 * max(self.floors)

    @property
    def asks(self) -> int:
        return self.rows * len(self.ports)

    def at_most(self, rows: int | None) -> "Scenario":
        return self if rows is None else replace(self, rows=min(rows, self.rows))


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("steady", "{rows:,} rows, 200 ms, 64 in flight", 2000, ({"latency": 0.2},), (64,), ALL),
        Scenario("large", "{rows:,} rows, 200 ms, 64 in flight", 50_000, ({"latency": 0.2},), (64,), ALL),
        Scenario(
            "capped",
            "{rows:,} rows, the server refuses above 32 in flight, the client may have 64",
            1000,
            ({"latency": 0.2, "cap": 32},),
            (64,),
            REFUSED,
        ),
        Scenario(
            "sparse",
            "{rows:,} rows, 5 % refused with 429 and 1 % failed with 500 at random, 64 in flight",
            1000,
            ({"latency": 0.2, "refuse": 0.05, "fail": 0.01},),
            (64,),
            REFUSED,
        ),
        Scenario(
            "nine",
            "{rows:,} rows to each of nine unequal teachers at once",
            512,  # a multiple of every capacity: no last wave is partly empty
            tuple({"latency": latency, "cap": cap} for latency, cap in NINE),
            tuple(cap for _, cap in NINE),
            ("bare", "ours"),
        ),
    )
}
