"""Read a recipe: YAML, then the environment, then the model; every problem at once, with its line."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from arbitrage.errors import RecipeError
from arbitrage.recipe.complaints import complaints
from arbitrage.recipe.document import Document, read_document
from arbitrage.recipe.environment import Environment
from arbitrage.recipe.model import Recipe
from arbitrage.recipe.problems import Problem, dotted


def read_recipe(path: Path, environ: Mapping[str, str], *, asks: bool = True) -> Recipe:
    """Read a recipe, with `${NAME}` replaced from `environ`.

    Where nobody `asks` the teachers, endpoints and tokens may lack their variables.

    Raises:
        RecipeError: the file is no recipe; the message lists every problem with its line, and no secret.
    """
    document = read_document(path)
    environment = Environment(environ, asks)
    data = environment.expand(document.data)
    recipe, found = _validated(data, document)
    # What lacks its variable was complained about already; what became of it is no second problem.
    lacking = {problem.loc for problem in environment.problems}
    found = [problem for problem in found if not any(problem.loc[: len(loc)] == loc for loc in lacking)]
    problems = [*environment.problems, *found]
    if recipe is None or problems:
        raise RecipeError(environment.redact(_listed(problems, document)))
    return recipe


def read_published(path: Path) -> Recipe:
    """Read a recipe as it was published: no environment is read and endpoints stay placeholders.

    Raises:
        RecipeError: the file is no published recipe.
    """
    document = read_document(path)
    recipe, problems = _validated(document.data, document)
    if recipe is None:
        raise RecipeError(_listed(problems, document))
    return recipe


def _validated(data: object, document: Document) -> tuple[Recipe | None, list[Problem]]:
    try:
        return Recipe.model_validate(data), []
    except ValidationError as error:
        return None, list(complaints(error, document))


def _listed(problems: list[Problem], document: Document) -> str:
    lines = [(document.line(problem.loc), problem) for problem in problems]
    lines.sort(key=lambda item: item[0])
    return "\n".join(f"{document.path}:{line}: {dotted(problem.loc)}: {problem.what}" for line, problem in lines)
