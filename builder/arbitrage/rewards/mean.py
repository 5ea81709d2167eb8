"""The mean of several rewards: each standardised within the prompt, since scores compare nowhere else."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

Key = tuple[str, int]
"""A teacher and a draw."""


@dataclass(frozen=True, slots=True)
class MeanReward:
    """A reward of the recipe with `mean_of:`; never stored, since it follows from its members' scores."""

    name: str
    members: Sequence[str]

    @property
    def how(self) -> str:
        """How it scores, in a few words."""
        return f"mean of {', '.join(self.members)}, each standardised within the prompt"

    def scores(
        self, answers: Mapping[Key, Mapping[str, float | None]], apart: Collection[Key] = ()
    ) -> dict[Key, float | None]:
        """Return the score of each answer to one prompt, from the scores that it has by reward.

        An answer that a member did not score has none. One that is alone with all scores has none either, since
        there is nothing to compare it with; answers that a member scores alike are all at its 0. Answers that stand
        `apart` move no other's place among the rest.
        """
        complete = [key for key in sorted(answers) if all(answers[key].get(name) is not None for name in self.members)]
        if len(complete) < 2:
            return dict.fromkeys(answers)
        sums: dict[Key, list[float]] = {key: [] for key in complete}
        for name in self.members:
            found = [answers[key][name] or 0.0 for key in complete]
            measure = [value for key, value in zip(complete, found, strict=True) if key not in apart]
            for key, standard in zip(complete, standardised(found, measure), strict=True):
                sums[key].append(standard)
        return {key: math.fsum(sums[key]) / len(self.members) if key in sums else None for key in answers}


def standardised(values: Sequence[float], measure: Sequence[float] = ()) -> list[float]:
    """Return values less the mean of some of them, in units of those ones' standard deviation.

    Where those are all the same, or one, all values measure themselves; zeros where they are the same too.
    """
    if len(set(measure)) < 2:
        measure = values
    mean = math.fsum(measure) / len(measure)
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in measure) / len(measure))
    # Of equal values the mean can be off in its last digit, and what is left of that must not become a spread.
    if max(measure) == min(measure) or spread == 0:
        return [0.0] * len(values)
    return [(value - mean) / spread for value in values]
