"""The pilot: train sources that the whole pool answers, for routers that learn whom to ask."""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from arbitrage.answers import Reader
from arbitrage.errors import RouterError
from arbitrage.identity import rng, sorted_json
from arbitrage.recipe.model import Recipe
from arbitrage.records import Piloted
from arbitrage.routers import Router
from arbitrage.routers.fixed import said
from arbitrage.routers.learned import what_was_learned
from arbitrage.routers.router import Learner
from arbitrage.spend import usd
from arbitrage.store.store import PAGE, NumberedPrompt, Store
from arbitrage.teachers.pool import Pool


def learners(routers: Mapping[str, Router]) -> dict[str, Learner]:
    """Return the routers that learn before they decide, by arm."""
    return {arm: router for arm, router in routers.items() if isinstance(router, Learner)}


def piloted_languages(recipe: Recipe) -> list[str]:
    """Return the languages in which there is somebody to choose from."""
    return [language for language in recipe.languages if len(recipe.teachers_for(language)) > 1]


def place(seed: int, source_id: str) -> tuple[float, str]:
    """Return where a source stands in the order in which sources are taken into the pilot."""
    return rng(seed, "pilot", source_id).random(), source_id


def pilot_prompts(store: Store, recipe: Recipe, last: int) -> list[NumberedPrompt]:
    """Return the prompts of the pilot: in each language, all of its first train sources in hash order."""
    found: list[NumberedPrompt] = []
    for language in piloted_languages(recipe):
        sources = store.sources(language, "train", last)
        chosen = {source for _, source in heapq.nsmallest(recipe.pilot, (place(recipe.seed, s) for s in sources))}
        found += store.prompts_of_sources(language, "train", last, sorted(chosen))
    return found


def plan_pilot(store: Store, pool: Pool, recipe: Recipe, prompts: Sequence[NumberedPrompt]) -> int:
    """Plan that every teacher of its language answers each prompt of the pilot; return how many asks are new."""
    teachers = {teacher.name: teacher for teacher in pool.teachers}
    return store.plan(
        (name, item.n, 0, teachers[name].completion_id(item.prompt, 0))
        for item in prompts
        for name in recipe.teachers_for(item.prompt.language)
    )


def read_pilot(reader: Reader, recipe: Recipe, prompts: Sequence[NumberedPrompt]) -> list[Piloted] | None:
    """Return the prompts of the pilot with their answers, failures among them; None while some are not there."""
    found = []
    for page in _pages(prompts):
        answers = reader.read(page)
        for item in page:
            known = [answers[item.n].get((name, 0)) for name in recipe.teachers_for(item.prompt.language)]
            present = [answer for answer in known if answer is not None]
            if len(present) < len(known):
                return None
            found.append(Piloted(item.prompt, present))
    return found


def ready_routers(store: Store, recipe: Recipe, routers: Mapping[str, Router], reader: Reader) -> dict[str, Router]:
    """Return the routers that can decide by what is stored: without those whose pilot is not answered yet."""
    by_arm = learners(routers)
    if by_arm:
        pilot = read_pilot(reader, recipe, pilot_prompts(store, recipe, store.last_of_sources(None)))
        if pilot is None:
            return {arm: router for arm, router in routers.items() if arm not in by_arm}
        learn(recipe, routers, pilot)
    return dict(routers)


def _pages(prompts: Sequence[NumberedPrompt]) -> Iterator[Sequence[NumberedPrompt]]:
    for start in range(0, len(prompts), PAGE):
        yield prompts[start : start + PAGE]


def learn(recipe: Recipe, routers: Mapping[str, Router], pilot: Sequence[Piloted]) -> dict[str, Any] | None:
    """Let the routers that learn do so; return what the manifest says of the pilot, None where nobody learns.

    Raises:
        RouterError: a router raised, or says of what it learned something that JSON cannot.
    """
    by_arm = learners(routers)
    if not by_arm:
        return None
    ordered = sorted(pilot, key=lambda piloted: (piloted.prompt.language, piloted.prompt.id))
    learned = {}
    for arm, router in by_arm.items():
        try:
            learned[arm] = dict(router.fit(ordered))
            sorted_json(learned[arm])
        except Exception as error:
            raise RouterError(f"arms.{arm}: its router could not learn: {type(error).__name__}: {error}") from error
    return {**_cost(recipe, ordered), "learned": learned}


def pilot_sentences(recipe: Recipe, pilot: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield what the pilot cost and what the built-in routers learned from it."""
    if not pilot:
        return
    money = f", ${sum(pilot['usd'].values()):,.4f}" if pilot["usd"] else ""
    tokens = pilot["prompt_tokens"] + pilot["completion_tokens"]
    yield f"pilot: {sum(pilot['prompts'].values())} prompts, {pilot['answers']} answers, {tokens:,} tokens{money}"
    for arm, learned in pilot["learned"].items():
        router = recipe.arms[arm].router if arm in recipe.arms else None
        if router == "fixed":
            yield from (f"arm {arm}: {said(language, expert)}" for language, expert in learned.items())
        elif router == "learned":
            yield f"arm {arm}: {what_was_learned(learned)}"


def _cost(recipe: Recipe, pilot: Sequence[Piloted]) -> dict[str, Any]:
    prompts = dict.fromkeys(piloted_languages(recipe), 0)
    for piloted in pilot:
        prompts[piloted.prompt.language] += 1
    answers = [answer for piloted in pilot for answer in piloted.answers]
    counted = [answer for answer in answers if answer.tokens_from is not None]
    money = {}
    for name, teacher in recipe.teachers.items():
        own = [answer for answer in answers if answer.teacher == name and answer.error is None]
        tokens = [sum(getattr(answer, key) or 0 for answer in own) for key in ("prompt_tokens", "completion_tokens")]
        cost = usd(teacher.price, *tokens)
        if own and cost is not None and all(answer.tokens_from is not None for answer in own):
            money[name] = round(cost, 6)
    return {
        "sources": recipe.pilot,
        "prompts": prompts,
        "answers": len(answers),
        "usable": sum(answer.usable for answer in answers),
        "tokens_counted": len(counted),
        "prompt_tokens": sum(answer.prompt_tokens or 0 for answer in counted),
        "completion_tokens": sum(answer.completion_tokens or 0 for answer in counted),
        "usd": money,
    }
