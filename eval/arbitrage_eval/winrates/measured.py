"""A measured value with its 95 % interval clustered by source, and the mean of several with theirs."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from arbitrage.dataset.intervals import half_width

NO_SPREAD = 1e-18
"""Squares of pulls that are rounding alone."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A value, and by source how far that source pulls it: its influence, from which the interval follows."""

    value: float | None
    pulls: Mapping[str, float] = field(default_factory=dict)
    lacking: str | None = None
    """Why there is no value."""
    fitted: bool = False
    """Whether it is points of 100 from a logistic fit: its interval is then even on the scale of log odds.

    There the estimate is closer to normal, so few sources suffice, and no end of it is below 0 or above 100.
    """

    def _half_width(self) -> tuple[float | None, str | None]:
        if self.value is None:
            return None, self.lacking or "nothing to measure"
        if len(self.pulls) < 2:
            return None, "no interval of one source"
        squares = math.fsum(pull * pull for pull in self.pulls.values())
        if squares < NO_SPREAD:
            # A width of zero would say that the next source is sure to be like these.
            return None, "no interval: all sources are alike"
        return half_width(squares, len(self.pulls)), None

    def as_dict(self) -> dict[str, float | str | None]:
        """Return the value, both ends of its interval, and why one of them is not there."""
        half, lacking = self._half_width()
        if self.value is None or half is None:
            return {"value": self.value, "low": None, "high": None, "lacking": lacking}
        low, high = self.value - half, self.value + half
        if self.fitted and 0 < self.value < 100:
            odds = self.value / (100 - self.value)
            stretch = math.exp(min(half * 100 / (self.value * (100 - self.value)), 700.0))
            low, high = 100 / (1 + stretch / odds), 100 / (1 + 1 / (odds * stretch))
        return {"value": self.value, "low": low, "high": high, "lacking": None}


def mean_of(rows: Iterable[tuple[str, float]]) -> Measured:
    """Return the mean of values, each with the source that it belongs to."""
    found = list(rows)
    if not found:
        return Measured(None, lacking="no outcome")
    mean = math.fsum(value for _, value in found) / len(found)
    return Measured(mean, pulls_of((source, (value - mean) / len(found)) for source, value in found))


def pulls_of(rows: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Return the sum of values by source."""
    gathered: defaultdict[str, list[float]] = defaultdict(list)
    for source, pull in rows:
        gathered[source].append(pull)
    return {source: math.fsum(gathered[source]) for source in sorted(gathered)}


@dataclass(frozen=True, slots=True)
class Macro(Measured):
    """The mean of languages, each with the same weight."""

    smallest: int = 0
    """The fewest sources that a language has."""

    def _half_width(self) -> tuple[float | None, str | None]:
        if self.value is not None and self.smallest < 2:
            return None, "no interval: a language has one source"
        half, lacking = super(Macro, self)._half_width()
        if half is None:
            return None, lacking
        # The t of the language with the fewest sources: it is the one whose spread is known least.
        return half_width(math.fsum(pull * pull for pull in self.pulls.values()), self.smallest), None


def macro(languages: Mapping[str, Measured]) -> Macro:
    """Return the mean over languages; a source that pulls several of them does so at once, so their correlation stays.

    The pulls of a language with G sources are taken times sqrt(G / (G - 1)) before those of a source are added up, so
    that languages with few sources are corrected for that each; where all have the same sources this is the usual
    cluster-robust interval. One language without a value leaves the mean without one: others would stand for it.
    """
    without = sorted(language for language, found in languages.items() if found.value is None)
    if without or not languages:
        return Macro(None, lacking=f"nothing known of {', '.join(without)}" if without else "no outcome")
    sizes = {language: len(found.pulls) for language, found in languages.items()}
    smallest = min(sizes.values())
    values = [found.value for found in languages.values() if found.value is not None]
    if smallest < 2:
        return Macro(math.fsum(values) / len(values), smallest=smallest)
    # half_width multiplies by what the smallest language needs.
    factors = {language: math.sqrt(size / (size - 1) * (smallest - 1) / smallest) for language, size in sizes.items()}
    pulls = pulls_of(
        (source, pull * factors[language] / len(languages))
        for language, found in languages.items()
        for source, pull in found.pulls.items()
    )
    fitted = any(found.fitted for found in languages.values())
    return Macro(math.fsum(values) / len(values), pulls, fitted=fitted, smallest=smallest)
