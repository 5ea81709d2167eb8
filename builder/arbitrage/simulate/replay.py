"""Routers on a recorded pool: they learn on train sources and choose on test sources, and nobody is asked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from arbitrage.errors import RecipeError
from arbitrage.extension import load_object
from arbitrage.pilot import place
from arbitrage.records import Answer, Ask, Piloted, Route
from arbitrage.routers import BUILT_IN, Learner, Router, Setting, settle
from arbitrage.routers.embedding import SentenceEmbedding
from arbitrage.routers.saved import read_saved
from arbitrage.simulate.recorded import Pool, Recorded

SETTINGS = ("teacher", "top", "embedding", "fitted")


class Replayed(NamedTuple):
    """What an arm would have done on the test sources."""

    arm: str
    routes: dict[str, Route]
    """By prompt id."""
    lacking: int
    """Prompts of which it would have asked what nobody recorded."""
    learned: Mapping[str, Any] | None
    """What it says that it learned."""


def make_arm(spec: str, pool: Pool, seed: int, folder: Path) -> Router:
    """Make a router from `router[,key=value]...`: a built-in or `module:name`, with what its arm says.

    Raises:
        RecipeError: it is none of these.
    """
    router, *settings = spec.split(",")
    given = dict(setting.partition("=")[::2] for setting in settings)
    if unknown := given.keys() - SETTINGS:
        raise RecipeError(f"--arm {spec}: {sorted(unknown)[0]!r} is no setting; there are {', '.join(SETTINGS)}")
    top, teacher = given.get("top"), given.get("teacher")
    if top is not None and (not top.isdecimal() or not int(top)):
        raise RecipeError(f"--arm {spec}: top= is a number of teachers")
    if teacher is not None and not any(teacher in names for names in pool.teachers.values()):
        raise RecipeError(f"--arm {spec}: the pool has no teacher {teacher!r}")
    setting = Setting(spec, seed, pool.teachers, teacher, rewarded=True, top=int(top) if top else None)
    if "embedding" in given:
        name, _, revision = given["embedding"].partition("@")
        where = f"--arm {spec}"
        setting = replace(setting, embedding=SentenceEmbedding(name, revision or None, folder, where))
    if "fitted" in given:
        name, _, revision = given["fitted"].partition("@")
        setting = replace(setting, fitted=read_saved(name, revision or None, folder, f"--arm {spec}"))
    if router in BUILT_IN:
        return BUILT_IN[router](setting)
    made: Router = load_object(router, folder, f"--arm (built in are {', '.join(BUILT_IN)})")(setting)
    return made


def replay(arm: str, router: Router, pool: Pool, seed: int, pilot: int | None) -> Replayed:
    """Let a router learn on the pilot, `pilot` train sources a language or all of them, and choose on the test ones."""
    learned = router.fit(train_prompts(pool, seed, pilot)) if isinstance(router, Learner) else None
    routes, lacking = {}, 0
    for one in tested(pool):
        step = settle(arm, router, one.prompt, _answering(one.answers))
        if isinstance(step, Route):
            routes[one.prompt.id] = step
        elif step is not None:
            lacking += 1
    return Replayed(arm, routes, lacking, learned)


def _answering(known: Mapping[str, Answer]) -> Callable[[Ask], Answer | None]:
    return lambda ask: known.get(ask.teacher) if ask.draw == 0 else None


def tested(pool: Pool) -> list[Recorded]:
    """Return the prompts of test sources that more than one teacher answered."""
    return [one for one in pool.prompts if one.prompt.split == "test" and len(one.answers) > 1]


def train_prompts(pool: Pool, seed: int, pilot: int | None) -> Sequence[Piloted]:
    """Return the prompts of train sources, of all or of the first `pilot` of each language in hash order."""
    found = []
    for language, teachers in pool.teachers.items():
        own = [one for one in pool.prompts if one.prompt.language == language and one.prompt.split == "train"]
        sources = sorted({one.prompt.source_id for one in own}, key=lambda source: place(seed, source))
        chosen = set(sources if pilot is None else sources[:pilot])
        for one in own:
            if one.prompt.source_id in chosen:
                answers = [one.answers[name] for name in teachers if name in one.answers]
                found.append(Piloted(one.prompt, answers))
    return found
