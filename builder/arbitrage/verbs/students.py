"""Verbs that train students."""

from pathlib import Path
from typing import Annotated

import typer

from arbitrage.verbs.app import app


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
