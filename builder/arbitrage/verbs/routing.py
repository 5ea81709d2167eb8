"""Verbs that try and fit routers on recorded pools."""

from pathlib import Path
from typing import Annotated, Any

import typer

from arbitrage.verbs.app import AsJson, RunFolder, app, err, say


@app.command()
def simulate(
    what: Annotated[
        str, typer.Argument(metavar="REPO_ID@TAG|FOLDER|FILE", help="A dataset, or a Parquet file of scores.")
    ],
    arm: Annotated[
        list[str] | None,
        typer.Option("--arm", metavar="ROUTER[,KEY=VALUE]", help="Such as learned,top=2; again for more."),
    ] = None,
    pilot: Annotated[int | None, typer.Option(min=2, help="Train sources a language to learn from; else all.")] = None,
    held_out: Annotated[str | None, typer.Option(help="The auditor whose score is held out; else the first.")] = None,
    seed: Annotated[int, typer.Option(help="Of the pilot, of ties, and of the split of a file without one.")] = 0,
    picture: Annotated[Path | None, typer.Option(metavar="FILE.png", help="Draw gain against cost there.")] = None,
    as_json: AsJson = False,
) -> None:
    """Replay routers on a recorded pool: what each would have gained, at what cost, without a request."""
    from arbitrage.simulate.said import print_simulated
    from arbitrage.simulate.simulate import simulate as do_simulate

    def do(path: Path) -> dict[str, Any]:
        return do_simulate(path, arm or (), pilot=pilot, seed=seed, held_out=held_out, folder=Path.cwd())

    if Path(what).exists():
        found = do(Path(what))
    else:
        from arbitrage.hub.download import at_hub, dataset_at

        repo_id, revision = at_hub(what, None)
        with dataset_at(repo_id, revision) as dataset:
            found = do(dataset.folder)
    if picture is not None:
        from arbitrage_cards.simulated import draw_simulated

        picture.write_bytes(draw_simulated(found))
    say(found, as_json, print_simulated)


@app.command()
def fit(
    what: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE|REPO_ID@TAG|FOLDER|FILE",
            help="A recipe whose run has a pilot, a dataset, or a Parquet file of scores.",
        ),
    ],
    target: Annotated[Path, typer.Argument(metavar="TARGET", help="The folder to write; arms name it with fitted:.")],
    embedding: Annotated[
        str | None, typer.Option(metavar="MODEL[@REVISION]", help="What sees the text, instead of character n-grams.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(metavar="FILE.yaml", help="Train the language model that this file describes.")
    ] = None,
    onto: Annotated[
        str | None, typer.Option(metavar="ROUTER[@REVISION]", help="Add new teachers to this one; refit nobody else.")
    ] = None,
    pilot: Annotated[int | None, typer.Option(min=2, help="Train sources a language to learn from; else all.")] = None,
    seed: Annotated[int, typer.Option(help="Of what is held out, of training, and of a file's split.")] = 0,
    run: RunFolder = None,
    as_json: AsJson = False,
) -> None:
    """Fit a learned router on the train sources of a pool and write it as a folder; asks no teacher.

    Says how it does on sources that were held out, and goes by the best teacher of each language where it is no better.
    """
    from arbitrage.fitting.command import do_fit
    from arbitrage.fitting.said import print_fitted
    from arbitrage.progress import Progress

    found = do_fit(what, target, embedding, model, onto, pilot=pilot, seed=seed, run=run, tell=Progress(err()).tell)
    say(found, as_json, print_fitted)
