"""What differs between two versions of a dataset, row by row, and which version number that asks for."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from arbitrage.dataset.manifest import Manifest
from arbitrage.dataset.reading import rows
from arbitrage.dataset.schema import POOL, ROUTES, row_line
from arbitrage.errors import DatasetError
from arbitrage.hub.version import Change

KEYS = {POOL: ("teacher", "draw"), ROUTES: ("arm",)}
"""What tells apart the rows of one prompt; other tables have one row a prompt."""
MAX_ROWS = 10_000
"""Rows of one prompt that are held at once."""

Row = dict[str, Any]


@dataclass
class Difference:
    """Rows by table that were `added`, `removed`, `changed`, or `answered`: failures before, answers now."""

    tables: dict[str, Counter[str]] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    """Tables that are gone as a whole."""
    lost: set[tuple[str, str]] = field(default_factory=set)
    """Tables and languages in which rows were removed or changed."""
    grown: set[str] = field(default_factory=set)
    """Languages with new answers to prompts that were there before: arms that are set as before may choose anew."""
    reset: bool = False
    """Whether arms are set otherwise than before, so that what they choose anew does not follow from new answers."""

    @property
    def change(self) -> Change:
        """Which version comes next: the pool decides, and what arms chose anew without any new answer."""
        if self.dropped:
            return "major"
        if any(table == POOL or self.reset or language not in self.grown for table, language in self.lost):
            return "major"
        return "minor" if any(counts.total() for counts in self.tables.values()) else "patch"

    def as_dict(self) -> dict[str, dict[str, int]]:
        """Return the counts that are not 0, by table."""
        kept = {table: {name: n for name, n in counts.items() if n} for table, counts in sorted(self.tables.items())}
        return {table: counts for table, counts in kept.items() if counts}


def alike(old: Manifest, new: Manifest) -> set[str]:
    """Return the files of either version that stand, row for row, in the other too."""
    parts = {_part(path) for path in (*old.files, *new.files)}
    same = {part for part in parts if _hashes(old, part) == _hashes(new, part)}
    return {path for path in (*old.files, *new.files) if _part(path) in same}


def difference(old_folder: Path, old: Manifest, new_folder: Path, new: Manifest) -> Difference:
    """Compare two dataset folders; memory does not grow with them.

    Raises:
        DatasetError: a file cannot be read, or its rows are not in order.
    """
    tables = [{path.split("/")[0] for path in manifest.files} for manifest in (old, new)]
    found = Difference(dropped=sorted(tables[0] - tables[1]), reset=_settings(old, new) != _settings(new, old))
    same = alike(old, new)
    for part in sorted({_part(path) for path in (*old.files, *new.files) if path not in same}):
        table, language, _ = part.split("/")
        counts = Counter[str]()
        before = _prompts(old_folder, [path for path in sorted(old.files) if _part(path) == part])
        after = _prompts(new_folder, [path for path in sorted(new.files) if _part(path) == part])
        if _compare(counts, before, after, KEYS.get(table, ()), is_pool=table == POOL):
            found.grown.add(language)
        if counts["removed"] or counts["changed"]:
            found.lost.add((table, language))
        found.tables.setdefault(table, Counter()).update(counts)
    return found


def _settings(manifest: Manifest, other: Manifest) -> Any:
    """Return what the arms that both versions have choose by, besides the pool."""
    arms = manifest.recipe.get("arms", {})
    both = arms.keys() & other.recipe.get("arms", {}).keys()
    return manifest.seed, {name: arms[name] for name in both}


def _compare(
    counts: Counter[str],
    before: Iterator[tuple[str, list[Row]]],
    after: Iterator[tuple[str, list[Row]]],
    key: tuple[str, ...],
    *,
    is_pool: bool,
) -> int:
    grown = 0
    old, new = next(before, None), next(after, None)
    while old is not None or new is not None:
        if new is None or (old is not None and old[0] < new[0]):
            assert old is not None
            counts["removed"] += len(old[1])
            old = next(before, None)
        elif old is None or new[0] < old[0]:
            counts["added"] += len(new[1])
            new = next(after, None)
        else:
            grown += _compare_prompt(counts, _keyed(old[1], key), _keyed(new[1], key), is_pool)
            old, new = next(before, None), next(after, None)
    return grown


def _compare_prompt(counts: Counter[str], old: Mapping[Any, Row], new: Mapping[Any, Row], is_pool: bool) -> int:
    added = len(new.keys() - old.keys())
    counts["added"] += added
    counts["removed"] += len(old.keys() - new.keys())
    answered = 0
    for key in old.keys() & new.keys():
        if row_line(old[key]) == row_line(new[key]):
            continue
        if is_pool and old[key].get("error") is not None and new[key].get("error") is None:
            answered += 1
        else:
            counts["changed"] += 1
    counts["answered"] += answered
    return added + answered if is_pool else 0


def _keyed(group: list[Row], key: tuple[str, ...]) -> dict[Any, Row]:
    return {tuple(row.get(name) for name in key): row for row in group}


def _prompts(folder: Path, paths: list[str]) -> Iterator[tuple[str, list[Row]]]:
    before = ""
    for name, group in groupby(rows(folder, paths), key=lambda found: str(found.value.get("prompt_id"))):
        members: list[Row] = []
        for found in group:
            if len(members) == MAX_ROWS:
                raise DatasetError(f"{found.path}: more than {MAX_ROWS} rows of one prompt")
            members.append(found.value)
        if name <= before:
            raise DatasetError(f"{paths[0]}: rows are out of the order of prompt ids")
        before = name
        yield name, members


def _part(path: str) -> str:
    return path.rpartition("-")[0]


def _hashes(manifest: Manifest, part: str) -> list[str]:
    return [file.rows_sha256 for path, file in sorted(manifest.files.items()) if _part(path) == part]
