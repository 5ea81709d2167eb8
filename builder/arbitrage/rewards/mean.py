"""The mean of several rewards: each standardised within the prompt, since scores compare nowhere else."""

import math
from collections.abc import Mapping, Sequence
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

    def scores(self, answers: Mapping[Key, Mapping[str, float | None]]) -> dict[Key, float | None]:
        """Return the score of each answer to one prompt, from the scores that it has by reward.

        An answer that a member did not score has none. One that is alone with all scores has none either, since
        there is nothing to compare it with; answers that a member scores alike are all at its 0.
        """
        complete = [key for key in sorted(answers) if all(answers[key].get(name) is not None for name in self.members)]
        if len(complete) < 2:
            return dict.fromkeys(answers)
        sums: dict[Key, list[float]] = {key: [] for key in complete}
        for name in self.members:
            found = [answers[key][name] or 0.0 for key in complete]
            for key, standard in zip(complete, standardised(found), strict=True):
                sums[key].append(standard)
        return {key: math.fsum(sums[key]) / len(self.members) if key in sums else None for key in answers}


def standardised(values: Sequence[float]) -> list[float]:
    """Return values less their mean, in units of their standard deviation; zeros where they are all the same."""
    mean = math.fsum(values) / len(values)
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))
    # Of equal values the mean can be off in its last digit, and what is left of that must not become a spread.
    if max(values) == min(values) or spread == 0:
        return [0.0] * len(values)
    return [(value - mean) / spread for value in values]
