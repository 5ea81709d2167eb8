"""Documents of a task over a published dataset: its test split, as the task needs it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from arbitrage.dataset.manifest import Manifest, read_manifest
from arbitrage.dataset.reading import rows
from arbitrage.dataset.schema import PREFERENCES
from arbitrage.errors import RecipeError
from arbitrage.hub.download import at_hub, dataset_at

from arbitrage_eval.tasks.task import Task

Document = dict[str, Any]


def documents(task: Task, folder: Path) -> list[Document]:
    """Return the documents of a task over a dataset; local paths begin at `folder`.

    They are in the order of their prompts' ids, which are hashes, so that the first of them are of all languages.

    Raises:
        RecipeError: the dataset does not have what the task asks for.
        DatasetError: it is none that this version understands, or a file cannot be read.
        HubError: there is no such dataset on the Hub.
    """
    config = task.arm or PREFERENCES
    with _dataset(str(task.dataset), folder, config) as (place, manifest):
        paths = [path for path in manifest.files if path.startswith(f"{config}/") and "/test-" in path]
        if not paths:
            having = sorted({path.partition("/")[0] for path in manifest.files if "/test-" in path})
            raise RecipeError(f"has no test rows in {config}; it has some in {', '.join(having) or 'nothing'}")
        found = sorted((located.value for located in rows(place, paths)), key=lambda row: str(row["prompt_id"]))
    if task.measure == "answers":
        column = task.reference or "reference"
        if column not in found[0]:
            columns = ", ".join(sorted(found[0]))
            raise RecipeError(f"reference: there is no column {column}: {config} has {columns} (completion: its own)")
        made = [{**_common(row), "reference": _texts(row[column])} for row in found]
        if not any(document["reference"] for document in made):
            raise RecipeError(f"reference: {column} is empty in every test row of {config}")
    else:
        made = [_pair(row) for row in found]
    return made[: task.limit]


def _pair(row: dict[str, Any]) -> Document:
    return {**_common(row), "chosen": row["chosen"][-1]["content"], "rejected": row["rejected"][-1]["content"]}


def _texts(value: Any) -> list[str]:
    """Return the references that a column's value is: one text, several, or an answer as a list of messages."""
    values = value if isinstance(value, list) else [value]
    return [str(one["content"] if isinstance(one, dict) else one) for one in values if one is not None]


def _common(row: dict[str, Any]) -> Document:
    return {name: row[name] for name in ("prompt", "language", "source_id", "prompt_id")}


@contextmanager
def _dataset(what: str, folder: Path, config: str) -> Iterator[tuple[Path, Manifest]]:
    here = folder / what
    if here.exists():
        yield here, read_manifest(here)
        return
    repo_id, revision = at_hub(what, None)

    def other(manifest: Manifest) -> set[str]:
        return {path for path in manifest.files if not path.startswith(f"{config}/")}

    with dataset_at(repo_id, revision, other) as found:
        yield found.folder, found.manifest
