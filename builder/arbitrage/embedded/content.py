"""The files of a model that a run serves itself, and their content: hashed once, and remembered by the run."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arbitrage.errors import TeacherError
from arbitrage.store.store import Store


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A GGUF file, or the folder of a transformers model; `path` is None while they were not fetched from the Hub."""

    pins: dict[str, str | None]
    """What the recipe would say to name this content: `sha256`, `revision` or both."""
    size: int
    path: Path | None
    repo_id: str | None = None
    commit: str | None = None
    files: tuple[str, ...] = ()
    """Those to fetch."""

    @property
    def shown(self) -> str:
        """What a person knows it by."""
        if self.path is not None:
            return self.path.name
        return f"{self.repo_id}/{self.files[0]}" if len(self.files) == 1 else f"{self.repo_id}@{self.commit}"


def sha256_of(name: str, path: Path, store: Store) -> str:
    """Return a file's sha256, which is not computed again while size and time of the file stay.

    Raises:
        TeacherError: it cannot be read.
    """
    try:
        stat, known = path.stat(), store.get("sha256") or {}
        mark: list[Any] = [stat.st_size, stat.st_mtime_ns]
        before = known.get(str(path))
        if before and before[:2] == mark:
            return str(before[2])
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise TeacherError(f"teacher {name}: {path}: cannot be read: {error.strerror or error}") from error
    store.keep("sha256", {**known, str(path): [*mark, digest]})
    return digest
