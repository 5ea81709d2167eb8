"""The pilot of a published pool, for routers to learn from it again."""

import math
from collections.abc import Mapping
from typing import Any

from arbitrage.dataset.files import Files
from arbitrage.dataset.manifest import Manifest
from arbitrage.dataset.reading import hole, rows
from arbitrage.dataset.report import Report, shown
from arbitrage.dataset.rows import answer_of, prompt_of
from arbitrage.dataset.schema import POOL, schema_of
from arbitrage.errors import RouterError
from arbitrage.pilot import learn, learners, piloted_languages, place
from arbitrage.recipe.model import Recipe
from arbitrage.records import Answer, Piloted, Prompt
from arbitrage.routers import Router

COLUMNS = frozenset(schema_of(POOL, {}).names)
TOLERANCE = 1e-5
"""How far what a router learned again may be from what it learned."""
MAX_ROWS = 1_000_000
"""Rows of one language that a pilot may have."""

Found = dict[str, dict[str, tuple[Prompt, dict[str, Answer]]]]
"""By source and prompt id: the prompt, and its answers by teacher."""


def learn_again(recipe: Recipe, files: Files, routers: dict[str, Router], manifest: Manifest, report: Report) -> None:
    """Let the routers learn from the pool's own pilot, and compare with what the manifest says they learned.

    Routers that cannot are taken out of `routers`.
    """
    by_arm = learners(routers)
    if not by_arm:
        if manifest.pilot is not None and not _foreign(recipe, manifest.pilot.learned, routers):
            report.add("manifest.json", "no arm of the recipe learns", column="pilot")
        return
    unreadable = [x for x in piloted_languages(recipe) if not files.readable(POOL, x, "train")]
    learned: dict[str, Any] | None = None
    if not unreadable:
        pilot = [piloted for language in piloted_languages(recipe) for piloted in _of_language(recipe, files, language)]
        try:
            learned = learn(recipe, by_arm, pilot)
        except RouterError as error:
            report.add("pool", shown(str(error))[1:-1])
    if learned is None:
        for arm in by_arm:
            report.notes.append(f"arm {arm}: its router did not learn again, so its choices are those of routes/")
            del routers[arm]
        return
    said = manifest.pilot.model_dump() if manifest.pilot is not None else None
    if said is not None:
        # What other routers learned cannot be learned again here.
        said["learned"] = {arm: state for arm, state in said["learned"].items() if arm in by_arm}
        _forget_unsaid(learned["learned"], said["learned"])
    if not _alike(said, learned):
        report.add("manifest.json", "is not what the pool's pilot says", column="pilot")


def _alike(one: object, other: object) -> bool:
    """Say whether two states are the same, numbers up to what another machine's linear algebra may change."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_alike(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return type(one) is type(other) and one == other


def _foreign(recipe: Recipe, learned: Mapping[str, Any], routers: Mapping[str, Router]) -> bool:
    """Say whether all that learned are routers that are not built in."""
    return bool(learned) and all(arm in recipe.arms and arm not in routers for arm in learned)


def _forget_unsaid(learned: Mapping[str, Any], said: Mapping[str, Any]) -> None:
    """Leave out how many answers were flagged where the manifest, being older, says it of no expert of an arm."""
    for arm, experts in said.items():
        if not any("flagged" in expert for expert in experts.values() if isinstance(expert, Mapping)):
            for expert in learned[arm].values():
                if isinstance(expert, dict):
                    expert.pop("flagged", None)


def _of_language(recipe: Recipe, files: Files, language: str) -> list[Piloted]:
    """Return the pilot's prompts of a language: those of the pool's first sources in hash order."""
    teachers = recipe.teachers_for(language)
    kept: Found = {}
    places: dict[str, tuple[float, str]] = {}
    barred: tuple[float, str] | None = None
    count = 0
    for found in rows(files.folder, files.paths(POOL, language, "train")):
        row = found.value
        if hole(row, COLUMNS) is not None or row["draw"] != 0 or row["teacher"] not in teachers:
            continue
        source = row["source_id"]
        if source not in places:
            where = place(recipe.seed, source)
            if barred is not None and where >= barred:
                continue
            places[source] = where
        count += 1
        if count > MAX_ROWS:
            break
        _, answers = kept.setdefault(source, {}).setdefault(row["prompt_id"], (prompt_of(row, "train", []), {}))
        answers[row["teacher"]] = answer_of(row)
        if len(places) > recipe.pilot:
            last = max(places, key=lambda name: places[name])
            barred = places.pop(last)
            del kept[last]
    return [
        Piloted(prompt, [answers[name] for name in teachers if name in answers])
        for by_prompt in kept.values()
        for prompt, answers in by_prompt.values()
    ]
