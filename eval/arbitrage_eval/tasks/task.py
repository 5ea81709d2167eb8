"""A task as a suite names it: one of lm-eval's, a task file beside the suite, or a dataset's own test split."""

from pathlib import Path
from typing import Any, Literal

from arbitrage.recipe.part import Part
from pydantic import Field, model_validator


class Task(Part):
    """What models are examined in."""

    name: str | None = Field(None, min_length=1)
    """As lm-eval calls it: a task, a group or a tag."""
    yaml: str | None = Field(None, min_length=1)
    """A task file as lm-eval reads them; what it names by a relative path lies beside it."""
    dataset: str | None = Field(None, min_length=1)
    """A published dataset, a folder or REPO@TAG, whose test split is the task."""
    measure: Literal["preferred", "answers"] | None = None
    """Of a dataset: which of two answers a model finds likelier, or how near its own come to a reference."""
    arm: str | None = Field(None, pattern=r"^[a-z][a-z0-9_]*$")
    """Whose prompts are answered, of `measure: answers`."""
    reference: str | None = Field(None, min_length=1)
    """The column that answers are compared with: `reference`, where none is named; `completion` is the arm's own."""
    few_shot: int | None = Field(None, ge=0)
    limit: int | None = Field(None, ge=1)
    """How many documents at the most, of each task: for a trial, not for a result."""
    chat_template: bool = False
    """Whether what is asked becomes a turn of a chat. Endpoints are asked in turns whatever this says."""

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"yaml" if value.endswith(".yaml") else "name": value}
        return value

    @model_validator(mode="after")
    def _is_one_thing(self) -> "Task":
        if sum(what is not None for what in (self.name, self.yaml, self.dataset)) != 1:
            raise ValueError("give exactly one of name:, yaml: and dataset:")
        if (self.measure is None) != (self.dataset is None):
            raise ValueError("dataset: needs measure: preferred or measure: answers, and nothing else has it")
        if (self.arm is None) == (self.measure == "answers"):
            raise ValueError("measure: answers needs arm:, and nothing else has it")
        if self.reference is not None and self.measure != "answers":
            raise ValueError("only measure: answers has a reference:")
        if self.few_shot is not None and self.dataset is not None:
            raise ValueError("tasks over a dataset have no few_shot:")
        return self

    @property
    def label(self) -> str:
        """What it is called in results: its name and whatever it is told."""
        whole = self.name or self.yaml or self.dataset or ""
        told: list[str] = [] if self.measure is None else [self.measure]
        told += [what for what in (self.arm, self.reference) if what is not None]
        told += [f"few_shot={self.few_shot}"] * (self.few_shot is not None)
        told += [f"limit={self.limit}"] * (self.limit is not None)
        told += ["chat_template"] * self.chat_template
        # Where a file lies on this machine is nothing that results depend on.
        name = Path(whole).name if Path(whole).is_absolute() else whole
        return " ".join([name, *told])
