"""What a recipe may say: one class a block, unknown keys refused."""

import json
import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from arbitrage.recipe.kinds import CONTENT, Kind, kind_of
from arbitrage.recipe.part import Endpoints, Language, Part, Price, Seconds, variable
from arbitrage.recipe.problems import Loc, Problem, Problems, did_you_mean
from arbitrage.recipe.reward import Reward
from arbitrage.recipe.translate import Translate

CHECKS = ("empty", "truncated", "no_answer", "language")
RESERVED_ARMS = ("pool", "routes", "preferences", "default", "data")
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
REPO_ID = re.compile(f"{NAME}/{NAME}")
ANSWERS = {"model", "revision", "gguf", "transformers", "file", "context", "api", "format", "system", "extra"}
"""What makes a teacher answer as it does, beside its sampling."""
ROLES = ("prompt", "messages", "language", "source_id", "reference")
OWN_COLUMNS = (
    "prompt_id source_id language prompt completion teacher model revision draw reasoning finish_reason "
    "prompt_tokens completion_tokens tokens_from checks reward rewards parents error"
).split()
TRAINER_COLUMNS = ("text", "messages", "label", "chosen", "rejected", "tools", "images")


class Sampling(Part):
    """How a teacher samples; what a teacher sets replaces the recipe's value of the same name."""

    temperature: float = Field(0.3, ge=0)
    top_p: float = Field(1.0, gt=0, le=1)
    max_tokens: int = Field(1024, ge=1)
    stop: list[str] = []


class PromptSource(Part):
    """Where prompts come from: a Hub id, or a local .jsonl, .parquet or folder."""

    path: str = Field(min_length=1)
    config: str | None = None
    revision: str | None = None
    split: str = "train"
    columns: dict[str, str] = {"prompt": "prompt"}
    language: Language | None = None
    license: str | None = None
    sample: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _columns_make_sense(self) -> "PromptSource":
        if ("prompt" in self.columns) == ("messages" in self.columns):
            raise ValueError("columns must map exactly one of prompt and messages")
        if ("language" in self.columns) == (self.language is not None):
            raise ValueError("give either language: or columns: {language: ...}")
        for name in self.columns:
            if name not in ROLES and (name in OWN_COLUMNS or name in TRAINER_COLUMNS):
                raise ValueError(f"a carried column cannot be called {name!r}: the dataset or trainers use it")
        return self


class EvaluationSet(Part):
    """A set that students are evaluated on, so that no prompt should hold its items."""

    name: str = Field(pattern=f"^{NAME}$")
    path: str = Field(min_length=1)
    config: str | None = None
    revision: str | None = None
    split: str = "test"
    columns: list[str] = Field(min_length=1)

    @property
    def source(self) -> PromptSource:
        """Where its rows are read from."""
        columns = {"prompt": self.columns[0], **{f"column{n}": name for n, name in enumerate(self.columns[1:], 1)}}
        return PromptSource(
            path=self.path,
            config=self.config,
            revision=self.revision,
            split=self.split,
            columns=columns,
            language="und",
        )


