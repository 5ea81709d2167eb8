"""The parameters of a small world, as `world.yaml` states them."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, model_validator

from arbitrage.errors import RecipeError
from arbitrage.miniature.tasks import KINDS, languages
from arbitrage.recipe.document import read_document
from arbitrage.recipe.part import Part

CONTROL = {"identical": True}
"""What makes a world in which no router can gain anything."""


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

    seed: int
    sources: int = Field(ge=1)
    exam: int = Field(ge=0)
    vocabulary: int = Field(ge=300)
    base: Base
    teacher_steps: int = Field(ge=1)
    focus: float = Field(ge=1)
    identical: bool
    teachers: dict[str, Mixture] = Field(min_length=1)
    preferences: Preferences
    reward_steps: int = Field(ge=1)
    auditor_steps: int = Field(ge=1)

    @model_validator(mode="after")
    def _knows_its_words(self) -> "World":
        for name, mixture in self.teachers.items():
            for word in mixture.languages:
                if word not in languages():
                    raise ValueError(f"teachers.{name}: there is no language {word!r}")
            for word in mixture.favours:
                if word not in KINDS:
                    raise ValueError(f"teachers.{name}: there is no task {word!r}; there are {', '.join(KINDS)}")
        return self


def read_world(path: Path | None = None, changes: Mapping[str, Any] | None = None) -> World:
    """Read a world's file, by default the package's own, with some of its values changed.

    Raises:
        RecipeError: the file is none, or says what cannot be.
    """
    path = path or Path(str(files("arbitrage.miniature") / "world.yaml"))
    data = {**read_document(path).data, **(changes or {})}
    try:
        return World.model_validate(data)
    except ValidationError as error:
        found = error.errors()[0]
        where = ".".join(map(str, found["loc"]))
        raise RecipeError(f"{path}: {where + ': ' if where else ''}{found['msg']}") from None
