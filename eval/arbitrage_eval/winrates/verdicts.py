"""Verdicts of judges on pairs of answers, and what they make of a prompt."""

import math
import reprlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from arbitrage.errors import ArbitrageError


class VerdictError(ArbitrageError):
    """Verdicts that are none, or that contradict each other: one order twice, two sources or lengths of an answer."""


class Item(NamedTuple):
    """A pair of answers to one prompt. A prompt's translations may share its id, so the language is part of it."""

    model: str
    baseline: str
    language: str
    prompt_id: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """One judge's reading of one pair of answers in one order."""

    prompt_id: str
    source_id: str
    language: str
    model: str
    baseline: str
    judge: str
    shown_first: Literal["model", "baseline"]
    verdict: Literal["first", "second", "tie"] | None
    """Which answer is better, by its place; None where what the judge wrote could not be read."""
    model_length: int | None = None
    baseline_length: int | None = None

    def __post_init__(self) -> None:
        if self.shown_first not in ("model", "baseline") or self.verdict not in ("first", "second", "tie", None):
            raise VerdictError(f"{_where(self.item)}: {self.shown_first!r:.40}, {self.verdict!r:.40} is no verdict.")

    @property
    def item(self) -> Item:
        """The pair of answers that was read."""
        return Item(self.model, self.baseline, self.language, self.prompt_id)

    @property
    def score(self) -> float | None:
        """1 where the model's answer is better, 0 where the baseline's is, 0.5 for a tie; None where not readable."""
        if self.verdict is None or self.verdict == "tie":
            return None if self.verdict is None else 0.5
        return float((self.verdict == "first") == (self.shown_first == "model"))

    @property
    def longer(self) -> int | None:
        """How much longer the model's answer is; None where a length is not known."""
        if self.model_length is None or self.baseline_length is None:
            return None
        return self.model_length - self.baseline_length


class Outcome(NamedTuple):
    """What a pair of answers came to."""

    item: Item
    source_id: str
    scores: tuple[float, float] | None
    """The model's score when it was shown first and when it was shown second; None unless both are known.

    One order alone would carry the judge's taste for a place into the win rate.
    """
    longer: int | None
    lacking: str | None
    """Why there are no scores."""

    @property
    def value(self) -> float | None:
        """The mean of both orders."""
        return None if self.scores is None else math.fsum(self.scores) / 2

    @property
    def label(self) -> str | None:
        """`win`, `tie` or `loss`: on which side of one half the value is."""
        if self.value is None:
            return None
        # Thirds of three judges may miss one half by a rounding.
        return "tie" if abs(self.value - 0.5) < 1e-9 else "win" if self.value > 0.5 else "loss"


def outcomes(verdicts: Iterable[Verdict]) -> list[Outcome]:
    """Return what one judge's verdicts come to, by pair of answers in order.

    Raises:
        VerdictError: verdicts contradict each other.
    """
    found: defaultdict[Item, dict[str, Verdict]] = defaultdict(dict)
    for verdict in verdicts:
        orders = found[verdict.item]
        for other in orders.values():
            _agree(verdict, other)
        orders[verdict.shown_first] = verdict
    return [_outcome(item, found[item]) for item in sorted(found)]


def _agree(verdict: Verdict, other: Verdict) -> None:
    if verdict.judge != other.judge:
        raise VerdictError(f"{_where(verdict.item)}: verdicts of two judges are not one outcome.")
    if verdict.shown_first == other.shown_first:
        raise VerdictError(f"{_where(verdict.item)}: one order has two verdicts of one judge. Give it once.")
    if verdict.source_id != other.source_id:
        raise VerdictError(f"{_where(verdict.item)}: its two orders name two sources.")
    if (verdict.model_length, verdict.baseline_length) != (other.model_length, other.baseline_length):
        raise VerdictError(f"{_where(verdict.item)}: its two orders differ in lengths, so they are of other answers.")


def _where(item: Item) -> str:
    model, baseline, language, prompt = (reprlib.repr(part) for part in item)
    return f"prompt {prompt} in {language}, {model} against {baseline}"


def _outcome(item: Item, orders: dict[str, Verdict]) -> Outcome:
    either = next(iter(orders.values()))
    first, second = (orders[place].score if place in orders else None for place in ("model", "baseline"))
    if first is None or second is None:
        lacking = "no readable order" if first is None and second is None else "one readable order"
        return Outcome(item, either.source_id, None, either.longer, lacking)
    return Outcome(item, either.source_id, (first, second), either.longer, None)


def mean(judges: Sequence[Sequence[Outcome]]) -> list[Outcome]:
    """Return the mean of judges, pair by pair; a pair that one of them lacks has none, and is so said.

    Else the judges, of whom one may be stricter, would differ from prompt to prompt. In a language that a judge was not
    asked about, it is not missed.

    Raises:
        VerdictError: judges name two sources or two lengths for one pair of answers.
    """
    found: defaultdict[Item, list[Outcome]] = defaultdict(list)
    for judge in judges:
        for outcome in judge:
            of_item = found[outcome.item]
            if of_item and (of_item[0].source_id, of_item[0].longer) != (outcome.source_id, outcome.longer):
                raise VerdictError(f"{_where(outcome.item)}: judges name two sources, or read other answers.")
            of_item.append(outcome)
    asked = Counter(language for judge in judges for language in {outcome.item.language for outcome in judge})
    return [_mean(found[item], asked[item.language]) for item in sorted(found)]


def _mean(of_item: list[Outcome], judges: int) -> Outcome:
    scores = [outcome.scores for outcome in of_item if outcome.scores is not None]
    if len(scores) < judges:
        return of_item[0]._replace(scores=None, lacking="not read by every judge")
    first, second = (math.fsum(of_order) / judges for of_order in zip(*scores, strict=True))
    return of_item[0]._replace(scores=(first, second))