class Teacher(Part):
    """A model that completes prompts: behind one or more endpoints, or in files that the run serves itself."""

    endpoint: Endpoints = []
    gguf: str | None = Field(None, min_length=1)
    transformers: str | None = Field(None, min_length=1)
    file: str | None = Field(None, pattern=r"^[^/\\\s][^\\\n]*\.gguf$")
    sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    slots: int = Field(4, ge=1, le=256)
    threads: int | None = Field(None, ge=1, le=1024)
    context: int = Field(4096, ge=64, le=2**20)
    api: Literal["tgi", "openai"]
    model: str = Field(min_length=1)
    served_as: str | None = None
    revision: str | None = None
    token: str | None = Field(None, repr=False)
    languages: list[Language] | None = None
    group: str | None = None
    license: str | None = None
    price: Price | None = None
    system: dict[Language, str] = {}
    sampling: dict[str, Any] = {}
    format: Literal["chat", "raw"] = "chat"
    extra: dict[str, Any] = {}
    concurrency: int = Field(64, ge=1, le=4096)
    deadline: Seconds = 600.0

    @model_validator(mode="before")
    @classmethod
    def _is_here_or_there(cls, data: object, info: ValidationInfo) -> object:
        if not isinstance(data, dict):
            return data
        kind = kind_of(data)
        if kind == "endpoint":
            return data
        name = data[kind]
        if isinstance(name, str) and kind == "gguf":
            name = name if "file" in data else PurePath(name).stem
        elif isinstance(name, str):
            beside = (info.context or {}).get("folder")
            if beside is not None and REPO_ID.fullmatch(name) and (beside / name).is_dir():
                # A folder may be named as a repository is; from here on it is not.
                data = {**data, kind: f"./{name}"}
            name = name if REPO_ID.fullmatch(data[kind]) else PurePath(name).name
        return {"api": "openai", "model": name, **data}

    @property
    def kind(self) -> Kind:
        """What it is served from."""
        if self.gguf is not None:
            return "gguf"
        return "endpoint" if self.transformers is None else "transformers"

    @property
    def is_embedded(self) -> bool:
        """Whether the run serves it itself."""
        return self.kind != "endpoint"

    @property
    def pinned(self) -> str | None:
        """The revision of the model that the recipe names: a GGUF's is its sha256, `revision` its repository's."""
        if self.gguf is not None:
            return self.sha256
        if self.transformers is not None and not CONTENT.fullmatch(self.revision or ""):
            return None  # a branch or a tag: its commit is the revision
        return self.revision

    @field_validator("sampling")
    @classmethod
    def _is_sampling(cls, value: dict[str, Any]) -> dict[str, Any]:
        Sampling.model_validate(value)
        return value

    def serves(self, language: str) -> bool:
        """Say whether the teacher is asked in this language."""
        return self.languages is None or language in self.languages


class Arm(Part):
    """A router of this recipe: a built-in name or `module:name`."""

    router: str
    teacher: str | None = None
    experts: dict[Language, str] | None = Field(None, min_length=1)
    top: int | None = Field(None, ge=1, le=64)
    """How many teachers a learned router asks; one without it."""
    embedding: str | None = Field(None, min_length=1)
    """The embedding by which a learned router sees a prompt: a folder, or a model on the Hub."""
    fitted: str | None = Field(None, min_length=1)
    """A learned router that `arbitrage fit` wrote: a folder, or a repository on the Hub."""
    revision: str | None = None
    """Of the embedding or the fitted router, where it is on the Hub."""

    @model_validator(mode="after")
    def _is_learned_one_way(self) -> "Arm":
        if self.embedding is not None and self.fitted is not None:
            raise ValueError("a fitted router has its embedding: take embedding: out")
        if self.revision is not None and self.embedding is None and self.fitted is None:
            raise ValueError("revision: is of embedding: or fitted:, and neither is there")
        return self


class Publish(Part):
    """Where a dataset goes on the Hub, which arms it holds, and what evaluations found of it."""

    repo_id: str | None = Field(None, pattern=f"^{NAME}/{NAME}$")
    private: bool = False
    arms: list[str] | None = Field(None, min_length=1)
    results: list[str] = []
    """Run folders of `arbitrage eval`, or files with results."""


