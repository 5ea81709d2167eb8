"""A suite: a file that says what is evaluated, by whom, against what."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from arbitrage.errors import RecipeError
from arbitrage.hub.download import at_hub, dataset_at
from arbitrage.recipe.document import read_document
from arbitrage.recipe.environment import REFERENCE
from arbitrage.recipe.part import Language, Part, Seconds
from arbitrage.recipe.problems import did_you_mean, dotted
from pydantic import Field, ValidationError, field_validator


class Suite(Part):
    """What a suite's file may say."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    answers: str
    """The dataset whose pool has the answers: a folder, or REPO@TAG."""
    split: Literal["train", "test"] = "test"
    baseline: str
    """The teacher of that pool that the others are compared with."""
    models: list[str] = Field(default_factory=list)
    """Which others; all, where none is named."""
    languages: list[Language] = Field(default_factory=list)
    judges: dict[str, dict[str, Any]] = Field(min_length=1)
    """As a recipe has teachers."""
    rubric: str | None = None
    patience: Seconds = 900.0
    """How long judges that are down are waited for."""

    @field_validator("judges")
    @classmethod
    def _tokens_are_not_written_down(cls, judges: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for name, judge in judges.items():
            token = judge.get("token")
            if token is not None and not (isinstance(token, str) and REFERENCE.fullmatch(token)):
                raise ValueError(f"{name}.token: give the name of a variable, as in ${{JUDGE_TOKEN}}")
        return judges


def read_suite(path: Path) -> Suite:
    """Read a suite.

    Raises:
        RecipeError: the file is none; the message has every problem with its line.
    """
    if not path.is_file():
        raise RecipeError(f"{path}: no such file; docs/winrates.md shows what a suite says")
    document = read_document(path)
    try:
        return Suite.model_validate(document.data)
    except ValidationError as error:
        lines = []
        for one in error.errors(include_url=False, include_input=False):
            loc = tuple(one["loc"])
            what = one["msg"]
            if one["type"] == "extra_forbidden":
                what = "unknown key" + did_you_mean(loc[-1], Suite.model_fields)
            lines.append(f"{path}:{document.line(loc)}: {dotted(loc)}: {what}")
        raise RecipeError("\n".join(lines)) from None


@contextmanager
def answers_of(suite: Suite, folder: Path) -> Iterator[Path]:
    """Lend the dataset that has the answers; paths start at `folder`.

    Raises:
        HubError: there is no such dataset on the Hub.
        DatasetError: it is none that this version understands.
    """
    here = folder / suite.answers
    if here.exists():
        yield here
        return
    repo_id, revision = at_hub(suite.answers, None)
    with dataset_at(repo_id, revision, lambda manifest: _not_the_pool(manifest.files)) as found:
        yield found.folder


def _not_the_pool(paths: Iterable[str]) -> set[str]:
    return {path for path in paths if not path.startswith("pool/")}
