"""Judges are asked as teachers are: what they say is kept and resumed, and is a dataset in the end."""

import hashlib
import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from arbitrage.build import build
from arbitrage.dataset.manifest import read_manifest
from arbitrage.dataset.reading import rows
from arbitrage.errors import RecipeError
from arbitrage.progress import Progress
from arbitrage.recipe.reader import read_recipe
from arbitrage.rewards.wires import asked_text
from arbitrage.run import Run
from arbitrage.shortfall import Shortfall

from arbitrage_eval.judging.pairs import ORDERS, Choice, Pair, verdict_of
from arbitrage_eval.winrates.verdicts import Verdict


def pairs(
    dataset: Path, baseline: str, models: Collection[str], split: str, languages: Collection[str] = ()
) -> Iterator[Pair]:
    """Yield the answers of models beside the baseline's, to each prompt of a dataset's pool that both answered.

    Of all models and languages where none is named.

    Raises:
        DatasetError: the folder is no dataset, or a file cannot be read.
    """
    found = _pool(dataset, f"{split}-")
    for prompt_id, some in groupby(found, key=lambda row: row["prompt_id"]):
        # The first draw is what a model says when it is asked once.
        answers = {row["teacher"]: row for row in some if row["draw"] == 0 and row["completion"] is not None}
        theirs = answers.pop(baseline, None)
        if theirs is None or (languages and theirs["language"] not in languages):
            continue
        for model in sorted(set(models or answers) & set(answers)):
            yield Pair(
                prompt_id=prompt_id,
                source_id=theirs["source_id"],
                language=theirs["language"],
                model=model,
                baseline=baseline,
                conversation=asked_text(theirs["prompt"]),
                model_answer=answers[model]["completion"],
                baseline_answer=theirs["completion"],
            )


def ask(
    compared: Callable[[], Iterator[Pair]],
    rubric: str,
    judges: Mapping[str, Mapping[str, Any]],
    folder: Path,
    run: Run,
    progress: Progress,
    patience: float,
) -> tuple[list[Shortfall], Iterator[Verdict]]:
    """Ask every judge about every pair in both orders; return what is lacking, and the verdicts. The same call resumes.

    Equal answers are a tie, of which nobody is asked; what several pairs have in common is asked once.

    Args:
        compared: yields the pairs, each time it is called.
        rubric: what judges are asked, with places for what is judged.
        judges: as a recipe has teachers.
        folder: where their paths start.
        run: where questions and verdicts are kept.
        progress: told of everything that takes long.
        patience: seconds that judges which are down are waited for.

    Raises:
        ArbitrageError: the user must change something, or stopped it; what is stored stays.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    questions, languages, found = run.folder / "questions.jsonl", set[str](), 0
    with questions.with_suffix(".part").open("w", encoding="utf-8") as file:
        for pair in compared():
            found += 1
            for _, text in pair.both(rubric):
                languages.add(pair.language)
                row = {"question": text, "language": pair.language, "source_id": pair.source_id}
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
    questions.with_suffix(".part").replace(questions)
    if not found:
        raise RecipeError("there is no pair to judge: no prompt was answered by a model and by the baseline")
    if not languages:
        return [], _verdicts(compared(), rubric, judges, {})
    recipe = {
        "name": "verdicts",
        "license": "other",
        "languages": sorted(languages),
        "prompts": [
            {
                "path": os.path.relpath(questions, folder),
                "columns": {"prompt": "question", "language": "language", "source_id": "source_id"},
                "license": "other",
            }
        ],
        "teachers": {name: {"license": "other", **judge} for name, judge in judges.items()},
        "sampling": {"temperature": 0, "max_tokens": 1024},
        "arms": {f"judge{n}": {"router": "single", "teacher": name} for n, name in enumerate(judges)},
        "patience": f"{patience}s",
        "seed": 0,
    }
    # As a file it is read as any recipe: variables are filled in, secrets are kept out, and mistakes have a name.
    path = run.folder / "judging.yaml"
    path.write_text(json.dumps(recipe, ensure_ascii=False, indent=1), encoding="utf-8")
    built = build(read_recipe(path, os.environ), folder, run, progress)
    said = {
        (row["teacher"], row["language"], _key(row["prompt"][0]["content"])): verdict_of(row["completion"])
        for row in _pool(run.dataset)
        # What was cut off may have lacked its last line.
        if row["finish_reason"] == "stop"
    }
    return list(built.shortfalls), _verdicts(compared(), rubric, judges, said)


def _verdicts(
    compared: Iterator[Pair], rubric: str, judges: Iterable[str], said: Mapping[tuple[str, str, str], Choice | None]
) -> Iterator[Verdict]:
    """Yield what each judge says of each pair in each order; None where it said nothing that could be read."""
    for pair in compared:
        asked = dict(pair.both(rubric))
        for judge in judges:
            for shown_first in ORDERS:
                key = (judge, pair.language, _key(asked[shown_first])) if asked else None
                yield Verdict(
                    prompt_id=pair.prompt_id,
                    source_id=pair.source_id,
                    language=pair.language,
                    model=pair.model,
                    baseline=pair.baseline,
                    judge=judge,
                    shown_first=shown_first,
                    verdict="tie" if key is None else said.get(key),
                    model_length=len(pair.model_answer),
                    baseline_length=len(pair.baseline_answer),
                )


def _key(question: str) -> str:
    return hashlib.sha256(question.encode("utf-8")).hexdigest()


def _pool(dataset: Path, begins: str = "") -> Iterator[Mapping[str, Any]]:
    """Yield the rows of a pool, of the files whose names begin so; those of a prompt stand together."""
    files = sorted(path for path in read_manifest(dataset).files if path.startswith("pool/"))
    wanted = [path for path in files if path.rpartition("/")[2].startswith(begins)]
    return (located.value for located in rows(dataset, wanted))
