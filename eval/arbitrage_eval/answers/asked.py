"""Models are asked as teachers are: what they say is kept and resumed, and is a dataset in the end."""

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arbitrage.build import build
from arbitrage.dataset.manifest import read_manifest
from arbitrage.errors import RecipeError
from arbitrage.progress import Progress
from arbitrage.recipe.model import Recipe, Teacher
from arbitrage.rewards.reward import BUILT_IN
from arbitrage.run import Run
from arbitrage.store.store import open_store
from pydantic import ValidationError

from arbitrage_eval.answers.recorded import table
from arbitrage_eval.answers.table import Answers
from arbitrage_eval.spending import PILOT_SOURCES, Requests, pool, predicted, sentence, spent, used
from arbitrage_eval.suite import Suite


@dataclass(frozen=True, slots=True)
class Asked:
    """What models answered, and what that took."""

    dataset: Path
    spending: dict[str, Any]
    part: dict[str, float]
    """By language the share of its prompts that was asked, of a sample; empty where all were."""


def ask_models(suite: Suite, dataset: Path | None, folder: Path, run: Run, progress: Progress, *, pilot: bool) -> Asked:
    """Ask a suite's models its prompts, or those of a dataset's split; the same call resumes.

    Where there are more sources than a pilot has, they are asked first, and it is said what the rest takes; with
    `pilot` it ends there, unless all is answered already.

    Raises:
        ArbitrageError: the user must change something, or stopped it; what is stored stays.
    """
    asking = recipe_of(suite, dataset, folder, run)
    ahead = None
    build(asking, folder, run, progress, until="prompts")
    whole, sources = _whole(run)
    if sources > PILOT_SOURCES:
        build(asking, folder, run, progress, limit=PILOT_SOURCES)
        ahead = predicted(used(run.preview), whole, suite.models)
        for name, of_model in ahead.items():
            progress.tell(f"all answers of {sentence(name, of_model)}")
        if pilot and not _is_answered(asking, run):
            sample = Counter(row["language"] for row in _first_of_each(pool(run.preview)))
            part = {language: sample[language] / asked.number for language, asked in whole.items()}
            return Asked(run.preview, {"predicted": ahead}, part)
    build(asking, folder, run, progress)
    return Asked(run.dataset, {"predicted": ahead, "spent": spent(used(run.dataset), suite.models)}, {})


def _is_answered(asking: Recipe, run: Run) -> bool:
    """Say whether the dataset of an earlier run has an answer of every model to every prompt there is now."""
    if not (run.dataset / "manifest.json").is_file():
        return False
    known = {(row["teacher"], row["prompt_id"]) for row in pool(run.dataset) if row["completion"] is not None}
    with open_store(run.store, read_only=True) as store:
        prompts = store.connection.execute("SELECT id, language FROM prompt")
        return all((name, prompt) in known for prompt, language in prompts for name in asking.teachers_for(language))


def recipe_of(suite: Suite, dataset: Path | None, folder: Path, run: Run) -> Recipe:
    """Return the recipe that asks a suite's models; a dataset's prompts are written beside the run.

    Raises:
        DatasetError: the dataset cannot be read.
        RecipeError: two models would answer alike, or are for languages that are not asked.
    """
    sources = [source.model_dump(exclude_none=True) for source in suite.prompts]
    languages = suite.languages or sorted({source.language for source in suite.prompts if source.language is not None})
    if not sources:
        assert dataset is not None
        languages = languages or read_manifest(dataset).languages
        path, columns = _written(suite, dataset, languages, run)
        sources = [{"path": os.path.relpath(path, folder), "columns": {name: name for name in columns}}]
    return recipe(
        "models",
        languages,
        [{"license": "other", **source} for source in sources],
        suite.models,
        sampling=suite.sampling.model_dump(),
        rewards={name: reward.model_dump(exclude_unset=True) for name, reward in suite.rewards.items()},
        # All rewards are metrics here, and nothing is chosen by any.
        route_by=next(iter(suite.rewards), None),
        patience=suite.patience,
        max_usd=suite.max_usd,
        seed=suite.seed,
    )


