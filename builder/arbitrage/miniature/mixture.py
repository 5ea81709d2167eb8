"""What is read by whom: samples to train on, the prompts that are asked, and the examination."""

from collections.abc import Collection, Iterator, Sequence
from random import Random
from typing import NamedTuple

from arbitrage.miniature.tasks import HELD_OUT, KINDS, TAUGHT, Fact, Phrasing, answer, facts, languages, prompt

LEARNED, ASKED, EXAMINED = range(7), range(7, 9), range(9, 10)
"""The folds of the facts that models are trained on, of those in the recipe's prompts, of those in examinations."""


class Sample(NamedTuple):
    """A task in a language, as it is put."""

    fact: Fact
    language: str
    phrasing: Phrasing

    @property
    def prompt(self) -> str:
        """How it is put."""
        return prompt(self.fact, self.language, self.phrasing)

    @property
    def answer(self) -> str:
        """The right answer, as the grammar writes it."""
        return answer(self.fact, self.language)


def samples(
    random: Random, count: int, spoken: Sequence[str], favours: Collection[str] = (), focus: float = 1.0
) -> list[Sample]:
    """Draw samples to train on, in some languages, of tasks of which some are `focus` times as likely as others."""
    kinds = list(KINDS)
    weights = [focus if kind in favours else 1.0 for kind in kinds]
    stock = {kind: facts(kind, LEARNED, random) for kind in kinds}
    drawn = random.choices(kinds, weights, k=count)
    return [Sample(next(stock[kind]), random.choice(spoken), random.choice(TAUGHT)) for kind in drawn]


class Source(NamedTuple):
    """A task that is asked in every language."""

    fact: Fact
    phrasing: Phrasing

    @property
    def id(self) -> str:
        """The `source_id` of its prompts."""
        return f"{self.fact.id}-{self.phrasing.opening}{self.phrasing.wording}"


def sources(seed: int, count: int, *, exam: bool) -> Iterator[Source]:
    """Yield different tasks, of all kinds in turn: those of the recipe, or those of the examination."""
    random = Random(f"{seed}:{'exam' if exam else 'sources'}")
    folds, phrasings = (EXAMINED, HELD_OUT) if exam else (ASKED, TAUGHT)
    stock = {kind: facts(kind, folds, random) for kind in KINDS}
    kinds, seen, misses = list(KINDS), set[Source](), 0
    while kinds and len(seen) < count:
        kind = kinds[len(seen) % len(kinds)]
        source = Source(next(stock[kind]), random.choice(phrasings))
        if source not in seen:
            seen.add(source)
            misses = 0
            yield source
        elif (misses := misses + 1) == 200:
            # Its facts are used up; the other kinds go on.
            kinds.remove(kind)
            misses = 0


def rows(seed: int, count: int, *, exam: bool) -> Iterator[dict[str, str]]:
    """Yield the rows of a file of prompts: each task in every language, with its right answer."""
    for source in sources(seed, count, exam=exam):
        for language in languages():
            yield {
                "id": source.id,
                "language": language,
                "prompt": prompt(source.fact, language, source.phrasing),
                "task": source.fact.kind,
                "answer": answer(source.fact, language),
            }
