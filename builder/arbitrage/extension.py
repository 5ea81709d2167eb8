"""Load what a recipe names as `module:name`, from beside the recipe or from what is installed."""

import hashlib
import importlib
import inspect
import sys
from pathlib import Path
from typing import Any

from arbitrage.errors import RecipeError


def load_object(spec: str, folder: Path, where: str) -> Any:
    """Import `module:name`; `folder`, the recipe's own, is looked in first.

    Raises:
        RecipeError: there is no such module or name, or importing it failed; `where` is the recipe's key.
    """
    module_name, _, name = spec.partition(":")
    if not module_name or not name:
        raise RecipeError(f"{where}: {spec!r} is neither built in nor of the form module:name")
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        found = importlib.import_module(module_name)
    except Exception as error:
        raise RecipeError(
            f"{where}: cannot import {module_name!r} (looked in {folder} and in what is installed): "
            f"{type(error).__name__}: {error}"
        ) from error
    try:
        return getattr(found, name)
    except AttributeError as error:
        raise RecipeError(f"{where}: module {module_name!r} has no {name!r}") from error


def source_hash(function: object) -> str:
    """Return the sha256 of the file that a function or class is from, `unverified` where there is none."""
    try:
        path = inspect.getsourcefile(inspect.unwrap(function) if callable(function) else type(function))
    except TypeError:
        path = None
    return hashlib.sha256(Path(path).read_bytes()).hexdigest() if path and Path(path).is_file() else "unverified"
