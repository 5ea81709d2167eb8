"""Verbs that say what students and teachers are worth."""

from pathlib import Path
from typing import Annotated

import typer

from arbitrage.run import Run
from arbitrage.verbs.app import AsJson, app, err, folder_of, say


@app.command("eval")
def eval_(
    suite: Annotated[Path, typer.Argument(metavar="SUITE", help="What is evaluated, a YAML file.")],
    run: Annotated[Path | None, typer.Option(metavar="DIR", help="Default: evals/NAME beside the suite.")] = None,
    as_json: AsJson = False,
) -> None:
    """Ask judges which of two answers in a dataset's pool is better, in both orders, and say what that is worth.

    The same command resumes, and asks again at most for what was under way; RUN/results.json has all figures.
    """
    from arbitrage_eval.evaluate import evaluate
    from arbitrage_eval.said import print_results
    from arbitrage_eval.suite import read_suite

    from arbitrage.progress import Progress

    read = read_suite(suite)
    where = Run(run if run is not None else folder_of(suite) / "evals" / read.name)
    progress = Progress(err())
    try:
        found = evaluate(read, folder_of(suite), where, progress)
    finally:
        progress.close()
    say(found, as_json, print_results)
    if any(short["serious"] for short in found["shortfalls"]):
        raise typer.Exit(1)
