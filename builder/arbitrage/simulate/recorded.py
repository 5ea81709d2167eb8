"""Recorded pools: a published dataset's, or a Parquet file of scores."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from arbitrage.dataset.manifest import read_manifest
from arbitrage.dataset.reading import BATCH_ROWS, READ_ERRORS, inside, open_parquet
from arbitrage.dataset.reproduce import RECIPE
from arbitrage.dataset.rows import answer_of, prompt_of
from arbitrage.errors import DatasetError
from arbitrage.identity import rng
from arbitrage.recipe.part import Price
from arbitrage.recipe.reader import read_published
from arbitrage.records import Answer, Prompt
from arbitrage.spend import usd

NEEDED, OPTIONAL = ("prompt_id", "language", "teacher", "score"), ("source_id", "split", "text", "held_out", "cost")
"""Columns of a Parquet file of scores; `held_out` is a second score, `cost` USD."""
TEST = 0.5
"""The share of sources that are tested on, where a file has no column `split`."""


@dataclass(slots=True)
class Recorded:
    """A prompt and what every teacher that was asked gave."""

    prompt: Prompt
    answers: dict[str, Answer] = field(default_factory=dict)
    held_out: dict[str, float | None] = field(default_factory=dict)
    """A score that does not route, by teacher."""
    cost: dict[str, float | None] = field(default_factory=dict)
    """USD, by teacher; None where it is not known."""


@dataclass(frozen=True, slots=True)
class Pool:
    """A recorded pool."""

    name: str
    teachers: Mapping[str, list[str]]
    """By language, those that answered any of its prompts."""
    prompts: list[Recorded]
    held_out: str | None
    """What the second score is called, where there is one."""


def read_pool(path: Path, seed: int, held_out: str | None = None) -> Pool:
    """Read a dataset folder or a Parquet file.

    Args:
        path: either.
        seed: of the split of a file that has none.
        held_out: which of a dataset's auditors is the second score, by default the first.

    Raises:
        DatasetError: it is neither, or lacks a column.
    """
    if path.is_dir():
        return _dataset(path, held_out)
    if not path.is_file():
        raise DatasetError(f"{path}: no such folder or file")
    return _file(path, seed)


def _dataset(folder: Path, held_out: str | None) -> Pool:
    manifest = read_manifest(folder)
    auditors = [name for name in manifest.recipe.get("rewards", {}) if name != manifest.recipe.get("route_by")]
    if held_out is not None and held_out not in auditors:
        raise DatasetError(f"{folder}: no reward {held_out!r} audits it; {', '.join(auditors) or 'none'} does")
    second = held_out or next(iter(auditors), None)
    prices = {name: teacher.price for name, teacher in read_published(inside(folder, RECIPE)).teachers.items()}
    found: dict[str, Recorded] = {}
    for path in sorted(manifest.files):
        table, _, name = path.split("/")
        if table != "pool":
            continue
        for row in _rows(inside(folder, path)):
            if row["draw"] != 0 or row["parents"] is not None:
                continue
            prompt = prompt_of(row, name.partition("-")[0], [])  # type: ignore[arg-type]
            answer = answer_of(row)
            one = found.setdefault(prompt.id, Recorded(prompt))
            one.answers[answer.teacher] = answer
            one.held_out[answer.teacher] = dict(answer.rewards).get(second) if second else None
            one.cost[answer.teacher] = _cost(prices.get(answer.teacher), answer)
    return _pool(manifest.name, found, second)


def _cost(price: Price | None, answer: Answer) -> float | None:
    if answer.prompt_tokens is None or answer.completion_tokens is None:
        return None
    return usd(price, answer.prompt_tokens, answer.completion_tokens)


def _file(path: Path, seed: int) -> Pool:
    found: dict[str, Recorded] = {}
    second = False
    for row in _rows(path):
        if lacking := [name for name in NEEDED if row.get(name) is None and (name != "score" or name not in row)]:
            raise DatasetError(
                f"{path}: a row lacks {', '.join(lacking)}; columns are {', '.join(NEEDED)}, and optionally "
                f"{', '.join(OPTIONAL)}"
            )
        source = str(row.get("source_id") or row["prompt_id"])
        key = f"{row['language']} {row['prompt_id']}"
        one = found.get(key)
        if one is None:
            split = row.get("split") or ("test" if rng(seed, "split", source).random() < TEST else "train")
            turns = [{"role": "user", "content": str(row.get("text") or "")}]
            one = Recorded(Prompt(key, str(row["language"]), source, split, turns))  # type: ignore[arg-type]
            found[key] = one
        teacher, score = str(row["teacher"]), _number(row["score"])
        one.answers[teacher] = Answer(teacher, 0, teacher, "", "recorded", reward=score)
        one.held_out[teacher] = _number(row.get("held_out"))
        one.cost[teacher] = _number(row.get("cost"))
        second = second or row.get("held_out") is not None
    return _pool(path.stem, found, "held_out" if second else None)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _pool(name: str, found: Mapping[str, Recorded], held_out: str | None) -> Pool:
    teachers: dict[str, set[str]] = defaultdict(set)
    for one in found.values():
        teachers[one.prompt.language] |= one.answers.keys()
    if not found:
        raise DatasetError(f"{name}: its pool has no answers")
    ordered = sorted(found.values(), key=lambda one: (one.prompt.language, one.prompt.id))
    return Pool(name, {language: sorted(names) for language, names in sorted(teachers.items())}, ordered, held_out)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        for batch in open_parquet(path).iter_batches(BATCH_ROWS):
            yield from batch.to_pylist()
    except READ_ERRORS as error:
        raise DatasetError(f"{path}: cannot be read as Parquet: {error}") from error
