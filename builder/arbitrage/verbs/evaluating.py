"""Verbs that say what students and teachers are worth."""

import os
from pathlib import Path
from typing import Annotated

import typer

from arbitrage.run import Run
from arbitrage.verbs.app import AsJson, app, err, folder_of, say


@app.command("eval")
def eval_(
    suite: Annotated[Path, typer.Argument(metavar="SUITE", help="What is evaluated, a YAML file.")],
    run: Annotated[Path | None, typer.Option(metavar="DIR", help="Default: evals/NAME beside the suite.")] = None,
    pilot: Annotated[bool, typer.Option("--pilot", help="Stop once a sample shows what the rest will cost.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask models and judges what a suite says, and say what their answers are worth.

    The same command resumes, and asks again at most for what was under way; RUN/results.json has all figures.
    """
    from arbitrage_eval.evaluate import evaluate
    from arbitrage_eval.said import print_results
    from arbitrage_eval.suite import read_suite

    from arbitrage.progress import Progress

    read = read_suite(suite, os.environ)
    where = Run(run if run is not None else folder_of(suite) / "evals" / read.name)
    progress = Progress(err())
    try:
        found = evaluate(read, folder_of(suite), where, progress, pilot=pilot)
    finally:
        progress.close()
    if found is None:
        progress.tell("stopped after the pilot; without --pilot the same command goes on")
        return
    say(found, as_json, print_results)
    if any(short["serious"] for short in found["shortfalls"]):
        raise typer.Exit(1)


@app.command()
def report(
    results: Annotated[
        Path, typer.Argument(metavar="RESULTS", help="Of `arbitrage eval`: its run folder or results.json.")
    ],
    model: Annotated[str | None, typer.Option(metavar="NAME", help="What was found of this model alone.")] = None,
    card: Annotated[
        str | None, typer.Option(metavar="FOLDER|REPO_ID", help="Put it into the card of that model.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print what an evaluation found, or put what it found of a model into that model's card.

    A dataset's card has results by `publish: {results: [evals/NAME]}` in its recipe.
    """
    from arbitrage_eval.cards import names, only, put_into
    from arbitrage_eval.said import print_results

    from arbitrage.errors import RecipeError
    from arbitrage.results import read_results

    found = read_results(results)
    if card is None:
        say(found if model is None else only(found, model), as_json, print_results)
        return
    if model is None:
        raise RecipeError(f"--card: say by --model NAME which of {', '.join(names(found))} that card is of")
    typer.echo(f"{put_into(found, model, card)} has the results of {model} in suite {found['suite']['name']}")
