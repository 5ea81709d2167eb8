"""What a judge is asked about two answers, and what it says of them."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

from arbitrage.errors import RecipeError
from arbitrage.identity import canonical_json

VERDICT = re.compile(r"\**VERDICT:\**\s*(FIRST|SECOND|TIE)\**\.?", re.ASCII | re.IGNORECASE)
Order = Literal["model", "baseline"]
"""Whose answer is shown first."""
Choice = Literal["first", "second", "tie"]
"""Which answer a judge finds better, by its place."""
ORDERS: tuple[Order, ...] = ("model", "baseline")
FIELDS = ("conversation", "first", "second", "language", "boundary")
MUST = ("{conversation}", "{first}", "{second}", "{boundary}")
MAX_RUBRIC = 100_000


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to one prompt: a model's and the baseline's."""

    prompt_id: str
    source_id: str
    language: str
    model: str
    baseline: str
    conversation: str
    model_answer: str
    baseline_answer: str

    def asked(self, rubric: str, shown_first: Order) -> str:
        """Return what a judge is asked, with one of the answers first."""
        answers = (self.model_answer, self.baseline_answer)
        first, second = answers if shown_first == "model" else answers[::-1]
        # Nothing that is judged can hold the line that ends it, since the line follows from all of it.
        boundary = hashlib.sha256(canonical_json([self.conversation, first, second])).hexdigest()[:16].upper()
        values = dict(zip(FIELDS, (self.conversation, first, second, self.language, boundary), strict=True))
        return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), rubric)

    def both(self, rubric: str) -> Iterator[tuple[Order, str]]:
        """Yield both orders, and what is asked in each; nothing of equal answers, which are a tie."""
        if self.model_answer != self.baseline_answer:
            for shown_first in ORDERS:
                yield shown_first, self.asked(rubric, shown_first)


def verdict_of(said: str) -> Choice | None:
    """Return the verdict in the last line that holds anything; None where that line is nothing else."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    found = VERDICT.fullmatch(lines[-1]) if lines else None
    words: Mapping[str, Choice] = {"FIRST": "first", "SECOND": "second", "TIE": "tie"}
    return words[found[1].upper()] if found else None


def read_rubric(path: Path | None) -> str:
    """Return a rubric for pairs, by default our own.

    Raises:
        RecipeError: the file cannot be read, is too long, or does not show what is judged.
    """
    if path is None:
        return (files("arbitrage_eval.judging") / "rubric.md").read_text(encoding="utf-8")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"rubric: {path}: cannot be read as a text file in UTF-8: {error}") from error
    lacking = [field for field in MUST if field not in text]
    if lacking:
        known = ", ".join(f"{{{field}}}" for field in FIELDS)
        raise RecipeError(f"rubric: {path}: lacks {', '.join(lacking)} (it may hold {known})")
    if len(text) > MAX_RUBRIC:
        raise RecipeError(f"rubric: {path}: is longer than {MAX_RUBRIC:,} characters")
    return text
