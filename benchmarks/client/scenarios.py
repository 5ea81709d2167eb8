"""What is asked of whom: the server's settings, the client's limits, and the floor no client can beat."""

from dataclasses import dataclass, replace

ALL = ("bare", "hf", "datatrove", "datatrove+checkpoints", "ours")
REFUSED = ("bare", "hf", "datatrove", "datatrove-sdk", "ours")

# nine teachers as unequal as one meets them; together 820 requests a second, which leaves the two cores room
NINE = [(0.1, 16), (0.2, 32), (0.4, 64), (0.2, 16), (0.4, 32), (0.8, 64), (0.4, 16), (0.8, 32), (0.2, 4)]


@dataclass(frozen=True)
class Scenario:
    """One table of the results."""

    name: str
    title: str
    rows: int
    ports: tuple[dict, ...]
    """Settings of the server, one teacher each; every teacher is asked for every row."""
    concurrency: tuple[int, ...]
    runners: tuple[str, ...]

    @property
    def floors(self) -> list[float]:
        """Seconds each teacher needs for the rows at its own latency and the lanes open to the client."""
        return [
            self.rows / min(lanes, port.get("cap") or lanes) * port["latency"]
            for port, lanes in zip(self.ports, self.concurrency, strict=True)
        ]

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
        Scenario("steady", "2,000 rows, 200 ms, 64 in flight", 2000, ({"latency": 0.2},), (64,), ALL),
        Scenario("large", "50,000 rows, 200 ms, 64 in flight", 50_000, ({"latency": 0.2},), (64,), ALL),
        Scenario(
            "capped",
            "1,000 rows, the server refuses above 32 in flight, the client may have 64",
            1000,
            ({"latency": 0.2, "cap": 32},),
            (64,),
            REFUSED,
        ),
        Scenario(
            "sparse",
            "1,000 rows, 5 % refused with 429 and 1 % failed with 500 at random, 64 in flight",
            1000,
            ({"latency": 0.2, "refuse": 0.05, "fail": 0.01},),
            (64,),
            REFUSED,
        ),
        Scenario(
            "nine",
            "1,000 rows to each of nine unequal teachers at once",
            1000,
            tuple({"latency": latency, "cap": cap} for latency, cap in NINE),
            tuple(cap for _, cap in NINE),
            ("bare", "ours"),
        ),
    )
}
