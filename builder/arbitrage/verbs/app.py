"""The application that verbs belong to, and what they share."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from arbitrage import __version__
from arbitrage.recipe.model import Recipe

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


def read(path: Path, *, asks: bool = True) -> Recipe:
    """Read a recipe, with the environment's values."""
    from arbitrage.recipe.reader import read_recipe

    return read_recipe(path, os.environ, asks=asks)


def folder_of(recipe: Path) -> Path:
    """Return the folder that a recipe's paths start at."""
    return recipe.resolve().parent


def err() -> Console:
    """Return standard error, where messages go."""
    return Console(stderr=True)


def say(data: dict[str, Any], as_json: bool, printer: Any) -> None:
    """Print a report, as JSON or for people."""
    if as_json:
        print_json(data)
    else:
        # Without a terminal there is no width to keep to, and a cut table is a lost one.
        printer(Console() if sys.stdout.isatty() else Console(width=200), data)


def print_json(data: dict[str, Any]) -> None:
    """Print JSON in whatever the terminal can show."""
    is_utf8 = (sys.stdout.encoding or "utf-8").lower().replace("-", "") == "utf8"
    sys.stdout.write(json.dumps(data, ensure_ascii=not is_utf8, indent=1) + "\n")
