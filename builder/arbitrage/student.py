"""The scripts that train a student: where this version's are, and running one."""

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from arbitrage.errors import RecipeError


def scripts() -> Path:
    """Return the folder of this version's scripts and recipes: a repository's own, or what the wheel brought."""
    here = Path(__file__).resolve().parent
    places = [here.parents[1] / "training", here / "training"]
    return next((place for place in places if (place / "sft.py").is_file()), places[-1])


def addresses() -> list[Path]:
    """Return every script and recipe of this version."""
    return [path for pattern in ("*.py", "recipes/*.yaml") for path in sorted(scripts().glob(pattern))]


def run_script(script: Path, options: Sequence[str]) -> None:
    """Become the process of a script, so that signals and the exit code are its own; raises RecipeError before."""
    if not script.is_file():
        known = ", ".join(str(path) for path in sorted(scripts().glob("*.py")))
        raise RecipeError(f"{script}: is no file; this version's scripts: {known}")
    if script.resolve().parent == scripts() and find_spec("trl") is None:
        raise RecipeError(f"{script.name} needs TRL: pip install 'multilingual-arbitrage[train]'")
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, str(script), *options])
