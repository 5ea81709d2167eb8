"""Completions from the pool of a published dataset, which nobody vouches for."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from arbitrage.dataset.files import Files
from arbitrage.dataset.folder import SPLITS
from arbitrage.dataset.manifest import read_manifest
from arbitrage.dataset.reading import hole, inside, rows
from arbitrage.dataset.report import Report, shown
from arbitrage.dataset.schema import POOL, schema_of
from arbitrage.derived import is_derived
from arbitrage.errors import DatasetError, RecipeError
from arbitrage.identity import prompt_id
from arbitrage.imports.answers import Pair, translated_answers
from arbitrage.imports.offer import MAX_DRAW, Offer, Passed, is_count, is_revision, is_text
from arbitrage.prompts.row import BadRow, to_row
from arbitrage.recipe.document import read_document
from arbitrage.recipe.model import PromptSource, Recipe
from arbitrage.recipe.published import recipe_hash
from arbitrage.recipe.reader import read_published
from arbitrage.records import Completion, Prompt
from arbitrage.teachers.served import completion_id

RECIPE = "recipe.yaml"
SHOWN = 5
"""Problems of a damaged folder that are named."""
COLUMNS = frozenset(schema_of(POOL, {}).names)
SOURCE = PromptSource(path=POOL, columns={"messages": "prompt", "language": "language"})


class PublishedPool:
    """The pool of a dataset folder, checked against its manifest, with the recipe that it was built from.

    Raises:
        DatasetError: the folder is not what its manifest says.
    """

    def __init__(self, folder: Path, source: str) -> None:
        self._folder = folder
        self._source = source
        self._manifest = read_manifest(folder)
        self._published = self._recipe()
        report = Report(source)
        self._files = Files(folder, self._manifest, report)
        self._files.check_table(POOL)
        if not report.same:
            problems = [f"  {problem}" for problem in report.problems[:SHOWN]]
            more = len(report.problems) + sum(report.unshown.values()) - len(problems)
            problems += [f"  and {more} more"] if more else []
            lines = [f"{source}: the pool is not what its manifest says; nothing was imported:", *problems]
            raise DatasetError("\n".join(lines))

    def _recipe(self) -> Recipe:
        try:
            path = inside(self._folder, RECIPE)
            if recipe_hash(read_document(path).data) != self._manifest.recipe_hash:
                raise DatasetError("is not the recipe that the manifest names")
            return read_published(path)
        except (DatasetError, RecipeError, ValueError, RecursionError) as error:
            raise DatasetError(f"{self._source}: {RECIPE}: {shown(str(error))[1:-1]}") from error

    @property
    def translation(self) -> object:
        """What the manifest says of translation, unchecked."""
        return (self._manifest.model_extra or {}).get("translation")

    def translated(self, columns: Sequence[str]) -> Iterator[tuple[Prompt, Any]]:
        """Yield each translated prompt, with these carried columns, and what its column `translation` says.

        Raises:
            DatasetError: a file breaks off.
        """
        before = None
        for row, where in self._rows():
            if row.get("translation") is None or _flaw(row) is not None or not is_text(row["source_id"]):
                continue
            if row["prompt_id"] == before:
                continue  # another teacher's answer
            before = row["prompt_id"]
            read = to_row(row, SOURCE, where)
            if not isinstance(read, BadRow) and prompt_id(read.language, read.messages) == row["prompt_id"]:
                carried = {name: row.get(name) for name in columns}
                prompt = Prompt(row["prompt_id"], read.language, row["source_id"], "train", read.messages, carried)
                yield prompt, row["translation"]

    def translated_answers(self, language: str) -> Iterator[Pair]:
        """Yield the translated answers that it has, each with the answer in a language that it was made from.

        Raises:
            DatasetError: a file breaks off.
        """
        if not any(map(is_derived, self._manifest.pool.teachers)):
            return
        own, made = ((row for row, _ in self._rows() if _flaw(row) is None) for _ in range(2))
        yield from translated_answers(own, made, language)

    def _rows(self) -> Iterator[tuple[dict[str, Any], str]]:
        for language in self._manifest.languages:
            for split in SPLITS:
                for found in rows(self._folder, self._files.paths(POOL, language, split)):
                    yield found.value, f"{self._source}/{found.path} row {found.row}"

    def offers(self, recipe: Recipe) -> Iterator[Offer | Passed]:
        """Yield what every row of the pool gives to a recipe's teachers.

        Raises:
            DatasetError: a file breaks off.
        """
        for row, where in self._rows():
            yield self._offer(row, where, recipe)

    def _offer(self, row: dict[str, Any], where: str, recipe: Recipe) -> Offer | Passed:
        why = _flaw(row)
        if why is not None:
            return Passed("unreadable", where, why)
        if row["error"] is not None or row["completion"] is None:
            return Passed("not_text", where, "has no completion")
        read = to_row(row, SOURCE, where)
        if isinstance(read, BadRow):
            return Passed("unreadable", where, read.why)
        if prompt_id(read.language, read.messages) != row["prompt_id"]:
            return Passed("unreadable", where, "prompt_id is not the hash of language and messages")
        if row["parents"] is not None:
            return Passed("other", where, "was made from other answers")
        author = self._published.teachers.get(row["teacher"])
        if author is None or author.model != row["model"]:
            return Passed("unreadable", where, f"{RECIPE} has no such teacher with this model")
        prompt = Prompt(row["prompt_id"], read.language, row["source_id"], "train", read.messages)
        revision, draw = row["revision"], row["draw"]
        made = completion_id(author, self._published.sampling_of(row["teacher"]), revision, prompt, draw)
        for name, teacher in recipe.teachers.items():
            if teacher.model != author.model or teacher.pinned not in (None, revision):
                continue
            if completion_id(teacher, recipe.sampling_of(name), revision, prompt, draw) == made:
                return Offer(name, read.language, self._completion(made, row))
        return Passed("other", where, "is of a model, settings or revision that the recipe does not have")

    def _completion(self, made: str, row: dict[str, Any]) -> Completion:
        return Completion(
            id=made,
            prompt_id=row["prompt_id"],
            model=row["model"],
            revision=row["revision"],
            draw=row["draw"],
            text=row["completion"],
            reasoning=row["reasoning"],
            finish_reason=row["finish_reason"],
            prompt_tokens=row["prompt_tokens"],
            completion_tokens=row["completion_tokens"],
            tokens_from=row["tokens_from"],
            imported_from=self._source,
        )


def _flaw(row: dict[str, Any]) -> str | None:
    """Return why a row of the pool is none, apart from its prompt."""
    name = hole(row, COLUMNS)
    if name is not None:
        return f"lacks {name}"
    if not is_revision(row["revision"]):
        return "revision cannot name a revision"
    if not is_count(row["draw"], MAX_DRAW):
        return "draw is no number of a draw"
    for name in ("prompt_tokens", "completion_tokens"):
        if row[name] is not None and not is_count(row[name]):
            return f"{name} is no count"
    if row["tokens_from"] not in (None, "usage", "details"):
        return "tokens_from is neither usage nor details"
    if row["finish_reason"] is not None and not is_text(row["finish_reason"], 40):
        return "finish_reason is too long"
    return None
