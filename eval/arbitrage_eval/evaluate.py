"""The line of an evaluation: models -> answers -> pairs -> verdicts -> win rates, metrics and measures of the texts."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from arbitrage import __version__
from arbitrage.dataset.manifest import read_manifest
from arbitrage.progress import Progress
from arbitrage.run import Run, make_folder, to_json, write_whole
from arbitrage.shortfall import Shortfall
from arbitrage.store.files import only_builder

from arbitrage_eval.answers.asked import ask_models, take_asked
from arbitrage_eval.answers.recorded import recorded, take_recorded
from arbitrage_eval.answers.table import Answers, open_answers
from arbitrage_eval.judging.judged import Judged, ask
from arbitrage_eval.judging.pairs import read_rubric
from arbitrage_eval.measures.table import measure_table
from arbitrage_eval.models import as_served, check_retrieval, examined
from arbitrage_eval.published import published_suite
from arbitrage_eval.retrieval.retrieving import run_retrieval
from arbitrage_eval.scored import mean_scores
from arbitrage_eval.spending import pool, sentence
from arbitrage_eval.suite import Suite, retrieval_label
from arbitrage_eval.tasks.checking import check_tasks
from arbitrage_eval.tasks.running import run_tasks
from arbitrage_eval.winrates.needed import Spread, needed
from arbitrage_eval.winrates.report import report
from arbitrage_eval.winrates.verdicts import Verdict

RESULTS = "results.json"
TOLERATED = 0.01
"""The share of answers or verdicts that may be lacking before an evaluation fell short, as for a recipe."""


def evaluate(suite: Suite, folder: Path, run: Run, progress: Progress, *, pilot: bool = False) -> dict[str, Any] | None:
    """Do what a suite says, keep the results as RUN/results.json, and return them; the same call resumes.

    With `pilot`, it stops once a sample has shown what the rest will take, and returns None.

    Raises:
        ArbitrageError: the user must change something, or stopped it; what is stored stays.
    """
    rubric = read_rubric(None if suite.rubric is None else folder / suite.rubric)
    results: dict[str, Any] = {"suite": published_suite(suite), "version": __version__}
    models = examined(suite.models, folder, suite.backend) if suite.tasks or suite.retrieval else []
    if suite.tasks:
        check_tasks(suite.tasks, models, folder)
    check_retrieval(suite.retrieval, models, folder)
    make_folder(run)
    with only_builder(run.folder), recorded(suite, folder) as dataset, open_answers(run.folder / "answers") as answers:
        if dataset is not None:
            results["answers"] = take_recorded(answers, suite, dataset)
        part: dict[str, float] = {}
        if suite.asks:
            asked = ask_models(suite, dataset, folder, Run(run.folder / "asked"), progress, pilot=pilot)
            results["models"] = {**take_asked(answers, suite, asked.dataset), "spending": asked.spending}
            part, models = asked.part, as_served(models, results["models"]["served"])
            if part:
                # What a dataset has of other prompts is no part of this sample, and would be taken for one.
                answers.only_prompts_of(suite.models)
        results["counts"] = answers.counts()
        shortfalls = list(_unanswered(answers))
        if suite.judges:
            judged = _judge(suite, answers, rubric, folder, Run(run.folder / "judged"), progress, part, pilot)
            if judged is None:
                return None
            results["win_rates"] = _win_rates(judged, rubric)
            shortfalls += _unjudged(judged.dataset)
        if pilot:
            return None
        results["rewards"] = mean_scores(answers.scores)
        if suite.measures and results["counts"]:
            progress.tell("measuring the texts")
            results["texts"] = measure_table(answers.texts(), suite.measures)
    if models:
        results["examined"] = {model.name: model.identity(folder) for model in models if model.endpoint is None}
    if suite.tasks:
        results["tasks"] = run_tasks(suite.tasks, models, folder, run.folder / "tasks", suite.seed, progress.tell)
        shortfalls += _failed(results["tasks"]["models"])
    if suite.retrieval:
        results["retrieval"] = {}
        for entry in suite.retrieval:
            by_name, label = {model.name: model for model in models}, retrieval_label(entry)
            found = run_retrieval(entry, by_name, folder, run.folder / "retrieval", progress.tell)
            results["retrieval"][label] = {"sentences": found["sentences"], "models": found["models"]}
            shortfalls += _failed({name: {label: one} for name, one in found["models"].items()})
    results["shortfalls"] = [{"message": short.message, "serious": short.serious} for short in shortfalls]
    write_whole(run.folder / RESULTS, to_json(results))
    return results


def _judge(
    suite: Suite,
    answers: Answers,
    rubric: str,
    folder: Path,
    run: Run,
    progress: Progress,
    part: Mapping[str, float],
    pilot: bool,
) -> Judged | None:
    assert suite.baseline is not None
    baseline = suite.baseline

    def told(ahead: dict[str, Any], verdicts: Iterator[Verdict]) -> bool:
        for judge, of_judge in ahead.items():
            progress.tell(f"all verdicts of {sentence(judge, of_judge)}")
        for line in _needs(verdicts, suite.difference):
            progress.tell(line)
        return not pilot

    return ask(
        lambda: answers.pairs(baseline),
        rubric,
        suite.judges,
        folder,
        run,
        progress,
        patience=suite.patience,
        max_usd=suite.max_usd,
        part=part,
        told=told,
    )


def _win_rates(judged: Judged, rubric: str) -> dict[str, Any]:
    teachers = {} if judged.dataset is None else read_manifest(judged.dataset).pool.teachers
    return {
        "rubric": hashlib.sha256(rubric.encode("utf-8")).hexdigest(),
        "served": {name: [one.model_dump() for one in teacher.served] for name, teacher in teachers.items()},
        "spending": judged.spending,
        **report(judged.verdicts),
    }


def _unanswered(answers: Answers) -> Iterator[Shortfall]:
    """Name what has no answer, by kind alone: results are published, and addresses are nobody's business."""
    counts = answers.counts()
    for model, errors in answers.unanswered().items():
        asked, lacking = sum(one["prompts"] for one in counts[model].values()), sum(errors.values())
        kinds = ", ".join(f"{kind}: {count}" for kind, count in errors.items())
        yield Shortfall(f"{model}: {lacking} of {asked} prompts have no answer ({kinds})", lacking > TOLERATED * asked)


