"""The handful of frozen things that travel along the line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypedDict

Split = Literal["train", "test"]


class Message(TypedDict):
    """One turn of a conversation; `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """One instruction in one language, ending with a user turn; `source_id` joins its translations."""

    id: str
    language: str
    source_id: str
    split: Split
    messages: Sequence[Message]
    columns: Mapping[str, Any] = field(default_factory=dict)
    """What the recipe carries along, `reference` among it where it is mapped."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A router's wish: this teacher's answer, with the probability with which the router wished it."""

    teacher: str
    draw: int = 0
    propensity: float = 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a teacher gave for one ask, as routers see it and as the pool publishes it."""

    teacher: str
    draw: int
    model: str
    revision: str
    completion: str | None
    """None when `error` stands in its place."""
    reasoning: str | None = None
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    tokens_from: str | None = None
    """Who counted the tokens: `usage` or `details`; None when nobody did."""
    checks: Sequence[str] = ()
    reward: float | None = None
    """The score that routes; None when there is none."""
    rewards: Sequence[tuple[str, float | None]] = ()
    """Every reward of the recipe by name, in the recipe's order."""
    error: str | None = None
    """The kind of failure, one of `teachers.failure.Kind`, or why it could not be made from another answer."""
    parents: Sequence[str] | None = None
    """The answers that it was made from, each as `prompt_id/teacher/draw`; None for a teacher's own."""

    @property
    def usable(self) -> bool:
        """Whether there is any text to use."""
        return self.error is None and self.completion is not None and self.completion.strip() != ""

    @property
    def unflagged(self) -> bool:
        """Whether no check speaks against it."""
        return not self.checks


class Piloted(NamedTuple):
    """A prompt of the pilot, with an answer of every teacher of its language, in the recipe's order."""

    prompt: Prompt
    answers: Sequence[Answer]


@dataclass(frozen=True, slots=True)
class Asked:
    """An ask as a route records it; `round` counts from 0."""

    teacher: str
    draw: int
    round: int
    propensity: float


@dataclass(frozen=True, slots=True)
class Choice:
    """A router's last word on a prompt: the chosen (teacher, draw), or None, and why."""

    chosen: tuple[str, int] | None
    why: str


@dataclass(frozen=True, slots=True)
class Route:
    """An arm's choice for one prompt, with all that it asked."""

    arm: str
    asked: Sequence[Asked]
    chosen: tuple[str, int] | None
    why: str


@dataclass(frozen=True, slots=True)
class Routed:
    """One prompt at the end of the line: all its answers and every arm's route."""

    prompt: Prompt
    answers: Sequence[Answer]
    """In order of (teacher, draw), one for each pair that some arm asked."""
    routes: Sequence[Route]
    """In the recipe's order of arms; arms that have nobody to ask for this prompt are absent."""
    unsettled: Sequence[str] = ()
    """Arms that still wait for answers; none once a build has finished."""


@dataclass(frozen=True, slots=True)
class Completion:
    """The final outcome of an ask, as the store keeps it for ever."""

    id: str
    prompt_id: str
    model: str
    revision: str
    draw: int
    text: str | None
    """None when `error`, a final kind of failure, stands in its place."""
    reasoning: str | None = None
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    tokens_from: str | None = None
    error: str | None = None
    message: str | None = None
    """What the server said of the error; never published."""
    imported_from: str | None = None
    """The dataset or file that it came from; None when it was asked."""
    derived_from: str | None = None
    """The id of the completion that it was made from, empty where there is none; None when a teacher gave it."""


class Most(NamedTuple):
    """The most tokens that a request and its answer can have."""

    prompt: int
    completion: int


class Paid(NamedTuple):
    """What one answer over the wire was paid for, beside those of teachers."""

    model: str
    prompt_tokens: int | None
    """As the server counted them; None when it did not."""
    completion_tokens: int | None
    most: Most


@dataclass(frozen=True, slots=True)
class Failure:
    """An ask that this build could not bring to a final outcome; the next build asks again."""

    teacher: str
    prompt_id: str
    draw: int
    kind: str
    message: str
    attempts: int
