"""What a build works with, once the run is held, prompts are read and teachers have said who they are."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arbitrage.answers import Reader
from arbitrage.checks.language import LanguageCheck, make_language_check
from arbitrage.derived import derived_names
from arbitrage.embedded.content import ModelFiles
from arbitrage.embedded.files import resolve
from arbitrage.embedded.servers import Embedded
from arbitrage.licensing import refuse_looser
from arbitrage.progress import Progress
from arbitrage.prompts.ingest import Ingested, ingest
from arbitrage.recipe.model import Recipe
from arbitrage.recipe.published import published_recipe, recipe_yaml
from arbitrage.rewards.reward import AnyReward, make_rewards
from arbitrage.rewards.who import identify
from arbitrage.routers import Router, make_routers, pinned
from arbitrage.run import Log, Run, make_folder, write_whole
from arbitrage.store.files import only_builder
from arbitrage.store.store import Store, open_store
from arbitrage.teachers.pool import Pool
from arbitrage.teachers.purse import Purse
from arbitrage.translation.answers import AnswerTranslating
from arbitrage.translation.translating import Counts, Translating


@dataclass(slots=True)
class Line:
    """What a build works with once it is prepared."""

    recipe: Recipe
    run: Run
    store: Store
    ingested: Ingested
    translating: Translating | None
    """None where the recipe does not translate."""
    answer_translating: AnswerTranslating | None
    """None where no arm wants answers translated."""
    pool: Pool
    routers: dict[str, Router]
    rewards: list[AnyReward]
    purse: Purse
    language_check: LanguageCheck | None
    reader: Reader
    number: int
    """Of this build; failures of earlier ones are asked again."""
    last: int
    """The highest prompt number that is asked about."""
    log: Log
    files: Mapping[str, ModelFiles]
    """Of teachers that the run serves itself."""

    @property
    def languages(self) -> Mapping[str, Counts]:
        """What became of translations, by language."""
        return self.translating.languages if self.translating else {}


@contextmanager
def prepared(
    recipe: Recipe, folder: Path, run: Run, progress: Progress, *, limit: int | None = None, builds: bool = False
) -> Iterator[Line]:
    """Hold the run, read the prompts, and find out who the teachers are; nothing is generated.

    With `builds`, it counts as the next build, which asks again what earlier ones could not get.

    Raises:
        ArbitrageError: the user must change something.
    """
    refuse_looser(recipe)
    routers, rewards = make_routers(recipe, folder), make_rewards(recipe, folder)
    language_check = make_language_check(recipe, folder)
    make_folder(run)
    with only_builder(run.folder), open_store(run.store) as store:
        log = Log(run.log)
        try:
            log(f"{'build' if builds else 'check'} of {recipe.name} begins")
            recipe, files = resolve(pinned(recipe, routers), folder, store)
            ingested = ingest(store, recipe, folder, progress.tell, log)
            purse, translating = Purse(store, recipe), None
            if recipe.translate:
                translating = Translating(recipe, recipe.translate, store, folder, language_check, purse)
            write_whole(run.recipe, recipe_yaml(resolved(recipe, ingested, translating)))
            pool = Pool(recipe, store, Embedded(files, run.store, run.folder / "servers"))
            pool.identify()
            for teacher in pool.teachers:
                for endpoint in teacher.endpoints:
                    if endpoint.is_parked and endpoint.last_failure:
                        trouble = f"{teacher.name}: {endpoint.shown}: {endpoint.last_failure.message}"
                        log(trouble)
                        progress.tell(trouble)
            identify(rewards, store, progress.tell)
            number = store.get("build") or 0
            if builds:
                number += 1
                store.keep("build", number)
            store.forget_asks()
            if translating is not None:
                # Behind the teachers, who may turn out to be others than the recipe says: that is said at once.
                _translate(translating, builds, limit, progress, log)
            reader = Reader(store, recipe, rewards, number, pool, language_check)
            last = store.last_of_sources(limit)
            line = Line(
                recipe,
                run,
                store,
                ingested,
                translating,
                AnswerTranslating(recipe, translating, store) if translating and derived_names(recipe) else None,
                pool,
                routers,
                rewards,
                purse,
                language_check,
                reader,
                number,
                last,
                log,
                files,
            )
            try:
                yield line
            finally:
                pool.close()
            log("done")
        except BaseException as error:
            log(f"stopped: {type(error).__name__}: {error}")
            raise
        finally:
            log.close()


def _translate(translating: Translating, builds: bool, limit: int | None, progress: Progress, log: Log) -> None:
    if not builds:
        translating.forget_others(limit)
        return
    translating.run(limit, progress.translating, log)


def resolved(recipe: Recipe, ingested: Ingested, translating: Translating | None) -> dict[str, Any]:
    """Return the recipe as it is published, pinned to what was read and to who translated."""
    translator = translating.pin if translating else None
    return published_recipe(recipe, ingested.pins, translator, ingested.evaluation_pins)