def _unjudged(dataset: Path | None) -> Iterator[Shortfall]:
    asked, lacking = Counter[str](), defaultdict[str, Counter[str]](Counter)
    for row in pool(dataset) if dataset is not None else ():
        asked[row["teacher"]] += 1
        if row["completion"] is None:
            lacking[row["teacher"]][row["error"] or "unknown"] += 1
    for judge, errors in lacking.items():
        kinds = ", ".join(f"{kind}: {count}" for kind, count in sorted(errors.items()))
        message = f"{judge}: {errors.total()} of {asked[judge]} questions have no answer ({kinds})"
        yield Shortfall(message, errors.total() > TOLERATED * asked[judge])


def _failed(models: Mapping[str, dict[str, Any]]) -> Iterator[Shortfall]:
    """Name by model and task what could not be had; why was told, and libraries' words may hold addresses and paths."""
    for model, tasks in models.items():
        for task, said in tasks.items():
            if "failed" in said:
                tasks[task] = {"failed": "could not be had"}
                yield Shortfall(f"{model}: {task} could not be had", serious=True)


def _needs(verdicts: Iterable[Verdict], difference: float) -> Iterator[str]:
    """Say how many sources show a difference, from the spread of a pilot's outcomes."""
    for pair in report(verdicts)["pairs"]:
        rates = pair["mean"]
        languages = len(rates["languages"])
        sources = needed(difference=difference, spread=Spread(**rates["spread"]), languages=languages)
        yield (
            f"{pair['model']} against {pair['baseline']}: {sources:,} sources show a difference of {difference:g} "
            f"points over {languages} languages four times in five"
        )


def _failures(models: Mapping[str, Mapping[str, Any]]) -> Iterator[Shortfall]:
    """Name by model and task what could not be had."""
    for model, tasks in models.items():
        for task, said in tasks.items():
            if "failed" in said:
                yield Shortfall(f"{model}: {task}: {said['failed']}", serious=True)
