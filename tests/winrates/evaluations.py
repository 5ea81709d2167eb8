"""Simulated evaluations whose truth is known: sources in several languages, read by a judge with planted biases."""

from dataclasses import dataclass, field

import numpy as np
from arbitrage_eval.winrates.verdicts import Outcome, Verdict, outcomes
from scipy.special import expit
from scipy.stats import norm


@dataclass(frozen=True)
class World:
    """The chance that the model wins is expit(quality + length * tanh(x) +- position), x the standardised length.

    A source makes its languages alike without moving that chance: by a Gaussian copula.
    """

    quality: dict[str, float] = field(default_factory=lambda: {"de": 0.0, "tr": 0.5, "zh": -0.8})
    length: float = 0.0
    position: float = 0.0
    longer: float = 0.0
    """By how many standard deviations the model's answers are longer on average."""
    correlation: float = 0.5
    sources: int = 60
    unparsable: float = 0.0
    ties: float = 0.0

    def at_equal_length(self, language: str) -> float:
        """The win rate, in points, at equal length."""
        quality = self.quality[language]
        return 50 * float(expit(quality + self.position) + expit(quality - self.position))

    def rate(self, language: str) -> float:
        """The win rate, in points, over the lengths that there are."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(80)
        x = np.tanh(nodes + self.longer)
        level = self.quality[language] + self.length * x
        chance = (expit(level + self.position) + expit(level - self.position)) / 2
        return 100 * float((weights * chance).sum() / weights.sum())


def judged(world: World, seed: int, judge: str = "judge", model: str = "student") -> list[Verdict]:
    """Return one evaluation of a world."""
    draw = np.random.default_rng(seed)
    common = draw.normal(size=world.sources)
    found = []
    for language, quality in world.quality.items():
        own = draw.normal(size=world.sources)
        place = norm.cdf(np.sqrt(world.correlation) * common + np.sqrt(1 - world.correlation) * own)
        x = draw.normal(size=world.sources) + world.longer
        level = quality + world.length * np.tanh(x)
        unread, tied = draw.random((2, world.sources)) < world.unparsable, draw.random((2, world.sources)) < world.ties
        for n in range(world.sources):
            for order, shown_first in enumerate(("model", "baseline")):
                wins = place[n] < expit(level[n] + (world.position if order == 0 else -world.position))
                verdict = "first" if wins == (shown_first == "model") else "second"
                if unread[order, n] or tied[order, n]:
                    verdict = None if unread[order, n] else "tie"
                lengths = (100_000 + round(10_000 * x[n]), 100_000)
                found.append(Verdict(f"p{n}", f"s{n}", language, model, "base", judge, shown_first, verdict, *lengths))
    return found


def came_to(world: World, seed: int) -> list[Outcome]:
    """Return the outcomes of one evaluation of a world."""
    return outcomes(judged(world, seed))


def of_labels(labels: str, judge: str, languages: tuple[str, ...] = ("de",)) -> list[Verdict]:
    """Return verdicts that come to a win, tie or loss for each letter w, t or l, a prompt each."""
    found = []
    for n, letter in enumerate(labels):
        for shown_first in ("model", "baseline"):
            verdict = "tie" if letter == "t" else "first" if (letter == "w") == (shown_first == "model") else "second"
            language = languages[n % len(languages)]
            found.append(
                Verdict(f"p{n}", f"s{n}", language, "student", "base", judge, shown_first, verdict, 10 + n % 3, 11)
            )
    return found
