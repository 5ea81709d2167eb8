"""A teacher at work: its endpoints, who it turned out to be, and the identity of what it completes."""

import asyncio
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
from arbitrage.teachers.endpoint import Endpoint
from arbitrage.teachers.failure import ADVICE, STOPS_TEACHER, Failed, Kind
from arbitrage.teachers.identity import UNVERIFIED, Who, ask_who
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


class ServedTeacher:
    """One teacher of the recipe with its endpoints."""

    def __init__(self, name: str, recipe: Recipe, known_revision: str | None) -> None:
        self.name = name
        self.config: Teacher = recipe.teachers[name]
        self.sampling = recipe.sampling_of(name)
        self.revision = self.config.pinned or known_revision
        """None while nobody has answered yet and nothing is known."""
        self.counts = Counts()
        self.asking_since: float | None = None
        """By the monotonic clock; None while it is not asked."""
        self.stopped_by: Failed | None = None
        most = self.config.concurrency
        if self.config.gguf is not None:
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
        if self.config.gguf is not None:
            return  # its file says who it is
        found = await asyncio.gather(*(self._ask_endpoint(endpoint) for endpoint in self.endpoints))
        revisions = {who.revision for who in found if who is not None and who.revision is not None}
        if len(revisions) > 1:
            raise TeacherError(
                f"teacher {self.name}: its endpoints serve different revisions of {self.config.model} "
                f"({', '.join(sorted(revisions))}): serve one, or make them two teachers"
            )
        if any(who is not None for who in found):
            self.revision = self.config.pinned or next(iter(revisions), UNVERIFIED)

    async def _ask_endpoint(self, endpoint: Endpoint) -> Who | None:
        try:
            who = await ask_who(self.config, endpoint)
        except Failed as failure:
            if failure.kind in STOPS_TEACHER:
                said = endpoint.clean(failure.message)
                raise TeacherError(f"teacher {self.name}: {endpoint.shown}: {said} ({ADVICE[failure.kind]})") from None
            endpoint.park(failure)
            return None
        self._accept(endpoint, who)
        return who

    async def probe(self, endpoint: Endpoint) -> None:
        """Ask a parked endpoint who it is; let a request through where it is who it should be.

        Raises:
            Failed: it is still down (parked again), or it is somebody else now.
        """
        try:
            who = await ask_who(self.config, endpoint)
            if who.revision is None and endpoint.revision is not None:
                raise Failed(Kind.SERVER, "came back, but does not say its revision yet")
        except Failed as failure:
            failure.message = endpoint.clean(failure.message)
            endpoint.park(failure)
            raise
        if self.revision is None:
            self.revision = self.config.pinned or who.revision or UNVERIFIED
        elif who.revision is not None and not self.config.pinned and who.revision != self.revision:
            raise Failed(
                Kind.IDENTITY,
                f"came back with revision {who.revision!r}, not {self.revision!r}; run the command again to ask it",
            )
        self._accept(endpoint, who)
        endpoint.unpark()

    def _accept(self, endpoint: Endpoint, who: Who) -> None:
        endpoint.revision = who.revision
        if who.max_concurrent is not None:
            endpoint.limit.lower_ceiling(who.max_concurrent)
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

    @property
    def is_down(self) -> bool:
        """Whether no endpoint is known to work."""
        return not any(endpoint.is_healthy for endpoint in self.endpoints)

    @property
    def in_flight(self) -> int:
        """Requests that wait for an answer."""
        return sum(endpoint.in_flight for endpoint in self.endpoints)

    @property
    def trouble(self) -> Failed:
        """Why the teacher is down."""
        worst_first = sorted(self.endpoints, key=lambda endpoint: endpoint.is_healthy)
        failures = [endpoint.last_failure for endpoint in worst_first if endpoint.last_failure]
        return self.stopped_by or (failures[0] if failures else Failed(Kind.CONNECTION, "it was never asked"))


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
