"""A teacher that came later: its values from a few prompts, beside those of teachers that are known already."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from arbitrage.errors import RouterError
from arbitrage.fitting.material import Material
from arbitrage.routers.learned import seen
from arbitrage.routers.learning import learn_from
from arbitrage.routers.values import Floats, Matrix, Seen, Values, fold_of


def add_teachers(old: Values, seed: int, material: Material) -> tuple[Values, dict[str, dict[str, Any]]]:
    """Return values with the teachers of the material that were not known, and what held-out sources say of each.

    A prompt's level is what its known teachers earned beyond what was expected of them; the new teacher's value is what
    it earned beyond that level, in the spreads that are known. Nothing that is known changes.

    Raises:
        RouterError: every teacher is known, or no prompt tells anything of a new one.
    """
    new = sorted({name for names in material.pool.values() for name in names} - set(old.teachers))
    if not new:
        raise RouterError(f"{material.name}: all its teachers are known already")
    known = seen(material.pilot)
    told = {}
    values = old
    for name in new:
        values, told[name] = _with_one(values, old, seed, name, [one for one in known if name in one.rewards])
    return values, told


def _with_one(values: Values, old: Values, seed: int, name: str, rows: Sequence[Seen]) -> tuple[Values, dict[str, Any]]:
    languages = [x for x in old.table if x in old.spreads and any(one.language == x for one in rows)]
    told_of, gains = [], []
    for language in languages:
        own = [one for one in rows if one.language == language]
        for one, gain in zip(own, _gains(old, language, name, own), strict=True):
            if np.isfinite(gain):
                told_of.append(one)
                gains.append(float(gain))
    if len(told_of) < 2:
        raise RouterError(
            f"{name}: fewer than two prompts have a score of it and of a teacher that is known, in a language that is "
            "known: score it on some"
        )
    place = {language: n for n, language in enumerate(languages)}
    found = Matrix(
        np.array(gains)[:, None],
        np.array([place[one.language] for one in told_of], np.int64),
        np.array([fold_of(seed, one.source_id) for one in told_of], np.int64),
        np.array([old.spreads[language] for language in languages]),
    )
    learned, told = learn_from(found, {x: [name] for x in languages}, [name], told_of, old.embedding)
    weights = values.weights
    if weights is not None:
        own_weights = learned.weights if learned.weights is not None else np.zeros((len(weights), 1))
        weights = np.hstack([weights, own_weights])
    nowhere = np.array([np.nan])
    table = {x: np.append(row, learned.table.get(x, nowhere)) for x, row in values.table.items()}
    kept = {key: told[key] for key in ("prompts", "sources", "slope")}
    return Values([*values.teachers, name], table, weights, old.embedding, old.spreads), kept


def _gains(old: Values, language: str, name: str, rows: Sequence[Seen]) -> Floats:
    """Return what a teacher earned beyond each prompt's level, in spreads; NaN where the level is not known."""
    scored = [reward for one in rows for reward in one.rewards.values() if reward is not None]
    if not scored:
        return np.full(len(rows), np.nan)
    lowest, spread = min(scored), old.spreads[language]
    expected = old.of([one.text for one in rows], language)
    gains = np.full(len(rows), np.nan)
    for n, one in enumerate(rows):
        earned = {who: (lowest if reward is None else reward) / spread for who, reward in one.rewards.items()}
        beyond = [
            earned[who] - value
            for who, value in zip(old.teachers, expected[n], strict=True)
            if who in earned and np.isfinite(value)
        ]
        if beyond:
            gains[n] = earned[name] - sum(beyond) / len(beyond)
    return gains
