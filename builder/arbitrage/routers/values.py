"""What a teacher's answer to a prompt is worth, before anybody is asked: a table by language, and what the text tells.

A value is a reward less the mean of the prompt's, over its spread in the language. It has two parts: of language and
teacher, drawn to the teacher's own mean where a language has little data (empirical Bayes); and of the text, a ridge
regression of what that leaves. Both are kept only as far as sources that were held out bear them out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from arbitrage.identity import rng
from arbitrage.routers.features import Embedding, Hashed

FOLDS = 5
FAINT = 1e-5
"""Differences within prompts below this share of the size of the scores are roundings, and count as none."""
DIGITS = 6
"""Digits of a value that decide: further ones depend on the machine's linear algebra."""

Floats = NDArray[np.float64]


class Seen(NamedTuple):
    """A prompt that some teachers of its language answered."""

    text: str
    language: str
    source_id: str
    rewards: Mapping[str, float | None]
    """None for an answer that should not win; absent where nothing is known."""


@dataclass(frozen=True, slots=True)
class Values:
    """What was learned."""

    teachers: list[str]
    table: dict[str, Floats]
    """By language: the value of each teacher, NaN of one that does not serve it."""
    weights: Floats | None
    """Of the text, shape (width, teachers); None where the text tells nothing."""
    embedding: Embedding = field(default_factory=Hashed)
    spreads: Mapping[str, float] = field(default_factory=dict)
    """By language, of rewards within a prompt: what one unit of a value is."""

    def of(self, texts: Sequence[str], language: str) -> Floats:
        """Return the value of each teacher for texts in a language, in units of the spread; shape (texts, teachers)."""
        values = np.repeat(self.table[language][None], len(texts), 0)
        if self.weights is not None:
            values = values + self.embedding(texts).astype(np.float64) @ self.weights
        return np.round(values, DIGITS)


class Matrix(NamedTuple):
    """Values of all that was seen: NaN where nothing is known."""

    values: Floats
    languages: NDArray[np.int64]
    folds: NDArray[np.int64]
    spreads: Floats
    """Of rewards within a prompt, by language; NaN where nothing is known."""


def fold_of(seed: int, source_id: str) -> int:
    """Return the fold in which a source, with all its translations, is held out."""
    return int(rng(seed, "fold", source_id).random() * FOLDS)


def matrix(seed: int, pool: Mapping[str, Sequence[str]], teachers: Sequence[str], seen: Sequence[Seen]) -> Matrix:
    """Return what was seen as values, with the fold of each prompt's source."""
    column = {name: n for n, name in enumerate(teachers)}
    names = list(pool)
    place = {name: n for n, name in enumerate(names)}
    raw = np.full((len(seen), len(teachers)), np.nan)
    bad = np.zeros(raw.shape, bool)
    for row, one in enumerate(seen):
        for name, reward in one.rewards.items():
            if name in pool[one.language]:
                bad[row, column[name]] = reward is None
                raw[row, column[name]] = np.nan if reward is None else reward
    languages = np.array([place[one.language] for one in seen], np.int64)
    folds = np.array([fold_of(seed, one.source_id) for one in seen], np.int64)
    values, spreads = np.full(raw.shape, np.nan), np.full(len(names), np.nan)
    for n in range(len(names)):
        rows = np.flatnonzero((languages == n) & np.isfinite(raw).any(1))
        if not len(rows):
            continue
        part = np.where(bad[rows], np.nanmin(raw[rows]), raw[rows])
        centred = _centred(part)
        spread = float(np.sqrt(np.nanmean(np.square(centred - np.nanmean(centred, 1, keepdims=True)))))
        told = spread > FAINT * float(np.nanmax(np.abs(part)))
        spreads[n] = spread if told else 1.0
        values[rows] = centred / spread if told else np.where(np.isfinite(centred), 0.0, np.nan)
    return Matrix(values, languages, folds, spreads)


def _centred(part: Floats) -> Floats:
    """Take away each prompt's level: its mean, had every teacher answered it (least squares on rows and columns)."""
    known = np.isfinite(part)
    filled = np.where(known, part, 0.0)
    columns = np.zeros(part.shape[1])
    rows = np.zeros(part.shape[0])
    whole = bool(np.all(known.any(0) == known.all(0)))
    for _ in range(1 if whole else 30):
        rows = ((filled - columns) * known).sum(1) / np.maximum(known.sum(1), 1)
        columns = ((filled - rows[:, None]) * known).sum(0) / np.maximum(known.sum(0), 1)
        columns = np.where(known.any(0), columns - columns[known.any(0)].mean(), 0.0)
    return part - rows[:, None]


def tables(
    found: Matrix, rows: NDArray[np.bool_], pool: Mapping[str, Sequence[str]], teachers: Sequence[str]
) -> tuple[Floats, Floats]:
    """Return the value of each teacher by language, shrunk and bare, from some rows; shape (languages, teachers).

    NaN where a teacher does not serve a language; of the shrunk one also where nothing is known of it anywhere, of the
    bare one where nothing is known of it in the language.
    """
    shape = len(pool), len(teachers)
    sums, counts, squares = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for n in range(len(pool)):
        part = found.values[rows & (found.languages == n)]
        known = np.isfinite(part)
        filled = np.where(known, part, 0.0)
        sums[n], counts[n], squares[n] = filled.sum(0), known.sum(0), np.square(filled).sum(0)
    serves = np.array([[name in served for name in teachers] for served in pool.values()])
    means = sums / np.maximum(counts, 1)
    overall = sums.sum(0) / np.maximum(counts.sum(0), 1)
    freedom = np.maximum(counts - 1, 0).sum()
    noise = float((squares - counts * np.square(means)).sum() / freedom) if freedom else 0.0
    # What sets the cells apart beyond noise, by the method of moments.
    cells = counts > 0
    between = (
        max(0.0, float(np.mean((np.square(means - overall) - noise / np.maximum(counts, 1))[cells])))
        if cells.any()
        else 0.0
    )
    total = counts * between + noise
    keep = np.divide(counts * between, total, out=np.zeros(shape), where=total > 0)
    shrunk = np.where(serves & cells.any(0), overall + keep * (means - overall), np.nan)
    return shrunk, np.where(serves & cells, means, np.nan)
