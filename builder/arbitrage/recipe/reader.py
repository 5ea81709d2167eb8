"""Read a file: YAML, then the environment, then the model; every problem at once, with its line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from arbitrage.errors import RecipeError
from arbitrage.recipe.complaints import complaints
from arbitrage.recipe.document import Document, read_document
from arbitrage.recipe.environment import Environment
from arbitrage.recipe.model import Recipe
from arbitrage.recipe.problems import Problem, dotted

Root = TypeVar("Root", bound=BaseModel)


def read_recipe(path: Path, environ: Mapping[str, str], *, asks: bool = True) -> Recipe:
    """Read a recipe, with `${NAME}` replaced from `environ`.

    Where nobody `asks` the teachers, endpoints and tokens may lack their variables.

    Raises:
        RecipeError: the file is no recipe; the message lists every problem with its line, and no secret.
    """
    return read_expanded(Recipe, path, environ, asks=asks)


def read_published(path: Path) -> Recipe:
    """Read a recipe as it was published: no environment is read and endpoints stay placeholders.

    Raises:
        RecipeError: the file is no published recipe.
    """
    return read_plain(Recipe, path)


def read_expanded(root: type[Root], path: Path, environ: Mapping[str, str], *, asks: bool = True) -> Root:
    """Read a file that holds a `root`, with `${NAME}` replaced from `environ`.

    Raises:
        RecipeError: it holds none; the message lists every problem with its line, and no secret.
    """
    document = read_document(path)
    environment = Environment(environ, asks)
    context = {"folder": path.resolve().parent}
    read, found = _validated(root, environment.expand(document.data), document, context)
    # What lacks its variable was complained about already; what became of it is no second problem.
    lacking = {problem.loc for problem in environment.problems}
    found = [problem for problem in found if not any(problem.loc[: len(loc)] == loc for loc in lacking)]
    problems = [*environment.problems, *found]
    if read is None or problems:
        raise RecipeError(environment.redact(_listed(problems, document)))
    return read


def read_plain(root: type[Root], path: Path, changes: Mapping[str, Any] | None = None) -> Root:
    """Read a file that holds a `root`, with some of its values changed; no environment is read.

    Raises:
        RecipeError: it holds none; the message lists every problem with its line.
    """
    document = read_document(path)
    read, problems = _validated(root, {**document.data, **(changes or {})}, document)
    if read is None:
        raise RecipeError(_listed(problems, document))
    return read


def _validated(
    root: type[Root], data: object, document: Document, context: dict[str, Path] | None = None
) -> tuple[Root | None, list[Problem]]:
    try:
        return root.model_validate(data, context=context), []
    except ValidationError as error:
        return None, list(complaints(error, document, root))


def _listed(problems: list[Problem], document: Document) -> str:
    lines = [(document.line(problem.loc), problem) for problem in problems]
    lines.sort(key=lambda item: item[0])
    return "\n".join(f"{document.path}:{line}: {dotted(problem.loc)}: {problem.what}" for line, problem in lines)
