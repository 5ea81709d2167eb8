"""Judges are asked as teachers are: what they say is kept, resumed and paid for once, and is a dataset in the end."""

import json
from collections.abc import Collection, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from arbitrage.build import build
from arbitrage.dataset.manifest import read_manifest
from arbitrage.dataset.reading import rows
from arbitrage.errors import RecipeError
from arbitrage.progress import Progress
from arbitrage.recipe.model import Recipe
from arbitrage.rewards.wires import asked_text
from arbitrage.run import Run
from pydantic import ValidationError

from arbitrage_eval.judging.pairs import Pair, verdict_of
from arbitrage_eval.winrates.verdicts import Verdict

CARRIED = ("about", "candidate", "baseline", "shown_first", "candidate_length", "baseline_length")
"""What a question carries, so that its answer can be read by itself."""


def pairs(dataset: Path, baseline: str, models: Collection[str], split: str = "test") -> Iterator[Pair]:
    """Yield the answers of models beside the baseline's, to each prompt of a dataset's pool that both answered.

    Raises:
        DatasetError: the folder is no dataset, or a file cannot be read.
    """
    found = _pool(dataset, f"{split}-")
    for prompt_id, some in groupby(found, key=lambda row: row["prompt_id"]):
        # The first draw is what a model says when it is asked once.
        answers = {row["teacher"]: row for row in some if row["draw"] == 0 and row["completion"] is not None}
        if baseline not in answers:
            continue
        theirs = answers[baseline]
        for model in sorted(set(models) & set(answers)):
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
    found: Iterator[Pair], rubric: str, judges: Mapping[str, Mapping[str, Any]], run: Run, progress: Progress
) -> Iterator[Verdict]:
    """Ask every judge about every pair in both orders, and yield what they say; the same call resumes.

    Args:
        found: the pairs.
        rubric: what judges are asked, with places for what is judged.
        judges: as a recipe has teachers.
        run: where questions and verdicts are kept.
        progress: told of everything that takes long.

    Raises:
        ArbitrageError: the user must change something, or stopped it; what is stored stays.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    languages = set()
    part = run.folder / "questions.jsonl.part"
    with part.open("w", encoding="utf-8") as file:
        for pair in found:
            languages.add(pair.language)
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in questions(pair, rubric))
    part.replace(run.folder / "questions.jsonl")
    if not languages:
        raise RecipeError("there is no pair to judge: no prompt was answered by a model and by the baseline")
    columns = {"prompt": "question", "language": "language", "source_id": "source_id"}
    recipe = {
        "name": "verdicts",
        "license": "other",
        "languages": sorted(languages),
        "prompts": [
            {
                "path": "questions.jsonl",
                "columns": {**columns, **{name: name for name in CARRIED}},
                "license": "other",
            }
        ],
        "teachers": {name: {"license": "other", **judge} for name, judge in judges.items()},
        "sampling": {"temperature": 0, "max_tokens": 1024},
        "arms": {f"judge{n}": {"router": "single", "teacher": name} for n, name in enumerate(judges)},
        "seed": 0,
    }
    try:
        checked = Recipe.model_validate(recipe)
    except ValidationError as error:
        # What was given is not shown: a judge's block may hold a token.
        told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_input=False))
        raise RecipeError(f"judges: {told}") from None
    build(checked, run.folder, run, progress)
    for row in _pool(run.dataset):
        yield read(row)


def questions(pair: Pair, rubric: str) -> Iterator[dict[str, Any]]:
    """Yield what a judge is asked about a pair, with all that its answer has to be read with."""
    for shown_first, question in pair.both(rubric):
        yield {
            "question": question,
            "language": pair.language,
            "source_id": pair.source_id,
            "about": pair.prompt_id,
            "candidate": pair.model,
            "baseline": pair.baseline,
            "shown_first": shown_first,
            "candidate_length": len(pair.model_answer),
            "baseline_length": len(pair.baseline_answer),
        }


def read(row: Mapping[str, Any]) -> Verdict:
    """Read a judge's answer from the pool that it ended up in; one that was cut off or not given is unparsable."""
    whole = row["completion"] if row["finish_reason"] == "stop" else None
    return Verdict(
        prompt_id=row["about"],
        source_id=row["source_id"],
        language=row["language"],
        model=row["candidate"],
        baseline=row["baseline"],
        judge=row["teacher"],
        shown_first=row["shown_first"],
        verdict=None if whole is None else verdict_of(whole),
        model_length=row["candidate_length"],
        baseline_length=row["baseline_length"],
    )


def _pool(dataset: Path, begins: str = "") -> Iterator[Mapping[str, Any]]:
    """Yield the rows of a pool, of the files whose names begin so; those of a prompt stand together."""
    files = sorted(path for path in read_manifest(dataset).files if path.startswith("pool/"))
    wanted = [path for path in files if path.rpartition("/")[2].startswith(begins)]
    return (located.value for located in rows(dataset, wanted))
