"""The line: prompts -> asks -> completions -> rewards -> routes -> dataset."""

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal, get_args

from arbitrage.checks.judging import judge_all
from arbitrage.derived import answerers
from arbitrage.line import Line, prepared
from arbitrage.pilot import learn, learners, pilot_prompts, pilot_sentences, plan_pilot, read_pilot
from arbitrage.plan import plan
from arbitrage.progress import Progress
from arbitrage.recipe.model import Recipe
from arbitrage.rewards.lacking import score_shortfalls
from arbitrage.rewards.score import score_all
from arbitrage.rewards.who import remember
from arbitrage.run import Run, to_json, write_whole
from arbitrage.shortfall import Shortfall, shortfalls, untranslated
from arbitrage.writing import Built, contamination, write

Stage = Literal["prompts", "completions", "rewards", "routes"]
STAGES: tuple[Stage, ...] = get_args(Stage)


def build(
    recipe: Recipe,
    folder: Path,
    run: Run,
    progress: Progress,
    *,
    until: Stage | None = None,
    limit: int | None = None,
    left_out: Sequence[str] = (),
) -> Built:
    """Take a recipe to its dataset folder, or as far as `until`; the same call resumes.

    Args:
        recipe: the recipe, already restricted to the arms that are wanted.
        folder: the recipe's own, where its paths start.
        run: where the state is kept.
        progress: told of everything that takes long.
        until: the last stage to do.
        limit: take the first so many sources in hash order, and write a preview.
        left_out: teachers that the recipe has lost for this build, which the manifest names.

    Raises:
        ArbitrageError: the user must change something, or stopped it; what is stored stays.
    """
    with prepared(recipe, folder, run, progress, limit=limit, builds=True) as line:
        if until == "prompts":
            return Built(None, untranslated(recipe, line.languages), {}, contamination(line))
        pilot = _learn(line, progress)
        while asks := plan(line.store, line.pool, line.routers, line.reader, line.last):
            line.log(f"asking: {asks} asks are planned")
            line.pool.ask(line.number, line.purse, progress.asking(line.store, line.pool), progress.tell)
            if line.answer_translating is not None:
                line.answer_translating.run(line.number, progress.translating, line.log)
            if until == "completions":
                break
            _score(line, progress)
        record_run(line)
        if until is not None:
            lacking = shortfalls(line.store, line.recipe, line.number, translated=line.languages)
            built = Built(None, lacking, {}, contamination(line))
        else:
            built = write(line, progress, pilot, preview=limit is not None, left_out=left_out)
        lacking = score_shortfalls(line.rewards, line.store, answerers(line.recipe))
        if line.answer_translating is not None and (stopped := line.answer_translating.stopped_by):
            lacking.append(Shortfall(f"answers are left untranslated: {stopped.message}", serious=True))
        built = replace(built, shortfalls=[*built.shortfalls, *lacking])
        for short in built.shortfalls:
            line.log(short.message)
        return built


def _score(line: Line, progress: Progress) -> None:
    """Check and score what was completed and is not yet."""
    teachers = answerers(line.recipe)
    if line.language_check is not None:
        line.log("checking languages")
        judge_all(line.store, line.language_check, teachers, progress.judging)
    line.log("scoring")
    score_all(line.store, line.rewards, teachers, line.purse, progress.scoring, line.recipe.patience, progress.tell)
    remember(line.rewards, line.store)


def _learn(line: Line, progress: Progress) -> dict[str, Any] | None:
    """Have the pilot answered and scored, and the routers learn from it, where any does."""
    if not learners(line.routers):
        line.store.keep("pilot", None)
        return None
    prompts = pilot_prompts(line.store, line.recipe, line.last)
    asks = plan_pilot(line.store, line.pool, line.recipe, prompts)
    line.log(f"asking: {asks} asks are planned for the pilot")
    line.pool.ask(line.number, line.purse, progress.asking(line.store, line.pool), progress.tell)
    _score(line, progress)
    answered = read_pilot(line.reader, line.recipe, prompts)
    if answered is None:
        raise RuntimeError("the pilot lacks outcomes although all was asked")
    pilot = learn(line.recipe, line.routers, answered)
    line.store.keep("pilot", pilot)
    for sentence in pilot_sentences(line.recipe, pilot):
        line.log(sentence)
        progress.tell(sentence)
    return pilot


def record_run(line: Line) -> None:
    """Write `run.json`: what this build's requests were like."""
    teachers = {}
    for teacher in line.pool.teachers:
        counts = asdict(teacher.counts)
        counts["mean_seconds"] = counts["seconds"] / counts["answered"] if counts["answered"] else None
        counts["endpoints"] = {
            endpoint.shown: {"limit": round(endpoint.limit.value, 1)} for endpoint in teacher.endpoints
        }
        teachers[teacher.name] = counts
    write_whole(line.run.record, to_json({"build": line.number, "ended": time.time(), "teachers": teachers}))
