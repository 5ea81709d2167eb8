"""A teacher at work: its endpoints, who it turned out to be, and the identity of what it completes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from arbitrage.errors import TeacherError
from arbitrage.identity import content_id
from arbitrage.recipe.model import Recipe, Sampling, Teacher
from arbitrage.recipe.part import Price
from arbitrage.records import Message, Most, Prompt
from arbitrage.spend import usd
from arbitrage.teachers.behind import BehindEndpoints
from arbitrage.teachers.endpoint import Endpoint
from arbitrage.teachers.identity import Who, ask_who
from arbitrage.teachers.wire import Wire, system_of

TGI_BLOCK = 1024
NOWHERE = "http://127.0.0.1:0"
"""Where an embedded teacher is before it is started."""


@dataclass(slots=True)
class Counts:
    """What happened in this build, for progress and for the run's own record."""

    asked: int = 0
    answered: int = 0
    refused: int = 0
    errors: int = 0
    failed: int = 0
    final_errors: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    """Time that successful requests took, added up."""
    active: float = 0.0
    """Seconds from the first ask to the last outcome: what a teacher that is paid by the hour costs."""


class ServedTeacher(BehindEndpoints):
    """One teacher of the recipe with its endpoints."""

    def __init__(self, name: str, recipe: Recipe, known_revision: str | None) -> None:
        self.name = name
        self.config: Teacher = recipe.teachers[name]
        self.sampling = recipe.sampling_of(name)
        self.model, self.pinned = self.config.model, self.config.pinned
        self.revision = self.pinned or known_revision
        self.counts = Counts()
        self.asking_since: float | None = None
        """By the monotonic clock; None while it is not asked."""
        self.stopped_by = None
        most = self.config.concurrency
        if self.config.is_embedded:
            most = min(most, self.config.slots)
        self.endpoints = [
            Endpoint(base(self.config, url), self.config.token, most, self.config.deadline)
            for url in self.config.endpoint or [NOWHERE]
        ]
        self.wire = Wire(self.config, self.sampling, is_tgi=self.config.api == "tgi")

    def completion_id(self, prompt: Prompt, draw: int) -> str | None:
        """Return the identity of this teacher's completion, or None while its revision is unknown."""
        if self.revision is None:
            return None
        return completion_id(self.config, self.sampling, self.revision, prompt, draw)

    async def identify(self) -> None:
        """Ask every endpoint who it is, all at once; those that do not answer are parked.

        Raises:
            TeacherError: an endpoint serves another model or revision, or lets nobody in.
        """
        if not self.config.is_embedded:  # whose files say who it is
            await self.ask_all()

    async def who(self, endpoint: Endpoint) -> Who:
        """Ask an endpoint who it is.

        Raises:
            Failed: it does not answer, lets nobody in, or is somebody else.
        """
        return await ask_who(self.config, endpoint)

    def refusal(self, said: str) -> TeacherError:
        """Return the error that says why it cannot be asked."""
        return TeacherError(f"teacher {self.name}: {said}")

    def _accept(self, endpoint: Endpoint, who: Who) -> None:
        super()._accept(endpoint, who)
        if who.is_tgi and not self.wire.is_tgi:
            self.wire = Wire(self.config, self.sampling, is_tgi=True)

    @property
    def account(self) -> str:
        """What the store and messages call it where it is paid."""
        return self.name

    @property
    def price(self) -> Price | None:
        """What it costs; None where the recipe does not say."""
        return self.config.price

    @property
    def deadline(self) -> float:
        """The longest that one request takes, in seconds."""
        return self.config.deadline

    @property
    def most_tokens(self) -> int:
        """The most tokens of one answer."""
        return most_tokens(self.sampling.max_tokens, is_tgi=self.wire.is_tgi)

    def most(self, language: str, messages: Sequence[Message]) -> Most:
        """Return the most tokens of a prompt and of its answer.

        A prompt has at most as many tokens as bytes, and 64 of a chat template; a turn's own take no more than 16.
        """
        turns = self.wire.messages(language, messages)
        return Most(64 + sum(len(turn["content"].encode("utf-8")) + 16 for turn in turns), self.most_tokens)

    def most_usd(self, prompt: Prompt) -> float:
        """Return the most that one answer can cost by tokens, as far as the recipe has a price."""
        return usd(self.price, *self.most(prompt.language, prompt.messages)) or 0.0

    def active(self, now: float) -> float:
        """Return how many seconds this build has asked it."""
        running = now - self.asking_since if self.asking_since is not None and self.counts.asked else 0.0
        return self.counts.active + running

    @property
    def outcomes(self) -> int:
        """Asks that this build has brought to their final outcome."""
        return self.counts.answered + self.counts.final_errors


def most_tokens(asked: int, *, is_tgi: bool) -> int:
    """Return the most tokens of one answer; TGI restarts long ones in blocks and finishes the last block."""
    return math.ceil(asked / TGI_BLOCK) * TGI_BLOCK if is_tgi and asked > TGI_BLOCK else asked


def completion_id(teacher: Teacher, sampling: Sampling, revision: str, prompt: Prompt, draw: int) -> str:
    """Return the identity of a completion: a hash of everything that decides it, and of no URL or nickname."""
    parts: dict[str, Any] = {
        "prompt": prompt.id,
        "model": teacher.model,
        "revision": revision,
        "api": f"{teacher.api}:{teacher.format}",
        "system": system_of(teacher, prompt.language, prompt.messages),
        "extra": teacher.extra,
        "sampling": sampling.model_dump(),
        "draw": draw,
    }
    if teacher.gguf is not None:
        # Its revision is the file's content; where the context is full, an answer ends.
        parts["context"] = teacher.context
    return content_id("completion", **parts)


def base(teacher: Teacher, url: str) -> str:
    """Return the address under which the api's routes stand."""
    return f"{url}/v1" if teacher.api == "openai" and urlsplit(url).path in ("", "/") else url
