"""The line of an evaluation: answers -> pairs -> verdicts -> win rates."""

import hashlib
from pathlib import Path
from typing import Any

from arbitrage.dataset.manifest import NAME, Manifest, read_manifest
from arbitrage.errors import RecipeError
from arbitrage.progress import Progress
from arbitrage.run import Run, to_json, write_whole

from arbitrage_eval.judging.judged import ask, pairs
from arbitrage_eval.judging.pairs import read_rubric
from arbitrage_eval.suite import Suite, answers_of
from arbitrage_eval.winrates.report import report


def evaluate(suite: Suite, folder: Path, run: Run, progress: Progress) -> dict[str, Any]:
    """Judge what a suite names, keep the results as RUN/results.json, and return them; the same call resumes.

    Raises:
        ArbitrageError: the user must change something, or stopped it; what is stored stays.
    """
    rubric = read_rubric(None if suite.rubric is None else folder / suite.rubric)
    with answers_of(suite, folder) as dataset:
        _known(suite, read_manifest(dataset))
        lacking, verdicts = ask(
            lambda: pairs(dataset, suite.baseline, suite.models, suite.split, suite.languages),
            rubric,
            suite.judges,
            folder,
            run,
            progress,
            suite.patience,
        )
        found = report(verdicts)
        manifest = hashlib.sha256((dataset / NAME).read_bytes()).hexdigest()
    answers = Path(suite.answers).name if (folder / suite.answers).exists() else suite.answers
    results = {
        "suite": suite.name,
        "answers": answers,
        "manifest": manifest,
        "split": suite.split,
        "rubric": hashlib.sha256(rubric.encode("utf-8")).hexdigest(),
        "shortfalls": [{"message": short.message, "serious": short.serious} for short in lacking],
        **found,
    }
    write_whole(run.folder / "results.json", to_json(results))
    return results


def _known(suite: Suite, manifest: Manifest) -> None:
    """Refuse names that the pool does not have, which would be left out in silence."""
    languages = set(manifest.languages)
    if unknown := sorted(set(suite.languages) - languages):
        raise RecipeError(f"languages: {', '.join(unknown)}: the answers are in {', '.join(sorted(languages))}")
    teachers = set(manifest.recipe["teachers"]) if isinstance(manifest.recipe.get("teachers"), dict) else set()
    # Translated answers stand under a name of their own.
    named = {name: name.removesuffix("+translation") for name in (suite.baseline, *suite.models)}
    if unknown := sorted(name for name, teacher in named.items() if teacher not in teachers):
        raise RecipeError(f"there is no teacher {', '.join(unknown)}: the pool has {', '.join(sorted(teachers))}")
