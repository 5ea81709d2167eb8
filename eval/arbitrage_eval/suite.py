"""A suite: a file that says what is evaluated, by whom, against what."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Literal

from arbitrage.errors import RecipeError
from arbitrage.recipe.model import PromptSource, Sampling, Teacher
from arbitrage.recipe.part import Language, Part, Seconds
from arbitrage.recipe.problems import Problem, Problems, did_you_mean
from arbitrage.recipe.published import published_source
from arbitrage.recipe.reader import read_expanded
from arbitrage.recipe.reward import Reward
from pydantic import Field, model_validator

from arbitrage_eval.measures.table import MEASURES
from arbitrage_eval.retrieval.entry import Retrieval
from arbitrage_eval.tasks.task import Task

ARM = "arm:"
"""What the name of a model begins with that is an arm of a dataset."""


class Suite(Part):
    """What a suite's file may say."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    languages: list[Language] = Field(default_factory=list)
    """Those of the dataset or of the prompts, where none is named."""
    seed: int = 0

    answers: str | None = Field(None, min_length=1)
    """A dataset whose pool has answers already: a folder, or REPO@TAG."""
    split: Literal["train", "test"] = "test"
    teachers: list[str] = Field(default_factory=list)
    """Whose answers of that dataset; those of all, where neither teachers nor arms are named."""
    arms: list[str] = Field(default_factory=list)
    """Arms of that dataset, each a model `arm:NAME` whose answers are what it chose."""

    models: dict[str, Teacher] = Field(default_factory=dict)
    """Whom this evaluation asks, as a recipe has teachers."""
    prompts: list[PromptSource] = Field(default_factory=list)
    """What they are asked, as a recipe has prompts; those of the dataset's split, where none are named."""
    sampling: Sampling = Sampling(temperature=0.0)
    rewards: dict[str, Reward] = Field(default_factory=dict)
    """Metrics of what they answer, as a recipe has rewards."""

    baseline: str | None = None
    """The model that the others are compared with."""
    judges: dict[str, Teacher] = Field(default_factory=dict)
    """As a recipe has teachers."""
    rubric: str | None = None
    difference: float = Field(5.0, gt=0, le=50)
    """To 50 points, that the question is about: how many prompts show it is said before all are judged."""

    tasks: list[Task] = Field(default_factory=list)
    """What `models` are examined in: tasks of lm-eval, task files beside the suite, a dataset's own test split."""
    backend: Literal["hf", "vllm"] = "hf"
    """What loads weights for tasks, as lm-eval calls it."""
    retrieval: list[Retrieval] = Field(default_factory=list)
    """Parallel sentences that `models` find by their hidden states."""

    measures: list[str] = Field(default_factory=lambda: list(MEASURES))
    """Measures of the texts."""
    patience: Seconds = 900.0
    """How long models and judges that are down are waited for."""
    max_usd: float | None = Field(None, gt=0)

    @property
    def answers_shown(self) -> str | None:
        """The dataset as results name it: of a path the name only."""
        if self.answers is None or "@" in self.answers:
            return self.answers
        return PurePath(self.answers).name

    @property
    def asks(self) -> bool:
        """Whether there is anything that models are asked."""
        return bool(self.models) and (bool(self.prompts) or self.answers is not None)

    @model_validator(mode="after")
    def _makes_sense(self) -> "Suite":
        if problems := list(self._problems()):
            raise Problems(problems)
        return self

    def _problems(self) -> Iterator[Problem]:
        if self.answers is None and not self.models:
            yield Problem((), "there is nobody to evaluate: give answers:, or models:")
        for key in ("prompts", "rewards", "tasks", "retrieval"):
            if getattr(self, key) and not self.models:
                yield Problem((key,), "needs models:, and there are none")
        if self.models and not (self.asks or self.tasks or self.retrieval):
            yield Problem(("models",), "there is nothing to ask them: give prompts:, answers:, tasks: or retrieval:")
        if self.answers is None:
            for key in ("teachers", "arms", "split"):
                if key in self.model_fields_set:
                    yield Problem((key,), "is of the dataset that answers: names, and it is not there")
        if self.judges and self.baseline is None:
            yield Problem(("judges",), "want a baseline: the model that the others are compared with")
        if self.baseline is not None and self.answers is None and self.baseline not in self.models:
            what = f"no model is called {self.baseline!r}" + did_you_mean(self.baseline, self.models)
            yield Problem(("baseline",), what)
        for key in ("languages", "teachers", "arms", "measures"):
            if twice := sorted(name for name, count in Counter(getattr(self, key)).items() if count > 1):
                yield Problem((key,), f"{twice[0]!r} is listed twice")
        labels = Counter(retrieval_label(entry) for entry in self.retrieval)
        for label, count in labels.items():
            if count > 1:
                yield Problem(("retrieval",), f"{label!r} is the name of {count} of them: give files other names")
        for name in self.models:
            if name.startswith(ARM):
                yield Problem(("models", name), f"{ARM} is for the arms of a dataset")
        for position, name in enumerate(self.measures):
            if name not in MEASURES:
                what = f"there is no measure {name!r}" + did_you_mean(name, MEASURES)
                yield Problem(("measures", position), what)
        for position, source in enumerate(self.prompts):
            if not self.languages and source.language is None:
                yield Problem(("prompts", position), "has languages in a column: say which by languages:")


def retrieval_label(entry: Retrieval) -> str:
    """Return what results call a set of parallel sentences."""
    return " ".join(filter(None, (published_source(entry.path), entry.config, entry.split)))


def read_suite(path: Path, environ: Mapping[str, str]) -> Suite:
    """Read a suite, with `${NAME}` replaced from `environ`.

    Raises:
        RecipeError: the file is none; the message has every problem with its line, and no secret.
    """
    if not path.is_file():
        raise RecipeError(f"{path}: no such file; docs/evaluation.md shows what a suite says")
    return read_expanded(Suite, path, environ)
