"""Verbs between a dataset folder and the Hub."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from arbitrage.errors import RecipeError
from arbitrage.verbs.app import AsJson, RecipeFile, RunFolder, app, err, folder_of, read, say


@app.command()
def publish(
    recipe: RecipeFile,
    run: RunFolder = None,
    repo_id: Annotated[str | None, typer.Option(metavar="ORG/NAME", help="Instead of the recipe's.")] = None,
    tag: Annotated[str | None, typer.Option(metavar="vX.Y.Z", help="Default: what the changes ask for.")] = None,
    private: Annotated[bool, typer.Option("--private", help="For whoever may see the organisation's alone.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change on the Hub; change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Publish the built dataset on the Hub: one commit and one tag; the same again changes nothing.

    Added rows, teachers and arms make a minor version, removed or changed rows a major one, the card alone a patch.
    """
    from arbitrage.hub.version import version_of
    from arbitrage.progress import Progress
    from arbitrage.publish.publish import publish as do_publish
    from arbitrage.reports import print_published
    from arbitrage.run import run_of

    version = version_of(tag) if tag is not None else None
    if tag is not None and version is None:
        raise RecipeError(f"--tag {tag}: versions are tags such as v1.2.0")
    loaded = read(recipe, asks=False)
    published = do_publish(
        loaded,
        folder_of(recipe),
        run_of(loaded, recipe, run),
        repo_id=repo_id,
        tag=version,
        private=private,
        dry_run=dry_run,
        tell=Progress(err()).tell,
    )
    say(published.as_dict(), as_json, print_published)


@app.command()
def reproduce(
    what: Annotated[str, typer.Argument(metavar="REPO_ID|FOLDER", help="A dataset on the Hub, or a folder here.")],
    revision: Annotated[
        str | None, typer.Option(metavar="vX.Y.Z", help="Of the dataset on the Hub; REPO_ID@vX.Y.Z is the same.")
    ] = None,
    results: Annotated[
        bool,
        typer.Option("--results", help="Evaluate again as its results/*.json say, which asks models and judges anew."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Rebuild every routed split from the pool and say whether it is the same; asks no model, but for --results.

    With --results, whoever the suites name is asked, by endpoints and tokens from the environment, and each figure is
    compared with the interval that was stated.
    """
    from arbitrage.dataset.reproduce import reproduce as do_reproduce
    from arbitrage.hub.download import at_hub, dataset_at
    from arbitrage.reports import print_reproduced

    if results:
        from arbitrage_eval.said import print_compared

        suites = _again(what, revision)
        say({"suites": suites}, as_json, print_compared)
        if not all(one["same"] for one in suites):
            raise typer.Exit(1)
        return
    if Path(what).exists():
        if revision is not None:
            raise RecipeError(f"--revision: {what} is a folder here, and has no versions")
        report = do_reproduce(Path(what))
    else:
        repo_id, revision = at_hub(what, revision)
        with dataset_at(repo_id, revision) as found:
            report = do_reproduce(found.folder)
            report.problems[:0] = found.problems
            report.notes.insert(0, f"{repo_id}@{revision or 'main'} is commit {found.commit}")
    say(report.as_dict(), as_json, print_reproduced)
    if not report.same:
        raise typer.Exit(1)


def _again(what: str, revision: str | None) -> list[dict[str, Any]]:
    from arbitrage_eval.again import again, results_at, results_of

    from arbitrage.errors import DatasetError
    from arbitrage.hub.download import at_hub, dataset_at
    from arbitrage.progress import Progress

    progress = Progress(err())

    def compared(folder: Path, stated: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if not stated:
            raise DatasetError(f"{what} carries no results: its recipe names some under publish: {{results: [...]}}")
        return [again(one, folder, Path.cwd(), os.environ, progress).as_dict() for one in stated]

    try:
        if Path(what).exists():
            return compared(Path(what), results_of(Path(what)))
        repo_id, revision = at_hub(what, revision)
        with dataset_at(repo_id, revision) as found:
            return compared(found.folder, results_at(repo_id, found.commit))
    finally:
        progress.close()
