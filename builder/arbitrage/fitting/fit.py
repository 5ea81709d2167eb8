"""`arbitrage fit`: material -> values -> what held-out sources say -> a folder."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from arbitrage_cards.router import router_card

from arbitrage.errors import RouterError
from arbitrage.fitting.adding import add_teachers
from arbitrage.fitting.material import Material
from arbitrage.fitting.settings import ModelSettings
from arbitrage.recipe.published import published_source
from arbitrage.records import Piloted
from arbitrage.routers.features import Embedding
from arbitrage.routers.language_model import LanguageModel
from arbitrage.routers.learned import seen
from arbitrage.routers.learning import learn_values, told_of_model
from arbitrage.routers.saved import Described, Floats, Model, Saved, described_table, marked, write_saved
from arbitrage.routers.values import Seen, Values, matrix, tables

Tell = Callable[[str], None]
HELD_OUT = 0
"""The fold of sources that a language model does not learn from."""


def fit(
    material: Material,
    target: Path,
    seed: int,
    *,
    embedding: Embedding | None = None,
    settings: ModelSettings | None = None,
    tell: Tell = lambda line: None,
) -> dict[str, Any]:
    """Fit a router and write it as a folder; return what held-out sources say of it.

    Args:
        material: what it learns from.
        target: the folder, which must not be there yet.
        seed: of the folds and of training.
        embedding: what the light form sees of a text; hashed n-grams where there is none.
        settings: of the language model, for the other form.
        tell: told how far training is.

    Raises:
        RouterError: there is nothing to learn from, or the folder is there.
    """
    _check(material, target)
    known = seen(material.pilot)
    if settings is None:
        values, told = learn_values(seed, material.pool, known, embedding)
        return _written(target, _described(material, seed, values, told, None), values.weights, _marks(material.pilot))
    part = _part(target)
    try:
        values, told = _trained(material, known, part, seed, settings, tell)
        model = Model(
            base=published_source(settings.model),
            base_revision=settings.revision,
            max_length=settings.max_length,
            temperature=settings.temperature,
        )
        return _written(target, _described(material, seed, values, told, model), None, _marks(material.pilot))
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _trained(
    material: Material, known: Sequence[Seen], folder: Path, seed: int, settings: ModelSettings, tell: Tell
) -> tuple[Values, dict[str, Any]]:
    """Train a language model on all sources but one fold, which says how good it is."""
    from arbitrage.fitting.training import train

    teachers = list(dict.fromkeys(name for served in material.pool.values() for name in served))
    found = matrix(seed, material.pool, teachers, known)
    texts = [one.text for one in known]
    learns, held = np.flatnonzero(found.folds != HELD_OUT), np.flatnonzero(found.folds == HELD_OUT)
    train(settings, teachers, [texts[n] for n in learns], found.values[learns], folder, seed, tell)
    model = LanguageModel(folder, teachers, settings.max_length, settings.temperature)
    guesses = np.array([model.values(texts[n]) for n in held]).reshape(len(held), len(teachers))
    told = told_of_model(found, held, guesses, material.pool, teachers, [one.source_id for one in known])
    shrunk, means = tables(found, np.ones(len(known), bool), material.pool, teachers)
    # What fixed goes by, for where the model is no better.
    table = np.where(np.isfinite(means), means, shrunk)
    spreads = {name: float(one) for name, one in zip(material.pool, found.spreads, strict=True) if np.isfinite(one)}
    return Values(teachers, dict(zip(material.pool, table, strict=True)), None, spreads=spreads), told


def add(saved: Saved, material: Material, target: Path) -> dict[str, Any]:
    """Write a fitted router with the teachers of the material that it lacks; what it knows of others stays as it is.

    Raises:
        RouterError: it lacks none, it is a language model, or nothing can be learned of a new one.
    """
    _check(material, target)
    if not isinstance(saved.values, Values):
        raise RouterError(f"{saved.folder}: a language model has an output for each teacher: fit it again with the new")
    old = saved.described
    values, told = add_teachers(saved.values, old.seed, material)
    table = described_table(values)
    described = old.model_copy(update={"teachers": values.teachers, "table": table, "added": {**old.added, **told}})
    return _written(target, described, values.weights, _marks(material.pilot) | saved.learned_from)


def _check(material: Material, target: Path) -> None:
    if not any(len(one.answers) > 1 for one in material.pilot):
        raise RouterError(f"{material.name}: no prompt of a train source was answered by two teachers")
    if target.exists():
        raise RouterError(f"{target} is there already: name another folder, or take it away first")
    # What a fit that was killed left behind is no part of this one.
    shutil.rmtree(_part(target), ignore_errors=True)


def _described(material: Material, seed: int, values: Values, told: dict[str, Any], model: Model | None) -> Described:
    return Described(
        form="light" if model is None else "model",
        seed=seed,
        pool=material.name,
        teachers=values.teachers,
        table=described_table(values),
        spreads=dict(values.spreads),
        embedding=values.embedding.as_dict() if model is None else None,
        model=model,
        told=told,
    )


def _part(target: Path) -> Path:
    return target.with_name(f".{target.name}.part")


def _marks(pilot: Sequence[Piloted]) -> set[str]:
    return {marked(name) for one in pilot for name in (one.prompt.id, one.prompt.source_id)}


def _written(target: Path, described: Described, weights: Floats | None, marks: set[str]) -> dict[str, Any]:
    part = _part(target)
    part.mkdir(parents=True, exist_ok=True)
    write_saved(part, described, weights, marks)
    (part / "README.md").write_text(router_card(described.model_dump()), encoding="utf-8")
    part.rename(target)
    return {"folder": str(target), "form": described.form, "teachers": described.teachers, "added": described.added} | {
        "told": described.told
    }
