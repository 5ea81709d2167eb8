"""What reproducing a dataset folder found."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

SHOWN = 10
"""Problems of one file that are kept; the rest is counted."""


def shown(value: object) -> str:
    """Return foreign text in plain ASCII and short, so that a terminal does nothing but show it."""
    text = ascii(value)
    return text if len(text) <= 120 else text[:117] + "..."


@dataclass(frozen=True, slots=True)
class Problem:
    """One difference; `row` counts from 0 within the file."""

    path: str
    message: str
    row: int | None = None
    prompt_id: str | None = None
    column: str | None = None

    def __str__(self) -> str:
        """Return the problem as one line."""
        where = [self.path]
        where += [] if self.row is None else [f"row {self.row}"]
        where += [] if self.prompt_id is None else [f"prompt {self.prompt_id}"]
        where += [] if self.column is None else [f"column {self.column}"]
        return f"{', '.join(where)}: {self.message}"


@dataclass
class Report:
    """Whether a dataset folder is what its manifest, its pool and its routes say."""

    name: str
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    unshown: Counter[str] = field(default_factory=Counter)
    """Further problems by file."""
    _by_path: Counter[str] = field(default_factory=Counter, repr=False)

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not self.problems

    def add(
        self, path: str, message: str, row: int | None = None, prompt_id: str | None = None, column: str | None = None
    ) -> None:
        """Add a problem, or count it where its file has shown enough of them."""
        self._by_path[path] += 1
        if self._by_path[path] > SHOWN:
            self.unshown[path] += 1
            return
        if prompt_id is not None and not (prompt_id.isascii() and prompt_id.isalnum() and len(prompt_id) <= 64):
            prompt_id = shown(prompt_id)
        self.problems.append(Problem(path, message, row, prompt_id, column))

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON-able data."""
        return {
            "name": self.name,
            "same": self.same,
            "problems": [asdict(problem) for problem in self.problems],
            "unshown": dict(self.unshown),
            "notes": self.notes,
            "counts": dict(self.counts),
        }
