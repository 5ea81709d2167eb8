"""Annotators: they see two answers to one prompt and say which is better; some of what they say is wrong.

They know the right answer from the grammar that wrote the prompt, and share nothing with the checker.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple

from arbitrage.miniature.mixture import Sample, samples
from arbitrage.miniature.tasks import languages

PAIRS = 3
"""How many pairs of answers to a prompt an annotator sees at most."""


class Preference(NamedTuple):
    """One answer that was preferred to another."""

    prompt: str
    chosen: str
    rejected: str


def prompts_of(seed: int, annotator: str, count: int) -> list[Sample]:
    """Return the prompts that an annotator sees: no other sees many of them, and no recipe asks any."""
    return samples(Random(f"{seed}:annotator:{annotator}"), count, languages())


def preferences(
    seed: int, annotator: str, noise: float, asked: Sequence[Sample], answered: Mapping[str, Sequence[str | None]]
) -> list[Preference]:
    """Return what an annotator says of the answers that teachers gave, and of the one that the grammar writes.

    Args:
        seed: the world's.
        annotator: its name.
        noise: the share of its preferences that are turned round.
        asked: what was asked.
        answered: the answers of each teacher, None where it was not asked.
    """
    random = Random(f"{seed}:noise:{annotator}")
    found = []
    for n, sample in enumerate(asked):
        given = [text for texts in answered.values() if (text := texts[n]) is not None]
        wrong = [text for text in given if text != sample.answer]
        random.shuffle(wrong)
        for text in wrong[:PAIRS]:
            better, worse = (sample.answer, text) if random.random() >= noise else (text, sample.answer)
            found.append(Preference(sample.prompt, better, worse))
    return found
