"""True accuracy of a dataset's arms, with intervals, as its consumer loads it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from arbitrage.dataset.intervals import estimate
from arbitrage.miniature.truth import Truth

ALL = "all"


class Row(NamedTuple):
    """An answer that an arm chose: to what, in which split, and whether it is right."""

    prompt: str
    source: str
    language: str
    split: str
    teacher: str
    right: bool


class Mean(NamedTuple):
    """A mean in points of 100, with half the width of its 95 % interval, None where it has none."""

    value: float
    half: float | None
    rows: int

    def __str__(self) -> str:
        half = "" if self.half is None else f" ± {self.half:.1f}"
        return f"{self.value:.1f}{half}"


@dataclass(slots=True)
class Arms:
    """The rows of each arm, and of the pool by teacher."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    pool: list[Row] = field(default_factory=list)
    cost: dict[str, tuple[int, int]] = field(default_factory=dict)
    """How many answers each arm asked for, and the tokens of those that came, with their prompts'."""

    def accuracy(self, arm: str, language: str = ALL, split: str = ALL) -> Mean | None:
        """Return how many of an arm's answers are right; None where it has none."""
        return mean((row.source, 100.0 * row.right) for row in self.rows[arm] if _in(row, language, split))

    def lead(self, arm: str, other: str, language: str = ALL, split: str = ALL) -> Mean | None:
        """Return by how much one arm is ahead of another on the prompts that both have."""
        theirs = {row.prompt: row.right for row in self.rows[other]}
        return mean(
            (row.source, 100.0 * (row.right - theirs[row.prompt]))
            for row in self.rows[arm]
            if row.prompt in theirs and _in(row, language, split)
        )

    def best_single(self) -> str:
        """Return the arm with one teacher, of those that are asked every prompt, that is best on train sources."""
        asked = {name: self.cost[name][0] for name in self.rows if name.startswith("single_")}
        # A prompt that a teacher has no usable answer to has no row, which is no reason to leave the teacher out.
        whole = [name for name, count in asked.items() if count == max(asked.values())]
        return max(whole, key=lambda name: sum(row.right for row in self.rows[name] if row.split == "train"))

    def misled(self, arm: str) -> dict[str, tuple[int, int]]:
        """Return by task how often an arm chose a wrong answer while a right one was there, of how many times."""
        right = {row.prompt for row in self.pool if row.right}
        found: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
        for row in self.rows[arm]:
            if row.prompt in right:
                kind = row.source.partition("-")[0]
                found[kind] = found[kind][0] + (not row.right), found[kind][1] + 1
        return dict(sorted(found.items()))


def load(dataset: Path, arms: Sequence[str], cache: Path) -> Arms:
    """Load arms and pool with `datasets`, and tell right from wrong."""
    truth = Truth()
    found = Arms()
    tokens: dict[tuple[str, str, int], int] = {}
    for row in _rows(dataset, "pool", cache):
        if row["error"] is None:
            tokens[row["prompt_id"], row["teacher"], row["draw"]] = row["prompt_tokens"] + row["completion_tokens"]
        found.pool.append(_judged(truth, row, row["completion"] or ""))
    for name in arms:
        found.rows[name] = [
            _judged(truth, row, row["completion"][-1]["content"]) for row in _rows(dataset, name, cache)
        ]
        found.cost[name] = 0, 0
    for row in _rows(dataset, "routes", cache):
        asked = [(row["prompt_id"], ask["teacher"], ask["draw"]) for ask in row["asked"]]
        answers, paid = found.cost[row["arm"]]
        found.cost[row["arm"]] = answers + len(asked), paid + sum(tokens[one] for one in asked if one in tokens)
    return found


def _rows(dataset: Path, config: str, cache: Path) -> Iterator[dict[str, Any]]:
    from datasets import disable_progress_bars, load_dataset

    disable_progress_bars()
    for split, table in load_dataset(str(dataset), config, cache_dir=str(cache)).items():
        for row in table:
            yield {**row, "split": split}


def _judged(truth: Truth, row: Mapping[str, Any], answer: str) -> Row:
    right = truth.is_right(row["source_id"], row["language"], answer)
    return Row(row["prompt_id"], row["source_id"], row["language"], row["split"], row["teacher"], right)


def mean(values: Iterable[tuple[str, float]]) -> Mean | None:
    """Return the mean of values by source, its interval clustered by source; None of nothing."""
    rows = [(source, value, 1.0) for source, value in values]
    found = estimate(rows)
    return None if found.mean is None else Mean(found.mean, found.half, len(rows))


def _in(row: Row, language: str, split: str) -> bool:
    return language in (ALL, row.language) and split in (ALL, row.split)
