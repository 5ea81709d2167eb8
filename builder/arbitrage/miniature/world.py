"""The parameters of a small world, as `world.yaml` states them."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from arbitrage.errors import RecipeError
from arbitrage.miniature.tasks import KINDS, languages
from arbitrage.recipe.part import Part
from arbitrage.recipe.problems import Problem, Problems, did_you_mean
from arbitrage.recipe.reader import read_plain

CONTROL = {"identical": True}
"""What makes a world in which no router can gain anything."""

TeacherName = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]
"""A name that files can have, and arms after them."""


class Mixture(Part):
    """What a teacher learns from: its languages (empty for all), and tasks that it sees more often than others."""

    languages: list[str] = Field(default_factory=list)
    favours: list[str] = Field(default_factory=list)


class Base(Part):
    """How the models that others begin from are trained: `early` is the step at which teachers leave."""

    samples: int = Field(ge=1)
    steps: int = Field(ge=1)
    early: int = Field(ge=1)


class Preferences(Part):
    """What annotators give: pairs of answers to so many prompts, and the share of them that is turned round."""

    prompts: int = Field(ge=1)
    noise: float = Field(ge=0, le=0.5)


class World(Part):
    """All that decides a small world."""

    seed: int = Field(ge=0, lt=2**32)
    sources: int = Field(ge=1)
    exam: int = Field(ge=0)
    vocabulary: int = Field(ge=300)
    base: Base
    teacher_steps: int = Field(ge=1)
    focus: float = Field(ge=1)
    identical: bool
    teachers: dict[TeacherName, Mixture] = Field(min_length=1)
    preferences: Preferences
    reward_steps: int = Field(ge=1)
    auditor_steps: int = Field(ge=1)
    student_steps: int = Field(ge=1)

    @model_validator(mode="after")
    def _knows_its_words(self) -> "World":
        wrong = [
            Problem(("teachers", name, key), f"there is no {what} {word!r}{did_you_mean(word, known)}")
            for name, mixture in self.teachers.items()
            for key, what, known in (("languages", "language", languages()), ("favours", "task", list(KINDS)))
            for word in getattr(mixture, key)
            if word not in known
        ]
        if self.base.early > self.base.steps:
            wrong.append(Problem(("base", "early"), f"comes after the last of {self.base.steps} steps"))
        if wrong:
            raise Problems(wrong)
        return self


def read_world(path: Path | None = None, changes: Mapping[str, Any] | None = None) -> World:
    """Read a world's file, by default the package's own, with some of its values changed.

    Raises:
        RecipeError: the file is none, or says what cannot be.
    """
    if path is not None and not path.is_file():
        raise RecipeError(f"{path}: no such file; without --world, the package's own small world is made")
    return read_plain(World, path or Path(str(files("arbitrage.miniature") / "world.yaml")), changes)
