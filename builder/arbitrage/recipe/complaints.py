"""What pydantic found wrong, said in the words of a recipe."""

import types
from collections.abc import Iterator
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from arbitrage.recipe.document import Document
from arbitrage.recipe.environment import is_endpoint, is_token
from arbitrage.recipe.model import Sampling, Teacher
from arbitrage.recipe.problems import Loc, Problem, Problems, did_you_mean


def complaints(error: ValidationError, document: Document, root: type[BaseModel]) -> Iterator[Problem]:
    """Yield the problems of a file that is no `root`."""
    for detail in error.errors(include_url=False):
        # pydantic marks an error in a key, rather than in its value, with a last step that no recipe has.
        loc = tuple(step for step in detail["loc"] if step != "[key]")
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, Problems):
            for problem in cause.problems:
                yield Problem((*loc, *problem.loc), problem.what)
        else:
            yield Problem(loc, _what(detail, loc, document.texts.get(loc), root))


def _what(detail: ErrorDetails, loc: Loc, text: str | None, root: type[BaseModel]) -> str:
    kind, value = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        block = _annotation(loc[:-1], root)
        known = block.model_fields if isinstance(block, type) and issubclass(block, BaseModel) else ()
        return "unknown key" + did_you_mean(loc[-1], known)
    if kind == "missing":
        return "missing; this key has no default"
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    if is_token(loc) or is_endpoint(loc):
        return "should be text"
    if value is None:
        return "is empty; give it a value or take the key out"
    if kind == "literal_error":
        return f"{value!r} is not known" + did_you_mean(value, get_args(_annotation(loc, root)))
    if kind == "string_type" and isinstance(value, int | float):
        return f'{text} was read as a {_sort(value)}; put it in quotes: "{text}"'
    if kind in ("model_type", "dict_type"):
        return f"should be a block of keys (name: value), not {_shown(value)}"
    message = detail["msg"].removeprefix("Input ").partition(", unable to")[0]
    return f"{message}, not {_shown(value)}"


def _annotation(loc: Loc, root: type[BaseModel]) -> Any:
    """Return the type that a file has at a location."""
    here: Any = root
    for step in loc:
        if here is Teacher and step == "sampling":
            here = Sampling
        elif isinstance(here, type) and issubclass(here, BaseModel):
            here = here.model_fields[str(step)].annotation if step in here.model_fields else None
        elif get_origin(here) in (dict, list):
            here = get_args(here)[-1]
        else:
            return None
        if get_origin(here) in (Union, types.UnionType):
            here = next(choice for choice in get_args(here) if choice is not type(None))
    return here


def _sort(value: object) -> str:
    return "yes/no value" if isinstance(value, bool) else "number"


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "a block"
    if isinstance(value, list):
        return "a list"
    shown = repr(value)
    return shown if len(shown) <= 80 else shown[:77] + "..."
