"""How values are learned, and what sources that were held out say of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arbitrage.routers.features import Embedding, Hashed
from arbitrage.routers.values import FOLDS, Floats, Matrix, Seen, Values, matrix, tables

RIDGES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
"""What is tried, in mean squares of the features; no text at all is tried too."""
ROWS = 2048
"""Prompts whose features are in memory at once."""
KEPT = 8
"""Digits of what is kept."""
TOLD = 6
"""Digits of what is told."""


def learn_values(
    seed: int, pool: Mapping[str, Sequence[str]], seen: Sequence[Seen], embedding: Embedding | None = None
) -> tuple[Values, dict[str, Any]]:
    """Learn what each teacher is worth, and say what held-out sources bear out.

    The text is used where it makes the error on held-out sources smaller; and what was learned is used where it earns
    no less reward there than the teacher with the highest mean in the language, which is what `fixed` goes by.
    """
    teachers = list(dict.fromkeys(name for served in pool.values() for name in served))
    return learn_from(matrix(seed, pool, teachers, seen), pool, teachers, seen, embedding or Hashed())


def learn_from(
    found: Matrix,
    pool: Mapping[str, Sequence[str]],
    teachers: Sequence[str],
    seen: Sequence[Seen],
    embedding: Embedding,
) -> tuple[Values, dict[str, Any]]:
    """Do so from values of what was seen that are known already."""
    features = _Features(embedding, [one.text for one in seen])
    sums = _Sums(found, features, len(pool))
    guesses, bare = _held_out(found, features, sums, pool, teachers)
    known = np.isfinite(found.values)
    errors = [float(np.mean(np.square(found.values - guess)[known])) if known.any() else 0.0 for guess in guesses]
    best = min(range(len(errors)), key=lambda n: errors[n])
    lead = lead_over(found.values, guesses[best], bare, [one.source_id for one in seen])
    falls_back = lead["mean"] is not None and lead["mean"] < 0
    whole = np.ones(len(seen), bool)
    shrunk, means = tables(found, whole, pool, teachers)
    table = np.where(np.isfinite(means), means, shrunk) if falls_back else shrunk
    weights = None if falls_back or best == 0 else sums.weights(shrunk, None, RIDGES[best - 1 : best])[0]
    spreads = {name: float(one) for name, one in zip(pool, found.spreads, strict=True) if np.isfinite(one)}
    # Further digits depend on how many threads did the sums.
    weights = None if weights is None else np.round(weights, KEPT)
    values = Values(list(teachers), dict(zip(pool, np.round(table, KEPT), strict=True)), weights, embedding, spreads)
    return values, {
        **({} if embedding.as_dict() is None else {"embedding": embedding.as_dict()}),
        "uses": "fixed" if falls_back else "text" if best else "languages",
        "ridge": RIDGES[best - 1] if best else None,
        "prompts": int(known.any(1).sum()),
        "sources": len({one.source_id for one, row in zip(seen, known, strict=True) if row.any()}),
        "lead_over_fixed": lead,
        "signal": _signal(found.values, shrunk[found.languages], errors[0], errors[best]),
        "slope": slope_of(found.values, guesses[best]),
        "values": {
            language: {name: told(value) for name, value in zip(teachers, row, strict=True) if np.isfinite(value)}
            for language, row in zip(pool, table, strict=True)
        },
    }


class _Features:
    """The features of texts, some rows at a time."""

    def __init__(self, embedding: Embedding, texts: Sequence[str]) -> None:
        self.embedding, self.texts = embedding, texts

    def rows(self, rows: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], Floats]]:
        for start in range(0, len(rows), ROWS):
            part = rows[start : start + ROWS]
            yield part, self.embedding([self.texts[n] for n in part]).astype(np.float64)


class _Sums:
    """The sums that ridge regressions need, by language and fold, so that no features are kept."""

    def __init__(self, found: Matrix, of: _Features, languages: int) -> None:
        shape = languages, FOLDS
        teachers = found.values.shape[1]
        self.width = of.embedding.width
        self.squares = np.zeros((*shape, self.width, self.width))
        self.products = np.zeros((*shape, self.width, teachers))
        self.known = np.zeros((*shape, self.width, teachers))
        self.counts = np.zeros(shape)
        known = np.isfinite(found.values)
        self._serves = np.array([known[found.languages == n].any(0) for n in range(languages)])
        for language in range(languages):
            for fold in range(FOLDS):
                rows = np.flatnonzero((found.languages == language) & (found.folds == fold) & known.any(1))
                self.counts[language, fold] = len(rows)
                for part, features in of.rows(rows):
                    self.squares[language, fold] += features.T @ features
                    self.products[language, fold] += features.T @ np.where(known[part], found.values[part], 0.0)
                    self.known[language, fold] += features.T @ known[part]

    def weights(self, table: Floats, without: int | None, ridges: Sequence[float]) -> Floats:
        """Return the weights of the text for what a table leaves, without one fold; shape (ridges, width, teachers).

        What a teacher was not asked counts as what the table says.
        """
        folds = np.array([fold for fold in range(FOLDS) if fold != without])
        filled = np.nan_to_num(table)
        found = np.zeros((len(ridges), self.width, table.shape[1]))
        by_served: dict[tuple[bool, ...], list[int]] = {}
        for teacher in range(table.shape[1]):
            by_served.setdefault(tuple(self._serves[:, teacher].tolist()), []).append(teacher)
        for served, teachers in by_served.items():
            places = np.flatnonzero(served)
            if not self.counts[np.ix_(places, folds)].sum():
                continue
            left = np.zeros((self.width, len(teachers)))
            for place in places:
                products = self.products[place, folds].sum(0)[:, teachers]
                left += products - self.known[place, folds].sum(0)[:, teachers] * filled[place, teachers]
            # One decomposition serves every ridge.
            sizes, axes = np.linalg.eigh(self.squares[np.ix_(places, folds)].sum((0, 1)))
            turned = axes.T @ left
            for n, ridge in enumerate(ridges):
                found[n][:, teachers] = axes @ (turned / (sizes + ridge * sizes.mean())[:, None])
        return found


def _held_out(
    found: Matrix, of: _Features, sums: _Sums, pool: Mapping[str, Sequence[str]], teachers: Sequence[str]
) -> tuple[Floats, Floats]:
    """Return what each way says of sources that it did not learn from, and the bare means without them.

    The first way is the table alone, the others are the ridges; shapes (ways, prompts, teachers), (prompts, teachers).
    """
    guesses = np.zeros((len(RIDGES) + 1, *found.values.shape))
    bare = np.full(found.values.shape, np.nan)
    for fold in range(FOLDS):
        held = np.flatnonzero(found.folds == fold)
        shrunk, means = tables(found, found.folds != fold, pool, teachers)
        guesses[:, held], bare[held] = np.nan_to_num(shrunk)[found.languages[held]], means[found.languages[held]]
        weights = sums.weights(shrunk, fold, RIDGES)
        for rows, features in of.rows(held):
            guesses[1:, rows] += features @ weights
    return guesses, bare


def lead_over(values: Floats, guess: Floats, bare: Floats, sources: Sequence[str]) -> dict[str, float | None]:
    """Return by how much the likeliest teacher is worth more than the one with the highest mean in the language."""
    from arbitrage.dataset.intervals import estimate

    known = np.isfinite(values) & np.isfinite(bare)
    rows = np.flatnonzero(known.sum(1) > 1)
    if not len(rows):
        return {"mean": None, "low": None, "high": None}
    ours = np.where(known, np.round(guess, TOLD), -np.inf)[rows].argmax(1)
    theirs = np.where(known, bare, -np.inf)[rows].argmax(1)
    ahead = values[rows, ours] - values[rows, theirs]
    found = estimate((sources[int(row)], float(value), 1.0) for row, value in zip(rows, ahead, strict=True)).as_dict()
    return {key: None if value is None else told(value) for key, value in found.items()}


def _signal(values: Floats, table: Floats, error: float, best: float) -> dict[str, float | None]:
    """Return the shares of the variance within prompts: of the table, as fitted, and of the text, as held out."""
    known = np.isfinite(values)
    whole = float(np.mean(np.square(values[known]))) if known.any() else 0.0
    if not whole:
        return {"table": None, "text": None}
    fitted = float(np.mean(np.square(np.nan_to_num(table)[known])))
    return {"table": told(min(1.0, fitted / whole)), "text": told(max(0.0, (error - best) / whole))}


def slope_of(values: Floats, guess: Floats) -> float | None:
    """Return how far values rise where guesses rise by one: 1 is well calibrated, less is too sure."""
    known = np.isfinite(values)
    x, y = guess[known], values[known]
    spread = float(np.square(x - x.mean()).sum()) if len(x) else 0.0
    return told(float(((x - x.mean()) * (y - y.mean())).sum() / spread)) if spread > 1e-9 else None


def told(value: float) -> float:
    """Return a number as it is told."""
    return round(float(value), TOLD)


def told_of_model(
    found: Matrix,
    held: NDArray[np.int64],
    guesses: Floats,
    pool: Mapping[str, Sequence[str]],
    teachers: Sequence[str],
    sources: Sequence[str],
) -> dict[str, Any]:
    """Return what held-out prompts say of a language model's guesses, shape (held-out prompts, teachers).

    It is used where it earns no less reward there than the teacher with the highest mean in the language.
    """
    learns = np.ones(len(found.values), bool)
    learns[held] = False
    shrunk, means = tables(found, learns, pool, teachers)
    values, expected = found.values[held], np.nan_to_num(shrunk)[found.languages[held]]
    known = np.isfinite(values)
    served = np.where(known, guesses, 0.0).sum(1) / np.maximum(known.sum(1), 1)
    guesses = guesses - served[:, None]
    errors = [float(np.mean(np.square(values - one)[known])) if known.any() else 0.0 for one in (expected, guesses)]
    lead = lead_over(values, guesses, means[found.languages[held]], [sources[n] for n in held])
    known_all = np.isfinite(found.values)
    whole, _ = tables(found, np.ones(len(found.values), bool), pool, teachers)
    return {
        "uses": "fixed" if lead["mean"] is None or lead["mean"] < 0 else "text",
        "prompts": int(known_all.any(1).sum()),
        "sources": len({source for source, row in zip(sources, known_all, strict=True) if row.any()}),
        "held_out": int(known.any(1).sum()),
        "lead_over_fixed": lead,
        "signal": _signal(values, expected, errors[0], errors[1]),
        "slope": slope_of(values, guesses),
        "values": {
            language: {name: told(value) for name, value in zip(teachers, row, strict=True) if np.isfinite(value)}
            for language, row in zip(pool, whole, strict=True)
        },
    }
