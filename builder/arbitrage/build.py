"""The line: prompts -> asks -> completions -> rewards -> routes -> dataset."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from arbitrage.answers import Reader
from arbitrage.checks.judging import judge_all, judged
from arbitrage.checks.language import LanguageCheck, make_language_check
from arbitrage.columns import column_types, fitted, translator_type
from arbitrage.dataset.folder import write_dataset
from arbitrage.errors import DatasetError
from arbitrage.licensing import conflicts, refuse_looser
from arbitrage.plan import plan, routed
from arbitrage.progress import Progress
from arbitrage.prompts.ingest import Ingested, ingest
from arbitrage.recipe.model import Recipe
from arbitrage.recipe.published import published_recipe, recipe_yaml
from arbitrage.records import Routed
from arbitrage.rewards.lacking import score_shortfalls, scoring_facts
from arbitrage.rewards.reward import AnyReward, make_rewards
from arbitrage.rewards.score import score_all
from arbitrage.rewards.who import identify, remember
from arbitrage.routers import Router, make_routers
from arbitrage.run import Log, Run, make_folder, to_json, write_whole
from arbitrage.shortfall import Shortfall, shortfalls, untranslated
from arbitrage.spend import costs
from arbitrage.store.completions import imported
from arbitrage.store.files import only_builder
from arbitrage.store.store import Store, open_store
from arbitrage.store.translations import original_of
from arbitrage.teachers.pool import Pool
from arbitrage.translation.translating import Counts, Translating

Stage = Literal["prompts", "completions", "rewards", "routes"]
STAGES: tuple[Stage, ...] = get_args(Stage)


@dataclass(slots=True)
class Line:
    """What a build works with once it is prepared."""

    recipe: Recipe
    run: Run
    store: Store
    ingested: Ingested
    translating: Translating | None
    """None where the recipe does not translate."""
    pool: Pool
    routers: dict[str, Router]
    rewards: list[AnyReward]
    language_check: LanguageCheck | None
    reader: Reader
    number: int
    """Of this build; failures of earlier ones are asked again."""
    last: int
    """The highest prompt number that is asked about."""
    log: Log

    @property
    def languages(self) -> Mapping[str, Counts]:
        """What became of translations, by language."""
        return self.translating.languages if self.translating else {}


@dataclass(frozen=True, slots=True)
class Built:
    """What a build came to."""

    dataset: Path | None
    """None when it was told to stop before."""
    shortfalls: Sequence[Shortfall]
    rows: dict[str, int]
    """Rows by arm."""
    contamination: dict[str, Any] | None = None
    """What of the recipe's evaluation sets prompts hold."""


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
        while asks := plan(line.store, line.pool, line.routers, line.reader, line.last):
            line.log(f"asking: {asks} asks are planned")
            line.pool.ask(line.number, progress.asking(line.store, line.pool), progress.tell)
            if until == "completions":
                break
            if line.language_check is not None:
                line.log("checking languages")
                judge_all(line.store, line.language_check, list(recipe.teachers), progress.judging)
            line.log("scoring")
            teachers = list(recipe.teachers)
            score_all(line.store, line.rewards, teachers, progress.scoring, recipe.patience, progress.tell)
            remember(line.rewards, line.store)
        record_run(line)
        if until is not None:
            lacking = shortfalls(line.store, recipe, line.number, translated=line.languages)
            built = Built(None, lacking, {}, contamination(line))
        else:
            built = write(line, progress, preview=limit is not None, left_out=left_out)
        lacking = score_shortfalls(line.rewards, line.store, list(recipe.teachers))
        built = replace(built, shortfalls=[*built.shortfalls, *lacking])
        for short in built.shortfalls:
            line.log(short.message)
        return built


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
            ingested = ingest(store, recipe, folder, progress.tell, log)
            translating = None
            if recipe.translate:
                translating = Translating(recipe, recipe.translate, store, folder, language_check)
            write_whole(run.recipe, recipe_yaml(_published(recipe, ingested, translating)))
            pool = Pool(recipe, store)
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
            yield Line(
                recipe,
                run,
                store,
                ingested,
                translating,
                pool,
                routers,
                rewards,
                language_check,
                reader,
                number,
                last,
                log,
            )
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


def _published(recipe: Recipe, ingested: Ingested, translating: Translating | None) -> dict[str, Any]:
    translator = translating.pin if translating else None
    return published_recipe(recipe, ingested.pins, translator, ingested.evaluation_pins)


def write(line: Line, progress: Progress, *, preview: bool, left_out: Sequence[str] = ()) -> Built:
    """Write the dataset folder from the store."""
    recipe = line.recipe
    types = column_types(line.store, recipe)
    published = _published(recipe, line.ingested, line.translating)
    said: Mapping[str, Any] = {"translation": translator_type()} if line.translating else {}

    def items(language: str, split: str) -> Iterator[Routed]:
        for item in routed(line.store, line.routers, line.reader, language, split, line.last):
            columns = fitted(item.prompt.columns, types)
            if line.translating is not None:
                is_original = original_of(line.store, item.prompt.id) is None
                columns["translation"] = None if is_original else line.translating.by
            yield replace(item, prompt=replace(item.prompt, columns=columns))

    folder = line.run.preview if preview else line.run.dataset
    line.log(f"writing {folder.name}")
    facts: dict[str, Any] = {
        "prompt_sources": [asdict(counts) for counts in line.ingested.sources],
        "cost_usd": costs(line.store, recipe),
        **conflicts(recipe),
    }
    if found := contamination(line):
        facts["contamination"] = found
    if line.language_check is not None:
        facts["language_check"] = judged(line.store, line.language_check, list(recipe.teachers))
    if left_out:
        facts["left_out"] = sorted(set(left_out))
    if line.translating is not None:
        facts["translation"] = line.translating.facts()
    if line.rewards:
        facts["scoring"] = scoring_facts(line.rewards, line.store)
    if brought := imported(line.store):
        facts["imported"] = brought
    try:
        with progress.writing(folder):
            manifest = write_dataset(folder, recipe, published, recipe_yaml(published), items, {**said, **types}, facts)
    except OSError as error:
        raise DatasetError(
            f"{folder} cannot be written ({error.strerror or error}): mend that, then run the same command again; "
            "everything stored so far is safe"
        ) from error
    rows = {name: sum(sum(splits.values()) for splits in arm.rows.values()) for name, arm in manifest.arms.items()}
    short = shortfalls(line.store, recipe, line.number, manifest, line.languages)
    return Built(folder, short, rows, contamination(line))


def contamination(line: Line) -> dict[str, Any] | None:
    """Return what of the recipe's evaluation sets prompts hold; None where it names no set."""
    if not line.recipe.contamination:
        return None
    sets = {name: asdict(counts) for name, counts in line.ingested.evaluation_sets.items()}
    return {"action": line.recipe.contamination_action, "sets": sets}


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
