"""The command line: one verb a function; messages on standard error, reports on standard output."""

import io
import json
import os
import signal
import sys
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from arbitrage import __version__
from arbitrage.errors import ArbitrageError, Interrupted, RecipeError
from arbitrage.recipe.model import Recipe
from arbitrage.terminal import safe

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Build multilingual training data: route every prompt through a pool of teachers and keep the best answer.",
)

RecipeFile = Annotated[Path, typer.Argument(metavar="RECIPE", help="The recipe, a YAML file.")]
RunFolder = Annotated[Path | None, typer.Option("--run", metavar="DIR", help="Default: runs/NAME beside the recipe.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"arbitrage {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    pass


@app.command()
def init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.")] = Path("recipe.yaml"),
) -> None:
    """Write a commented recipe to start from."""
    text = (files("arbitrage.recipe") / "starter.yaml").read_text(encoding="utf-8")
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise RecipeError(f"{file} is there already: give another name") from error
    except OSError as error:
        raise RecipeError(f"{file}: cannot be written: {error.strerror}") from error
    typer.echo(f"wrote {file}; next: edit it, then `arbitrage check {file}`")


@app.command()
def check(recipe: RecipeFile, run: RunFolder = None, as_json: AsJson = False) -> None:
    """Validate a recipe, ask every endpoint who it is, and print the plan; nothing is generated."""
    from arbitrage.estimate import estimate
    from arbitrage.line import prepared
    from arbitrage.progress import Progress
    from arbitrage.reports import print_estimate
    from arbitrage.run import run_of

    loaded = _read(recipe)
    with prepared(loaded, _folder(recipe), run_of(loaded, recipe, run), Progress(_err())) as line:
        plan = estimate(line)
    _report(plan, as_json, print_estimate)
    translator = plan["translation"]
    if not all(who["answers"] for who in [*plan["teachers"].values(), *([translator] if translator else [])]):
        raise typer.Exit(1)


@app.command()
def build(
    recipe: RecipeFile,
    run: RunFolder = None,
    until: Annotated[str | None, typer.Option(help="Stop after prompts, completions, rewards or routes.")] = None,
    arm: Annotated[list[str] | None, typer.Option(help="Only this arm, also in the dataset; repeatable.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N sources; writes preview/.")] = None,
    left_out: Annotated[
        list[str] | None,
        typer.Option("--without", metavar="TEACHER", help="As if the recipe did not have this teacher; repeatable."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Do the whole line, up to a finished dataset folder; the same command resumes."""
    from arbitrage.build import STAGES
    from arbitrage.build import build as do_build
    from arbitrage.progress import Progress
    from arbitrage.reports import built_as_dict, print_built
    from arbitrage.run import run_of
    from arbitrage.selection import only_arms, without

    if until is not None and until not in STAGES:
        raise RecipeError(f"--until {until}: the stages are {', '.join(STAGES)}")
    loaded = _read(recipe)
    progress = Progress(_err())
    try:
        built = do_build(
            without(only_arms(loaded, arm or []), left_out or []),
            _folder(recipe),
            run_of(loaded, recipe, run),
            progress,
            until=until,
            limit=limit,
            left_out=left_out or [],
        )
    finally:
        progress.close()
    _report(built_as_dict(built), as_json, print_built)
    if any(short.serious for short in built.shortfalls):
        raise typer.Exit(1)


@app.command()
def status(recipe: RecipeFile, run: RunFolder = None, as_json: AsJson = False) -> None:
    """Say how far a run is; answers while a build works."""
    from arbitrage.reports import print_status
    from arbitrage.run import run_of
    from arbitrage.status import status as read_status
    from arbitrage.store.store import open_store

    loaded = _read(recipe, asks=False)
    with open_store(run_of(loaded, recipe, run).store, read_only=True) as store:
        _report(read_status(store, loaded), as_json, print_status)


@app.command()
def show(
    recipe: RecipeFile,
    prompt_id: Annotated[str | None, typer.Argument(metavar="PROMPT_ID", help="Or the start of it.")] = None,
    run: RunFolder = None,
    as_json: AsJson = False,
) -> None:
    """Show one prompt with all answers, rewards, checks and the winners, side by side."""
    from arbitrage.answers import Reader
    from arbitrage.checks.language import make_language_check
    from arbitrage.pilot import ready_routers
    from arbitrage.rewards.reward import make_rewards
    from arbitrage.rewards.who import recall
    from arbitrage.routers import make_routers
    from arbitrage.run import run_of
    from arbitrage.show import as_dict, find, judged, render
    from arbitrage.store.store import open_store
    from arbitrage.teachers.pool import Pool

    loaded, folder = _read(recipe, asks=False), _folder(recipe)
    with open_store(run_of(loaded, recipe, run).store, read_only=True) as store:
        pool = Pool(loaded, store)
        rewards, check = make_rewards(loaded, folder), make_language_check(loaded, folder)
        recall(rewards, store)
        reader = Reader(store, loaded, rewards, store.get("build") or 0, pool, check)
        routers = ready_routers(store, loaded, make_routers(loaded, folder), reader)
        item = find(store, routers, reader, prompt_id)
        said = judged(store, rewards, item)
    if as_json:
        _print_json(as_dict(item, said))
    else:
        Console().print(render(item, said))


@app.command("import")
def import_(
    recipe: RecipeFile,
    source: Annotated[str, typer.Argument(metavar="FILE|REPO@TAG", help="JSONL, Parquet or a dataset.")],
    run: RunFolder = None,
    as_json: AsJson = False,
) -> None:
    """Take completions from a published pool, or from a file of (prompt, teacher, completion); asks for none."""
    from arbitrage.imports.importing import import_completions
    from arbitrage.progress import Progress
    from arbitrage.reports import print_imported
    from arbitrage.run import run_of

    loaded = _read(recipe)
    found = import_completions(source, loaded, _folder(recipe), run_of(loaded, recipe, run), Progress(_err()))
    _report(found.as_dict(), as_json, print_imported)
    if found.unreadable:
        raise typer.Exit(1)


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
    loaded = _read(recipe, asks=False)
    published = do_publish(
        loaded,
        run_of(loaded, recipe, run),
        repo_id=repo_id,
        tag=version,
        private=private,
        dry_run=dry_run,
        tell=Progress(_err()).tell,
    )
    _report(published.as_dict(), as_json, print_published)


@app.command()
def reproduce(
    what: Annotated[str, typer.Argument(metavar="REPO_ID|FOLDER", help="A dataset on the Hub, or a folder here.")],
    revision: Annotated[
        str | None, typer.Option(metavar="vX.Y.Z", help="Of the dataset on the Hub; REPO_ID@vX.Y.Z is the same.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Rebuild every routed split from the pool and say whether it is the same; asks no model."""
    from arbitrage.dataset.reproduce import reproduce as do_reproduce
    from arbitrage.hub.download import at_hub, dataset_at
    from arbitrage.reports import print_reproduced

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
    _report(report.as_dict(), as_json, print_reproduced)
    if not report.same:
        raise typer.Exit(1)


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
    _report(found, as_json, print_simulated)


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

    found = do_fit(what, target, embedding, model, onto, pilot=pilot, seed=seed, run=run, tell=Progress(_err()).tell)
    _report(found, as_json, print_fitted)


@app.command(context_settings={"allow_interspersed_args": False, "ignore_unknown_options": True})
def train(
    script: Annotated[Path | None, typer.Argument(metavar="SCRIPT", help="Such as training/sft.py.")] = None,
    options: Annotated[list[str] | None, typer.Argument(metavar="OPTIONS", help="The script's own.")] = None,
) -> None:
    """Run a script that trains a student; without one, print where this version's scripts and recipes are."""
    from arbitrage.student import addresses, run_script

    if script is not None:
        run_script(script, options or [])
    for path in addresses():
        typer.echo(path)


def _read(path: Path, *, asks: bool = True) -> Recipe:
    from arbitrage.recipe.reader import read_recipe

    return read_recipe(path, os.environ, asks=asks)


def _folder(recipe: Path) -> Path:
    return recipe.resolve().parent


def _err() -> Console:
    return Console(stderr=True)


def _report(data: dict[str, Any], as_json: bool, printer: Any) -> None:
    if as_json:
        _print_json(data)
    else:
        # Without a terminal there is no width to keep to, and a cut table is a lost one.
        printer(Console() if sys.stdout.isatty() else Console(width=200), data)


def _print_json(data: dict[str, Any]) -> None:
    is_utf8 = (sys.stdout.encoding or "utf-8").lower().replace("-", "") == "utf8"
    sys.stdout.write(json.dumps(data, ensure_ascii=not is_utf8, indent=1) + "\n")


def main() -> None:
    """Run the command line; a message and an exit code instead of a traceback for what a person can mend."""
    signal.signal(signal.SIGTERM, _interrupt)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A character that the terminal does not have is shown as its code.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app()
    except ArbitrageError as error:
        _complain(str(error))
        sys.exit(error.exit_code)
    except SystemExit as stop:
        if stop.code == Interrupted.exit_code:
            # An upload that is under way is waited for; who does not want to wait ends it with one more Ctrl-C.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            _complain("interrupted; everything stored so far is safe, and the same command goes on from here")
        raise
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _complain(f"{where}{error.strerror or error}; mend it and run the same command again: what is stored is safe")
        sys.exit(2)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _complain(message: str) -> None:
    sys.stderr.write(f"arbitrage: {safe(message)}\n")
