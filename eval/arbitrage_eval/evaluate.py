"""The line of an evaluation: answers -> pairs -> verdicts -> win rates."""

import hashlib
from pathlib import Path
from typing import Any

from arbitrage.dataset.manifest import NAME
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
        compared = pairs(dataset, suite.baseline, suite.models, suite.split, suite.languages)
        found = report(ask(compared, rubric, suite.judges, run, progress))
        manifest = hashlib.sha256((dataset / NAME).read_bytes()).hexdigest()
    answers = suite.answers if "@" in suite.answers else Path(suite.answers).name
    about = {"suite": suite.name, "answers": answers, "manifest": manifest, "split": suite.split}
    about["rubric"] = hashlib.sha256(rubric.encode("utf-8")).hexdigest()
    results = {**about, **found}
    write_whole(run.folder / "results.json", to_json(results))
    return results