class Recipe(Part):
    """A whole recipe, as validated; names of teachers, rewards and arms are the keys of their blocks."""

    name: str = Field(pattern=f"^{NAME}$")
    license: str = Field(min_length=1)
    license_override: str | None = None
    languages: list[Language] = Field(min_length=1)
    prompts: list[PromptSource] = Field(min_length=1)
    near_duplicates: float | None = Field(None, ge=0.6, le=1)
    contamination: list[EvaluationSet] = []
    contamination_action: Literal["report", "remove"] = "report"
    translate: Translate | None = None
    test: float = Field(0.05, ge=0, lt=1)
    teachers: dict[str, Teacher] = Field(min_length=1)
    sampling: Sampling = Sampling()
    rewards: dict[str, Reward] = {}
    route_by: str | None = None
    checks: list[Literal["empty", "truncated", "no_answer", "language"]] = ["empty", "truncated", "no_answer"]
    language_check: str | None = None
    arms: dict[str, Arm] = Field(min_length=1)
    pilot: int = Field(100, ge=2, le=10_000)
    max_usd: float | None = Field(None, gt=0)
    patience: Seconds = 900.0
    tolerate: float = Field(0.01, ge=0, le=1)
    publish: Publish | None = None
    seed: int = 0

    @field_validator("license_override")
    @classmethod
    def _is_a_reason(cls, value: str | None) -> str | None:
        if value is not None and not value.strip():
            raise ValueError("is blank; say why the dataset's license may be looser, or take the key out")
        return value

    def sampling_of(self, teacher: str) -> Sampling:
        """Return a teacher's own sampling over the recipe's."""
        return Sampling.model_validate({**self.sampling.model_dump(), **self.teachers[teacher].sampling})

    def teachers_for(self, language: str) -> list[str]:
        """Return the names of the teachers that are asked in a language, in the recipe's order."""
        return [name for name, teacher in self.teachers.items() if teacher.serves(language)]

    @property
    def published_arms(self) -> list[str]:
        """The arms that the dataset has as configs, in the recipe's order.

        All of them, until the recipe says `publish:`; then those it names, or all but the single ones, which are a
        filter on the pool.
        """
        if self.publish is None:
            return list(self.arms)
        if self.publish.arms is not None:
            return [name for name in self.arms if name in self.publish.arms]
        return [name for name, arm in self.arms.items() if arm.router != "single"] or list(self.arms)

    @field_validator("contamination")
    @classmethod
    def _names_differ(cls, value: list[EvaluationSet]) -> list[EvaluationSet]:
        names = [one.name for one in value]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two sets are called {twice[0]!r}")
        return value

    @model_validator(mode="after")
    def _checks_fit(self) -> "Recipe":
        if self.language_check is not None and "language" not in self.checks:
            raise Problems([Problem(("language_check",), "is for the check language, which is not among checks:")])
        return self

    @property
    def auditors(self) -> list[str]:
        """The rewards that do not route, in the recipe's order."""
        routing = self.route_by or next(iter(self.rewards), None)
        return [name for name in self.rewards if name != routing]

    @model_validator(mode="after")
    def _names_resolve(self) -> "Recipe":
        problems = [
            *self._problems_of_languages(),
            *self._problems_of_teachers(),
            *self._problems_of_arms(),
            *self._problems_of_rewards(),
            *self._problems_of_translate(),
        ]
        if problems:
            raise Problems(problems)
        return self

    def _problems_of_languages(self) -> Iterator[Problem]:
        for position, language in enumerate(self.languages):
            if language in self.languages[:position]:
                yield Problem(("languages", position), f"{language!r} is listed twice")
            elif not self.teachers_for(language) and not self._is_answered_by_translation(language):
                what = f"no teacher serves {language!r}: add one, or take the language out"
                yield Problem(("languages", position), what)
        for position, source in enumerate(self.prompts):
            if source.language is not None and source.language not in self.languages:
                yield self._not_among_languages(("prompts", position, "language"), source.language)
        for name, teacher in self.teachers.items():
            for position, language in enumerate(teacher.languages or []):
                if language not in self.languages:
                    yield self._not_among_languages(("teachers", name, "languages", position), language)
            for language in teacher.system:
                if language not in self.languages:
                    yield self._not_among_languages(("teachers", name, "system", language), language)

    def _is_answered_by_translation(self, language: str) -> bool:
        translates = self.translate is not None and language != self.translate.source
        return translates and any(arm.router == "translation" for arm in self.arms.values())

    def _problems_of_translate(self) -> Iterator[Problem]:
        if self.translate is not None:
            carried = {name for source in self.prompts for name in source.columns} - set(ROLES[:-1])
            yield from self.translate.problems(self.languages, carried)

    def _not_among_languages(self, loc: Loc, language: str) -> Problem:
        return Problem(loc, f"{language!r} is not among the recipe's languages ({', '.join(self.languages)})")

    def _problems_of_teachers(self) -> Iterator[Problem]:
        placeholders: dict[str, str] = {}
        asked: dict[str, str] = {}
        for name, teacher in self.teachers.items():
            loc = ("teachers", name)
            if not re.fullmatch(NAME, name):
                yield Problem(loc, f"{name!r} is not a name (letters, digits, '.', '_' and '-')")
                continue
            first = placeholders.setdefault(placeholder(name), name)
            if first != name:
                yield Problem(loc, f"is published as {placeholder(name)}, as {first!r} is: rename one")
            # Not served_as: it is no part of what names a completion, so either would be given the other's answers.
            what = teacher.model_dump(include=ANSWERS)
            sampling = self.sampling_of(name).model_dump()
            first = asked.setdefault(json.dumps([what, sampling], sort_keys=True), name)
            if first != name:
                yield Problem(
                    loc,
                    f"would answer as {first!r} does: list both endpoints under one teacher, or name another model:",
                )

    def _problems_of_arms(self) -> Iterator[Problem]:
        for name, arm in self.arms.items():
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name in RESERVED_ARMS:
                what = f"{name!r} is not an arm ([a-z][a-z0-9_]*, not {', '.join(RESERVED_ARMS)})"
                yield Problem(("arms", name), what)
            if arm.teacher is not None and arm.teacher not in self.teachers:
                what = f"no teacher is called {arm.teacher!r}" + did_you_mean(arm.teacher, self.teachers)
                yield Problem(("arms", name, "teacher"), what)
            for language, teacher in (arm.experts or {}).items():
                loc = ("arms", name, "experts", language)
                if language not in self.languages:
                    yield self._not_among_languages(loc, language)
                elif teacher not in self.teachers:
                    yield Problem(loc, f"no teacher is called {teacher!r}" + did_you_mean(teacher, self.teachers))
                elif not self.teachers[teacher].serves(language):
                    yield Problem(loc, f"{teacher!r} does not serve {language!r}")
        for position, name in enumerate((self.publish.arms if self.publish else None) or ()):
            if name not in self.arms:
                yield Problem(
                    ("publish", "arms", position), f"no arm is called {name!r}" + did_you_mean(name, self.arms)
                )

    def _problems_of_rewards(self) -> Iterator[Problem]:
        if self.route_by is not None and self.route_by not in self.rewards:
            what = f"no reward is called {self.route_by!r}" + did_you_mean(self.route_by, self.rewards)
            yield Problem(("route_by",), what)
        if self.route_by is None and len(self.rewards) > 1:
            yield Problem(("route_by",), f"say which of the rewards routes: {', '.join(self.rewards)}")
        variables: dict[str, str] = {}
        for name, reward in self.rewards.items():
            loc = ("rewards", name)
            if not re.fullmatch(NAME, name):
                yield Problem(loc, f"{name!r} is not a name (letters, digits, '.', '_' and '-')")
            elif reward.asks and (first := variables.setdefault(variable("REWARD", name), name)) != name:
                yield Problem(loc, f"is published as {variable('REWARD', name)}, as {first!r} is: rename one")
            yield from self._problems_of_mean((*loc, "mean_of"), reward.mean_of)

    def _problems_of_mean(self, loc: Loc, members: list[str] | None) -> Iterator[Problem]:
        if members is None:
            return
        if len(set(members)) != len(members) or len(members) < 2:
            yield Problem(loc, "should name two or more rewards, each once")
        for name in members:
            if name not in self.rewards:
                yield Problem(loc, f"no reward is called {name!r}" + did_you_mean(name, self.rewards))
            elif self.rewards[name].mean_of is not None:
                yield Problem(loc, f"{name!r} is a mean itself: name what it is a mean of")


def placeholder(teacher: str) -> str:
    """Return what stands for a teacher's endpoints in a published recipe."""
    return variable("TEACHER", teacher)
