"""Completions from a Parquet or JSONL file that a person vouches for: made with the recipe's settings."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from arbitrage.errors import PromptError, RecipeError
from arbitrage.identity import prompt_id
from arbitrage.imports.offer import MAX_DRAW, Offer, Passed, is_count, is_revision, is_text
from arbitrage.prompts.files import PromptFile, lacking, prompt_files, read_file
from arbitrage.prompts.row import BadRow, to_row
from arbitrage.recipe.model import PromptSource, Recipe
from arbitrage.recipe.problems import did_you_mean
from arbitrage.records import Completion, Prompt
from arbitrage.teachers.served import completion_id
from arbitrage.teachers.wire import reply_of

NEEDED = ("teacher", "completion")
COLUMNS = (
    *NEEDED,
    *"prompt messages language revision draw reasoning finish_reason prompt_tokens completion_tokens".split(),
)

RevisionOf = Callable[[str], str]
"""The revision of a teacher's model, for rows that do not say it."""


class _BadRow(ValueError):
    """Why a row is no completion."""


class Batch:
    """The rows of a file of (prompt, teacher, completion).

    Raises:
        PromptError: there is no such file, or it is neither JSONL nor Parquet.
    """

    def __init__(self, path: Path) -> None:
        (self._file,) = prompt_files(str(path), Path())
        self._columns = _columns(self._file)

    def offers(self, recipe: Recipe, revision_of: RevisionOf) -> Iterator[Offer | Passed]:
        """Yield what every row gives to the recipe's teachers.

        Raises:
            RecipeError: a row names a teacher that the recipe does not have.
            PromptError: the file cannot be read.
        """
        for where, row in read_file(self._file, self._columns):
            if isinstance(row, str):
                yield Passed("unreadable", where, row)
                continue
            try:
                yield self._offer(row, where, recipe, revision_of)
            except _BadRow as bad:
                yield Passed("unreadable", where, str(bad))

    def _offer(self, row: Mapping[str, Any], where: str, recipe: Recipe, revision_of: RevisionOf) -> Offer | Passed:
        name = row.get("teacher")
        if not isinstance(name, str):
            raise _BadRow("'teacher' is missing, or is no text")
        if name not in recipe.teachers:
            raise RecipeError(f"{where}: no teacher is called {name[:100]!r}{did_you_mean(name, recipe.teachers)}")
        prompt = _prompt(row, where, recipe)
        teacher, draw = recipe.teachers[name], _count(row, "draw", MAX_DRAW) or 0
        revision = row.get("revision")
        if revision is not None and not is_revision(revision):
            raise _BadRow("'revision' cannot name a revision (up to 100 letters, digits and signs)")
        if revision is not None and teacher.pinned not in (None, revision):
            return Passed("other", where, f"is of a revision of {name} that the recipe does not have")
        revision = revision or teacher.pinned or revision_of(name)
        text = _completion(row.get("completion"))
        if text is None:
            return Passed("not_text", where, "has no completion")
        tokens = [_count(row, column) for column in ("prompt_tokens", "completion_tokens")]
        counted = None if tokens == [None, None] else "usage"
        finish = _text(row, "finish_reason", 40)
        reply = reply_of(text, _text(row, "reasoning"), finish, tokens[0], tokens[1], counted)
        completion = Completion(
            id=completion_id(teacher, recipe.sampling_of(name), revision, prompt, draw),
            prompt_id=prompt.id,
            model=teacher.model,
            revision=revision,
            draw=draw,
            imported_from=self._file.name,
            **reply._asdict(),
        )
        return Offer(name, prompt.language, completion)


def _columns(file: PromptFile) -> list[str]:
    """Return the columns to read: in JSONL every row has its own, so none is needed beforehand."""
    if file.path.suffix.lower() != ".parquet":
        return []
    try:
        known = pq.read_schema(file.path).names
    except (pa.ArrowException, OSError) as error:
        raise PromptError(f"{file.shown}: is not a Parquet file that can be read: {error}") from error
    missing = [name for name in NEEDED if name not in known]
    missing += [] if {"prompt", "messages"} & set(known) else ["prompt"]
    if missing:
        raise lacking(file.shown, missing, known, "rename yours")
    return [name for name in COLUMNS if name in known]


@cache
def _source(column: str, language: str | None) -> PromptSource:
    columns = {"messages": column}
    return PromptSource(
        path="batch", columns=columns if language else {**columns, "language": "language"}, language=language
    )


def _prompt(row: Mapping[str, Any], where: str, recipe: Recipe) -> Prompt:
    column = "messages" if row.get("messages") is not None else "prompt"
    if column == "messages" and row.get("prompt") is not None:
        raise _BadRow("has both 'prompt' and 'messages'; give one")
    alone = recipe.languages[0] if row.get("language") is None and len(recipe.languages) == 1 else None
    read = to_row(row, _source(column, alone), where)
    if isinstance(read, BadRow):
        raise _BadRow(read.why)
    identity = prompt_id(read.language, read.messages)
    return Prompt(identity, read.language, identity, "train", read.messages)


def _completion(value: object) -> str | None:
    if isinstance(value, list):
        if len(value) != 1 or not isinstance(value[0], Mapping) or value[0].get("role") != "assistant":
            raise _BadRow("'completion' is neither text nor a list of one assistant turn")
        value = value[0].get("content")
    if value is not None and not is_text(value):
        raise _BadRow("'completion' is no text that UTF-8 can carry")
    return value if isinstance(value, str) else None


def _text(row: Mapping[str, Any], column: str, longest: int | None = None) -> str | None:
    value = row.get(column)
    if value is None:
        return None
    if not is_text(value, longest):
        raise _BadRow(f"{column!r} is no text that UTF-8 can carry, or is too long")
    return str(value)


def _count(row: Mapping[str, Any], column: str, end: int = 2**63) -> int | None:
    value: Any = row.get(column)
    if isinstance(value, float):
        # A column of numbers with gaps comes as floats, its gaps as NaN.
        value = None if value != value else int(value) if value.is_integer() else value
    if value is not None and not is_count(value, end):
        raise _BadRow(f"{column!r} is no whole number from 0 on")
    return None if value is None else int(value)
