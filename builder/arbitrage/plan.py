"""What the arms want to ask, given the answers there are; and their routes once they want nothing more."""

from collections.abc import Iterable, Iterator, Mapping

from arbitrage.answers import Answers, Reader
from arbitrage.derived import TRANSLATION, derived_names
from arbitrage.errors import RouterError
from arbitrage.records import Answer, Ask, Prompt, Route, Routed
from arbitrage.routers import Router, settle
from arbitrage.store.store import NumberedPrompt, Store
from arbitrage.teachers.pool import Pool


def plan(store: Store, pool: Pool, routers: Mapping[str, Router], reader: Reader, last: int) -> int:
    """Plan what the arms want to ask next about the prompts up to `last`; return how many asks are new.

    Arms share the plan: a pair of prompt and teacher that two of them want is asked once.
    """
    return store.plan(_missing(store, pool, routers, reader, last))


def _missing(
    store: Store, pool: Pool, routers: Mapping[str, Router], reader: Reader, last: int
) -> Iterator[tuple[str, int, int, str | None]]:
    teachers = {teacher.name: teacher for teacher in pool.teachers}
    derived = derived_names(pool.recipe)
    translating = {arm for arm, one in pool.recipe.arms.items() if one.router == TRANSLATION}
    for page in store.prompts(last):
        answers = reader.read(page)
        for item in page:
            for arm, ask in _asks(item, routers, answers):
                if ask.teacher in derived and arm in translating:
                    # What it is made from is not there yet, and names it.
                    yield ask.teacher, item.n, ask.draw, None
                    continue
                if ask.teacher not in teachers:
                    raise RouterError(
                        f"arms.{arm}: its router asked {ask.teacher!r}, which is no teacher of the recipe"
                    )
                identity = teachers[ask.teacher].completion_id(item.prompt, ask.draw)
                yield ask.teacher, item.n, ask.draw, identity


def _asks(item: NumberedPrompt, routers: Mapping[str, Router], answers: Answers) -> Iterable[tuple[str, Ask]]:
    known = answers[item.n]
    wanted: dict[tuple[str, int], tuple[str, Ask]] = {}
    for arm, router in routers.items():
        step = settle(arm, router, item.prompt, lambda ask: known.get((ask.teacher, ask.draw)))
        if step is not None and not isinstance(step, Route):
            wanted |= {(ask.teacher, ask.draw): (arm, ask) for ask in step}
    return wanted.values()


def asks_about(prompts: Iterable[Prompt], routers: Mapping[str, Router]) -> Iterator[tuple[Prompt, str]]:
    """Yield (prompt, teacher) for everything that the arms would first ask about prompts that nobody has answered."""
    for prompt in prompts:
        for _, ask in _asks(NumberedPrompt(0, prompt), routers, {0: {}}):
            yield prompt, ask.teacher


def routed(
    store: Store, routers: Mapping[str, Router], reader: Reader, language: str, split: str, last: int
) -> Iterator[Routed]:
    """Yield the routed prompts of one language and split, in order of prompt id."""
    for page in store.prompts_of(language, split, last):
        answers = reader.read(page)
        for item in page:
            whole = routed_so_far(item, routers, answers[item.n])
            if whole.unsettled:
                raise RuntimeError(f"{whole.unsettled[0]} still asks about prompt {item.prompt.id}: plan first")
            yield whole


def routed_so_far(
    item: NumberedPrompt, routers: Mapping[str, Router], known: Mapping[tuple[str, int], Answer]
) -> Routed:
    """Return a prompt with the routes of the arms that have all they asked for."""
    routes, unsettled = [], []
    for arm, router in routers.items():
        step = settle(arm, router, item.prompt, lambda ask: known.get((ask.teacher, ask.draw)))
        if isinstance(step, Route):
            routes.append(step)
        elif step is not None:
            unsettled.append(arm)
    return Routed(item.prompt, [known[key] for key in sorted(known)], routes, unsettled)
