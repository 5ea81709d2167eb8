"""Verbs from a recipe to a dataset folder."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from arbitrage.errors import RecipeError
from arbitrage.verbs.app import AsJson, RecipeFile, RunFolder, app, err, folder_of, print_json, read, say


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

    loaded = read(recipe)
    with prepared(loaded, folder_of(recipe), run_of(loaded, recipe, run), Progress(err())) as line:
        plan = estimate(line)
    say(plan, as_json, print_estimate)
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
    loaded = read(recipe)
    progress = Progress(err())
    try:
        built = do_build(
            without(only_arms(loaded, arm or []), left_out or []),
            folder_of(recipe),
            run_of(loaded, recipe, run),
            progress,
            until=until,
            limit=limit,
            left_out=left_out or [],
        )
    finally:
        progress.close()
    say(built_as_dict(built), as_json, print_built)
    if any(short.serious for short in built.shortfalls):
        raise typer.Exit(1)


@app.command()
def status(recipe: RecipeFile, run: RunFolder = None, as_json: AsJson = False) -> None:
    """Say how far a run is; answers while a build works."""
    from arbitrage.reports import print_status
    from arbitrage.run import run_of
    from arbitrage.status import status as read_status
    from arbitrage.store.store import open_store

    loaded = read(recipe, asks=False)
    with open_store(run_of(loaded, recipe, run).store, read_only=True) as store:
        say(read_status(store, loaded), as_json, print_status)


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

    loaded, folder = read(recipe, asks=False), folder_of(recipe)
    with open_store(run_of(loaded, recipe, run).store, read_only=True) as store:
        pool = Pool(loaded, store)
        rewards, check = make_rewards(loaded, folder), make_language_check(loaded, folder)
        recall(rewards, store)
        reader = Reader(store, loaded, rewards, store.get("build") or 0, pool, check)
        routers = ready_routers(store, loaded, make_routers(loaded, folder), reader)
        item = find(store, routers, reader, prompt_id)
        said = judged(store, rewards, item)
    if as_json:
        print_json(as_dict(item, said))
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

    loaded = read(recipe)
    found = import_completions(source, loaded, folder_of(recipe), run_of(loaded, recipe, run), Progress(err()))
    say(found.as_dict(), as_json, print_imported)
    if found.unreadable:
        raise typer.Exit(1)