def recipe(
    name: str, languages: Sequence[str], prompts: list[dict[str, Any]], models: Mapping[str, Teacher], **more: Any
) -> Recipe:
    """Return a recipe that asks everybody everything once, each in its languages; `name` is that of the suite's block.

    Raises:
        RecipeError: two would answer alike, or one is for none of the languages.
    """
    blocks = {model: block.model_dump(exclude_unset=True) for model, block in models.items()}
    for model, block in blocks.items():
        if block.get("languages"):
            block["languages"] = [language for language in languages if language in block["languages"]]
            if not block["languages"]:
                raise RecipeError(f"{name}.{model}.languages: none of them is asked; that is {', '.join(languages)}")
    data = {
        "name": name,
        "license": "other",
        "languages": list(languages),
        "prompts": prompts,
        "test": 0,
        "teachers": {model: {"license": "other", **block} for model, block in blocks.items()},
        "arms": {f"model{n}": {"router": "single", "teacher": model} for n, model in enumerate(models)},
        **more,
    }
    try:
        return Recipe.model_validate({key: value for key, value in data.items() if value is not None})
    except ValidationError as error:
        said = (one["msg"].removeprefix("Value error, ") for one in error.errors(include_url=False))
        raise RecipeError("\n".join(line.replace("teachers.", f"{name}.") for line in said)) from None


def take_asked(answers: Answers, suite: Suite, dataset: Path) -> dict[str, Any]:
    """Take what a suite's models answered; return who they were.

    An answer without text is scored by nobody. Beside a reference it is as wrong as can be, so that metrics which look
    at one give it 0; what a reward model would say of it nobody knows.

    Raises:
        DatasetError: a file cannot be read.
    """
    manifest = read_manifest(dataset)
    metrics = [name for name, reward in suite.rewards.items() if reward.python in BUILT_IN]
    answers.take(_scored(table(dataset, "pool", "train", manifest.languages), metrics))
    found = {}
    for model in suite.models:
        answers.of_teacher(model, model)
        of_pool = manifest.pool.teachers.get(model)
        found[model] = [] if of_pool is None else [one.model_dump() for one in of_pool.served]
    answers.taken()
    return {"served": found}


def _scored(rows: Iterator[Mapping[str, Any]], metrics: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    for row in rows:
        if row.get("reference") and row["completion"] is not None and not row["completion"].strip():
            known = {one["model"]: one["score"] for one in row["rewards"]} | dict.fromkeys(metrics, 0.0)
            row = {**row, "rewards": [{"model": name, "score": score} for name, score in known.items()]}
        yield row


def _whole(run: Run) -> tuple[dict[str, Requests], int]:
    """Return how much every model is asked in each language, and about how many sources."""
    whole: defaultdict[str, Requests] = defaultdict(lambda: Requests(0, 0))
    with open_store(run.store, read_only=True) as store:
        for language, messages in store.connection.execute("SELECT language, messages FROM prompt"):
            characters = sum(len(turn["content"]) for turn in json.loads(messages))
            before = whole[language]
            whole[language] = Requests(before.number + 1, before.characters + characters)
        (sources,) = store.connection.execute("SELECT count(DISTINCT source_id) FROM prompt").fetchone()
    return dict(whole), sources


def _written(suite: Suite, dataset: Path, languages: Sequence[str], run: Run) -> tuple[Path, Sequence[str]]:
    """Write the prompts of a dataset's split as a file that a recipe reads; return it and its columns."""
    run.folder.mkdir(parents=True, exist_ok=True)
    path, columns = run.folder / "prompts.jsonl", ["messages", "language", "source_id"]
    with path.with_suffix(".part").open("w", encoding="utf-8") as file:
        for row in _first_of_each(table(dataset, "pool", suite.split, languages)):
            turns = [{"role": turn["role"], "content": turn["content"]} for turn in row["prompt"]]
            line = {"messages": turns, "language": row["language"], "source_id": row["source_id"]}
            if "reference" in row:
                line["reference"] = row["reference"]
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    path.with_suffix(".part").replace(path)
    return path, [*columns, *({"reference"} & line.keys())] if path.stat().st_size else columns


def _first_of_each(rows: Iterator[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield the first row of each prompt; a prompt's rows stand together."""
    before = None
    for row in rows:
        if (row["language"], row["prompt_id"]) != before:
            before = (row["language"], row["prompt_id"])
            yield row
