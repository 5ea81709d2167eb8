"""The run folder: where a recipe's build keeps its state."""

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from arbitrage.errors import StoreError
from arbitrage.recipe.model import Recipe


@dataclass(frozen=True, slots=True)
class Run:
    """The paths of a run."""

    folder: Path

    @property
    def store(self) -> Path:
        """Everything paid for."""
        return self.folder / "store.sqlite"

    @property
    def recipe(self) -> Path:
        """The recipe, resolved and pinned."""
        return self.folder / "recipe.yaml"

    @property
    def dataset(self) -> Path:
        """What the Hub will hold."""
        return self.folder / "dataset"

    @property
    def preview(self) -> Path:
        """What `--limit` writes."""
        return self.folder / "preview"

    @property
    def log(self) -> Path:
        """What happened, line by line."""
        return self.folder / "run.log"

    @property
    def record(self) -> Path:
        """Times, hosts and latencies of the last build: never published."""
        return self.folder / "run.json"


def run_of(recipe: Recipe, recipe_path: Path, folder: Path | None) -> Run:
    """Return the run of a recipe: `folder`, else `runs/<name>` beside the recipe."""
    return Run(folder if folder is not None else recipe_path.parent / "runs" / recipe.name)


class Log:
    """Appends lines with the time to the run's log, and shows them too where they matter."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8", errors="backslashreplace")

    def __call__(self, line: str) -> None:
        """Append a line; control characters, which prompts and servers may hold, are shown as codes."""
        printable = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
        # A log that cannot be written, on a full disk for one, must not hide why.
        with suppress(OSError):
            self._file.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {printable}\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        with suppress(OSError):
            self._file.close()


def make_folder(run: Run) -> None:
    """Make the run's folder.

    Raises:
        StoreError: it cannot be made.
    """
    try:
        run.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{run.folder}: cannot make the run's folder: {error.strerror or error}") from error


def write_whole(path: Path, text: str) -> None:
    """Replace a small file so that a reader sees the old or the new one."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def to_json(value: Any) -> str:
    """Return JSON as people read it."""
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"
