"""A judge: a chat model that is shown a rubric, one prompt and one completion, and gives a mark."""

import hashlib
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from arbitrage.errors import RecipeError
from arbitrage.identity import canonical_json, content_id
from arbitrage.recipe.model import Sampling, Teacher
from arbitrage.recipe.reward import Judge
from arbitrage.records import Most, Prompt
from arbitrage.rewards.scored import UNPARSABLE, Scored
from arbitrage.rewards.wires import asked_text, refused, size_of
from arbitrage.teachers.endpoint import Endpoint
from arbitrage.teachers.failure import Failed
from arbitrage.teachers.identity import Who, ask_who
from arbitrage.teachers.served import base, most_tokens
from arbitrage.teachers.wire import Request, read_reply
from arbitrage.teachers.wire import Wire as TeacherWire

MARK = re.compile(r"\**SCORE:\**\s*(-?\d{1,9}(?:\.\d{1,9})?)\**", re.ASCII)
FIELDS = ("conversation", "answer", "language", "boundary", "low", "high")
MUST = ("{conversation}", "{answer}", "{boundary}")
MAX_RUBRIC = 100_000


class JudgeWire:
    """The chat route of an endpoint, at temperature 0, with a rubric around what is judged."""

    def __init__(self, name: str, config: Judge, folder: Path) -> None:
        self.model = config.model
        self.pinned = config.revision
        self._config = config
        self._rubric = _rubric(name, config.rubric, folder)
        self._teacher = Teacher(
            endpoint=config.endpoint,
            api=config.api,
            model=config.model,
            served_as=config.served_as,
            revision=config.revision,
            extra=config.extra,
        )
        # Answers of nobody are asked for twice, so every judge is asked for what it finds most likely.
        self._sampling = Sampling(temperature=0.0, max_tokens=config.max_tokens)
        self._wire = TeacherWire(self._teacher, self._sampling, is_tgi=config.api == "tgi")

    @property
    def urls(self) -> list[str]:
        """The addresses under which the api's routes stand."""
        return [base(self._teacher, url) for url in self._config.endpoint]

    @property
    def template(self) -> str:
        """The rubric's hash, and what else decides a mark."""
        return content_id(
            "judge",
            rubric=self.rubric_hash,
            scale=self._config.scale,
            extra=self._config.extra,
            max_tokens=self._config.max_tokens,
        )

    @property
    def rubric_hash(self) -> str:
        """The sha256 of the rubric's text."""
        return hashlib.sha256(self._rubric.encode("utf-8")).hexdigest()

    @property
    def how(self) -> str:
        """How it scores, in a few words."""
        low, high = self._config.scale
        return f"judge, marks from {low} to {high}, rubric {self.rubric_hash[:12]}"

    async def who(self, endpoint: Endpoint) -> Who:
        """Ask an endpoint who it is, as a teacher's is asked.

        Raises:
            Failed: nobody answers, the token is not taken, or another model is served.
        """
        who = await ask_who(self._teacher, endpoint)
        if who.is_tgi and not self._wire.is_tgi:
            self._wire = TeacherWire(self._teacher, self._sampling, is_tgi=True)
        return who

    def request(self, prompt: Prompt, completion: str) -> Request:
        """Return the request for one mark."""
        text = asked_text(prompt.messages)
        # Nothing that is judged can hold the line that ends it, since the line follows from all of it.
        boundary = hashlib.sha256(canonical_json([text, completion])).hexdigest()[:16].upper()
        low, high = self._config.scale
        values = dict(zip(FIELDS, (text, completion, prompt.language, boundary, str(low), str(high)), strict=True))
        asked = re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), self._rubric)
        return self._wire.request(prompt.language, [{"role": "user", "content": asked}], seed=0)

    def most(self, request: Request) -> Most:
        """Return the most tokens of a request and of a verdict."""
        return Most(size_of(request), most_tokens(self._config.max_tokens, is_tgi=self._wire.is_tgi))

    def read(self, body: object, headers: Mapping[str, str]) -> Scored:
        """Read a verdict; one without a mark at its end, or with one off the scale, gives no score.

        Raises:
            Failed: of kind protocol, saying what is missing.
        """
        reply = read_reply(body, headers)
        mark = None if reply.finish_reason == "length" else mark_of(reply.text, self._config.scale)
        verdict = reply.text if reply.reasoning is None else f"{reply.reasoning}\n\n{reply.text}"
        counted = (reply.prompt_tokens, reply.completion_tokens)
        return Scored(mark, None if mark is not None else UNPARSABLE, verdict, counted)

    def outcome(self, failure: Failed) -> Scored | None:
        """Return that this cannot be scored, where it is refused for ever."""
        return refused(failure)

    def memory(self) -> dict[str, Any]:
        """Return nothing: the recipe says it all."""
        return {}

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Take nothing."""


def mark_of(verdict: str, scale: list[int]) -> float | None:
    """Return the mark in the last line of a verdict that holds anything; None where that line is nothing else."""
    lines = [line.strip() for line in verdict.splitlines() if line.strip()]
    found = MARK.fullmatch(lines[-1]) if lines else None
    mark = float(found[1]) if found else None
    return mark if mark is not None and scale[0] <= mark <= scale[1] else None


def _rubric(name: str, path: str | None, folder: Path) -> str:
    if path is None:
        return (files("arbitrage.rewards") / "rubric.md").read_text(encoding="utf-8")
    where = f"rewards.{name}.judge.rubric: {path}"
    try:
        text = (folder / path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{where}: cannot be read as a text file in UTF-8: {error}") from error
    lacking = [field for field in MUST if field not in text]
    if lacking or len(text) > MAX_RUBRIC:
        known = ", ".join(f"{{{field}}}" for field in FIELDS)
        raise RecipeError(
            f"{where}: " + (f"lacks {', '.join(lacking)} (it may hold {known})" if lacking else "is too long")
        )
    return text
